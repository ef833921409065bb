"""Rows of a draft where they stand: one with its neighbours as it was read, and the lines of the file that came in.

It only reads; what is wrong with a row the report says.
"""

# ruff: noqa: S608 - only ids that `quote` lets through become part of SQL; values are parameters

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from regional_hub.sdg.draft import Draft, Part
from regional_hub.sdg.merge import ACTION, FILE, LINE, SEQ
from regional_hub.sdg.release import quote

AROUND = 4  # rows or lines before and after
LONGEST = 4000  # characters of a line that are shown
BLOCK = 1 << 20


@dataclass(frozen=True)
class Row:
    """A row as it was read: its line (None where the layout has none), what it is for, and its components."""

    file: str
    line: int | None
    action: str
    values: Mapping[str, str | None]
    here: bool = False


@dataclass(frozen=True)
class Line:
    """A line of a file as it came in; `cut` says that it goes on."""

    number: int
    text: str
    cut: bool
    here: bool


class NoRow(LookupError):
    """There is no such row in the draft."""


def part_of(draft: Draft, file: str) -> Part:
    """The part of a draft by the name of its file. Raises NoRow naming those that there are."""
    found = next((part for part in draft.parts if part.name == file), None)
    if found is None:
        there = ", ".join(part.name for part in draft.parts[:5]) or "none"
        raise NoRow(f"no file {file!r} in this draft; there are: {there}")
    return found


def around(draft: Draft, file: str, *, line: int | None = None, key: str = "") -> list[Row]:
    """The rows of a line (or of a key as findings write it), with their neighbours in the order of the file.

    Raises NoRow.
    """
    part = part_of(draft, file)
    layout = draft.layout
    with _engine(draft, [part]) as con:
        if line:
            where, values = f"{LINE} = $line", {"line": line}
        else:
            joined = " || '.' || ".join(f"coalesce({quote(name)}, '')" for name in layout.key)
            where, values = f"{joined} = $key", {"key": key}  # type: ignore[dict-item]
        found = con.execute(f"SELECT min({SEQ}), max({SEQ}) FROM staged WHERE {where}", values).fetchall()
        first, last = found[0]
        if first is None:
            raise NoRow(f"{file}: no observation " + (f"begins at line {line}" if line else f"has the key {key}"))
        last = min(last, first + AROUND)  # rows of one line stand together; the same key may come far below
        shown = con.execute(
            f"SELECT {FILE}, {LINE}, {ACTION}, {SEQ}, {', '.join(map(quote, layout.columns))} FROM staged"
            f" WHERE {SEQ} BETWEEN $first AND $last ORDER BY {SEQ}",
            {"first": first - AROUND, "last": last + AROUND},
        )
        return [
            Row(name, number, action, dict(zip(layout.columns, cells, strict=True)), first <= place <= last)
            for name, number, action, place, *cells in shown.fetchall()
        ]


def stating(draft: Draft, key: Mapping[str, str | None]) -> list[Row]:
    """Every row of the draft that states something of an observation, in the order of the files."""
    layout = draft.layout
    same = " AND ".join(f"{quote(name)} IS NOT DISTINCT FROM ?" for name in layout.key)
    columns = ", ".join(map(quote, layout.columns))
    with _engine(draft, draft.parts) as con:
        found = con.execute(
            f"SELECT {FILE}, {LINE}, {ACTION}, {columns} FROM staged WHERE {same} ORDER BY {SEQ}",
            [key[name] for name in layout.key],
        )
        return [Row(f, n, a, dict(zip(layout.columns, cells, strict=True))) for f, n, a, *cells in found.fetchall()]


def _engine(draft: Draft, parts: Sequence[Part]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(":memory:", config={"memory_limit": "512MB", "autoinstall_known_extensions": "false"})
    con.read_parquet([str(draft.folder / part.file) for part in parts]).create_view("staged")
    return con


def lines(path: Path, number: int) -> list[Line]:
    """A line of a text file (1-based) with its neighbours; nothing for a workbook, whose bytes tell people nothing."""
    first, last = max(1, number - AROUND), number + AROUND
    found = []
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith(b"PK\x03\x04"):
            return []
        encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    with path.open("r", encoding=encoding, errors="replace", newline="") as text:
        count, rest = 1, False
        while piece := text.readline(LONGEST):
            if first <= count <= last and not rest:
                whole = piece.endswith(("\n", "\r"))
                found.append(Line(count, piece.rstrip("\r\n"), not whole and len(piece) == LONGEST, count == number))
            rest = not piece.endswith(("\n", "\r"))
            count += not rest
            if count > last:
                break
    return found
