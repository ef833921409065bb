"""What differs between two releases: added, changed and deleted observations, with the values before and after.

A change has `_action` (added, changed, deleted), the key, the new values, and the old ones in columns `old:<ID>`.
"""


# ruff: noqa: S608 - only ids that `quote` lets through become part of SQL; values are parameters

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from regional_hub.sdg.release import Layout, Release, listed, project, quote

ADDED, CHANGED, DELETED = "added", "changed", "deleted"
ACTION = "_action"


@dataclass(frozen=True)
class Change:
    """One observation that differs; `old` and `new` are its values by component, None where there is no observation."""

    action: str
    key: dict[str, str | None]
    old: dict[str, str | None] | None
    new: dict[str, str | None] | None


def merged(after: Layout, before: Layout) -> Layout:
    """The layout that has the columns of both: those of `after` first."""

    def joined(ours: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
        return (*ours, *(name for name in theirs if name not in after.columns))

    return Layout(
        joined(after.dimensions, before.dimensions),
        after.time or before.time,
        joined(after.measures, before.measures),
        joined(after.attributes, before.attributes),
    )


def columns(layout: Layout) -> tuple[str, ...]:
    """The columns of a change set in order."""
    return (ACTION, *layout.key, *layout.values, *(f"old:{name}" for name in layout.values))


def query(layout: Layout, after: Layout, before: Layout) -> str:
    """The SQL of a change set from the files `$after` to `$before`; rows alike in both leave early, by their hash."""
    row = f"hash({listed(layout.columns)})"
    sides = f"""
        a AS (SELECT *, {row} AS _h FROM (SELECT {project(layout.columns, after.columns)} FROM read_parquet($after))),
        b AS (SELECT *, {row} AS _h FROM (SELECT {project(layout.columns, before.columns)} FROM read_parquet($before))),
        new AS (SELECT * FROM a ANTI JOIN b USING (_h)),
        old AS (SELECT * FROM b ANTI JOIN a USING (_h))"""
    same = " AND ".join(f"new.{quote(name)} IS NOT DISTINCT FROM old.{quote(name)}" for name in layout.key)
    key = ", ".join(f"CASE WHEN new._h IS NULL THEN old.{q} ELSE new.{q} END AS {q}" for q in map(quote, layout.key))
    was = ", ".join(f"old.{quote(name)} AS {quote(f'old:{name}')}" for name in layout.values)
    return f"""
        WITH {sides}
        SELECT CASE WHEN old._h IS NULL THEN '{ADDED}' WHEN new._h IS NULL THEN '{DELETED}' ELSE '{CHANGED}' END
            AS {ACTION}, {key}, {listed(layout.values, "new.")}, {was}
        FROM new FULL JOIN old ON {same}
        ORDER BY {listed(layout.key)}"""


def write(con: duckdb.DuckDBPyConnection, before: Release, after: Path, layout: Layout, out: Path) -> dict[str, int]:
    """Write the change set from a release to a file of observations; returns how many of each action."""
    both = merged(layout, before.layout)
    con.execute(
        f"COPY ({query(both, layout, before.layout)}) TO $out (FORMAT parquet, COMPRESSION zstd)",
        {"after": str(after), "before": str(before.observations), "out": str(out)},
    )
    counted = con.execute(f"SELECT {ACTION}, count(*) FROM read_parquet($1) GROUP BY ALL", [str(out)])
    return {ADDED: 0, CHANGED: 0, DELETED: 0, **dict(counted.fetchall())}


def diff(con: duckdb.DuckDBPyConnection, before: Release, after: Release) -> Iterator[pa.RecordBatch]:
    """The change set between any two releases of a flow, as Arrow in the columns of `columns`."""
    both = merged(after.layout, before.layout)
    files = {"after": str(after.observations), "before": str(before.observations)}
    yield from con.sql(query(both, after.layout, before.layout), params=files).to_arrow_reader(10_000)


def rows(batches: Iterator[pa.RecordBatch], layout: Layout) -> Iterator[Change]:
    """Change sets as objects, for people and tests; `layout` is that of the change set."""
    for batch in batches:
        for row in batch.to_pylist():
            action = row[ACTION]
            yield Change(
                action,
                {name: row[name] for name in layout.key},
                None if action == ADDED else {name: row[f"old:{name}"] for name in layout.values},
                None if action == DELETED else {name: row[name] for name in layout.values},
            )
