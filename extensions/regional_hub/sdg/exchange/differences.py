"""What a draft would change of what is published: counts, the observations with both values, and whole series.

The candidate of a validated draft has its change set already; here it is only read, and kept small enough to be shown.
"""

# ruff: noqa: S608 - only ids that `quote` lets through become part of SQL; values are parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from regional_hub.sdg import changes, release
from regional_hub.sdg.draft import Draft
from regional_hub.sdg.release import Layout, Release, listed, project, quote

LISTED = 500  # of each kind; the rest is counted
Scope = Mapping[str, Sequence[str]] | None


def report(draft: Draft, scope: Scope = None) -> dict[str, Any] | None:
    """The differences; None while the draft has no candidate, because files contradict one another.

    `scope` is which series the source was asked for, by dimension: those of them that are published and that it did not
    give are `not_given`. With None nobody can tell.
    """
    facts = draft.facts
    if not facts.get("candidate"):
        return None
    folder = draft.folder / facts["candidate"]
    layout = draft.layout
    before = _base(draft, facts.get("base"))
    with release.engine(draft.folder / "spill") as con:
        found: dict[str, Any] = {"base": before.id if before else None}
        found["counts"] = {name: facts["built"]["counts"][name] for name in _ACTIONS}
        found |= _observations(con, folder, layout, before)
        series = str(folder / release.SERIES)
        found["new_series"] = _only(con, layout, series, _series(before), layout, before)
        found["vanished_series"] = _only(con, layout, _series(before), series, layout, before)
        found["not_given"] = _not_given(con, draft, layout, before, scope)
    return found


_ACTIONS = (changes.ADDED, changes.CHANGED, changes.DELETED)


def _base(draft: Draft, identifier: str | None) -> Release | None:
    before = draft.before
    return before if before and before.id == identifier else None


def _series(before: Release | None) -> str:
    return str(before.series) if before else ""


def _observations(
    con: duckdb.DuckDBPyConnection, folder: Path, layout: Layout, before: Release | None
) -> dict[str, list[dict[str, Any]]]:
    """The first LISTED of each action, without what is empty; a first release lists nothing, all of it is new."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in _ACTIONS}
    if before is None:
        return found
    file = str(folder / release.CHANGES)
    both = changes.merged(layout, before.layout)
    for name in _ACTIONS:
        columns = changes.columns(both)[1:]
        query = f"SELECT {listed(columns)} FROM read_parquet($1) WHERE {changes.ACTION} = $2 LIMIT {LISTED}"
        for cells in con.execute(query, [file, name]).fetchall():
            row = dict(zip(columns, cells, strict=True))
            found[name].append({column: value for column, value in row.items() if _differs(column, row)})
    return found


def _differs(column: str, row: Mapping[str, Any]) -> bool:
    """Whether a cell of a change says something: the key, what is there, and old values that are other than the new."""
    if column.startswith("old:"):
        return row[column] is not None and row[column] != row[column.removeprefix("old:")]
    return row[column] is not None


def _only(
    con: duckdb.DuckDBPyConnection, layout: Layout, here: str, there: str, columns: Layout, before: Release | None
) -> dict[str, Any]:
    """Series that one file has and the other has not."""
    if not here or not there:
        count = int(_one(con, "SELECT count(*) FROM read_parquet($1)", [here])) if here else 0
        return {"count": count, "keys": []}
    theirs = before.layout.dimensions if before else columns.dimensions
    names = {here: theirs if here == _series(before) else columns.dimensions}
    names[there] = theirs if there == _series(before) else columns.dimensions
    query = (
        f"SELECT {project(layout.dimensions, names[here])} FROM read_parquet($1)"
        f" EXCEPT SELECT {project(layout.dimensions, names[there])} FROM read_parquet($2)"
    )
    return _keys(con, query, [here, there], layout)


def _not_given(
    con: duckdb.DuckDBPyConnection, draft: Draft, layout: Layout, before: Release | None, scope: Scope
) -> dict[str, Any] | None:
    """Published series within the scope that no file of the draft states."""
    parts = [str(draft.folder / part.file) for part in draft.parts]
    if scope is None or before is None or not parts:
        return None
    known = {name: list(codes) for name, codes in scope.items() if name in before.layout.dimensions}
    where = [f"list_contains(${number}, {quote(name)})" for number, name in enumerate(known, start=3)]
    query = (
        f"SELECT {project(layout.dimensions, before.layout.dimensions)} FROM read_parquet($1)"
        f" WHERE {' AND '.join(where) or 'true'}"
        f" EXCEPT SELECT {', '.join(f'{quote(name)}::VARCHAR' for name in layout.dimensions)} FROM read_parquet($2)"
    )
    return _keys(con, query, [str(before.series), parts, *known.values()], layout)


def _keys(con: duckdb.DuckDBPyConnection, query: str, values: list[Any], layout: Layout) -> dict[str, Any]:
    count = int(_one(con, f"SELECT count(*) FROM ({query})", values))
    rows = con.execute(f"SELECT * FROM ({query}) ORDER BY {listed(layout.dimensions)} LIMIT {LISTED}", values)
    return {"count": count, "keys": [".".join(code or "" for code in row) for row in rows.fetchall()]}


def _one(con: duckdb.DuckDBPyConnection, query: str, values: list[Any]) -> Any:
    (row,) = con.execute(query, values).fetchall()
    return row[0]
