"""All flows of the database beside one another: what each is about, its releases, and how much it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from regional_hub.sdg.explorer import areas, holdings
from regional_hub.sdg.explorer.book import Book, open_book
from regional_hub.sdg.explorer.words import Label
from regional_hub.sdg.loading import Room


@dataclass(frozen=True)
class Edition:
    """A publication of a flow. `counts` are observations, series, and what was added, changed and deleted."""

    release: str
    at: datetime
    counts: dict[str, int]


@dataclass(frozen=True)
class Flow:
    """`editions` are newest first."""

    id: str
    title: Label
    series: int
    areas: int
    observations: int
    editions: Sequence[Edition]

    @property
    def newest(self) -> Edition:
        return self.editions[0]


_flows: dict[tuple[str, str], Flow] = {}
KEPT = 64


def of(book: Book) -> Flow:
    """The flow of a book as its newest readers see it; kept until the data change."""
    key = (str(book.store.folder), book.etag)
    if key not in _flows:
        while len(_flows) >= KEPT:
            _flows.pop(next(iter(_flows)), None)
        held = holdings.of(book)
        editions = tuple(Edition(e.release.id, e.at, dict(e.release.counts)) for e in reversed(book.events))
        count = int(held.count.sum())
        _flows[key] = Flow(
            book.flow, areas.title(book), len(held.all_series) if count else 0, len(held.areas), count, editions
        )
    return _flows[key]


def flows(room: Room, language: str) -> list[Flow]:
    """Every flow at its newest release, in the order of their ids."""
    return [of(open_book(room, language, flow)) for flow in room.store.flows()]
