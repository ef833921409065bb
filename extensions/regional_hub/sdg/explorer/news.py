"""What changed with each release: added, revised and withdrawn observations, as far as their readers may know of them.

A change becomes public with its release, or when the embargo that held it ends; so a release may have several
*occasions* at which something of it came to light. What an embargo hides is in no count, list, feed or letter.
"""

# ruff: noqa: S608 - only ids that `quote` lets through become part of SQL; values are parameters

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import duckdb
import pyarrow as pa

from regional_hub.sdg import changes, timeline
from regional_hub.sdg.explorer.points import number
from regional_hub.sdg.release import Layout, Release, listed, project, quote
from regional_hub.sdg.selection import Clause
from regional_hub.sdg.store import Store
from regional_hub.sdg.timeline import Embargo, Event, Timeline

# A value that differs is revised; where only notes, status or other attributes differ, it is annotated.
ADDED, REVISED, ANNOTATED, WITHDRAWN = "added", "revised", "annotated", "withdrawn"
KINDS = (ADDED, REVISED, ANNOTATED, WITHDRAWN)
RELEASED, UNSEALED = "release", "embargo"
_KIND, _SEEN, _OLD = "_kind", "_seen", "old:"


@dataclass(frozen=True)
class Counts:
    """How many observations changed, by kind."""

    added: int = 0
    revised: int = 0
    annotated: int = 0
    withdrawn: int = 0

    @property
    def total(self) -> int:
        return self.added + self.revised + self.annotated + self.withdrawn

    def of(self, kind: str) -> int:
        return int(getattr(self, kind))


@dataclass(frozen=True)
class Choice:
    """Which changes: of these series (None: all), of an area, of these kinds, and of one occasion only."""

    series: tuple[str, ...] | None = None
    area: str = ""
    kinds: tuple[str, ...] = KINDS
    at: datetime | None = None


EVERYTHING = Choice()


@dataclass(frozen=True)
class Occasion:
    """Something came to light: a release, or what an embargo had held back of it. `id` never changes."""

    event: Event
    at: datetime
    kind: str

    @property
    def release(self) -> Release:
        return self.event.release

    @property
    def id(self) -> str:
        return self.release.id if self.kind == RELEASED else f"{self.release.id}@{timeline.stamp(self.at)}"

    @property
    def rollback_of(self) -> str | None:
        return self.release.manifest.get("rollback_of")


@dataclass(frozen=True)
class Row:
    """One observation that changed. `codes` are its dimensions by id; `notes` are (component, before, after)."""

    kind: str
    codes: Mapping[str, str]
    time: str
    old: str
    new: str
    notes: tuple[tuple[str, str, str], ...] = ()

    @property
    def difference(self) -> Decimal | None:
        """New less old, exact; None where one of them is no number."""
        before, after = number(self.old), number(self.new)
        return None if before is None or after is None else after - before


def occasions(line: Timeline, now: datetime) -> list[Occasion]:
    """What came to light in a flow until now, newest first."""
    found = []
    for event in line.events:
        found.append(Occasion(event, event.at, RELEASED))
        ends = {embargo.end for embargo in line.held(event.release)}
        found += [Occasion(event, end, UNSEALED) for end in ends if event.at < end <= now]
    return sorted(found, key=lambda occasion: (occasion.at, occasion.event.at), reverse=True)


def all_occasions(store: Store, flows: Sequence[str] = ()) -> list[Occasion]:
    """Those of several flows (all when none is named), newest first. Raises store.UnknownRelease."""
    now = store.clock()
    lines = [store.timeline(flow) for flow in flows or store.flows()]
    found = [occasion for line in lines for occasion in occasions(line, now)]
    return sorted(found, key=lambda occasion: (occasion.at, occasion.event.at), reverse=True)


@dataclass(frozen=True)
class News:
    """The changes of one release that are public at a moment. Two with one `tag` say the same."""

    event: Event
    now: datetime
    held: tuple[Embargo, ...]
    hidden: tuple[Embargo, ...]

    @property
    def release(self) -> Release:
        return self.event.release

    @property
    def tag(self) -> tuple[Any, ...]:
        lights = tuple((embargo.id, timeline.stamp(embargo.end), embargo.end <= self.now) for embargo in self.held)
        return (str(self.release.folder), lights, tuple(embargo.id for embargo in self.hidden))

    @property
    def layout(self) -> Layout:
        return self.release.layout

    @property
    def value(self) -> str:
        return self.layout.primary or self.layout.values[0]

    def counts(self, choice: Choice = EVERYTHING) -> Counts:
        return _counts(_Kept(self.tag, choice, "", self)).get("", Counts())

    def by(self, component: str, choice: Choice = EVERYTHING) -> dict[str, Counts]:
        """Counts by the codes of a dimension, in the order of the codes."""
        return dict(_counts(_Kept(self.tag, choice, component, self)))

    def rows(self, choice: Choice = EVERYTHING, *, first: Sequence[str] = (), offset: int = 0, limit: int) -> list[Row]:
        """A page of changes, ordered by the dimensions `first`, then by all dimensions and the time."""
        clause = Clause()
        query = f"{self._query(choice, clause)} ORDER BY {self._order(first)}"
        query += f" LIMIT {clause.put(limit)} OFFSET {clause.put(offset)}"
        with _engine().cursor() as cursor:
            batches = list(cursor.sql(query, params=clause.values).to_arrow_reader(1_000))
        return [self._row(row) for batch in batches for row in batch.to_pylist()]

    def batches(self, choice: Choice = EVERYTHING) -> Iterator[pa.RecordBatch]:
        """All of them in the columns of `columns`, in order; read as they are asked for."""
        clause = Clause()
        query = f"SELECT {', '.join(map(_quote, self.columns))} FROM ({self._query(choice, clause)})"
        with _engine().cursor() as cursor:
            yield from cursor.sql(f"{query} ORDER BY {self._order(())}", params=clause.values).to_arrow_reader(10_000)

    @property
    def columns(self) -> tuple[str, ...]:
        """Kind, key, then each value before and after."""
        pairs = [column for name in self._compared for column in (_OLD + name, name)]
        return (_KIND, *self._key, *pairs)

    @property
    def _there(self) -> Sequence[str]:
        return self.release.change_columns if self.release.changes else self.layout.columns

    @property
    def _key(self) -> tuple[str, ...]:
        return tuple(name for name in self.layout.key if name in self._there)

    @property
    def _compared(self) -> tuple[str, ...]:
        return (self.value, *(name for name in self._there if name not in (*self._key, self.value)))

    def _order(self, first: Sequence[str]) -> str:
        return listed(tuple(dict.fromkeys((*first, *self._key))))

    def _query(self, choice: Choice, clause: Clause) -> str:
        """SQL of the visible changes that are chosen."""
        layout, value = self.layout, quote(self.value)
        if self.release.changes:
            old = quote(_OLD + self.value)
            kind = (
                f"CASE {changes.ACTION} WHEN '{changes.ADDED}' THEN '{ADDED}' WHEN '{changes.DELETED}'"
                f" THEN '{WITHDRAWN}' ELSE CASE WHEN {value} IS DISTINCT FROM {old} THEN '{REVISED}'"
                f" ELSE '{ANNOTATED}' END END"
            )
            source = f"SELECT *, {kind} AS {_KIND} FROM read_parquet({clause.put(str(self.release.changes))})"
        else:
            nothing = ", ".join(f"NULL::VARCHAR AS {_quote(_OLD + name)}" for name in layout.values)
            file = clause.put(str(self.release.observations))
            columns = project(layout.columns, layout.columns)
            source = f"SELECT {columns}, {nothing}, '{ADDED}' AS {_KIND} FROM read_parquet({file})"
        seen = clause.put(timeline.stamp(self.event.at))
        for embargo in self.held:
            end = clause.put(timeline.stamp(embargo.end))
            seen = f"greatest({seen}, CASE WHEN {clause.embargoed([embargo])} THEN {end} ELSE '' END)"
        where = [f"{_SEEN} <= {clause.put(timeline.stamp(self.now))}", *self._where(choice, clause)]
        return f"SELECT * FROM (SELECT *, {seen} AS {_SEEN} FROM ({source})) WHERE {' AND '.join(where)}"

    def _where(self, choice: Choice, clause: Clause) -> Iterator[str]:
        if self.hidden:
            yield f"NOT {clause.embargoed(self.hidden)}"
        if choice.series is not None:
            yield clause.among(series_of(self.layout), choice.series)
        if choice.area:
            yield clause.among(area_of(self.layout), (choice.area,))
        if set(choice.kinds) != set(KINDS):
            yield f"list_contains({clause.put(list(choice.kinds))}, {_KIND})"
        if choice.at is not None:
            yield f"{_SEEN} = {clause.put(timeline.stamp(choice.at))}"

    def _row(self, row: Mapping[str, Any]) -> Row:
        kind, value, time = row[_KIND], self.value, self.layout.time
        notes: tuple[tuple[str, str, str], ...] = ()
        if kind in (REVISED, ANNOTATED):
            pairs = ((name, row.get(_OLD + name) or "", row.get(name) or "") for name in self._compared[1:])
            notes = tuple((name, old, new) for name, old, new in pairs if old != new)
        codes = {name: row[name] or "" for name in self.layout.dimensions if name in row}
        period = (row.get(time) or "") if time else ""
        return Row(kind, codes, period, row.get(_OLD + value) or "", row.get(value) or "", notes)


def series_of(layout: Layout) -> str:
    """The dimension that names the series."""
    return _first(layout, "SERIES", "INDICATOR")


def area_of(layout: Layout) -> str:
    return _first(layout, "REF_AREA", "GEO", "AREA")


def _first(layout: Layout, *names: str) -> str:
    return next((name for name in names if name in layout.dimensions), layout.dimensions[0])


def news(store: Store, release: Release) -> News:
    """The changes of a published release as they are public now."""
    line, now = store.timeline(release.flow), store.clock()
    event = next(event for event in line.events if event.release.id == release.id)
    held = tuple(embargo for embargo in line.held(release) if embargo.end > event.at)
    return News(event, max(now, event.at), held, line.hidden(now))


@dataclass(frozen=True)
class _Kept:
    """What counts are kept by: they change only with the tag."""

    tag: tuple[Any, ...]
    choice: Choice
    component: str
    news: Any

    def __hash__(self) -> int:
        return hash((self.tag, self.choice, self.component))

    def __eq__(self, other: object) -> bool:
        mine = (self.tag, self.choice, self.component)
        return isinstance(other, _Kept) and mine == (other.tag, other.choice, other.component)


@lru_cache(maxsize=512)
def _counts(asked: _Kept) -> Mapping[str, Counts]:
    clause = Clause()
    inner = asked.news._query(asked.choice, clause)
    group = quote(asked.component) if asked.component else "''"
    query = f"SELECT {group} AS code, {_KIND}, count(*) FROM ({inner}) GROUP BY ALL ORDER BY code"
    with _engine().cursor() as cursor:
        counted = cursor.execute(query, clause.values).fetchall()
    found: dict[str, dict[str, int]] = {}
    for code, kind, count in counted:
        found.setdefault(code or "", {})[kind] = count
    return {code: Counts(**kinds) for code, kinds in found.items()}


def _quote(column: str) -> str:
    return column if column == _KIND else quote(column)


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One DuckDB for all questions of this process; each has a cursor of its own."""
    return duckdb.connect(":memory:", config={"memory_limit": "512MB", "autoinstall_known_extensions": "false"})
