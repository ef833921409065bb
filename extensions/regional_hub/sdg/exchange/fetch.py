"""Asks other people's services for files: one request at a time, patient, polite, and never more than was agreed.

Trust: an address comes from whoever runs `./hub sdg pull` or writes `settings.toml`, both of whom are on the machine
already, so any address is allowed, private ones too. What comes back is not trusted: it is never run or followed to
another host, its size is bounded, and only our readers of SDMX look at it. Never call this with an address that came
from a web page.
Standard: RFC 9110 (conditional requests, ranges, Retry-After), RFC 9112.
"""

from __future__ import annotations

import random
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from urllib.parse import urljoin, urlsplit

import httpx

from regional_hub.sdg.exchange.transfer import Kept, TooLarge, Transfer, Truncated, content_range

AGAIN = frozenset((408, 425, 429, 500, 502, 503, 504))
REDIRECTS = frozenset((301, 302, 303, 307, 308))
MOST_REDIRECTS = 5
SAID = 400  # characters of an answer's text that an error repeats


class FetchError(Exception):
    """A service that did not give what was asked for; the message names the address and what was wrong."""

    def __init__(self, url: str, what: str, status: int = 0) -> None:
        super().__init__(f"{url}: {what}")
        self.url = url
        self.status = status


class _Passing(Exception):
    """A fault that may be gone at the next try. `wait` is what the service asks for, in seconds."""

    def __init__(self, what: str, status: int = 0, wait: float | None = None) -> None:
        super().__init__(what)
        self.status = status
        self.wait = wait


@dataclass(frozen=True)
class Manners:
    """How we behave. Times are seconds; `timeout` is how long a service may be silent, `hosts` other hosts that it may
    send us to."""

    agent: str
    interval: float = 1.0
    attempts: int = 6
    backoff: float = 2.0
    longest_wait: float = 300.0
    timeout: float = 120.0
    most_bytes: int = 4 << 30
    hosts: frozenset[str] = frozenset()
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Validators:
    """By what a service tells that nothing changed since it was asked last."""

    tag: str = ""
    modified: str = ""

    def __bool__(self) -> bool:
        return bool(self.tag or self.modified)


@dataclass(frozen=True)
class Fetched:
    """An answer. Without `path` there is nothing new (`status` 304) or nothing at all (204)."""

    url: str
    status: int
    media: str
    headers: Mapping[str, str]
    path: Path | None = None

    @property
    def validators(self) -> Validators:
        return Validators(self.headers.get("etag", ""), self.headers.get("last-modified", ""))


class Client:
    """One conversation. Not for several threads: one request at a time is the point."""

    def __init__(self, manners: Manners) -> None:
        self.manners = manners
        self.requests = 0
        self._last = -1e9
        context = ssl.create_default_context()  # what this machine trusts, an institution's own authority included
        self._http = httpx.Client(verify=context, timeout=manners.timeout, follow_redirects=False)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def fetch(self, url: str, into: Path, accept: str, known: Validators | None = None) -> Fetched:
        """Bring what is at an address into a file, which is there whole or not at all.

        With `known` a service may answer that nothing changed. What was interrupted goes on where it stopped, if the
        service can do that. Raises FetchError.
        """
        check_address(url)
        transfer = Transfer(into, self.manners.most_bytes)
        for attempt in range(self.manners.attempts):
            try:
                return self._once(url, transfer, accept, known or Validators())
            except _Passing as fault:
                if attempt + 1 == self.manners.attempts:
                    tries = f"{fault} (tried {self.manners.attempts} times)"
                    raise FetchError(url, tries, fault.status) from fault
                self.manners.sleep(self._wait(attempt, fault.wait))
            except (TooLarge, ValueError) as error:
                raise FetchError(url, str(error)) from error
        raise AssertionError("the last attempt returns or raises")

    def _wait(self, attempt: int, asked: float | None) -> float:
        """Seconds until the next try: what the service asks for, else longer each time, never all clients at once."""
        if asked is not None:
            return min(asked, self.manners.longest_wait)
        longest = min(self.manners.backoff * 2**attempt, self.manners.longest_wait)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 not a secret

    def _once(self, url: str, transfer: Transfer, accept: str, known: Validators) -> Fetched:
        there = url
        for _ in range(MOST_REDIRECTS + 1):
            kept = transfer.kept(there, accept)
            request = self._http.build_request("GET", there, headers=self._headers(accept, known, kept, transfer))
            self._space_out()
            try:
                answer = self._http.send(request, stream=True)
                try:
                    if answer.status_code not in REDIRECTS:
                        return self._take(there, answer, transfer, accept, kept)
                    there = self._redirected(there, answer)
                finally:
                    answer.close()
            except httpx.TransportError as error:
                raise _Passing(_plain(error)) from error
            except Truncated as error:
                raise _Passing(str(error)) from error
        raise FetchError(url, f"sends us on more than {MOST_REDIRECTS} times")

    def _headers(self, accept: str, known: Validators, kept: Kept | None, transfer: Transfer) -> dict[str, str]:
        headers = {"User-Agent": self.manners.agent, "Accept": accept, "Accept-Encoding": "gzip"}
        if kept:
            headers |= {"Range": f"bytes={transfer.size}-", "If-Range": kept.tag}
        elif known.tag:
            headers["If-None-Match"] = known.tag
        elif known.modified:
            headers["If-Modified-Since"] = known.modified
        return headers

    def _space_out(self) -> None:
        left = self._last + self.manners.interval - time.monotonic()
        if left > 0:
            self.manners.sleep(left)
        self._last = time.monotonic()
        self.requests += 1

    def _redirected(self, url: str, answer: httpx.Response) -> str:
        there = urljoin(url, answer.headers.get("location", ""))
        check_address(there)
        old, new = urlsplit(url), urlsplit(there)
        if new.netloc != old.netloc and (new.hostname or "") not in self.manners.hosts:
            raise FetchError(
                url, f"sends us to another host, {new.netloc}; allow it with --allow-host if that is right"
            )
        if old.scheme == "https" and new.scheme != "https":
            raise FetchError(url, f"sends us from https to {there}, which anybody on the way could change")
        return there

    def _take(self, url: str, answer: httpx.Response, transfer: Transfer, accept: str, kept: Kept | None) -> Fetched:
        status, headers = answer.status_code, {name.lower(): value for name, value in answer.headers.items()}
        media = headers.get("content-type", "").partition(";")[0].strip().lower()
        if status in (204, 304):
            return Fetched(url, status, media, headers)
        if status == 416 and kept:
            transfer.drop()
            raise _Passing("cannot go on where the transfer stopped", status)
        if status not in (200, 206):
            self._refused(url, answer, headers)
        if media in ("text/html", "application/xhtml+xml"):
            raise FetchError(url, f"gives a web page instead of data: {_said(answer)}", status)
        continued = status == 206 and kept is not None and content_range(headers) == transfer.size
        if status == 206 and not continued:
            transfer.drop()
            raise _Passing("gives another part of the file than was asked for", status)
        tag = headers.get("etag", "") if headers.get("accept-ranges") == "bytes" else ""
        fresh = Kept(
            url, accept, "" if tag.startswith("W/") else tag, headers.get("content-encoding", "").lower(), media
        )
        if continued and kept:
            fresh = kept
        else:
            transfer.begin(fresh)
        length = headers.get("content-length", "")
        transfer.write(answer.iter_raw(), int(length) if length.isdigit() else None)
        return Fetched(url, 200, fresh.media, headers, transfer.finish(fresh.encoding))

    def _refused(self, url: str, answer: httpx.Response, headers: Mapping[str, str]) -> None:
        said = _said(answer)
        what = f"answers {answer.status_code} {answer.reason_phrase}{f': {said}' if said else ''}"
        if answer.status_code in AGAIN:
            raise _Passing(what, answer.status_code, retry_after(headers.get("retry-after", "")))
        raise FetchError(url, what, answer.status_code)


def check_address(url: str) -> None:
    """Raises FetchError for what is not an http or https address, or holds a password that logs would show."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError(url, "only http:// and https:// addresses are pulled")
    if parts.username or parts.password:
        raise FetchError(f"{parts.scheme}://{parts.hostname}", "an address that is kept and shown holds no password")


def retry_after(text: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> float | None:
    """Seconds until the time that a service names, as a number or a date (RFC 9110, 10.2.3); None for neither."""
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - now()).total_seconds())
    except (TypeError, ValueError):
        return None


def _said(answer: httpx.Response) -> str:
    """The beginning of an answer's text without its tags, on one line."""
    raw = b""
    try:
        for chunk in answer.iter_bytes(1024):
            raw += chunk
            if len(raw) > 8 * SAID:
                break
    except (httpx.TransportError, httpx.DecodingError):
        pass  # the status says enough
    text = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", raw.decode("utf-8", "replace"))
    return " ".join(text.split())[:SAID]


def _plain(error: httpx.TransportError) -> str:
    kinds: dict[type[Exception], str] = {
        httpx.ConnectTimeout: "no connection in time",
        httpx.TimeoutException: "silent for too long",
        httpx.ConnectError: "no connection",
        httpx.RemoteProtocolError: "the answer was cut off",
        httpx.ReadError: "the connection broke",
    }
    found = next((text for kind, text in kinds.items() if isinstance(error, kind)), "the transfer failed")
    return f"{found}: {error}" if str(error) else found
