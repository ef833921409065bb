"""One answer for all visitors: a page of the Showcase that says of itself that it is public is made twice a second.

Trust boundary: only what the site marked as anybody's (`Cache-Control: public`, no cookie set) is given to others, and
only to requests that carry nothing of a person: no session, no token, no form. A page that is withdrawn, or changed in
any other way, is forgotten at once in the process that did it, and elsewhere after `FRESH` seconds.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.http.cookie import parse_cookie

from regional_hub.showcase.signals import READ

FRESH = 0.5  # seconds for which an answer is given again
MOST = 64 << 20  # bytes of all answers, of which a single one has an eighth at most
BELOW = "/showcase/"
LANGUAGE_COOKIE = "hub_language"
SAME = (b"host", b"accept-language", b"accept-encoding")  # what else an answer depends on

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    start: dict[str, Any]
    body: bytes
    tag: bytes
    publication: int | None
    made: float


class VisitorsPages:
    """Stands before the site and answers for it where it may."""

    def __init__(
        self, application: Application, count: Callable[[int, dict[str, str]], Callable[[], None] | None]
    ) -> None:
        self._application, self._count = application, count
        self._kept: OrderedDict[Key, Answer] = OrderedDict()
        self._size, self._turn = 0, threading.Lock()
        self._making: dict[Key, asyncio.Future[None]] = {}
        self._generation = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        """Something changed: nothing that was made before this moment is given again."""
        with self._turn:
            self._generation += 1
            self._kept.clear()
            self._size = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        key = _key(scope)
        if key is None:
            await self._application(scope, receive, send)
            return
        if (making := self._making.get(key)) and self._fresh(key) is None:
            # Many ask for a new page: one makes it. If it is not for all, each gets their own.
            await asyncio.wait([making])
        answer = self._fresh(key)
        if answer is None:
            await self._make(key, scope, receive, send)
            return
        self._counted(answer, scope)
        await _give(answer, scope, send)

    def _fresh(self, key: Key) -> Answer | None:
        answer = self._kept.get(key)
        return answer if answer and time.monotonic() - answer.made < FRESH else None

    async def _make(self, key: Key, scope: dict[str, Any], receive: Any, send: Any) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._making.setdefault(key, done)
        generation, began = self._generation, time.monotonic()
        starts: list[dict[str, Any]] = []
        body = bytearray()

        async def seen(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                starts.append(message)
            elif len(body) <= MOST // 8:
                body.extend(message.get("body", b""))
            await send(message)

        try:
            await self._application(scope, receive, seen)
            if starts and len(body) <= MOST // 8 and (tag := _for_all(starts[0])) is not None:
                self._keep(key, Answer(starts[0], bytes(body), tag, scope.get(READ), began), generation)
        finally:
            if self._making.get(key) is done:
                del self._making[key]
            done.set_result(None)

    def _keep(self, key: Key, answer: Answer, generation: int) -> None:
        with self._turn:
            if generation != self._generation:
                return
            old = self._kept.pop(key, None)
            self._kept[key] = answer
            self._size += len(answer.body) - (len(old.body) if old else 0)
            while self._size > MOST or len(self._kept) > 1000:
                self._size -= len(self._kept.popitem(last=False)[1].body)

    def _counted(self, answer: Answer, scope: dict[str, Any]) -> None:
        if answer.publication is None:
            return
        headers = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in scope["headers"]}
        if write := self._count(answer.publication, headers):
            task = asyncio.create_task(sync_to_async(write)())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def _key(scope: dict[str, Any]) -> Key | None:
    """What an answer depends on; None for a request that is answered by the site alone."""
    if scope["type"] != "http" or scope["method"] != "GET" or not scope["path"].startswith(BELOW):
        return None
    language, found = "", dict.fromkeys(SAME, b"")
    for name, value in scope["headers"]:
        if name == b"cookie":
            cookies = parse_cookie(value.decode("latin-1"))  # as the site itself reads them
            if cookies.keys() - {LANGUAGE_COOKIE}:
                return None
            language = cookies.get(LANGUAGE_COOKIE, "")
        elif name in (b"authorization", b"range"):
            return None
        elif name in found:
            found[name] = value
    return scope["path"], scope["query_string"], language, *found.values()


def _for_all(start: dict[str, Any]) -> bytes | None:
    """The tag of an answer that anybody may have (empty: it has none); None for any other."""
    headers = {name.lower(): value for name, value in start["headers"]}
    is_public = headers.get(b"cache-control", b"").startswith(b"public")
    return headers.get(b"etag", b"") if start["status"] == 200 and is_public and b"set-cookie" not in headers else None


async def _give(answer: Answer, scope: dict[str, Any], send: Any) -> None:
    asked = next((value for name, value in scope["headers"] if name == b"if-none-match"), b"")
    if answer.tag and answer.tag.removeprefix(b"W/") in asked:
        kept = [(name, value) for name, value in answer.start["headers"] if name.lower() not in (b"content-length",)]
        await send({"type": "http.response.start", "status": 304, "headers": kept})
        await send({"type": "http.response.body", "body": b""})
        return
    await send(answer.start)
    await send({"type": "http.response.body", "body": answer.body})
