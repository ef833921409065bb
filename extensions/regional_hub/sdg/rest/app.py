"""The SDMX service as a plain ASGI application: addresses, headers, limits, sending. It knows no Django and no Jupyter.

Standard: SDMX REST 2.2.2 and 1.5.0; RFC 9110 (HTTP), RFC 9111 (caching).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from datetime import UTC
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

import duckdb

from regional_hub.sdg.metadata import Library
from regional_hub.sdg.registry import Registry
from regional_hub.sdg.rest import answers, errors, negotiate, openapi, reports, structures, url_v1, url_v2
from regional_hub.sdg.rest.answers import Asked, Limits, Reply, Service
from regional_hub.sdg.rest.encodings import compressed
from regional_hub.sdg.rest.errors import Fault
from regional_hub.sdg.rest.queries import (
    AvailabilityQuery,
    DataQuery,
    MetadataQuery,
    Query,
    SchemaQuery,
    StructureQuery,
)
from regional_hub.sdg.store import Store

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Answerer = Callable[[Service, Asked], Reply]

VARY = "Accept, Accept-Encoding, Accept-Language"
ANSWERERS: dict[type[Query], Answerer] = {
    DataQuery: answers.data,
    AvailabilityQuery: structures.availability,
    StructureQuery: structures.structure,
    SchemaQuery: structures.schema,
    MetadataQuery: reports.answer,
}
LOG = logging.getLogger(__name__)


def application(
    store: Store,
    registry: Registry,
    limits: Limits | None = None,
    *,
    library: Library | None = None,
    prefix: str = "/sdmx",
    sender: str = "REGIONAL_HUB",
) -> SdmxApplication:
    """The service below `prefix`: `/sdmx/v2/data/…`, `/sdmx/v1/data/…`. Without a library there are no metadata."""
    return SdmxApplication(Service(store, registry, limits or Limits(), sender, library), prefix)


class SdmxApplication:
    """The service as an ASGI application."""

    def __init__(self, service: Service, prefix: str) -> None:
        self._service = service
        self._prefix = prefix.rstrip("/")
        self._gate = _Gate(service.limits)

    def warm(self) -> None:
        """Have the first requests be as quick as the later ones; takes seconds where releases are large."""
        self._service.read_ahead()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        languages = negotiate.languages(headers.get("accept-language", ""))
        sending = _Sending(scope["method"], headers, send)
        version = 1 if self._path(scope).startswith("/v1") else 2
        try:
            if scope["method"] == "OPTIONS":
                await sending.options()
                return
            if scope["method"] not in ("GET", "HEAD"):
                raise errors.WrongMethod(f"{scope['method']} is not answered here", f"不支持 {scope['method']} 方法")
            if self._path(scope) == "/openapi.json":
                await sending.reply(_document(self._prefix), 60.0, time.monotonic() + 60.0)
                return
            async with self._gate.passed(_client(scope, headers)):
                asked = self._asked(scope, headers, languages)
                await self._answer(asked, sending)
        except Fault as fault:
            if sending.started:  # the client must see that the answer is not whole
                LOG.warning("%s %s is cut off: %s", scope["method"], scope["path"], fault)
                raise
            await sending.fault(fault, version, languages)
        except Exception:
            LOG.exception("%s %s", scope["method"], scope["path"])
            if sending.started:
                raise
            await sending.fault(
                Fault("something went wrong here; it is in the log", "服务器出错，已记入日志"), version, languages
            )

    def _path(self, scope: Scope) -> str:
        """The path as it came, percent-encoded, from below the prefix."""
        raw = scope.get("raw_path") or scope["path"].encode()
        path = raw.decode("latin-1").partition("?")[0]
        return path.removeprefix(self._prefix)

    def _asked(self, scope: Scope, headers: dict[str, str], languages: tuple[str, ...]) -> Asked:
        path = self._path(scope)
        text = scope["query_string"].decode("latin-1")
        for version, module in ((2, url_v2), (1, url_v1)):
            start = f"/v{version}/"
            if path.startswith(start):
                request = module.parse(path.removeprefix(start), text)
                return Asked(request, version, f"{path}?{text}", headers.get("accept", ""), languages)
        raise errors.NotThere(
            f"nothing is at {path!r}; SDMX REST is below {self._prefix}/v2/ and {self._prefix}/v1/",
            f"{path!r} 处没有内容；SDMX REST 在 {self._prefix}/v2/ 和 {self._prefix}/v1/ 之下",
        )

    async def _answer(self, asked: Asked, sending: _Sending) -> None:
        answerer = ANSWERERS.get(type(asked.request.query))
        if answerer is None:
            raise errors.NotOffered("this kind of query is not answered here", "本服务不回答这类查询")
        limits = self._service.limits
        end = time.monotonic() + limits.seconds
        at_once = answerer is answers.data and self._service.ready
        if at_once:
            reply = answerer(self._service, asked)
        else:
            reply = await asyncio.to_thread(answerer, self._service, asked)
            if answerer is answers.data:
                self._service.prepared()
        await sending.reply(reply, limits.first_byte_seconds, end)


def _document(prefix: str) -> Reply:
    body = json.dumps(openapi.document(prefix), ensure_ascii=False).encode()
    return Reply(200, {"Content-Type": "application/json"}, iter([body]), hashlib.sha256(body).hexdigest()[:24])


class _Gate:
    """How many may be answered at once: all together, and of one client."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._all = asyncio.Semaphore(limits.concurrent)
        self._clients: Counter[str] = Counter()

    @contextlib.asynccontextmanager
    async def passed(self, client: str) -> AsyncIterator[None]:
        if self._clients[client] >= self._limits.per_client:
            raise errors.TooMany(
                f"{self._limits.per_client} requests of yours are being answered; wait for one of them",
                f"您有 {self._limits.per_client} 个请求正在处理；请等其中一个完成",
            )
        self._clients[client] += 1
        try:
            try:
                if self._all.locked():
                    await asyncio.wait_for(self._all.acquire(), self._limits.waiting_seconds)
                else:
                    await self._all.acquire()
            except TimeoutError:
                raise errors.Busy("many requests are being answered; try again soon", "请求过多；请稍后再试") from None
            try:
                yield
            finally:
                self._all.release()
        finally:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]


def _client(scope: Scope, headers: dict[str, str]) -> str:
    """Who asks: the peer, or whom a proxy on this host forwards for."""
    peer = str((scope.get("client") or ("",))[0])
    if peer in ("", "127.0.0.1", "::1") and "x-forwarded-for" in headers:
        return headers["x-forwarded-for"].rpartition(",")[2].strip()
    return peer


class _Sending:
    """One response on its way."""

    def __init__(self, method: str, headers: dict[str, str], send: Send) -> None:
        self._head = method == "HEAD"
        self._headers = headers
        self._send = send
        self.started = False

    async def reply(self, reply: Reply, first_byte_seconds: float, end: float) -> None:
        encoding = negotiate.encoding(self._headers.get("accept-encoding", ""))
        headers = {**_common(), **reply.headers, **_validators(reply, encoding)}
        if self._unchanged(reply):
            await self._start(304, {key: value for key, value in headers.items() if key != "Content-Type"})
            await self._end()
            return
        if encoding != "identity":
            headers["Content-Encoding"] = encoding
        if reply.small():
            await self._whole(reply, headers, encoding)
            return
        body = compressed(reply.body, encoding)
        try:
            chunk = await _next(body, reply, min(end, time.monotonic() + first_byte_seconds))
            await self._start(reply.status, headers)
            while chunk is not None and not self._head:
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = await _next(body, reply, end)
            await self._end()
        finally:
            await asyncio.to_thread(_close, body, reply)

    async def _whole(self, reply: Reply, headers: dict[str, str], encoding: str) -> None:
        """A small answer, written here and now: to have a thread do it takes longer."""
        body = b"".join(compressed([b"".join(reply.body)], encoding))
        await self._start(reply.status, {**headers, "Content-Length": str(len(body))})
        await self._send({"type": "http.response.body", "body": b"" if self._head else body})

    def _unchanged(self, reply: Reply) -> bool:
        """RFC 9110, section 13: the tag decides where there is one, else the time."""
        tags = self._headers.get("if-none-match")
        if tags is not None:
            known = {_bare(tag) for tag in tags.split(",")}
            return bool(reply.etag) and bool({"*", reply.etag} & known)
        since = self._headers.get("if-modified-since")
        if since is None or reply.modified is None:
            return False
        try:
            return reply.modified.replace(microsecond=0) <= parsedate_to_datetime(since)
        except (TypeError, ValueError):
            return False

    async def fault(self, fault: Fault, version: int, languages: tuple[str, ...]) -> None:
        status = fault.status_v1 if version == 1 else fault.status
        headers = {**_common(), **fault.headers, "Cache-Control": "no-store"}
        body = b""
        if status != 204:
            accept = self._headers.get("accept", "")
            xml = "xml" in accept or (version == 1 and "json" not in accept and "csv" not in accept)
            body = errors.as_xml(fault, languages) if xml else errors.as_json(fault, languages)
            headers["Content-Type"] = f"application/vnd.sdmx.error+{'xml;version=2.1' if xml else 'json;version=2.0.0'}"
            headers["Content-Length"] = str(len(body))
        await self._start(status, headers)
        await self._send({"type": "http.response.body", "body": b"" if self._head else body})

    async def options(self) -> None:
        allowed = {"Allow": "GET, HEAD, OPTIONS", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS"}
        asked = {"Access-Control-Allow-Headers": "Accept, Accept-Language, If-None-Match, If-Modified-Since"}
        await self._start(204, {**_common(), **allowed, **asked, "Access-Control-Max-Age": "86400"})
        await self._end()

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        self.started = True
        listed = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": listed})

    async def _end(self) -> None:
        await self._send({"type": "http.response.body", "body": b""})


async def _next(body: Iterator[bytes], reply: Reply, end: float) -> bytes | None:
    """The next bytes, None at the end. Raises Busy when they do not come before `end`."""
    work = asyncio.ensure_future(asyncio.to_thread(_step, body))
    done, _ = await asyncio.wait({work}, timeout=max(0.0, end - time.monotonic()))
    if not done:
        reply.stop()
        with contextlib.suppress(Exception):
            await work
        raise errors.Busy(
            "the answer took too long and was given up; ask for less at once", "查询用时过长，已放弃；请缩小查询范围"
        )
    return work.result()


def _step(body: Iterator[bytes]) -> bytes | None:
    for chunk in body:
        if chunk:
            return chunk
    return None


def _close(body: Iterator[bytes], reply: Reply) -> None:
    with contextlib.suppress(duckdb.Error):
        close = getattr(body, "close", None)
        if close:
            close()
        close = getattr(reply.body, "close", None)
        if close:
            close()


def _common() -> dict[str, str]:
    return {
        "Vary": VARY,
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "ETag, Last-Modified, Content-Language, Content-Disposition, "
        "Regional-Hub-Flow, Regional-Hub-Release, Regional-Hub-View, Regional-Hub-As-Of",
        "X-Content-Type-Options": "nosniff",
    }


def _validators(reply: Reply, encoding: str) -> dict[str, str]:
    """A cache may keep the answer, and asks before it uses it: publications and embargoes are seen at once."""
    found = {"Cache-Control": "public, no-cache"}
    if reply.etag:
        found["ETag"] = f'"{reply.etag}"' if encoding == "identity" else f'"{reply.etag}-{encoding}"'
    if reply.modified:
        found["Last-Modified"] = format_datetime(reply.modified.astimezone(UTC), usegmt=True)
    return found


def _bare(tag: str) -> str:
    tag = tag.strip().removeprefix("W/").strip('"')
    return tag.removesuffix("-gzip").removesuffix("-zstd")


__all__ = ["Application", "Limits", "application"]
