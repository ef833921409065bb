"""What tests of a running hub share: people, a world outside, and knocking at doors from inside a server."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from regional_hub.hub import engine
from regional_hub.operate.remote import Kernel
from regional_hub.operate.servers import call
from tests.hubs import Hub

Door = tuple[str, int]

METADATA = "169.254.169.254"  # where clouds hand out credentials
PRIVATE = "10.66.77.88"  # an institution's inner network
OFFICE = "192.168.77.88"
INTERNET = "203.0.113.88"  # stands for any public address (TEST-NET-3)
OUTSIDE_PORT = 8088


# A cell of a live app: its slider says twice the number.
SLIDER = """
import ipywidgets as widgets
from IPython.display import display

number = widgets.IntSlider(value=3, min=1, max=9, description="number")
said = widgets.HTML(value="<b>twice 6</b>")
number.observe(lambda event: setattr(said, "value", f"<b>twice {2 * event.new}</b>"), "value")
display(number, said)
"""


def eventually(check: Callable[[], Any], seconds: float = 30, message: str = "") -> Any:
    """The first true answer of `check`; the test fails when there is none in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := check():
            return answer
        time.sleep(0.2)
    raise AssertionError(message or f"not within {seconds} s")


def enrol(hub: Hub, name: str, *groups: str, open_to: Sequence[str] = ()) -> str:
    """A Hub user in groups, as the portal introduces people and projects to the Hub."""
    call(hub.settings, "PUT", f"/people/{name}", {"groups": list(groups), "open_to": list(open_to)})
    return name


def token(hub: Hub, name: str) -> str:
    """A token with all that this person may do."""
    return str(call(hub.settings, "POST", f"/users/{name}/tokens", {"expires_in": 3600})["token"])


def container(hub: Hub, owner: str, server: str = "") -> Any:
    """The engine's container of a running server."""
    client = engine.client()
    assert client is not None
    state = call(hub.settings, "GET", f"/users/{owner}")["servers"][server]["state"]
    return client.containers.get(state["object_id"])


def address_of(hub: Hub, owner: str, server: str = "") -> str:
    """Where a running server's container has its one address."""
    networks = container(hub, owner, server).attrs["NetworkSettings"]["Networks"]
    assert len(networks) == 1, "a server is on the network of its kind and on no other"
    return str(next(iter(networks.values()))["IPAddress"])


def as_person(hub: Hub, name: str) -> httpx.Client:
    """An HTTP client that carries a person's own token."""
    return httpx.Client(base_url=hub.url, headers={"Authorization": f"token {token(hub, name)}"}, timeout=30)


KNOCK = """
import json, socket
from concurrent.futures import ThreadPoolExecutor
def knock(door):
    try:
        with socket.create_connection(tuple(door), timeout=2):
            return "open"
    except OSError:
        return "shut"
def knock_all(doors):
    with ThreadPoolExecutor(32) as pool:
        return dict(zip(doors, pool.map(knock, doors.values())))
"""


def knock(kernel: Kernel, doors: dict[str, Door]) -> dict[str, str]:
    """`open` or `shut` for each address and port, tried from inside a server."""
    found = kernel.run(f"{KNOCK}\nprint(json.dumps(knock_all({doors!r})))")
    return dict(json.loads(found.text))


def knock_from_here(doors: dict[str, Door]) -> dict[str, str]:
    """The same from this machine itself."""
    space: dict[str, Any] = {}
    exec(KNOCK, space)
    return dict(space["knock_all"](doors))


def all_of(doors: dict[str, Door], state: str) -> dict[str, str]:
    return dict.fromkeys(doors, state)


# --- a world outside, in a network namespace of its own: no packet leaves this machine

ANSWER = f"""
import http.server
print("ready", flush=True)
http.server.HTTPServer(("0.0.0.0", {OUTSIDE_PORT}), http.server.BaseHTTPRequestHandler).serve_forever()
"""


@contextmanager
def outside() -> Iterator[dict[str, Door]]:
    """A host that answers at a metadata address, at private addresses and at a public one; removed afterwards."""
    space, near, far = "rh-outside", "rhout0", "rhout1"
    addresses = {"metadata": METADATA, "private": PRIVATE, "office": OFFICE, "internet": INTERNET}
    subprocess.run(["ip", "netns", "del", space], capture_output=True, check=False)
    _ip("netns", "add", space)
    try:
        _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
        _ip("addr", "add", "192.0.0.9/30", "dev", near)
        _ip("link", "set", near, "up")
        for words in (
            ("addr", "add", "192.0.0.10/30", "dev", far),
            ("link", "set", far, "up"),
            ("link", "set", "lo", "up"),
            ("route", "add", "default", "via", "192.0.0.9"),
            *(("addr", "add", f"{address}/32", "dev", "lo") for address in addresses.values()),
        ):
            _ip("-n", space, *words)
        for address in addresses.values():
            _ip("route", "add", f"{address}/32", "via", "192.0.0.10")
        command = ["ip", "netns", "exec", space, sys.executable, "-c", ANSWER]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            try:
                assert server.stdout is not None
                server.stdout.readline()
                yield {name: (address, OUTSIDE_PORT) for name, address in addresses.items()}
            finally:
                server.kill()
    finally:
        _ip("netns", "del", space)  # its end of the cable goes with it, and the routes with our end


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)
