"""Runs a Selection on the releases that its reader may see, and gives the observations as a stream of Arrow batches.

Embargoed series are read from the release before, or not at all. The history comes from the change sets.
"""

# ruff: noqa: S608 - only ids that `quote` lets through become part of SQL; values are parameters

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any

import duckdb
import pyarrow as pa

from regional_hub.sdg import changes, points, timeline
from regional_hub.sdg.release import Layout, listed, project, quote
from regional_hub.sdg.selection import Clause, Condition, Filter, Key, Selection, SelectionError, Sort
from regional_hub.sdg.store import Store
from regional_hub.sdg.timeline import Event, Timeline, View

BATCH_ROWS = 10_000
# Columns of an answer with history: what happened, and since and until when it was public (null: it is now).
ACTION, VALID_FROM, VALID_TO = changes.ACTION, "_valid_from", "_valid_to"
Asked = tuple[str, Mapping[str, Any]]  # a query in SQL and its parameters


class Stopped(Exception):
    """Somebody ended the query: what came so far is not all."""


class Answer:
    """Observations as they come. `columns` are the schema's names; `stop()` ends the query from another thread."""

    def __init__(self, view: View, layout: Layout, columns: Sequence[str], asked: Callable[[], Asked]) -> None:
        self.view = view
        self.layout = layout
        self._columns = columns
        self._asked = asked
        self._cursor: duckdb.DuckDBPyConnection | None = None
        self._stopped = False
        self._few: points.Points | None = None

    @cached_property
    def schema(self) -> pa.Schema:
        return pa.schema([pa.field(name, pa.string()) for name in self._columns])

    @property
    def structure(self) -> str:
        return self.view.release.structure

    def within(self, rows: int) -> bool:
        """Whether there are at most so many observations, where that is known without a query."""
        return self._few is not None and self._few.count <= rows

    @property
    def batches(self) -> Iterator[pa.RecordBatch]:
        """Runs the query. To be read once; raises Stopped after `stop()`."""
        if self._few is not None:
            yield from self._few.batches()
            return
        query, values = self._asked()
        self._cursor = cursor = _engine().cursor()
        try:
            for batch in cursor.sql(query, params=dict(values)).to_arrow_reader(BATCH_ROWS):
                if self._stopped:
                    break
                yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)
        except (duckdb.Error, OSError) as error:  # an interrupt while Arrow reads is an OSError
            if not self._stopped:
                raise
            raise Stopped("the query was stopped before its end") from error
        finally:
            cursor.close()
        if self._stopped:
            raise Stopped("the query was stopped before its end")

    def count(self) -> int:
        """How many observations there are, without reading them all."""
        if self._few is not None:
            return self._few.count
        query, values = self._asked()
        cursor = _engine().cursor()
        (row,) = cursor.execute(f"SELECT count(*) FROM ({query})", dict(values)).fetchall()
        cursor.close()
        return int(row[0])

    def summary(self) -> tuple[int, int, list[list[str]]]:
        """How many observations and series there are, and the codes of each part of the key."""
        asked, values = self._asked()
        each = ", ".join(f"coalesce(list(DISTINCT {quote(name)}), [])" for name in self.layout.key)
        query = f"SELECT count(*), count(DISTINCT ({listed(self.layout.dimensions)})), {each} FROM ({asked})"
        cursor = _engine().cursor()
        (row,) = cursor.execute(query, dict(values)).fetchall()
        cursor.close()
        return row[0], row[1], list(row[2:])

    def stop(self) -> None:
        self._stopped = True
        if self._cursor is not None:
            self._cursor.interrupt()


@cache
def _engine() -> duckdb.DuckDBPyConnection:
    """One DuckDB for all queries of this process. It keeps nothing; each query has a cursor of its own."""
    return duckdb.connect(":memory:", config={"memory_limit": "1GB", "autoinstall_known_extensions": "false"})


def run(store: Store, selection: Selection) -> Answer:
    """The answer to a selection, not yet read.

    Raises SelectionError, store.UnknownRelease for a flow without releases, and timeline.NothingYet before the first.
    """
    line = store.timeline(selection.flow)
    view = line.view(store.clock(), selection.as_of)
    layout = view.release.layout
    selection.check(layout)
    past = selection.include_history or selection.updated_after is not None
    columns = selection.columns(layout)
    if past:
        columns = (*columns, ACTION, *([VALID_FROM, VALID_TO] if selection.include_history else []))

    def asked() -> Asked:
        clause = Clause()
        inner = _versions(selection, line, view, clause) if past else _observations(selection, view, clause)
        return _finish(selection, layout, columns, inner, clause, past or len(view.sources) > 1), clause.values

    answer = Answer(view, layout, columns, asked)
    answer._few = points.find(store.points, view, selection)
    return answer


def _observations(selection: Selection, view: View, clause: Clause) -> str:
    """The state that is public, each series from the release that may be seen of it."""
    layout = view.release.layout
    parts = []
    for source in view.sources:
        where = [
            clause.keys(selection.keys, layout),
            clause.filters(selection.filters, layout, source.release.times),
        ]
        if source.only:
            where.append(clause.embargoed(source.only))
        if source.without:
            where.append(f"NOT {clause.embargoed(source.without)}")
        file = clause.put(str(source.release.observations))
        rows = f"SELECT {project(layout.columns, source.release.layout.columns)} FROM read_parquet({file})"
        parts.append(f"SELECT * FROM ({rows}) WHERE {' AND '.join(where)}")
    return " UNION ALL ".join(parts)


def _versions(selection: Selection, line: Timeline, view: View, clause: Clause) -> str:
    """Every version of every observation that was public until the view's moment, from the change sets.

    A version is public from its release on, or from the end of the embargo that held it; of versions that an embargo
    brought to light together, only the last was ever seen.
    """
    layout = view.release.layout
    now = clause.put(timeline.stamp(view.at))
    key = listed(layout.key)
    held = "_at"
    for embargo in (embargo for embargo in line.embargoes if embargo.since):
        since = next(timeline.stamp(event.at) for event in line.events if event.release.id == embargo.since)
        end, begin = clause.put(timeline.stamp(embargo.end)), clause.put(since)
        held = f"greatest({held}, CASE WHEN _at >= {begin} AND {clause.embargoed([embargo])} THEN {end} ELSE _at END)"
    where = [clause.keys(selection.keys, layout), f"NOT {clause.embargoed(line.hidden(view.now))}"]
    first = _first_event(selection, line)
    after = [clause.filters(selection.filters, layout, _times(line)), "_seen"]
    if selection.updated_after:
        after.append(f"{VALID_FROM} > {clause.put(timeline.stamp(selection.updated_after))}")
    else:
        after.append(f"{ACTION} <> '{changes.DELETED}'")
    if not selection.include_history:
        after.append(f"{VALID_TO} IS NULL")
    # What an observation was before the first change that is looked at, its own action tells: an addition had nothing.
    unknown = f"CASE WHEN {ACTION} = '{changes.ADDED}' OR {clause.put(first == 0)} THEN '{changes.DELETED}' END"
    before = f"coalesce(lag({ACTION}) OVER versions, {unknown}, '') = '{changes.DELETED}'"
    events = _events(line.events[first:], view, layout, clause)
    return f"""
        SELECT * FROM (
            SELECT * EXCLUDE ({ACTION}),
                CASE WHEN {ACTION} = '{changes.DELETED}' THEN {ACTION} WHEN {before} THEN '{changes.ADDED}'
                    ELSE '{changes.CHANGED}' END AS {ACTION},
                NOT ({ACTION} = '{changes.DELETED}' AND {before}) AS _seen,
                lead({VALID_FROM}) OVER versions AS {VALID_TO}
            FROM (
                SELECT * FROM (SELECT *, {held} AS {VALID_FROM} FROM ({events})
                    WHERE {" AND ".join(where)})
                WHERE {VALID_FROM} <= {now}
                QUALIFY row_number() OVER (PARTITION BY {key}, {VALID_FROM} ORDER BY _at DESC) = 1)
            WINDOW versions AS (PARTITION BY {key} ORDER BY {VALID_FROM}))
        WHERE {" AND ".join(after)}"""


def _first_event(selection: Selection, line: Timeline) -> int:
    """The first event that matters: what was public before `updated_after` does not, unless it was held till later."""
    if selection.updated_after is None:
        return 0
    if any(embargo.since and embargo.end > selection.updated_after for embargo in line.embargoes):
        return 0
    return sum(event.at <= selection.updated_after for event in line.events)


def _events(events: Sequence[Event], view: View, layout: Layout, clause: Clause) -> str:
    """The changes up to the view's moment with the time of their releases, in the columns of the layout."""
    nothing = f"SELECT {project(layout.columns, ())}, '' AS {ACTION}, '' AS _at WHERE false"
    parts = [nothing]
    for event in events:
        if event.at > view.at:
            break
        at = clause.put(timeline.stamp(event.at))
        there = event.release.layout.columns
        if event.release.changes:
            file, action = clause.put(str(event.release.changes)), ACTION
            there = tuple(event.release.change_columns)
        else:
            file, action = clause.put(str(event.release.observations)), f"'{changes.ADDED}' AS {ACTION}"
        parts.append(f"SELECT {project(layout.columns, there)}, {action}, {at} AS _at FROM read_parquet({file})")
    return " UNION ALL ".join(parts)


def _times(line: Timeline) -> list[str]:
    return sorted({time for event in line.events for time in event.release.times})


def _finish(
    selection: Selection, layout: Layout, columns: Sequence[str], inner: str, clause: Clause, ordered: bool
) -> str:
    """First and last observations of each series, order, and the page asked for. The files are in order already."""
    query = f"SELECT {listed(columns)} FROM ({inner})"
    if selection.first_n is not None or selection.last_n is not None:
        series = f"PARTITION BY {listed(layout.dimensions)}" if layout.dimensions else ""
        time = quote(layout.time) if layout.time else "1"
        ends = [("", selection.first_n), (" DESC", selection.last_n)]
        kept = [
            f"dense_rank() OVER ({series} ORDER BY {time}{direction}) <= {clause.put(number)}"
            for direction, number in ends
            if number is not None
        ]
        query += f" QUALIFY {' OR '.join(kept)}"
        ordered = True
    order = [f"{quote(sort.component)}{' DESC' if sort.descending else ''}" for sort in selection.sort]
    if order or ordered:
        history = [VALID_FROM] if VALID_FROM in columns else []
        query += f" ORDER BY {', '.join([*order, *map(quote, layout.key), *history])}"
    if selection.limit is not None:
        query += f" LIMIT {clause.put(selection.limit)}"
    if selection.offset:
        query += f" OFFSET {clause.put(selection.offset)}"
    return query


__all__ = ["Answer", "Condition", "Filter", "Key", "Selection", "SelectionError", "Sort", "Stopped", "run"]
