"""A live app as a plain process on loopback, and visitors who try what they should not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1, serialize_msg_to_ws_v1
from websockets.sync.client import ClientConnection, connect

from regional_hub.lab import tickets

PROTOCOL = "v1.kernel.websocket.jupyter.org"
CATALOGS = Path(__file__).resolve().parents[3] / "catalogs"
DIGEST = "sha256:reviewed"
PORTAL = "http://127.0.0.1:1"
NOTEBOOK = """
import os, ipywidgets as widgets
from IPython.display import display
number = widgets.IntText(value=0)
said = widgets.Label(value="nothing")
def change(event):
    if event.new == 13:
        raise RuntimeError("a secret of /srv")
    if event.new == 14:
        hog = bytearray(3 * 2**30)
    if event.new == 15:
        os._exit(3)
    if event.new == 16:
        os.write(1, b"x"); hogs = []
        import subprocess, sys, time
        code = "data = b'x' * (260 * 2**20); import time; time.sleep(60)"
        hogs = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
        time.sleep(60)
    if event.new == 17:
        import vl_convert
        vl_convert.vegalite_to_svg({"data": {"values": []}, "mark": "bar"})
    said.value = f"twice {2 * event.new}"
number.observe(change, "value")
print("MODEL", number.model_id, "PID", os.getpid(), "ENV", " ".join(sorted(os.environ)), "END")
display(number, said)
"""


def write(folder: Path, code: str = NOTEBOOK, **facts: Any) -> Path:
    """An app's folder as the portal lays it out."""
    (folder / "bundle").mkdir(parents=True)
    cell = {"cell_type": "code", "execution_count": None, "id": "one", "metadata": {}, "outputs": [], "source": code}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    for name in ("index.ipynb", "other.ipynb"):
        (folder / "bundle" / name).write_text(json.dumps(notebook))
    (folder / "bundle" / "data.csv").write_text("a,b\n1,2\n")
    plan = {"slug": "prices", "digest": DIGEST, "entry": "index.ipynb", "title": "Prices <b>", "title_zh": "价格"}
    plan |= {"kernels": 3, "memory_mb": 400, "idle_seconds": 600, "away_seconds": 600, "preheat": 1}
    (folder / "app.json").write_text(json.dumps({**plan, "frame_ancestors": PORTAL, **facts}))
    return folder


@dataclass
class App:
    """A running app, and whoever may sign for it."""

    base: str
    log: Path
    private: Ed25519PrivateKey
    process: Any = None
    seats: list[str] = field(default_factory=list)

    def ticket(self, seat: str | None = None, **other: Any) -> str:
        facts = {"app": "prices", "seat": seat or uuid.uuid4().hex, "digest": DIGEST, "exp": int(time.time()) + 600}
        return tickets.sign(self.private, tickets.Ticket(**{**facts, **other}))

    def get(self, ticket: str, **more: str) -> httpx.Response:
        return httpx.get(f"{self.base}live", params={"ticket": ticket, **more}, timeout=60)

    def portal(self, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Ticket {self.ticket('portal')}"}
        return httpx.request(method, f"{self.base}live/{path}", headers=headers, timeout=30, **more)

    def state(self) -> dict[str, Any]:
        return dict(self.portal("GET", "state").json())

    def end_all(self) -> None:
        for seat in self.state()["seats"]:
            self.portal("POST", "end", json={"seat": seat["seat"]})
        eventually(lambda: self.state()["ready"] >= 1, 60)

    @contextlib.contextmanager
    def visitor(self) -> Iterator[Visitor]:
        seat = uuid.uuid4().hex
        answer = self.get(self.ticket(seat))
        assert answer.status_code == 200, answer.text
        visitor = Visitor(self, seat, answer.text)
        with visitor.connect() as socket:
            visitor.socket = socket
            yield visitor
        self.portal("POST", "end", json={"seat": seat})


class Visitor:
    """A browser with one page of the app, as far as messages go."""

    socket: ClientConnection

    def __init__(self, app: App, seat: str, page: str) -> None:
        self.app, self.seat, self.page = app, seat, page
        self.kernel = kernel_of(page)
        found = re.search(r"MODEL (\w+) PID (\d+) ENV (.*?) END", page)
        assert found, page[-2000:]
        self.model, self.pid, self.environment = found[1], int(found[2]), found[3].split()

    def connect(self, kernel: str = "", **more: Any) -> ClientConnection:
        url = f"{self.app.base}api/kernels/{kernel or self.kernel}/channels?session_id={uuid.uuid4()}"
        more = {"origin": "null", "subprotocols": [PROTOCOL], "max_size": None, "proxy": None, **more}
        return connect(url.replace("http", "ws", 1), **more)

    def send(self, kind: str, content: dict[str, Any], channel: str = "shell") -> str:
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "username": "", "session": "v", "version": "5.4"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(packed(message, channel))
        return header["msg_id"]

    def set(self, value: int) -> None:
        state = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        self.send("comm_msg", {"comm_id": self.model, "data": state})

    def hears(self, wanted: Callable[[str, dict[str, Any]], bool], seconds: float = 10) -> bool:
        """Whether a message comes that is wanted, of (type, content)."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                kind, content, _parent = unpacked(self.socket.recv(timeout=left))
            except TimeoutError:
                return False
            if wanted(kind, content):
                return True
        return False

    def doubles(self, value: int, seconds: float = 10) -> bool:
        """Whether the notebook's callback answers."""
        self.set(value)
        return self.hears(lambda _kind, content: f"twice {2 * value}" in json.dumps(content), seconds)


def packed(message: dict[str, Any], channel: str) -> bytes:
    parts = [json.dumps(message[name]).encode() for name in ("header", "parent_header", "metadata", "content")]
    return bytes(serialize_msg_to_ws_v1(parts, channel))


def unpacked(data: Any) -> tuple[str, dict[str, Any], str]:
    _channel, parts = deserialize_msg_from_ws_v1(data)
    header, parent, _metadata, content = (json.loads(part) for part in parts[:4])
    return header["msg_type"], content, parent.get("msg_id", "")


def kernel_of(page: str) -> str:
    found = re.search(r'"kernelId":\s*"([0-9a-f-]{36})"', page)
    assert found, page[:2000]
    return found[1]


def eventually(check: Callable[[], Any], seconds: float = 20) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if answer := check():
                return answer
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


@contextlib.contextmanager
def running(folder: Path, shared: Path | None = None, waiting: int = 1) -> Iterator[App]:
    """`python -m regional_hub.lab.live` with an environment as a spawner gives, and something worth stealing in it.

    It is there when so many kernels are `waiting`.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    private = Ed25519PrivateKey.generate()
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ} | {"HOME": str(folder.parent)}
    env |= {"REGIONAL_HUB_LIVE_KEY": tickets.public_text(private.public_key()), "SOME_TOKEN": "worth stealing"}
    env |= {"REGIONAL_HUB_SHARED": str(shared), "INTAKE_PATH": str(CATALOGS)} if shared else {}
    base = f"http://127.0.0.1:{port}/user/showcase/prices/"
    command = [sys.executable, "-m", "regional_hub.lab.live", str(folder), "--port", str(port)]
    log = folder.parent / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--base-url", "/user/showcase/prices/"], env=env, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        app = App(base, log, private, process)
        eventually(lambda: app.state()["ready"] >= waiting, 60)
        yield app
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with running(write(tmp_path_factory.mktemp("live") / "app")) as app:
        yield app
