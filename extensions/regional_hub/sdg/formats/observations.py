"""Rows of a file as Arrow batches: one column of text per component of the structure, in its order.

Three columns say where a row came from and what it is for: `_file`, `_line` (1-based; null where the layout has no
lines) and `_action` (I, A, R, M, D). Values stay the text of the file; an empty or "NaN" measure is null.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Set
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from regional_hub.sdg.formats import Batch, FormatError, Message
from regional_hub.sdg.structure import Structure

FILE, LINE, ACTION = "_file", "_line", "_action"
MISSING = pa.array(["", "NaN", "nan", "NAN"])

Opener = Callable[[BinaryIO, str, Structure | None], Message]


def schema(structure: Structure) -> pa.Schema:
    """The columns of observations that were read and not yet stored."""
    fields = [pa.field(component.id, pa.string()) for component in structure.components]
    return pa.schema([*fields, (FILE, pa.string()), (LINE, pa.int64()), (ACTION, pa.string())])


def read(opener: Opener, source: Path | BinaryIO, structure: Structure, name: str = "") -> Iterator[pa.RecordBatch]:
    """What a format's `read` does, by its `message`."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield from read(opener, file, structure, name or str(source))
    else:
        called = name or "the message"
        yield from batches(opener(source, called, structure).batches, structure, called)


def batches(found: Iterable[Batch], structure: Structure, name: str) -> Iterator[pa.RecordBatch]:
    """Rows as Arrow batches. Raises FormatError for a component that the structure does not have, naming its line."""
    columns = schema(structure)
    known = frozenset(structure.by_id)
    measures = frozenset(component.id for component in structure.measures)
    for batch in found:
        if not batch.lines:
            continue
        used = batch.columns.keys() if batch.columns is not None else set().union(*batch.rows)
        if not used <= known:
            raise _unknown(batch, known, structure, name)
        arrays = [_column(batch, id, used, id in measures) for id in structure.by_id]
        count = len(batch.lines)
        actions = [batch.action] * count if isinstance(batch.action, str) else batch.action
        arrays += [
            pa.array([name] * count, pa.string()),
            pa.array([line or None for line in batch.lines], pa.int64()),
            pa.array(actions, pa.string()),
        ]
        yield pa.record_batch(arrays, schema=columns)


def _column(batch: Batch, id: str, used: Set[str], measure: bool) -> pa.Array:
    if id not in used:
        return pa.nulls(len(batch.lines), pa.string())
    if batch.columns is not None:
        array = pa.array(batch.columns[id], pa.string())
    else:
        array = pa.array([row.get(id) for row in batch.rows], pa.string())
    missing = pc.is_in(array, MISSING) if measure else pc.equal(array, "")
    return pc.if_else(missing, pa.scalar(None, pa.string()), array)


def _unknown(batch: Batch, known: Set[str], structure: Structure, name: str) -> FormatError:
    if batch.columns is not None:
        return unknown_component(next(id for id in batch.columns if id not in known), structure, name, 1)
    for row, line in zip(batch.rows, batch.lines, strict=True):
        if not row.keys() <= known:
            return unknown_component(next(id for id in row if id not in known), structure, name, line)
    raise AssertionError("every component is known")


def unknown_component(id: str, structure: Structure, name: str, line: int | None) -> FormatError:
    """The error for a column or attribute that the structure does not have, with the nearest that it has."""
    near = difflib.get_close_matches(id, structure.by_id, 1)
    hint = f"; is {near[0]} meant?" if near else f"; it has {', '.join(structure.by_id)}"
    place = f"{name}, line {line}" if line else name
    return FormatError(f"{place}: {structure.short} has no component {id!r}{hint}", name, line)
