"""Observations as pages show them: each with its quality, its notes, and when it was last changed.

Values are decimals and also the very text that the data have, so that nothing is rounded on the way. What is not a
number is missing, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

import pyarrow as pa

from regional_hub.sdg import changes, periods, query, timeline
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.selection import Key, Selection
from regional_hub.sdg.structure import Structure

Row = Mapping[str, str | None]
SeriesKey = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One observation. `codes` are those of its dimensions by id, in the order of the structure, without the time.

    `position` is where the period begins, as a year with a fraction (NaN for a text that is no period). Texts are
    empty, and numbers None, where the data say nothing; `more` are the other attributes that have a value.
    """

    codes: Mapping[str, str]
    time: str
    position: float
    value: Decimal | None
    text: str
    status: str = ""
    nature: str = ""
    lower: Decimal | None = None
    upper: Decimal | None = None
    unit: str = ""
    multiplier: str = ""
    footnotes: tuple[str, ...] = ()
    source: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def series(self) -> SeriesKey:
        """What makes its series: the codes of all dimensions in order."""
        return tuple(self.codes.values())

    @property
    def key(self) -> tuple[SeriesKey, str]:
        return self.series, self.time


@dataclass(frozen=True, slots=True)
class Changed:
    """When an observation became what it is: the moment, the action, and its value before ("" where it had none)."""

    at: datetime
    action: str
    old: str


def points(book: Book, selection: Selection) -> list[Point]:
    """The observations of a selection in the order of the store: by series, then by time.

    Raises what `query.run` does: SelectionError, UnknownRelease, NothingYet.
    """
    answer = book.run(selection)
    make = Maker(book)
    return [point for batch in answer.batches for point in make.all(batch)]


class Maker:
    """Makes points of the rows of a flow; it knows which component plays which part."""

    def __init__(self, book: Book) -> None:
        self.roles = book.roles
        self.dimensions = [part.id for part in book.structure.dimensions]
        roles = book.roles
        ours = (roles.value, roles.unit, roles.multiplier, roles.status, roles.nature, roles.lower, roles.upper)
        taken = {*ours, roles.source, roles.time, *roles.footnotes, *self.dimensions}
        self.more = [part.id for part in book.structure.components if part.id not in taken]

    def all(self, batch: pa.RecordBatch) -> Iterator[Point]:
        """The points of a batch. Rows of one series, which stand together, share their codes."""
        columns = {name: batch.column(name).to_pylist() for name in batch.schema.names}
        nothing: list[str | None] = [None] * batch.num_rows
        dimensions = [columns.get(name, nothing) for name in self.dimensions]
        used = [name for name, column in columns.items() if name not in self.dimensions and any(column)]
        values = [columns[name] for name in used]
        before: tuple[str | None, ...] | None = None
        codes: dict[str, str] = {}
        for row in range(batch.num_rows):
            key = tuple(column[row] for column in dimensions)
            if key != before:
                before, codes = key, {name: code or "" for name, code in zip(self.dimensions, key, strict=True)}
            yield self.point(codes, {name: column[row] for name, column in zip(used, values, strict=True)})

    def __call__(self, row: Row) -> Point:
        return self.point({name: row.get(name) or "" for name in self.dimensions}, row)

    def point(self, codes: Mapping[str, str], row: Row) -> Point:
        """One point of the codes of its series and the row's other values."""
        roles = self.roles

        def said(component: str | None) -> str:
            return (row.get(component) or "") if component else ""

        time, text = said(roles.time), said(roles.value)
        return Point(
            codes=codes,
            time=time,
            position=position(time),
            value=number(text),
            text=text,
            status=said(roles.status),
            nature=said(roles.nature),
            lower=number(said(roles.lower)),
            upper=number(said(roles.upper)),
            unit=said(roles.unit),
            multiplier=said(roles.multiplier),
            footnotes=tuple(note for name in roles.footnotes if (note := said(name)) and note != time),
            source=said(roles.source),
            more={name: said(name) for name in self.more if row.get(name)},
        )


def latest(found: Iterable[Point]) -> dict[SeriesKey, Point]:
    """The newest point that has a value, of each series."""
    newest: dict[SeriesKey, Point] = {}
    for point in found:
        there = newest.get(point.series)
        if point.value is not None and (there is None or point.position >= there.position):
            newest[point.series] = point
    return newest


def number(text: str) -> Decimal | None:
    """A number, or None for a text that is none or not finite (SDMX writes a missing one as NaN)."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


@lru_cache(maxsize=10_000)
def position(period: str) -> float:
    """Where a period begins, in years: 2015 is 2015.0, 2015-Q2 about 2015.25. NaN for what is no period."""
    try:
        start = periods.span(period)[0]
    except periods.PeriodError:
        return float("nan")
    first = datetime(start.year, 1, 1, tzinfo=UTC)
    days = 366 if start.year % 4 == 0 and (start.year % 100 or start.year % 400 == 0) else 365
    return start.year + (start - first).total_seconds() / (days * 86_400)


def last_changed(book: Book, keys: Sequence[Key]) -> Mapping[tuple[SeriesKey, str], Changed]:
    """When each observation of these keys was last changed, and what its value was before; by `Point.key`.

    It reads the change sets of all releases up to the book's moment, which takes some tens of milliseconds.
    """
    asked = (str(book.store.folder), book.view.etag, book.pinned, tuple(keys))
    kept = _KEPT.get(asked)
    if kept is None:
        kept = _read_changes(book, keys)
        if len(kept) <= KEEP_POINTS:
            while len(_KEPT) >= KEEP:
                _KEPT.pop(next(iter(_KEPT)), None)
            _KEPT[asked] = kept
    return kept


# Answers are kept for the view that they were read from: another view has another tag.
KEEP, KEEP_POINTS = 64, 5_000
_KEPT: dict[tuple[object, ...], Mapping[tuple[SeriesKey, str], Changed]] = {}


def _read_changes(book: Book, keys: Sequence[Key]) -> Mapping[tuple[SeriesKey, str], Changed]:
    structure: Structure = book.structure
    value, time = book.roles.value, book.roles.time
    dimensions = [part.id for part in structure.dimensions]
    moment = book.view.at if book.pinned else None
    asked = Selection(book.flow, tuple(keys), as_of=moment, include_history=True, measures=(value,), attributes=())
    found: dict[tuple[SeriesKey, str], Changed] = {}
    before: dict[tuple[SeriesKey, str], str] = {}
    # Versions of an observation come one after the other, the oldest first.
    for batch in book.run(asked).batches:
        for row in batch.to_pylist():
            key = (tuple(row[name] or "" for name in dimensions), (row[time] or "") if time else "")
            action = row[query.ACTION]
            old = before.get(key, "") if action == changes.CHANGED else ""
            if row[query.VALID_TO] is None:
                found[key] = Changed(timeline.moment(row[query.VALID_FROM]), action, old)
            before[key] = row[value] or ""
    return found
