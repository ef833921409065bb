"""Faults on a running hub: what dies comes back, nobody's work is lost, and people are told what happened.

The hub of these tests reaches the engine through a socket that the tests can cut, and its servers are small.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import httpx
import pytest
from websockets.exceptions import WebSocketException

from regional_hub.hub import engine
from regional_hub.operate import processes
from regional_hub.operate.remote import RemoteError, Server
from regional_hub.operate.servers import call
from tests import hubs
from tests.e2e import world
from tests.e2e.world import eventually
from tests.hub.gateway.world import EngineSocket
from tests.hubs import Hub

pytestmark = [pytest.mark.docker, pytest.mark.hub]


class Breaking(EngineSocket):
    """The engine's socket; it can also break at the very moment that a container has been started."""

    at_start = False
    _started: socket.socket | None = None  # whoever asked for the start that is not answered any more

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                if self.at_start and re.match(rb"POST /v[\d.]+/containers/\w+/start ", data):
                    self.at_start, self._started = False, one
                if other is self._started:  # the engine has done it; the Hub never hears of it
                    threading.Thread(target=self.cut).start()
                    return
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Breaking]:
    way = Breaking(tmp_path_factory.mktemp("engine") / "docker.sock")
    yield way
    way.close()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, way: Breaking) -> Iterator[Hub]:
    """A hub to break; it takes the place of the one that all other tests share."""
    running = hubs.start(
        tmp_path_factory.mktemp("faults") / "data",
        "auto",
        "--empty",
        DOCKER_HOST=f"unix://{way.path}",
        HUB_PROFILES__SMALL__MEMORY_GB="0.5",
        HUB_SPAWNER__ALLOWED_IMAGES='["regional-hub/absent:1"]',
    )
    yield running
    hubs.stop(running)


@pytest.fixture
def alice(hub: Hub) -> Iterator[Server]:
    """Somebody with a running server."""
    world.enrol(hub, "alice")
    with hub.server("alice") as server:
        server.start()
        yield server


@pytest.fixture
def bert(hub: Hub) -> Iterator[Server]:
    """Somebody whose server does not run yet."""
    world.enrol(hub, "bert")
    with hub.server("bert") as server:
        yield server


def kill(hub: Hub, name: str) -> None:
    """SIGKILL to one of the hub's processes."""
    sock = f"unix://{hub.settings.run_dir}/supervisor.sock"
    ask = [sys.executable, "-m", "supervisor.supervisorctl", "-s", sock, "pid", name]
    pid = int(subprocess.run(ask, capture_output=True, text=True, check=True).stdout)
    assert pid > 1
    os.kill(pid, signal.SIGKILL)


def answers(url: str, status: int = 200) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == status
    except httpx.HTTPError:
        return False


def knows_hub(hub: Hub) -> bool:
    return processes.answers(f"http://127.0.0.1:{hub.settings.ports.hub}/hub/api/")


def containers(hub: Hub, owner: str) -> list[str]:
    client = engine.client()
    assert client is not None
    mine = {"label": [f"{engine.INSTANCE}={hub.settings.instance}", f"{engine.ROLE}=server"]}
    return [found.name for found in client.containers.list(all=True, filters=mine) if f"-{owner}--" in found.name]


COUNT = """
import threading, time
ticks = 0
def tick():
    global ticks
    while True:
        ticks += 1
        time.sleep(0.05)
threading.Thread(target=tick, daemon=True).start()
"""


# --- our own processes


def test_a_killed_hub_comes_back_and_kernels_never_noticed(hub: Hub, alice: Server) -> None:
    kernel = alice.kernel()
    kernel.run(COUNT)

    kill(hub, "hub")
    eventually(lambda: not knows_hub(hub), 10)
    before = time.monotonic()
    eventually(lambda: knows_hub(hub), 40, "the Hub was not started again")
    away = time.monotonic() - before

    assert alice.ready()
    assert int(kernel.run("print(ticks)").text) > away / 0.05 / 3  # it went on counting while the Hub was away
    alice.stop()
    assert containers(hub, "alice") == []  # found again, and still in the Hub's hands


def test_a_killed_proxy_comes_back_with_all_routes(hub: Hub, alice: Server) -> None:
    kernel = alice.kernel()
    kernel.run("kept = 42")

    kill(hub, "proxy")
    begun = time.monotonic()

    eventually(lambda: answers(f"{hub.url}/healthz"), 30, "the portal is not at / again")
    eventually(lambda: answers(f"{hub.url}/hub/api/"), 30, "the Hub is not at /hub/ again")
    eventually(lambda: answers(f"{alice.base}api"), 30, "the server is not at /user/ again")
    eventually(lambda: answers(f"{hub.url}/services/dask-gateway/api/health"), 30, "the gateway is not there again")
    assert time.monotonic() - begun < 25
    assert kernel.run("print(kept)").text.strip() == "42"


@pytest.mark.parametrize("name", ["portal", "data"])
def test_a_killed_part_of_the_site_comes_back(hub: Hub, name: str) -> None:
    url = processes.health(hub.settings)[name]

    kill(hub, name)

    eventually(lambda: not answers(url), 10)
    eventually(lambda: answers(url), 40)


def test_servers_kept_by_down_are_found_by_the_next_up(hub: Hub, alice: Server) -> None:
    kernel = alice.kernel()
    kernel.run("kept = 'through the night'")

    assert hubs.run(hub.data, "down", "--keep-servers", env=hub.env).returncode == 0
    assert not answers(f"{hub.url}/healthz")
    assert len(containers(hub, "alice")) == 1
    again = hubs.run(hub.data, "up", "--detach", "--empty", "--port", hub.url.rpartition(":")[2], env=hub.env)

    assert again.returncode == 0, again.stderr
    assert alice.ready()
    assert kernel.run("print(kept)").text.strip() == "through the night"


# --- the engine


def test_an_engine_that_does_not_answer_is_said_and_works_again(hub: Hub, bert: Server, way: Breaking) -> None:
    way.cut()
    try:
        with pytest.raises(RemoteError, match=r"engine does not answer.*Try again.* / .*容器引擎没有响应"):
            bert.start()
        assert bert.ready() is None
    finally:
        way.mend()

    bert.start()
    assert bert.kernel().run("print('here')").text.strip() == "here"


def test_an_engine_gone_in_mid_start_leaves_nothing(hub: Hub, bert: Server, way: Breaking) -> None:
    way.at_start = True
    try:
        with pytest.raises(RemoteError, match=r"engine does not answer.* / .*容器引擎没有响应"):
            bert.start()
        assert not way.up
        assert len(containers(hub, "bert")) == 1  # it runs, and nobody can stop it now
        assert bert.ready() is None
    finally:
        way.mend()

    eventually(lambda: containers(hub, "bert") == [], 60, "the container was left behind")
    bert.start()
    assert len(containers(hub, "bert")) == 1


def test_running_servers_are_not_forgotten_while_the_engine_is_away(hub: Hub, alice: Server, way: Breaking) -> None:
    kernel = alice.kernel()
    kernel.run("kept = 42")

    way.cut()
    try:
        kill(hub, "hub")  # the worst moment: it comes back, and cannot ask the engine
        eventually(lambda: not knows_hub(hub), 10)
        eventually(lambda: knows_hub(hub), 60, "the Hub needs the engine to start")
        assert alice.ready()
        assert kernel.run("print(kept)").text.strip() == "42"
    finally:
        way.mend()

    assert alice.ready()
    alice.stop()
    assert containers(hub, "alice") == []


def test_a_missing_image_is_said_with_what_to_do(hub: Hub, bert: Server) -> None:
    with pytest.raises(RemoteError, match=r"absent:1 is not on this machine.*hub image build / .*没有镜像"):
        bert.start(image="regional-hub/absent:1")

    assert bert.ready() is None
    assert containers(hub, "bert") == []


# --- memory


def test_a_kernel_killed_for_its_memory_says_so_in_the_next_cell(alice: Server) -> None:
    kernel = alice.kernel()
    kernel.run("1 + 1")
    with pytest.raises(RemoteError, match="not finished"):
        kernel.run("x = [b'x' * 2**20 for _ in range(2000)]", timeout=10)

    told = eventually(lambda: _run(kernel, "print('again')"), 60)

    assert "used more than this server's memory (0.5 GB)" in told
    assert "内核使用的内存超过了服务器上限" in told
    assert "again" in told
    assert kernel.run("print('and no more')").text.strip() == "and no more"


def _run(kernel: object, code: str) -> str:
    try:
        return str(kernel.run(code, timeout=10).text)  # type: ignore[attr-defined]
    except (RemoteError, OSError, WebSocketException):
        return ""


# Many middling processes: the largest, which the kernel of the machine chooses, is then the server itself.
CROWD = """
import os, time
for _ in range(40):
    if os.fork() == 0:
        held = os.urandom(2**20) * 20
        time.sleep(60)
        os._exit(0)
"""


def test_a_server_killed_for_its_memory_tells_why(hub: Hub) -> None:
    password = hub.add_person("olga")
    with hub.server("olga") as server:
        server.start()
        kernel = server.kernel()
        threading.Thread(target=_run, args=(kernel, CROWD), daemon=True).start()
        eventually(lambda: server.ready() is None, 120, "the server was not killed, or nobody noticed")

    stopped = call(hub.settings, "GET", "/users/olga?include_stopped_servers")["servers"][""]
    ended = stopped["state"]["ended"]
    assert "more than its 0.5 GB of memory" in ended["message"]
    assert "内存超过 0.5 GB" in ended["message_zh"]
    with closing(signed_in(hub, "olga", password)) as browser:
        assert "more than its 0.5 GB of memory" in browser.get("/servers/olga/default/").text
        chinese = {"Accept-Language": "zh-CN"}
        assert "内存超过 0.5 GB" in browser.get("/servers/olga/default/", headers=chinese).text


def signed_in(hub: Hub, name: str, password: str) -> httpx.Client:
    """A person who signed in on the portal's page, and chose a password of their own where they were asked to."""
    browser = httpx.Client(base_url=hub.url, follow_redirects=True, timeout=30, headers={"Referer": hub.url})

    def send(path: str, **fields: str) -> httpx.Response:
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', browser.get(path).text)
        assert found
        return browser.post(path, data={**fields, "csrfmiddlewaretoken": found[1]})

    page = send("/accounts/login/", login=name, password=password)
    if page.url.path == "/accounts/password/change/":
        own = secrets.token_hex(12)
        page = send(page.url.path, oldpassword=password, password1=own, password2=own)
    assert page.status_code == 200
    return browser
