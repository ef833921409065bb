"""The addresses of an app: its page, its files, a page's good-bye, and what the portal asks."""

from __future__ import annotations

import gzip
import json
import mimetypes
import re
import time
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from tornado import web
from tornado.iostream import StreamClosedError

from regional_hub.lab import tickets
from regional_hub.lab.live import words
from regional_hub.lab.live.guard import Guarded
from regional_hub.lab.live.pool import Full
from regional_hub.lab.tickets import BadTicket, Ticket


class Live(Guarded):
    """The app itself, for whoever has a ticket. `lang` is en or zh."""

    async def get(self) -> None:
        asked = self.get_argument("lang", "en")
        try:
            ticket = self.live.ticket(self.get_argument("ticket", ""))
            if ticket.seat == tickets.PORTAL:
                raise BadTicket("not a visitor's")
        except BadTicket:
            return self._refuse(403, "ticket", asked)
        if ticket.digest != self.live.plan.digest:
            return self._refuse(403, "updated", asked)
        if over := self.live.pool.seats.ended.get(ticket.seat):
            return self._refuse(403, over, asked)
        try:
            place = self.live.pool.sit(ticket.seat)
        except Full:
            return self._refuse(503, "full", asked)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.write(self._head(asked))
        try:
            async for part in place.page.read():
                self.write(part)
                await self.flush()
        except StreamClosedError:
            return None
        return None

    def _head(self, asked: str) -> str:
        """The one part of a page that is each reader's own: the rest was made before anybody asked."""
        language = words.language(asked)
        plan = self.live.plan
        title = plan.title_zh if language != "en" and plan.title_zh else plan.title
        return f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)}</title>'

    def _refuse(self, status: int, reason: str, asked: str) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(words.refusal(self.live.plan, reason, asked))


class Leave(Guarded):
    """The page's good-bye when it is closed: the kernel ends a few seconds later, unless it was a reload."""

    def post(self, kernel_id: str) -> None:
        seat = self.live.pool.seats.of_kernel(kernel_id)
        if seat is None:
            raise web.HTTPError(404)
        seat.leaving = True
        self.set_status(204)


class Kernel(Guarded):
    """What the page asks before it opens its websocket; of a kernel that somebody sits at, and only to read."""

    def get(self, kernel_id: str) -> None:
        if self.live.pool.seats.of_kernel(kernel_id) is None:
            raise web.HTTPError(404)
        self.set_header("Access-Control-Allow-Origin", self.live.origin or "null")
        self.write({"id": kernel_id, "name": "python3", "execution_state": "idle", "connections": 1})


class PortalOnly(Guarded):
    """For the portal: `Authorization: Ticket …` with the seat `portal`. Whatever its digest: it asks which one runs."""

    def prepare(self) -> None:
        kind, _, text = self.request.headers.get("Authorization", "").partition(" ")
        try:
            ticket: Ticket | None = self.live.ticket(text) if kind == "Ticket" else None
        except BadTicket:
            ticket = None
        if ticket is None or ticket.seat != tickets.PORTAL:
            raise web.HTTPError(403)


class State(PortalOnly):
    """How the app does."""

    def get(self) -> None:
        pool, now = self.live.pool, time.monotonic()
        seats = [
            {"seat": one.name, "connected": one.sockets > 0, "idle_seconds": round(now - one.asked, 1)}
            for one in pool.seats.taken.values()
        ]
        facts = {"digest": self.live.plan.digest, "ready": pool.ready, "kernels": pool.count, "release": pool.release}
        self.write({**facts, "seats": seats})


class End(PortalOnly):
    """End a seat. 404 where nobody sits there; its ticket is worthless from now on all the same."""

    async def post(self) -> None:
        try:
            seat = json.loads(self.request.body)["seat"]
        except (ValueError, KeyError, TypeError) as error:
            raise web.HTTPError(400) from error
        if not isinstance(seat, str) or len(seat) > 32:
            raise web.HTTPError(400)
        self.set_status(204 if await self.live.pool.end(seat, "portal") else 404)


class Files(Guarded):
    """Scripts, styles and fonts of the libraries in the image: the same for all, so open to a sandboxed page."""

    def initialize(self, roots: list[Path]) -> None:
        self.roots = roots

    def get(self, path: str) -> None:
        found = _first(self.roots, path)
        if found is None:
            raise web.HTTPError(404)
        kind, data, packed = _read(found, found.stat().st_mtime_ns)
        self.set_header("Content-Type", kind)
        self.set_header("Cache-Control", "public, max-age=86400")
        self.set_header("Access-Control-Allow-Origin", self.live.origin or "null")
        self.set_header("Vary", "Accept-Encoding")
        if packed is not None and "gzip" in self.request.headers.get("Accept-Encoding", ""):
            self.set_header("Content-Encoding", "gzip")
            data = packed
        self.finish(data)


def find(files: dict[str, list[Path]], path: str) -> Path | None:
    """The file that `voila/path` answers with."""
    for place, roots in files.items():
        if path.startswith(f"{place}/"):
            return _first(roots, path[len(place) + 1 :])
    return None


def _first(roots: list[Path], path: str) -> Path | None:
    return next((file for root in roots if (file := _below(root, path))), None)


def _below(root: Path, path: str) -> Path | None:
    file = (root / path).resolve()
    return file if file.is_relative_to(root.resolve()) and file.is_file() else None


@lru_cache(maxsize=512)
def _read(file: Path, _changed: int) -> tuple[str, bytes, bytes | None]:
    """Type, bytes, and the bytes packed once for all visitors."""
    data = file.read_bytes()
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    text = kind.startswith("text/") or kind.rpartition("/")[2] in ("javascript", "json", "svg+xml")
    return kind + ("; charset=utf-8" if text else ""), data, gzip.compress(data, 6) if text else None


class Scripts(Guarded):
    """Those of every page in one, under a name of their own: a browser that may keep it need not ask again."""

    def get(self, name: str) -> None:
        pack = self.live.pack
        if name != pack.name:
            raise web.HTTPError(404)
        self.set_header("Content-Type", "text/javascript; charset=utf-8")
        self.set_header("Cache-Control", "public, max-age=31536000, immutable")
        self.set_header("Vary", "Accept-Encoding")
        if "gzip" not in self.request.headers.get("Accept-Encoding", ""):
            self.finish(gzip.decompress(pack.packed))
            return
        self.set_header("Content-Encoding", "gzip")
        self.finish(pack.packed)


class Alive(Guarded):
    """What the Hub asks to know whether the server is up."""

    def get(self) -> None:
        self.write({"version": "live"})


KERNEL_ID = r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"


def handlers(base: str, files: dict[str, list[Path]]) -> list[Any]:
    """All addresses but the websocket's. `files`: place below `voila/` -> folders."""
    return [
        (f"{base}live", Live),
        (f"{base}live/state", State),
        (f"{base}live/end", End),
        (f"{base}api", Alive),
        (f"{base}api/kernels/{KERNEL_ID}", Kernel),
        (f"{base}voila/api/shutdown/{KERNEL_ID}", Leave),
        (f"{base}voila/pack/([0-9a-f]{{16}}\\.js)", Scripts),
        *((f"{base}voila/{re.escape(place)}/(.+)", Files, {"roots": roots}) for place, roots in files.items()),
    ]
