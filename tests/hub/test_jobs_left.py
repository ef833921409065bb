"""Jobs whose process was killed: what they left is removed, and nothing of the jobs that still run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regional_hub.hub import engine, images, jobs, jobs_docker, jobs_left
from regional_hub.hub.jobs import Limits, Task
from regional_hub.settings import Settings, load

SLEEPER = "import time; open('began', 'w').close(); time.sleep(97)"
RUNS_IT = """
import sys
from regional_hub import settings
from regional_hub.hub import jobs
task = jobs.Task(sys.argv[1], [sys.argv[2], "-c", sys.argv[3]], limits=jobs.Limits(memory_mb=256, seconds=120))
with jobs.run(settings.load(), task) as outcome:
    print(outcome)
"""


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def settings(request, tmp_path: Path) -> Settings:
    for parent in [tmp_path, *list(tmp_path.parents)[:3]]:  # a job's own user goes through pytest's folders
        parent.chmod(parent.stat().st_mode | 0o011)
    return load({"HUB_DATA": str(tmp_path / "data"), "HUB_SPAWNER__KIND": request.param})


@contextmanager
def running(settings: Settings) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A process that runs a job, once that job runs; with the job's folder."""
    docker = settings.spawner.kind == "docker"
    image = images.ensure(settings, ["base"], print)["base"] if docker else ""
    python = "/usr/bin/python3.11" if docker else sys.executable
    env = {**os.environ, "HUB_DATA": str(settings.data_dir), "HUB_SPAWNER__KIND": settings.spawner.kind}
    process = subprocess.Popen([sys.executable, "-c", RUNS_IT, image, python, SLEEPER], env=env)
    try:
        yield process, _began(settings).parents[1]
    finally:
        process.kill()
        process.wait(10)
        jobs_left.sweep(settings)


def _began(settings: Settings) -> Path:
    for _attempt in range(300):
        if found := list(settings.path("jobs").glob("*/out/began")):
            return found[0]
        time.sleep(0.1)
    raise AssertionError("the job did not begin")


def things_that_run(settings: Settings, folder: Path) -> int:
    """Containers or processes of one job."""
    if settings.spawner.kind == "docker":
        return int(folder.name in jobs_docker.containers(settings))
    mark = f"{jobs_left.MARK}={folder.name}".encode()
    found = 0
    for place in Path("/proc").glob("[0-9]*/environ"):
        try:
            found += mark in place.read_bytes().split(b"\0")
        except OSError:  # gone meanwhile
            continue
    return found


def test_a_job_whose_process_was_killed_is_ended_and_its_files_are_gone(settings):
    with running(settings) as (process, folder):
        assert things_that_run(settings, folder) == 1

        process.send_signal(signal.SIGKILL)
        process.wait(10)

        assert things_that_run(settings, folder) == 1  # nobody else ends it
        assert jobs_left.sweep(settings) == 1
        assert things_that_run(settings, folder) == 0
        assert list(settings.path("jobs").iterdir()) == []
        assert jobs_left.sweep(settings) == 0


def test_a_job_that_somebody_runs_is_let_alone(settings):
    with running(settings) as (process, folder):
        assert jobs_left.sweep(settings) == 0

        assert process.poll() is None
        assert things_that_run(settings, folder) == 1
        assert (folder / "out" / "began").exists()


@pytest.mark.docker
def test_a_container_whose_folder_is_gone_is_swept(tmp_path):
    settings = load({"HUB_DATA": str(tmp_path / "data"), "HUB_SPAWNER__KIND": "docker"})
    image = images.ensure(settings, ["base"], print)["base"]
    client = engine.client()
    assert client is not None
    client.containers.run(image, ["sleep", "300"], detach=True, labels=engine.labels(settings, "job"))

    assert jobs_left.sweep(settings) == 1
    assert jobs_left.sweep(settings) == 0


def test_a_folder_without_a_lock_is_swept(tmp_path):
    settings = load({"HUB_DATA": str(tmp_path / "data"), "HUB_SPAWNER__KIND": "local"})
    settings.path("jobs", "18f-0a", "out").mkdir(parents=True)

    assert jobs_left.sweep(settings) == 1
    assert list(settings.path("jobs").iterdir()) == []


def test_more_files_than_can_be_looked_at_end_a_job(tmp_path):
    limits = Limits(files=5, output_mb=1)
    for number in range(limits.files * jobs.FILES_MEANWHILE + 1):
        (tmp_path / f"{number}").touch()

    assert jobs.watch(Task("", [], limits=limits), tmp_path, lambda: True, lambda: False) == "output"


def test_looking_at_what_a_job_wrote_takes_little_of_the_time(tmp_path, monkeypatch):
    spent = []

    def slow(folder, limits):
        began = time.monotonic()
        time.sleep(0.02)
        spent.append(time.monotonic() - began)
        return False

    monkeypatch.setattr(jobs, "_too_much", slow)

    assert jobs.watch(Task("", [], limits=Limits(seconds=2.2)), tmp_path, lambda: True, lambda: False) == "time"

    assert 2 <= len(spent) <= 3
