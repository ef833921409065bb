"""Small answers without a database: the rows of a few series, taken from a file that is mapped into memory.

The file is made from a release when it becomes current, and may be deleted at any time: whoever finds none asks DuckDB.
Which rows they are, the index of the series knows.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from regional_hub.sdg import seriesindex
from regional_hub.sdg.release import Release
from regional_hub.sdg.selection import Selection
from regional_hub.sdg.seriesindex import Mask, Numbers
from regional_hub.sdg.timeline import View

MOST_ROWS = 200_000
BATCH_ROWS = 10_000
FEW_ROWS = 200
FEW_WORDS = 10_000


class Column:
    """A column of the file, as text."""

    def __init__(self, array: pa.Array) -> None:
        self._array = array
        self._words: list[str] | None = None
        if isinstance(array, pa.DictionaryArray):
            valid, numbers = array.indices.buffers()
            kind = array.indices.type.to_pandas_dtype()
            self._numbers = np.frombuffer(numbers, kind)[array.offset : array.offset + len(array)] if numbers else None
            self._valid = np.frombuffer(valid, np.uint8) if valid and array.indices.null_count else None
            if len(array.dictionary) <= FEW_WORDS:
                self._words = array.dictionary.to_pylist()

    def few(self, rows: Numbers) -> pa.Array:
        """Some rows: for few of them, Python is quicker than a call of Arrow's functions."""
        if self._words is None or self._numbers is None:
            return self.many(self._array.take(pa.array(rows)))
        words, numbers = self._words, self._numbers[rows].tolist()
        if not words or not numbers:
            return pa.nulls(len(rows), pa.string())
        if self._valid is None:
            if numbers.count(numbers[0]) == len(numbers):
                return _repeated(words[numbers[0]], len(numbers))
            return pa.array([words[number] for number in numbers], pa.string())
        bits = rows + self._array.offset
        there = (self._valid[bits >> 3] >> (bits & 7) & 1).tolist()
        found = [words[number] if valid else None for number, valid in zip(numbers, there, strict=True)]
        return pa.array(found, pa.string())

    @staticmethod
    def many(column: pa.Array) -> pa.Array:
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


@lru_cache(maxsize=4096)
def _repeated(word: str, count: int) -> pa.Array:
    """A column of one word: most columns of a series are. Arrays never change, so they are shared."""
    return pa.array([word] * count, pa.string())


class Mapped:
    """A file that is mapped into memory."""

    def __init__(self, path: Path) -> None:
        with pa.memory_map(str(path)) as file:
            self.batch: pa.RecordBatch = pa.ipc.open_file(file).get_batch(0)
        self.columns = {
            name: Column(column) for name, column in zip(self.batch.schema.names, self.batch.columns, strict=True)
        }


@dataclass(frozen=True)
class Points:
    """The rows of an answer by number, read as they are asked for."""

    mapped: Mapped
    columns: Sequence[str]
    numbers: Numbers

    @property
    def count(self) -> int:
        return len(self.numbers)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Every column as text."""
        names = list(self.columns)
        if self.count <= FEW_ROWS:
            if self.count:
                yield pa.RecordBatch.from_arrays([self.mapped.columns[name].few(self.numbers) for name in names], names)
            return
        chosen = self.mapped.batch.select(names)
        for start in range(0, self.count, BATCH_ROWS):
            found = chosen.take(pa.array(self.numbers[start : start + BATCH_ROWS]))
            yield pa.RecordBatch.from_arrays([Column.many(column) for column in found.columns], names)


def find(folder: Path, view: View, selection: Selection) -> Points | None:
    """The observations of a small plain selection; None for another, or without a file."""
    plain = not (selection.sort or selection.include_history or selection.updated_after)
    layout = view.release.layout
    if not plain or len(view.sources) > 1 or any(chosen.component not in layout.key for chosen in selection.filters):
        return None
    mapped = _mapped(folder / f"{view.release.id}.arrow")
    if mapped is None:
        return None
    index = seriesindex.of(view.release)
    series, accepted = index.chosen(view.sources[0], selection)
    if index.count[series].sum() > MOST_ROWS:
        return None
    numbers, count = index.rows(series), index.count[series]
    if accepted is not None:
        kept = accepted[index.times[1][numbers]]
        owner = np.repeat(np.arange(len(series)), count)[kept]
        numbers, count = numbers[kept], np.bincount(owner, minlength=len(series))
    numbers = numbers[_first_and_last(count, selection)]
    end = None if selection.limit is None else selection.offset + selection.limit
    return Points(mapped, selection.columns(layout), numbers[selection.offset : end])


def _first_and_last(count: Numbers, selection: Selection) -> Mask | slice:
    """Which rows are among the first or last of their series, given how many rows each has."""
    if selection.first_n is None and selection.last_n is None:
        return slice(None)
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    left = np.repeat(count, count) - place
    return (place < (selection.first_n or 0)) | (left <= (selection.last_n or 0))


@lru_cache(maxsize=8)
def _open(path: Path) -> Mapped:
    return Mapped(path)


def _mapped(path: Path) -> Mapped | None:
    return _open(path) if path.exists() else None


def build(folder: Path, release: Release) -> None:
    """Make the file of a release, and remove those of others of its flow. Where the disk is full, there is none."""
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
        if not (folder / f"{release.id}.arrow").exists():
            _build(folder, release)


def _build(folder: Path, release: Release) -> None:
    temporary = folder / f".{release.id}.{os.getpid()}.tmp"
    names = release.layout.columns
    batch = pa.RecordBatch.from_arrays([_column(release, name) for name in names], names)
    batch = batch.replace_schema_metadata({"flow": release.flow})
    with pa.ipc.new_file(str(temporary), batch.schema) as writer:
        writer.write_batch(batch)
    temporary.replace(folder / f"{release.id}.arrow")
    for old in folder.glob("*.arrow"):
        if old.stem != release.id and _flow(old) == release.flow:
            old.unlink(missing_ok=True)


def _flow(path: Path) -> str:
    with pa.memory_map(str(path)) as file:
        return (pa.ipc.open_file(file).schema.metadata or {}).get(b"flow", b"").decode()


def _column(release: Release, name: str) -> pa.Array:
    """A column of the release in one piece: measures as text, the rest as numbers of 1 to 4 bytes into a dictionary."""
    coded = name not in release.layout.measures
    column = pq.read_table(release.observations, columns=[name], read_dictionary=[name] if coded else None).column(0)
    if not coded:
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())
    return seriesindex.compact(column)
