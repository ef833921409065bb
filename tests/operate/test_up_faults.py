"""`./hub up` where it cannot work, twice at once, and how it ends: clear words, nothing half done or left behind."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from regional_hub import settings as hub_settings
from regional_hub.hub import engine, network
from tests import hubs
from tests.e2e import world

pytestmark = pytest.mark.hub


def up(data: Path, *options: str, **env: str) -> Any:
    """`./hub up` in the background without samples and containers."""
    return hubs.run(data, "up", "--detach", "--empty", "--spawner", "local", *options, env=env)


def processes_of(data: Path) -> list[str]:
    """The command lines of all processes that belong to a data folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("HUB_DATA") == str(data) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
    return found


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "data"
    hubs.run(tmp_path / "data", "down")


@contextlib.contextmanager
def foreground(data: Path, *options: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`./hub up` as in a terminal, once it says where it runs: the process and the address."""
    first = str(hubs.free_ports())
    command = [str(hubs.ROOT / "hub"), "up", "--empty", "--data", str(data), "--port", first, *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=hubs.clean_environment(**env)
    ) as process:
        try:
            said = []
            assert process.stdout is not None
            for line in process.stdout:
                said.append(line)
                if found := re.search(r"The hub runs at (\S+)", line):
                    yield process, found[1]
                    return
            raise AssertionError("".join(said))
        finally:
            if process.poll() is None:
                process.kill()
                hubs.run(data, "down", env=env)


# --- it cannot start


def test_a_taken_port_is_named(data: Path) -> None:
    first = hubs.free_ports()
    with socket.create_server(("127.0.0.1", first + 3)):
        done = up(data, "--port", str(first))

    assert done.returncode == 1
    assert f"port {first + 3} (portal) is taken" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
    assert processes_of(data) == []


def test_an_unknown_setting_is_named_with_its_file(data: Path) -> None:
    data.mkdir()
    (data / "settings.toml").write_text("[spawner]\nidle_minuets = 5\n")

    done = up(data, "--port", str(hubs.free_ports()))

    assert done.returncode == 1
    assert "unknown setting `spawner.idle_minuets`" in done.stderr
    assert str(data / "settings.toml") in done.stderr
    assert "Traceback" not in done.stderr
    assert processes_of(data) == []


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("HUB_SPAWNER__IDLE_MINUETS", "5", "unknown setting `spawner.idle_minuets`"),
        ("HUB_SPANWER__IDLE_MINUTES", "5", "unknown setting `spanwer`"),
        ("HUB_SPAWNER__IDLE_MINUTES", "soon", "setting `spawner.idle_minutes`"),
    ],
)
def test_a_variable_that_does_not_fit_is_named(data: Path, variable: str, value: str, words: str) -> None:
    done = up(data, "--port", str(hubs.free_ports()), **{variable: value})

    assert done.returncode == 1
    assert words in done.stderr
    assert "environment" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fault_is_one_json_object_for_programs(data: Path) -> None:
    first = hubs.free_ports()
    with socket.create_server(("127.0.0.1", first)):
        done = up(data, "--json", "--port", str(first))

    assert done.returncode == 1
    assert json.loads(done.stdout)["port"] == first


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk_is_said_and_leaves_nothing_half_done(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)], check=True)
    try:
        done = up(disk / "data", "--port", str(hubs.free_ports()))

        assert done.returncode == 1
        assert re.search(r"data folder \S+ cannot be used: only \d+ MB free, 512 MB needed", done.stderr)
        assert "--data DIR" in done.stderr
        assert "Traceback" not in done.stderr
        assert processes_of(disk / "data") == []
        assert [place for place in disk.rglob("*") if place.is_file()] == []

        subprocess.run(["mount", "-o", "remount,size=900m", str(disk)], check=True)
        again = up(disk / "data", "--port", str(hubs.free_ports()))
        assert again.returncode == 0, again.stderr
    finally:
        hubs.run(disk / "data", "down")
        subprocess.run(["umount", str(disk)], check=True)


# --- twice


def test_of_two_starts_at_once_one_wins_and_the_other_says_so(data: Path) -> None:
    first = str(hubs.free_ports())
    options = ("up", "--detach", "--empty", "--spawner", "local", "--port", first, "--data", str(data))
    env = hubs.clean_environment()
    both = [subprocess.Popen([hubs.ROOT / "hub", *options], stdout=-1, stderr=-1, text=True, env=env) for _ in range(2)]
    said = [process.communicate(timeout=180) for process in both]

    assert sorted(process.returncode for process in both) == [0, 1]
    loser = said[[process.returncode for process in both].index(1)][1]
    assert "already" in loser
    assert "Traceback" not in loser
    supervisors = [line for line in processes_of(data) if "supervisord" in line]
    assert len(supervisors) == 1

    third = up(data, "--port", first)
    assert third.returncode == 1
    assert f"already running at http://127.0.0.1:{first}" in third.stderr
    assert hubs.run(data, "status").returncode == 0


# --- it ends


def test_status_tells_by_its_exit_code_whether_the_hub_runs(data: Path) -> None:
    assert hubs.run(data, "status").returncode == 1

    done = up(data, "--json", "--port", str(hubs.free_ports()))
    facts = json.loads(done.stdout.strip().splitlines()[-1])
    running = hubs.run(data, "status", "--json")
    assert running.returncode == 0
    assert json.loads(running.stdout)["url"] == facts["url"]
    assert set(json.loads(running.stdout)["answers"].values()) == {True}

    assert hubs.run(data, "down").returncode == 0
    assert hubs.run(data, "status").returncode == 1
    assert processes_of(data) == []


def test_an_empty_hub_without_containers_warns_loudly_and_has_no_samples(data: Path) -> None:
    done = up(data, "--port", str(hubs.free_ports()))

    assert done.returncode == 0
    assert "WARNING: no container engine is used" in done.stderr
    assert "nobody is kept apart" in done.stderr
    (shown,) = (data / "shared").iterdir()  # the open releases of the SDG database, of which there are none
    assert shown.resolve() == data / "sdg" / "open"
    assert not list(shown.rglob("*.parquet"))


@pytest.mark.docker
def test_sigterm_keeps_peoples_servers_and_ctrl_c_ends_all(tmp_path: Path) -> None:
    data = tmp_path / "data"
    settings = hub_settings.load({"HUB_DATA": str(data)})
    try:
        with foreground(data, "--spawner", "docker") as (process, url):
            hub = hubs.Hub(data, url, "admin", "", {}, {})
            world.enrol(hub, "ann")
            hub.server("ann").start()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            assert processes_of(data) == []
            (kept,) = containers(settings)

            again = hubs.run(data, "up", "--detach", "--empty", "--port", url.rpartition(":")[2])
            assert again.returncode == 0, again.stderr
            assert hub.server("ann").ready()
            assert containers(settings) == [kept]
            assert hubs.run(data, "down", "--keep-servers").returncode == 0

        with foreground(data, "--spawner", "docker") as (process, _):
            assert containers(settings) == [kept]
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
            assert processes_of(data) == []
            assert containers(settings) == []
    finally:
        if network.can_set_firewall():
            network.remove_firewall(settings)
        network.remove(settings)


def test_ctrl_c_without_containers_leaves_no_process() -> None:
    with hubs.open_folder() as data, foreground(data, "--spawner", "local") as (process, url):
        hub = hubs.Hub(data, url, "admin", "", {}, {})
        world.enrol(hub, "ann")
        server = hub.server("ann")
        server.start()
        family = server.kernel().run("import os; print(os.getpid(), os.getppid())").text.split()

        process.send_signal(signal.SIGINT)

        assert process.wait(60) == 0
        assert processes_of(data) == []
        world.eventually(lambda: not any(psutil.pid_exists(int(pid)) for pid in family), 15)


def containers(settings: hub_settings.Settings) -> list[str]:
    client = engine.client()
    assert client is not None
    mine = {"label": f"{engine.INSTANCE}={settings.instance}"}
    return [found.name for found in client.containers.list(all=True, filters=mine)]
