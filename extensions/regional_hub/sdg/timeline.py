"""When which release was public: publications and embargoes of a flow, and what a reader may see at a moment.

An embargo on a new release leaves its series as they were before, until its moment. An embargo on series that are
public already hides them altogether. Nothing here reads data.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from regional_hub.sdg.release import Release

Where = Mapping[str, tuple[str, ...]]


def stamp(when: datetime) -> str:
    """A moment as text that sorts: UTC with microseconds."""
    if when.tzinfo is None:
        raise ValueError(f"{when}: a moment needs its time zone")
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """A moment from text. Raises ValueError where it has no time zone or no time."""
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError(f"{text}: a moment needs a time and a zone, for example 2026-12-01T09:00:00+06:00")
    return when.astimezone(UTC)


@dataclass(frozen=True)
class Embargo:
    """Series that wait for a moment; `since` is the release that brought them, None hides them in all releases."""

    id: str
    flow: str
    where: Mapping[str, list[str]]
    until: str
    since: str | None
    by: str
    at: str
    reason: str
    lifted: str | None = None
    lifted_by: str | None = None

    @classmethod
    def new(
        cls,
        flow: str,
        where: Mapping[str, Iterable[str]],
        until: datetime,
        *,
        since: str | None,
        by: str,
        at: str,
        reason: str,
    ) -> Embargo:
        codes = {component: sorted(chosen) for component, chosen in where.items()}
        return cls(secrets.token_hex(4), flow, codes, stamp(until), since, by, at, reason)

    @property
    def end(self) -> datetime:
        return moment(min(self.until, self.lifted) if self.lifted else self.until)


@dataclass(frozen=True)
class Event:
    """A release became current."""

    release: Release
    at: datetime


@dataclass(frozen=True)
class Source:
    """Series that are read from one release: those that meet one of `only` (all when empty) and none of `without`."""

    release: Release
    only: tuple[Embargo, ...] = ()
    without: tuple[Embargo, ...] = ()


@dataclass(frozen=True)
class View:
    """What a reader sees now of a flow at `at`. `changes_at` is when it will differ without anybody doing anything."""

    flow: str
    now: datetime
    at: datetime
    sources: tuple[Source, ...]
    changes_at: datetime | None

    @property
    def release(self) -> Release:
        return self.sources[0].release

    @cached_property
    def etag(self) -> str:
        """Two views with one tag show the same data."""
        parts = [
            (source.release.id, *sorted(e.id for e in source.only), "-", *sorted(e.id for e in source.without))
            for source in self.sources
        ]
        return hashlib.sha256(repr((self.flow, parts)).encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Timeline:
    """All publications of a flow in order, and its embargoes."""

    flow: str
    events: tuple[Event, ...]
    embargoes: tuple[Embargo, ...]

    def view(self, now: datetime, as_of: datetime | None = None) -> View:
        """What may be seen now of the state at `as_of` (later than now means now).

        Raises NothingYet when the first release came later.
        """
        now = max(now, self.events[-1].at)  # a clock that was set back hides no release
        at = min(now, as_of) if as_of else now
        past = [event for event in self.events if event.at <= at]
        if not past:
            first = self.events[0].at
            raise NothingYet(f"{self.flow}: the first release came at {stamp(first)}", first)
        hidden = [embargo for embargo in self.embargoes if embargo.since is None and now < embargo.end]
        held = [embargo for embargo in self.embargoes if embargo.since is not None and at < embargo.end]
        places = {event.release.id: place for place, event in enumerate(past)}
        by_place: dict[int, list[Embargo]] = {}
        for embargo in held:
            if embargo.since in places:
                by_place.setdefault(places[embargo.since], []).append(embargo)
        earlier: list[Embargo] = list(hidden)
        older = []
        for place in sorted(by_place):
            if place > 0:
                older.append(Source(past[place - 1].release, tuple(by_place[place]), tuple(earlier)))
            earlier += by_place[place]
        ends = [embargo.end for embargo in self.embargoes if now < embargo.end]
        return View(self.flow, now, at, (Source(past[-1].release, (), tuple(earlier)), *older), min(ends, default=None))

    def settled(self, view: View) -> datetime:
        """The moment as of which one sees what a view shows, until something changes."""
        times = [event.at for event in self.events] + [embargo.end for embargo in self.embargoes]
        return max(when for when in times if when <= view.at)

    def held(self, release: Release) -> list[Embargo]:
        """Embargoes that hold back what this release brought: its own and those of releases before it."""
        order = [event.release.id for event in self.events]
        place = order.index(release.id)
        return [embargo for embargo in self.embargoes if embargo.since and order.index(embargo.since) <= place]

    def hidden(self, now: datetime) -> tuple[Embargo, ...]:
        return tuple(embargo for embargo in self.embargoes if embargo.since is None and now < embargo.end)


class NothingYet(Exception):
    """There was no release at that moment; `first` is when the first came."""

    def __init__(self, message: str, first: datetime | None = None) -> None:
        super().__init__(message)
        self.first = first
