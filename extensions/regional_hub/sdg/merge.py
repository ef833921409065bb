"""The state that a draft leads to: its rows applied, in the order of files and lines, to the release it starts from.

Actions are those of SDMX 3.x (section 6, "Dataset action"): I and R state a whole observation; A and M state only the
values that they give; D without values deletes the observation, with values only these; a dimension that D leaves empty
means all of its codes.
"""


# ruff: noqa: S608 - only ids that `quote` lets through become part of SQL; values are parameters

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from regional_hub.sdg.release import Layout, Release, listed, project, quote

FILE, LINE, ACTION, SEQ = "_file", "_line", "_action", "_seq"
ACTIONS = frozenset("IARMD")
HASH = "_hash"


class IncompleteKey(Exception):
    """Observations lack a dimension."""


@dataclass(frozen=True)
class Statement:
    """What one place in a file says of an observation."""

    file: str
    line: int | None
    value: str | None


@dataclass(frozen=True)
class Conflict:
    """Places in a draft that give one observation different values."""

    key: Mapping[str, str | None]
    statements: tuple[Statement, ...]


def staged_schema(layout: Layout) -> pa.Schema:
    """The columns of a staged file: those of the layout, where each row comes from, and its place in the order."""
    text = pa.dictionary(pa.int32(), pa.string())
    fields = [pa.field(name, pa.string() if name in layout.measures else text) for name in layout.columns]
    origin = [pa.field(FILE, text), pa.field(LINE, pa.int64()), pa.field(ACTION, text), pa.field(SEQ, pa.int64())]
    return pa.schema([*fields, *origin])


def open_staged(con: duckdb.DuckDBPyConnection, parts: list[Path], layout: Layout, base: Release | None) -> None:
    """Views `staged` (the rows of the files) and `base` (the release below them)."""
    if parts:
        con.read_parquet([str(path) for path in parts]).create_view("staged")
    else:
        con.from_arrow(staged_schema(layout).empty_table()).create_view("staged")
    if base:
        con.read_parquet(str(base.observations)).create_view("base_file")
        con.execute(f"CREATE TEMP VIEW base AS SELECT {project(layout.columns, base.layout.columns)} FROM base_file")
    else:
        con.from_arrow(staged_schema(layout).empty_table().select(list(layout.columns))).create_view("base")


def conflicts(con: duckdb.DuckDBPyConnection, layout: Layout) -> Iterator[Conflict]:
    """Observations that `staged` states with different values; 2.0 and 2 are the same value."""
    if not layout.primary:
        return
    key, value = listed(layout.key), quote(layout.primary)
    stating = f"({ACTION} IN ('I', 'R') OR ({ACTION} IN ('A', 'M') AND {value} IS NOT NULL))"
    # First by hash, which is quick and leaves few: one value each cannot contradict itself.
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE suspects AS SELECT hash({key}) AS {HASH} FROM staged WHERE {stating}"
        f" GROUP BY ALL HAVING min(coalesce({value}, '')) <> max(coalesce({value}, ''))"
    )
    found = con.execute(
        f"SELECT {key}, list({{'file': {FILE}, 'line': {LINE}, 'value': {value}}} ORDER BY {SEQ})"
        f" FROM (SELECT *, hash({key}) AS {HASH} FROM staged WHERE {stating}) SEMI JOIN suspects USING ({HASH})"
        f" GROUP BY {key} HAVING count(DISTINCT coalesce({value}, '')) > 1 ORDER BY {key}"
    )
    while rows := found.fetchmany(1000):
        for *codes, places in rows:
            if len({_number(place["value"]) for place in places}) > 1:
                yield Conflict(dict(zip(layout.key, codes, strict=True)), tuple(Statement(**place) for place in places))


def _number(value: str | None) -> Decimal | str | None:
    try:
        return Decimal(value) if value is not None else None
    except InvalidOperation:
        return value


def resolve(con: duckdb.DuckDBPyConnection, layout: Layout, decided: list[tuple[Mapping[str, Any], Statement]]) -> str:
    """Make the table `state` out of `staged` and `base`, and return its name.

    `decided` names, per key in conflict, the statement that holds. Raises IncompleteKey.
    """
    _refuse_incomplete(con, layout)
    key = listed(layout.key)
    rest = f"{listed(layout.values)}, {ACTION}, {SEQ}"
    con.execute(f"CREATE TEMP TABLE stated AS SELECT {key}, {rest}, {FILE}, {LINE} FROM staged WHERE false")
    con.execute(f"INSERT INTO stated SELECT {key}, {rest}, {FILE}, {LINE} FROM staged WHERE NOT ({_wild(layout)})")
    for codes, statement in decided:
        _hold(con, layout, codes, statement)
    con.execute(f"INSERT INTO stated BY NAME SELECT {listed(layout.columns)}, 'R' AS {ACTION}, -1 AS {SEQ} FROM base")
    _spread_deletes(con, layout)
    con.execute(f"CREATE TEMP VIEW hashed AS SELECT *, hash({key}) AS {HASH} FROM stated")
    con.execute(f"CREATE TEMP TABLE many AS SELECT {HASH} FROM hashed GROUP BY ALL HAVING count(*) > 1")
    con.execute(
        f"CREATE TEMP TABLE state AS SELECT {listed(layout.columns)} FROM hashed ANTI JOIN many USING ({HASH})"
        f" WHERE {ACTION} <> 'D' UNION ALL SELECT {listed(layout.columns)} FROM ({_replayed(layout)})"
    )
    for kind, name in (("VIEW", "hashed"), ("TABLE", "stated"), ("TABLE", "many")):
        con.execute(f"DROP {kind} {name}")
    return "state"


def _refuse_incomplete(con: duckdb.DuckDBPyConnection, layout: Layout) -> None:
    empty = " OR ".join(f"{quote(name)} IS NULL" for name in layout.key)
    some = con.execute(
        f"SELECT {FILE}, {LINE}, {listed(layout.key)} FROM staged WHERE {ACTION} <> 'D' AND ({empty}) LIMIT 5"
    ).fetchall()
    if some:
        places = "; ".join(
            f"{file}, line {line}: no " + ", ".join(n for n, c in zip(layout.key, codes, strict=True) if c is None)
            for file, line, *codes in some
        )
        raise IncompleteKey(f"observations without a full key: {places}")


def _wild(layout: Layout) -> str:
    """Deletions that name no single observation."""
    return f"{ACTION} = 'D' AND (" + " OR ".join(f"{quote(name)} IS NULL" for name in layout.key) + ")"


def _hold(con: duckdb.DuckDBPyConnection, layout: Layout, codes: Mapping[str, Any], statement: Statement) -> None:
    """Drop the other values that the files state for this key."""
    here = " AND ".join(f"{quote(name)} IS NOT DISTINCT FROM ?" for name in layout.key)
    value = quote(layout.primary or layout.measures[0])
    con.execute(
        f"DELETE FROM stated WHERE {here} AND {ACTION} <> 'D' AND {value} IS DISTINCT FROM ?",
        [*(codes[name] for name in layout.key), statement.value],
    )


def _spread_deletes(con: duckdb.DuckDBPyConnection, layout: Layout) -> None:
    """Turn deletions with empty dimensions into one deletion per observation that they meet."""
    if not con.execute(f"SELECT 1 FROM staged WHERE {_wild(layout)} LIMIT 1").fetchone():
        return
    meets = " AND ".join(f"(d.{q} IS NULL OR d.{q} = s.{q})" for q in map(quote, layout.key))
    con.execute(
        f"INSERT INTO stated BY NAME SELECT DISTINCT {listed(layout.key, 's.')}, {listed(layout.values, 'd.')},"
        f" d.{ACTION}, d.{SEQ} FROM (SELECT * FROM staged WHERE {_wild(layout)}) d"
        f" JOIN (SELECT * FROM stated WHERE {ACTION} <> 'D') s ON s.{SEQ} < d.{SEQ} AND {meets}"
    )


def _replayed(layout: Layout) -> str:
    """The SQL that replays the rows of every key in `many` from its last whole statement or deletion on."""
    key = listed(layout.key)
    whole = f"({ACTION} = 'D' AND " + " AND ".join(f"{quote(name)} IS NULL" for name in layout.values) + ")"
    values = ", ".join(
        f"arg_max_null(CASE WHEN {ACTION} = 'D' THEN NULL ELSE {q} END, {SEQ})"
        f" FILTER (WHERE {SEQ} = _reset OR {q} IS NOT NULL) AS {q}"
        for q in map(quote, layout.values)
    )
    return f"""
        SELECT {key}, {values} FROM (
            SELECT *, max({SEQ}) FILTER (WHERE {ACTION} IN ('I', 'R') OR {whole}) OVER (PARTITION BY {key})
                AS _reset
            FROM hashed SEMI JOIN many USING ({HASH}))
        WHERE _reset IS NULL OR {SEQ} >= _reset
        GROUP BY {key} HAVING bool_or({ACTION} <> 'D')"""
