"""How much a request may carry: the site writes a body to disk before any page looks at it, so it is counted before.

Trust boundary: nobody fills the disk by sending. What says itself that it is too large is refused unread; what says
nothing, or less than it sends, is cut off where it passes the limit. Only the pages that take files take more.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from regional_hub.settings import Settings

MB = 1 << 20
MOST = 2 * MB
FORM = MB  # what a form with files holds beside them

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class BodyLimit:
    """Answers 413 for a body over the limit of its address, before or while it is read."""

    def __init__(self, application: Application, settings: Settings) -> None:
        self._application = application
        data = settings.sdg.upload_mb * MB + FORM
        self._larger = {
            "/showcase/api/publications": settings.showcase.bundle_mb * MB + FORM,
            "/sdg/desk/upload/": data,
            "/sdg/desk/metadata/import/": data,
        }

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        most = self._larger.get(scope["path"], MOST)
        if _declared(scope) > most:
            await _refuse(scope, send, most)
            return
        counted = _Counted(receive, send, most)
        try:
            await self._application(scope, counted.receive, counted.send)
        except Exception:
            if not counted.over:  # else it is the fault of having been cut off
                raise
        if counted.over and not counted.answered:
            await _refuse(scope, send, most)


class _Counted:
    """One request: to the application, a body over the limit is a visitor who left."""

    def __init__(self, receive: Any, send: Any, most: int) -> None:
        self._receive, self._send, self._left = receive, send, most
        self.over = self.answered = False

    async def receive(self) -> dict[str, Any]:
        if not self.over:
            message: dict[str, Any] = await self._receive()
            self._left -= len(message.get("body", b""))
            self.over = self._left < 0
        return {"type": "http.disconnect"} if self.over else message

    async def send(self, message: dict[str, Any]) -> None:
        self.answered = True
        await self._send(message)


def _declared(scope: dict[str, Any]) -> int:
    """What the request says of its length; 0 where it says nothing that can be read, for it is counted then."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:20])
    return 0


async def _refuse(scope: dict[str, Any], send: Any, most: int) -> None:
    said = {
        "en": f"Too large: this address takes at most {most / MB:g} MB.",
        "zh": f"内容过大：此地址最多接受 {most / MB:g} MB。",
    }
    asks_for_json = any(name == b"accept" and b"json" in value for name, value in scope["headers"])
    if asks_for_json or "/api/" in scope["path"]:
        kind, text = "application/json", json.dumps({"error": {"code": "too-large", **said}}, ensure_ascii=False)
    else:
        kind, text = "text/plain; charset=utf-8", "\n".join(said.values())
    headers = [(b"content-type", kind.encode()), (b"connection", b"close"), (b"x-content-type-options", b"nosniff")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
