"""Attacks with bodies that are too large, on the site as it is served: nothing of them may reach the disk."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from regional_hub import settings as hub_settings
from regional_hub.portal.body_limit import FORM, MB, MOST, BodyLimit


class Site:
    """Reads whole bodies as the site does, and knows how much it was given."""

    given = 0
    left = False

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.given, self.left = 0, False
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.left = True
                return
            self.given += len(message["body"])
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Site, str]]:
    site = Site()
    config = uvicorn.Config(BodyLimit(site, hub_settings.load({})), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [door]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield site, f"http://127.0.0.1:{door.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def pieces(size: int) -> Iterator[bytes]:
    """A body that does not say its length."""
    for _ in range(size >> 16):
        yield b"x" * (1 << 16)


def test_body_within_the_limit_arrives_whole(served):
    site, base = served

    answer = httpx.post(f"{base}/anything/", content=pieces(MOST))

    assert answer.text == "fine" and site.given == MOST


def test_body_that_says_it_is_too_large_is_not_read(served):
    site, base = served
    site.given = 0
    address = base.removeprefix("http://").split(":")

    with socket.create_connection((address[0], int(address[1]))) as sender:
        sender.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n")
        answer = sender.recv(4096).decode()

    assert answer.startswith("HTTP/1.1 413") and "2 MB" in answer and "最多" in answer
    assert site.given == 0


def test_body_without_a_length_is_cut_off_at_the_limit(served):
    site, base = served

    with contextlib.suppress(httpx.TransportError):  # it may still have been sending
        assert httpx.post(f"{base}/", content=pieces(20 * MOST)).status_code == 413

    assert site.left and site.given <= MOST


def test_programs_are_told_as_json(served):
    _, base = served

    answer = httpx.post(f"{base}/showcase/api/people", content=b"x" * (MOST + 1))

    assert answer.status_code == 413
    assert json.loads(answer.text)["error"]["code"] == "too-large"


@pytest.mark.parametrize("path", ["/showcase/api/publications", "/sdg/desk/upload/", "/sdg/desk/metadata/import/"])
def test_addresses_that_take_files_take_more(served, path):
    site, base = served

    assert httpx.post(base + path, content=b"x" * (MOST + 1)).text == "fine"
    assert site.given == MOST + 1


def test_those_addresses_have_their_own_limit():
    limit = BodyLimit(Site(), hub_settings.load({}))
    own = hub_settings.load({})

    assert limit._larger["/showcase/api/publications"] == own.showcase.bundle_mb * MB + FORM
    assert limit._larger["/sdg/desk/upload/"] == own.sdg.upload_mb * MB + FORM
