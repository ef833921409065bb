"""The wait for a started server: it ends with the answer, with the server's end, or in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread, Timer

import pytest

from regional_hub.hub import waiting

NOBODY = "http://127.0.0.1:1/"


class Answer(BaseHTTPRequestHandler):
    """503 until the server is ready."""

    def do_GET(self) -> None:
        self.send_response(200 if self.server.ready else 503)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Quiet."""


@contextmanager
def server(ready_after: float) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answer) as listening:
        listening.ready = False  # type: ignore[attr-defined]
        Timer(ready_after, setattr, (listening, "ready", True)).start()
        Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/"
        listening.shutdown()


async def runs() -> None:
    return None


async def test_waiting_ends_soon_after_the_first_good_answer() -> None:
    begun = time.monotonic()
    with server(ready_after=0.6) as url:
        assert await waiting.for_answer(url, runs, 10) is None

    assert 0.5 < time.monotonic() - begun < 1.5


async def test_waiting_ends_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK", 0.1)

    async def died() -> str:
        return "ExitCode=137"

    assert await asyncio.wait_for(waiting.for_answer(NOBODY, died, 60), 5) == "ExitCode=137"


async def test_waiting_ends_in_time_when_nothing_happens() -> None:
    with pytest.raises(TimeoutError, match=r"within 0\.2 s"):
        await waiting.for_answer(NOBODY, runs, 0.2)


def test_questions_come_often_at_first_and_never_rarely() -> None:
    assert [waiting.step(waited) for waited in (0, 2, 100)] == [0.05, 0.1, 0.5]
