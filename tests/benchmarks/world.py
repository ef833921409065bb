"""What benchmarks drive: a whole hub as an operator starts it, its plain peer, and one person's seat at either."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
import httpx
import psutil

from regional_hub import settings as hub_settings
from regional_hub.operate.remote import Server
from regional_hub.settings import ROOT, Settings
from tests import hubs
from tests.benchmarks import plain_image

PLAIN_CONFIG = Path(__file__).with_name("plain_hub_config.py")


@contextlib.contextmanager
def beside(task: Callable[[threading.Event], None]) -> Iterator[None]:
    """Do this in a thread meanwhile, until its event is set."""
    done = threading.Event()
    thread = threading.Thread(target=task, args=(done,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A data folder that containers' users can pass through; gone afterwards."""
    place = Path(tempfile.mkdtemp(prefix="regional-hub-benchmark-"))
    place.chmod(0o711)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def running_hub(place: Path, *options: str) -> Iterator[hubs.Hub]:
    """Our hub on the Docker spawner, without sample content; stopped afterwards."""
    hub = hubs.start(place / "data", "docker", "--empty", *options)
    try:
        yield hub
    finally:
        hubs.stop(hub)


def calm(busy: float = 20, longest: float = 60) -> float:
    """Wait until nobody else keeps the machine busy, at most `longest` seconds; returns its use in percent."""
    deadline = time.monotonic() + longest
    while (use := psutil.cpu_percent(interval=1.5)) > busy and time.monotonic() < deadline:
        pass
    return use


@dataclass(frozen=True)
class Door:
    """The way into a JupyterHub: its front door and a service's token that may do all."""

    settings: Settings
    token: str

    def call(self, method: str, path: str, body: object = None) -> httpx.Response:
        """One call of the Hub's API; refusals raise."""
        headers = {"Authorization": f"token {self.token}"}
        reply = httpx.request(method, f"{self.settings.url}/hub/api{path}", json=body, headers=headers, timeout=60)
        return reply.raise_for_status()


def door(hub: hubs.Hub) -> Door:
    return Door(hub.settings, hub.settings.secret("portal-api-token"))


class Seat(Server):
    """One person's server at any JupyterHub, reached through its front door alone."""

    def __init__(self, way: Door, owner: str) -> None:
        self.way, self.settings, self.owner, self.server = way, way.settings, owner, ""
        answer = way.call("POST", f"/users/{owner}/tokens", {"expires_in": 3600}).json()
        self.token, self.token_id = answer["token"], answer["id"]
        self.base = f"{way.settings.url}/user/{owner}/"
        self.http = httpx.Client(headers={"Authorization": f"token {self.token}"}, timeout=60)
        self._api = f"{way.settings.url}/hub/api/users/{owner}/server"

    def __enter__(self) -> Seat:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()
        self.http.close()

    def ready(self) -> bool | None:
        servers = self.way.call("GET", f"/users/{self.owner}").json()["servers"]
        return bool(servers[""]["ready"]) if "" in servers else None

    def first_cell(self) -> float:
        """Seconds from asking for a kernel to its answer to `1+1`, after what JupyterLab asks for as its page loads."""
        self.http.get(f"{self.base}api/kernelspecs").raise_for_status()
        begun = time.monotonic()
        found = self.kernel().run("1+1")
        assert found.outputs == [{"text/plain": "2"}], found
        return time.monotonic() - begun


@contextlib.contextmanager
def plain_hub(place: Path) -> Iterator[Door]:
    """The peer: JupyterHub with DockerSpawner as its documentation starts it, on the plain image."""
    place.mkdir(mode=0o711)
    env = hubs.clean_environment(HUB_DATA=str(place), HUB_PORTS__PUBLIC=str(hubs.free_ports()))
    settings = hub_settings.load(env)
    env["PLAIN_IMAGE"] = plain_image.ensure(settings, lambda line: print(line, file=sys.stderr))
    network = docker.from_env().networks.create(f"plain-{settings.instance}")
    network.reload()
    env |= {"PLAIN_NETWORK": network.name, "PLAIN_ADDRESS": network.attrs["IPAM"]["Config"][0]["Gateway"]}
    with (place / "hub.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(PLAIN_CONFIG)],
            cwd=place,
            env={**env, "PYTHONPATH": f"{ROOT / 'extensions'}"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    way = Door(settings, settings.secret("portal-api-token"))
    try:
        _wait(way, process, place / "hub.log")
        yield way
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        _remove_containers(settings)
        network.remove()


def _wait(way: Door, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        with contextlib.suppress(httpx.HTTPError):
            way.call("GET", "/")
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"the plain hub did not start:\n{log.read_text(errors='replace')[-2000:]}")


def _remove_containers(settings: Settings) -> None:
    client = docker.from_env()
    for container in client.containers.list(all=True, filters={"name": f"plain-{settings.instance}-"}):
        container.remove(force=True, v=True)
