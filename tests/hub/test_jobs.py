"""Jobs: what goes in, what comes out, and what a job of an attacker tries. In containers, and as plain processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from regional_hub.hub import engine, images, jobs
from regional_hub.hub.jobs import JobError, Limits, Task
from regional_hub.hub.kinds import Mount
from regional_hub.settings import Settings, load

PYTHON = "/usr/bin/python3.11"
SMALL = Limits(memory_mb=256, seconds=20, output_mb=4, files=20, pids=64)


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def settings(request, tmp_path: Path) -> Settings:
    tmp_path.chmod(0o755)
    for parent in list(tmp_path.parents)[:3]:  # a job's own user goes through pytest's folders
        parent.chmod(parent.stat().st_mode | 0o011)
    return load({"HUB_DATA": str(tmp_path / "data"), "HUB_SPAWNER__KIND": request.param})


@pytest.fixture
def image(settings: Settings) -> str:
    if settings.spawner.kind == "local":
        return ""
    return images.ensure(settings, ["base"], print)["base"]


def script(image: str, code: str, **more: object) -> Task:
    command = PYTHON if image else sys.executable
    return Task(image, [command, "/job/in/job.py"], {"job.py": code.encode()}, **{"limits": SMALL, **more})  # type: ignore[arg-type]


def test_files_go_in_and_come_out(settings, image):
    task = script(image, "open('/job/out/twice.txt', 'w').write(open('/job/in/data/a.txt').read() * 2)")
    code = task.inputs["job.py"] if image else _translated(task.inputs["job.py"])
    task = Task(image, task.command, {"job.py": code, "data/a.txt": b"ab"}, SMALL)

    with jobs.run(settings, task) as outcome:
        assert outcome.ok, outcome.log
        assert outcome.outputs["twice.txt"].read_text() == "abab"
    assert list(settings.path("jobs").iterdir()) == []


def _translated(code: bytes) -> bytes:
    """A plain process works where its files are: in its folder of outputs, with the inputs beside it."""
    return code.replace(b"/job/out/", b"").replace(b"/job/in/", b"../in/")


def test_a_failure_keeps_its_log_and_code(settings, image):
    with jobs.run(settings, script(image, "import sys; print('before'); sys.exit(3)")) as outcome:
        assert (outcome.ended, outcome.code) == ("failed", 3)
        assert "before" in outcome.log


def test_time_is_limited(settings, image):
    with jobs.run(settings, script(image, "while True: pass", limits=Limits(seconds=1, memory_mb=128))) as outcome:
        assert outcome.ended == "time"
        assert outcome.seconds < 15


def test_memory_is_limited(settings, image):
    with jobs.run(settings, script(image, "x = bytearray(2 * 10**9); print(len(x))")) as outcome:
        assert outcome.ended == "memory", outcome


def test_somebody_may_stop_it(settings, image):
    with jobs.run(settings, script(image, "while True: pass"), stop=lambda: True) as outcome:
        assert outcome.ended == "stopped"


def test_what_it_leaves_is_limited(settings, image):
    code = "import os\nfor n in range(9):\n    with open(f'{n}', 'wb') as f: f.write(os.urandom(1 << 20)); f.flush()"

    with jobs.run(settings, script(image, code)) as outcome:
        assert outcome.ended == "output"
        assert outcome.outputs == {}


@pytest.mark.parametrize("left", ["os.symlink('/etc/passwd', 'x')", "os.mkfifo('x')", "os.symlink('/etc', 'folder')"])
def test_links_and_pipes_are_not_taken(settings, image, left):
    with jobs.run(settings, script(image, f"import os\nopen('fine', 'w').close()\n{left}")) as outcome:
        assert outcome.ended == "output"
        assert outcome.outputs == {}


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
def test_inputs_stay_below_their_folder(settings, name):
    task = Task("", ["true"], {name: b""}, SMALL)

    with pytest.raises(JobError, match="not the name"), jobs.run(settings, task):
        pass


def test_no_network(settings, image):
    code = (
        "import socket\n"
        "names = [name for _, name in socket.if_nameindex()]\n"
        "print('interfaces', names)\n"
        "raise SystemExit(0 if names == ['lo'] else 1)"
    )

    with jobs.run(settings, script(image, code)) as outcome:
        assert outcome.ok == (bool(image) or os.geteuid() == 0), outcome.log
        assert outcome.ok or "nothing kept it" in outcome.log


def test_it_is_nobody_of_the_hub(settings, image):
    secret = settings.path("secrets")
    settings.secret("key")
    code = (
        "import os\n"
        "assert os.getuid() != 0 and os.getgroups() in ([], [os.getgid()]), (os.getuid(), os.getgroups())\n"
        f"try: print(os.listdir({str(secret)!r}))\n"
        "except OSError: pass\n"
        "else: raise SystemExit('read the secrets')\n"
    )

    with jobs.run(settings, script(image, code)) as outcome:
        assert outcome.ok or (not image and os.geteuid() != 0), outcome.log


@pytest.mark.docker
def test_a_container_cannot_change_its_system_or_fork_without_end(tmp_path):
    settings = load({"HUB_DATA": str(tmp_path / "data"), "HUB_SPAWNER__KIND": "docker"})
    image = images.ensure(settings, ["base"], print)["base"]
    code = """
import os, subprocess
for place in ('/etc/x', '/usr/bin/x', '/job/in/x', '/srv/shared/x', '/x'):
    try: open(place, 'w'); raise SystemExit(f'wrote {place}')
    except OSError: pass
made = 0
try:
    for _ in range(500):
        subprocess.Popen(['sleep', '30']); made += 1
except OSError: pass
status = open('/proc/self/status').read()
assert made < 70, made
assert 'CapEff:\\t0000000000000000' in status and 'NoNewPrivs:\\t1' in status
assert not os.path.exists('/var/run/docker.sock')
"""
    shared = tmp_path / "shared"
    shared.mkdir()

    with jobs.run(settings, script(image, code, mounts=[Mount(shared, "/srv/shared")])) as outcome:
        assert outcome.ok, outcome.log


@pytest.mark.docker
def test_nothing_runs_on_when_the_job_is_over(tmp_path):
    settings = load({"HUB_DATA": str(tmp_path / "data"), "HUB_SPAWNER__KIND": "docker"})
    image = images.ensure(settings, ["base"], print)["base"]

    with jobs.run(settings, script(image, "import subprocess; subprocess.Popen(['sleep', '300'])")) as outcome:
        assert outcome.ok, outcome.log
    client = engine.client()
    assert client is not None
    labels = [f"{key}={value}" for key, value in engine.labels(settings, "job").items()]
    assert client.containers.list(all=True, filters={"label": labels}) == []


def test_a_missing_command_is_named(tmp_path):
    settings = load({"HUB_DATA": str(tmp_path / "data"), "HUB_SPAWNER__KIND": "local"})

    with pytest.raises(JobError, match="nothing-like-this"), jobs.run(settings, Task("", ["nothing-like-this"])):
        pass


def test_processes_of_a_plain_job_are_gone_with_it(tmp_path):
    settings = load({"HUB_DATA": str(tmp_path / "data"), "HUB_SPAWNER__KIND": "local"})
    code = "import subprocess, sys\nsubprocess.Popen(['sleep', '4321'], start_new_session=True)"

    with jobs.run(settings, script("", code)):
        pass

    assert subprocess.run(["pgrep", "-f", "sleep 4321"], capture_output=True, check=False).returncode == 1
