"""How often public pages are read: a number for each publication and day, and nothing about who read.

A page never waits for a write of its own: counts gather in memory, and the first reading after `EVERY` seconds (or of
`MOST` in hand) writes them all. A quiet site so writes at once, a busy one every few seconds. Killed without warning,
a process loses what it counted in those last seconds; ended in order, it writes them.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, timedelta

from django.db import DatabaseError, connection, transaction
from django.db.models import F, Sum
from django.http import HttpRequest
from django.utils import timezone

from regional_hub.showcase.models import Publication, Reading

EVERY = 5.0  # seconds
MOST = 500  # readings in hand that are written before then
DAYS = 90  # that "most read" looks back

# What calls itself a machine is none of our readers, and neither is what does not say what it is. (Cubot makes phones.)
_MACHINE = re.compile(
    r"(?<!cu)bot\b|bot[;_-]|crawl|spider|slurp|scrap|preview|fetch|monitor|headless|lighthouse|externalhit|whatsapp|embed"
    r"|curl|wget|python|httpx|aiohttp|okhttp|go-http|java/|libwww|perl|ruby|axios|node|scrapy|feed|rss|archive",
    re.IGNORECASE,
)
_AHEAD = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")

log = logging.getLogger(__name__)


class _Pending:
    """What was counted and is not written yet."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[int, date]] = Counter()
        self._written = float("-inf")

    def add(self, publication: int, day: date) -> bool:
        """Count one reading; whether it is time to write."""
        with self._lock:
            self._counts[publication, day] += 1
            is_late = time.monotonic() - self._written >= EVERY
            return is_late or self._counts.total() >= MOST

    def take(self) -> Counter[tuple[int, date]]:
        with self._lock:
            taken, self._counts = self._counts, Counter()
            self._written = time.monotonic()
            return taken

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()
            self._written = float("-inf")

    def give_back(self, counts: Counter[tuple[int, date]]) -> None:
        with self._lock:
            self._counts.update(counts)


_pending = _Pending()


def count(publication: Publication, request: HttpRequest) -> None:
    """Count that a person opened a public page. Never fails, and keeps nothing of the request."""
    if not publication.is_public or request.method != "GET":
        return
    if write_now := count_again(publication.pk, request.headers):
        write_now()


def count_again(publication: int, headers: Mapping[str, str]) -> Callable[[], None] | None:
    """Count a GET of a page that was answered without asking the database; what is to be called, if it is time to."""
    if is_reading(headers) and _pending.add(publication, timezone.now().date()):
        return write
    return None


def is_reading(headers: Mapping[str, str]) -> bool:
    """Whether a GET is somebody's who reads: of a browser that did not fetch ahead."""
    agent = headers.get("User-Agent", "")
    if not agent or _MACHINE.search(agent):
        return False
    return not any("prefetch" in headers.get(name, "").lower() for name in _AHEAD)


def write() -> None:
    """Write what was counted; what cannot be written now is kept for the next time."""
    counts = _pending.take()
    if not counts:
        return
    try:
        with transaction.atomic():
            _add(counts)
    except DatabaseError:
        _pending.give_back(counts)
        log.warning("readings of public pages could not be written, they are kept", exc_info=True)


def _add(counts: Counter[tuple[int, date]]) -> None:
    there = set(Publication.objects.filter(pk__in={pk for pk, _ in counts}).values_list("pk", flat=True))
    known = {(pk, day): number for (pk, day), number in counts.items() if pk in there}
    Reading.objects.bulk_create((Reading(publication_id=pk, day=day) for pk, day in known), ignore_conflicts=True)
    for (pk, day), number in known.items():
        Reading.objects.filter(publication_id=pk, day=day).update(count=F("count") + number)


def forget() -> None:
    """Drop what was not written: for tests, whose publications go with their transaction."""
    _pending.reset()


def read_lately(days: int = DAYS) -> dict[int, int]:
    """How often each publication was read in the last days, by its key; those never read are left out."""
    since = timezone.now().date() - timedelta(days=days)
    rows = Reading.objects.filter(day__gt=since).values("publication_id").annotate(total=Sum("count"))
    return {row["publication_id"]: row["total"] for row in rows if row["total"]}


def _at_the_end() -> None:
    with contextlib.suppress(Exception):  # there may be no database any more, and nobody to tell
        write()
    connection.close()


atexit.register(_at_the_end)
