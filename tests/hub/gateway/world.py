"""What tests here drive: a real JupyterHub of a few lines, the gateway's processes, a Docker socket that fails."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from dask_gateway import Gateway
from dask_gateway.auth import JupyterHubAuth

from regional_hub.hub import gateway_process
from regional_hub.settings import ROOT, Settings

HUB_CONFIG = """
import os, sys
from pathlib import Path
c = get_config()
port, place = int(os.environ["PORT"]), Path(os.environ["PLACE"])
c.JupyterHub.bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port + 1}"
c.JupyterHub.db_url = f"sqlite:///{place / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(place / "cookie")
c.JupyterHub.cleanup_servers = False
c.ConfigurableHTTPProxy.command = [os.environ["PROXY"]]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{port + 2}"
c.ConfigurableHTTPProxy.pid_file = str(place / "proxy.pid")
c.ConfigurableHTTPProxy.auth_token = "0" * 32
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = str(place / "homes" / "{username}")
c.Spawner.cmd = [sys.executable, str(place / "server.py")]
gateway = "access:services!service=dask-gateway"
c.JupyterHub.services = [
    {"name": "dask-gateway", "api_token": os.environ["GATEWAY_TOKEN"], "url": os.environ["GATEWAY_URL"]},
    {"name": "test", "api_token": os.environ["TEST_TOKEN"]},
]
c.JupyterHub.load_roles = [
    {"name": "user", "scopes": ["self", gateway]},
    {"name": "gateway", "services": ["dask-gateway"],
     "scopes": ["read:users:name", "read:users:groups", "read:servers"]},
    {"name": "test", "services": ["test"],
     "scopes": ["admin:users", "admin:servers", "tokens", "groups", "admin:groups", gateway]},
]
"""
# A user's server that is up in a moment: it answers, and that is all the Hub asks of it.
SERVER = """
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit
class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *words): pass
place = urlsplit(os.environ["JUPYTERHUB_SERVICE_URL"])
HTTPServer((place.hostname, place.port), Answer).serve_forever()
"""


def free_block() -> int:
    """The first of nine free ports in a row."""
    for first in range(9200, 9800, 9):
        with suppress(OSError):
            for port in range(first, first + 9):
                with closing(socket.socket()) as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("0.0.0.0", port))
            return first
    raise RuntimeError("no nine free ports in a row")


def eventually(check: Callable[[], Any], seconds: float = 30, message: str = "") -> Any:
    """The first true answer of `check`; the test fails when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := check():
            return answer
        time.sleep(0.2)
    raise AssertionError(message or f"not within {seconds} s: {check}")


class Process:
    """A process with its log in a file, ended with the test."""

    def __init__(self, command: list[str], log: Path, env: dict[str, str]) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                command, env={**os.environ, **env}, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )

    def send(self, sign: signal.Signals) -> None:
        self._process.send_signal(sign)
        self._process.wait(30)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def text(self) -> str:
        return self.log.read_text(errors="replace")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


@dataclass
class Hub:
    """JupyterHub with dummy sign-in; `api` speaks as an administrator's service."""

    port: int
    place: Path
    tokens: dict[str, str]
    gateway_url: str
    process: Process | None = None

    def start(self) -> None:
        env = {
            "PORT": str(self.port),
            "PLACE": str(self.place),
            "PROXY": str(ROOT / "node_modules/.bin/configurable-http-proxy"),
            "GATEWAY_TOKEN": self.tokens["gateway"],
            "TEST_TOKEN": self.tokens["test"],
            "GATEWAY_URL": self.gateway_url,
            "CONFIGPROXY_AUTH_TOKEN": "0" * 32,
            "JUPYTERHUB_CRYPT_KEY": "",
        }
        command = [sys.executable, "-m", "jupyterhub", "-f", str(self.place / "config.py")]
        self.process = Process(command, self.place / "hub.log", env)
        eventually(lambda: _answers(f"{self.url}/hub/api/"), 60, "the Hub did not start")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    def api(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"token {self.tokens['test']}"}
        answer = httpx.request(method, f"{self.url}/hub/api{path}", json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def person(self, name: str, *groups: str) -> None:
        with suppress(httpx.HTTPStatusError):  # 409: is there
            self.api("POST", f"/users/{name}")
        for group in groups:
            with suppress(httpx.HTTPStatusError):
                self.api("POST", f"/groups/{group}")
            self.api("POST", f"/groups/{group}/users", {"users": [name]})

    def token(self, name: str, scopes: list[str] | None = None) -> str:
        scopes = ["access:services!service=dask-gateway"] if scopes is None else scopes
        return str(self.api("POST", f"/users/{name}/tokens", {"scopes": scopes})["token"])

    def server(self, name: str, run: bool) -> None:
        self.api("POST" if run else "DELETE", f"/users/{name}/server")
        eventually(lambda: bool(self.api("GET", f"/users/{name}")["servers"]) == run)


@dataclass
class GatewayUnderTest:
    """The gateway server and its proxy, each a process, as supervisor runs them."""

    settings: Settings
    hub: Hub
    env: dict[str, str]
    image: str
    config: Path
    engine: EngineSocket | None = None
    server: Process | None = None
    proxy: Process | None = None
    clients: list[Gateway] = field(default_factory=list)
    clusters: list[Any] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://{gateway_process.host(self.settings)}:{self.settings.ports.gateway}{gateway_process.PREFIX}"

    @property
    def logs(self) -> Path:
        return self.settings.path("logs")

    def start_proxy(self) -> None:
        env = self.env | gateway_process.proxy_environment(self.settings)
        self.proxy = Process(gateway_process.proxy_command(self.settings), self.logs / "proxy.log", env)

    def start_server(self, **env: str) -> None:
        command = [*gateway_process.server_command()[:-1], str(self.config)]
        self.server = Process(command, self.logs / "gateway.log", self.env | env)
        eventually(lambda: _answers(f"{self.address}/api/health"), 60, "the gateway did not start")

    def client(self, name: str, *groups: str, token: str | None = None) -> Gateway:
        """A Dask client of a person, as in a notebook."""
        self.hub.person(name, *groups)
        auth = JupyterHubAuth(api_token=token or self.hub.token(name))
        proxy = f"tls://{gateway_process.host(self.settings)}:{self.settings.ports.gateway_tls}"
        client = Gateway(self.address, proxy_address=proxy, auth=auth)
        if token is None:  # one with a token of its own cannot be relied on to stop clusters later
            self.clients.append(client)
        return client

    def cluster(self, client: Gateway, **options: Any) -> Any:
        """A running cluster; the test's end takes it down."""
        name = self.submit(client, **options)
        cluster = client.connect(name)
        self.clusters.append(cluster)
        return cluster

    def submit(self, client: Gateway, **options: Any) -> str:
        """Ask for a cluster. A refusal is raised here; from `new_cluster` it leaves a half-made client, whose
        finalizer can stop Dask's own thread for good (dask-gateway 2026.3)."""
        return str(client.submit(**({"image": self.image} if self.image else {}) | options))

    def clear(self) -> None:
        """Stop all clusters and wait until they are gone."""
        for cluster in self.clusters:
            cluster.close(shutdown=False)
        self.clusters.clear()
        for client in self.clients:
            for cluster in client.list_clusters(status=["pending", "running", "stopping"]):
                client.stop_cluster(cluster.name)
            eventually(lambda c=client: not c.list_clusters(status=["pending", "running", "stopping"]))
            client.close()
        self.clients.clear()

    def stop(self) -> None:
        if self.server is not None:
            with suppress(Exception):  # the processes must end whatever a test left behind
                self.clear()
            self.server.stop()
        if self.proxy is not None:
            self.proxy.stop()


class EngineSocket:
    """A way to the Docker engine that can be cut: what a restarting engine looks like to the gateway."""

    def __init__(self, path: Path, engine: str = "/var/run/docker.sock") -> None:
        self.path, self.engine, self.up = path, engine, True
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self.up:
                    near.close()
                    continue
                far = socket.socket(socket.AF_UNIX)
                far.connect(self.engine)
                self._open += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        self.up = False
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.up = True

    def close(self) -> None:
        self.cut()
        self._listener.close()
