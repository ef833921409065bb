"""The websocket between one visitor and their kernel: messages of widgets in, plain words out, at a bearable pace."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.services.kernels.connection.base import deserialize_msg_from_ws_v1
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from tornado import web
from tornado.websocket import WebSocketHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from regional_hub.lab.live.guard import Guarded
from regional_hub.lab.live.pool import ALLOWED
from regional_hub.lab.live.render import plain
from regional_hub.lab.live.seats import SOCKETS, Bucket, Reason, Seat

PROTOCOL = "v1.kernel.websocket.jupyter.org"
LARGEST = 2 * 2**20  # bytes of one message: a widget's state, a small file
MESSAGES, MESSAGES_AT_ONCE = 40.0, 300.0  # a second, for each socket; JupyterLab's own are some hundred at the start
BYTES, BYTES_AT_ONCE = 1.0 * 2**20, 6.0 * 2**20
PARTS = 200  # offsets at the start of a message: its channel, four parts, and buffers
TARGETS = ("jupyter.widget", "jupyter.widget.control")  # the only ones that a page of widgets opens
CODES: dict[Reason, int] = {
    **{"left": 4001, "away": 4002, "idle": 4003, "long": 4004, "crash": 4005, "memory": 4006, "portal": 4007},
}


class Refused(ValueError):
    """A message that a page of widgets never sends."""


def judge(message: bytes | str) -> str:
    """The type of a visitor's message, if it is one of those a page may send. Raises Refused."""
    if not isinstance(message, bytes):
        raise Refused("not the binary protocol")
    if int.from_bytes(message[:8], "little") > PARTS:  # Jupyter's reader would count to any number, for everybody
        raise Refused("too many parts")
    try:
        channel, parts = deserialize_msg_from_ws_v1(message)
        header, content = json.loads(parts[0]), json.loads(parts[3])
        kind = header["msg_type"]
        target = content.get("target_name") if kind == "comm_open" else None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("not a message") from error
    if channel != "shell":
        raise Refused("not the shell channel")
    if not isinstance(kind, str) or kind not in ALLOWED:
        raise Refused("a type that visitors do not send")
    if kind == "comm_open" and target not in TARGETS:
        raise Refused("no widget")
    return kind


class LiveConnection(ZMQChannelsWebsocketConnection):
    """Between websocket and kernel. Faults of cells and callbacks leave as a sentence."""

    def _on_zmq_reply(self, stream: Any, msg_list: Any) -> None:
        kind = self.session.unpack(msg_list[0]).get("msg_type")
        if kind in ("error", "stream"):
            content = plain(kind, self.session.unpack(msg_list[3]))
            if content is None:
                return
            msg_list = [*msg_list[:3], self.session.pack(content), *msg_list[4:]]
        elif kind in ("execute_input", "execute_reply"):
            return  # code, and its traceback
        super()._on_zmq_reply(stream, msg_list)


class LiveSocket(Guarded, VoilaKernelWebsocketHandler):
    """One websocket. Only of a kernel that somebody sits at, only from a page of ours, and few of one kernel."""

    seat: Seat | None = None

    def check_origin(self, origin: str | None = None) -> bool:
        """`null` is a sandboxed page; a page of another site has that site's origin and no kernel's id."""
        origin = origin or self.request.headers.get("Origin")
        allowed = {"null"} if not self.live.origin else {self.live.origin}
        own = urlsplit(origin or "").netloc == self.request.host and bool(origin)
        return origin is None or origin in allowed or own

    async def prepare(self, *_args: Any, **_kwargs: Any) -> None:
        """No account and no cookie: the kernel's id, which only its page knows, is what opens."""

    async def get(self, kernel_id: str) -> None:
        seat = self.live.pool.seats.of_kernel(kernel_id)
        if seat is None or not kernel_id or kernel_id not in self.kernel_manager:
            raise web.HTTPError(404)
        if seat.sockets >= SOCKETS:
            raise web.HTTPError(429)
        if PROTOCOL not in self.request.headers.get("Sec-WebSocket-Protocol", ""):
            raise web.HTTPError(400)
        self.seat, self.kernel_id = seat, kernel_id
        self.counts, self.bytes = Bucket(MESSAGES, MESSAGES_AT_ONCE), Bucket(BYTES, BYTES_AT_ONCE)
        self.connection = self.kernel_websocket_connection_class(
            parent=self.kernel_manager.get_kernel(kernel_id), websocket_handler=self, config=self.config
        )
        self.connection.session.session = self.get_argument("session_id", "")[:64] or self.connection.session.session
        await self.connection.prepare()
        await WebSocketHandler.get(self, kernel_id=kernel_id)

    async def open(self, kernel_id: str) -> None:
        assert self.seat is not None
        if self.seat.sockets >= SOCKETS:  # of those that asked at the same moment
            self.seat = None
            self.close(1008)
            return
        self.seat.connect()
        self.live.sockets.setdefault(self.seat.name, set()).add(self)
        await super().open(kernel_id)

    async def on_message(self, message: bytes | str) -> None:
        """The next message is read when this returns: who sends too much waits, and nobody else."""
        now = time.monotonic()
        hold = max(self.counts.wait(1, now), self.bytes.wait(len(message), now))
        if hold:
            await asyncio.sleep(hold)
        try:
            kind = judge(message)
        except Refused as why:
            self.log.warning("A visitor's message was refused: %s", why)
            return
        if self.seat is None or self.connection is None:
            return
        if kind.startswith("comm_") and kind != "comm_info_request":
            self.seat.asked = time.monotonic()
        self.connection.handle_incoming_message(message)

    def on_close(self) -> None:
        seat, self.seat = self.seat, None
        if seat is not None:
            seat.disconnect(time.monotonic())
            self.live.sockets.get(seat.name, set()).discard(self)
        if getattr(self, "connection", None) is not None:
            super().on_close()
