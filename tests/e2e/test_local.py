"""Without a container engine: what still holds when servers are plain processes, and what is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from regional_hub.operate.remote import Kernel, RemoteError, Server
from tests.e2e import world
from tests.hubs import Hub

pytestmark = pytest.mark.hub
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give each person a user of their own")


@pytest.fixture(scope="module")
def ann(local_hub: Hub) -> Iterator[Server]:
    world.enrol(local_hub, "ann")
    with local_hub.server("ann") as server:
        server.start()
        yield server


@pytest.fixture(scope="module")
def kernel(ann: Server) -> Kernel:
    return ann.kernel()


def ids(kernel: Kernel) -> list[int]:
    code = "import os, json; print(json.dumps([*os.getresuid(), *os.getresgid(), *os.getgroups()]))"
    return list(json.loads(kernel.run(code).text))


def refusal(kernel: Kernel, code: str) -> str:
    return str(kernel.run(code, check=False).error)


@as_root
def test_a_server_never_runs_as_root(local_hub: Hub, kernel: Kernel) -> None:
    assert min(ids(kernel)) >= local_hub.settings.spawner.local_uid_base


@as_root
def test_two_people_are_two_users(local_hub: Hub, kernel: Kernel) -> None:
    world.enrol(local_hub, "ben")
    with local_hub.server("ben") as other:
        other.start()

        assert set(ids(kernel)).isdisjoint(ids(other.kernel()))


@as_root
def test_a_server_cannot_become_root(kernel: Kernel) -> None:
    assert "PermissionError" in refusal(kernel, "import os; os.setuid(0)")


@as_root
def test_a_server_reads_neither_anothers_home_nor_the_hubs_own_files(local_hub: Hub, kernel: Kernel) -> None:
    world.enrol(local_hub, "cora")
    with local_hub.server("cora") as other:
        other.start()
        other.kernel().run("open('private.txt', 'w').write('private')")
    assert (local_hub.settings.hub_user_home("cora") / "private.txt").read_text() == "private"

    for place in ("homes/cora/private.txt", "secrets/portal-api-token", "db/hub.sqlite", "run/logs/hub.log"):
        file = local_hub.settings.path(place)
        assert file.exists()
        assert "PermissionError" in refusal(kernel, f"open({str(file)!r}).read()"), place
    assert "PermissionError" in refusal(kernel, f"import os; os.listdir({str(local_hub.settings.homes_dir)!r})")


@as_root
def test_a_server_cannot_spy_on_the_hubs_processes(local_hub: Hub, kernel: Kernel) -> None:
    ours = [one.pid for one in psutil.process_iter() if "regional_hub.hub.app" in _command(one)]
    assert ours

    for pid in ours:
        assert "PermissionError" in refusal(kernel, f"open('/proc/{pid}/environ').read()")


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def test_exams_are_refused_in_both_languages(local_hub: Hub) -> None:
    world.enrol(local_hub, "dora", "trainees")
    with local_hub.server("dora", "exam-1") as exam:
        with pytest.raises(RemoteError, match=r"Exams need a container engine.* / .*考试需要容器引擎"):
            exam.start()

        assert exam.ready() is None


def test_a_stopped_server_leaves_no_process(local_hub: Hub) -> None:
    world.enrol(local_hub, "emma")
    with local_hub.server("emma") as server:
        server.start()
        kernel = server.kernel()
        kernel.run("import subprocess, sys")
        kernel.run("child = subprocess.Popen(['sleep', '600'])")
        group = int(kernel.run("import os; print(os.getppid())").text)
        family = {group, *(child.pid for child in psutil.Process(group).children(recursive=True))}
        assert len(family) >= 3  # server, kernel, what the kernel started

        server.stop()

    world.eventually(lambda: not any(_runs(pid) for pid in family), 20, "processes were left behind")


def _runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_code_finds_data_and_catalogs_by_the_same_names(kernel: Kernel) -> None:
    code = "import os; print(os.path.isdir(os.environ['REGIONAL_HUB_SHARED']), os.listdir(os.environ['INTAKE_PATH']))"

    found = kernel.run(code).text

    assert found.startswith("True")
    assert "main.yaml" in found
