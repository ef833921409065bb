"""Small answers without a database: the rows of a few series, taken from a file that is mapped into memory.

The file is made from a release when it becomes current, and may be deleted at any time: whoever finds none asks DuckDB.
Which rows they are, the index of the series knows.
"""

from __future__ import annotations

import contextlib
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from regional_hub.sdg import seriesindex
from regional_hub.sdg.release import Release
from regional_hub.sdg.selection import Selection
from regional_hub.sdg.timeline import View

MOST_ROWS = 20_000


def rows(folder: Path, view: View, selection: Selection) -> pa.RecordBatch | None:
    """The observations of a small plain selection, every column as text; None for another, or without a file."""
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
    numbers = _first_and_last(_numbers(index, series, accepted), selection)
    end = None if selection.limit is None else selection.offset + selection.limit
    found = mapped.select(selection.columns(layout)).take(pa.array(numbers[selection.offset : end]))
    columns = [c.dictionary_decode() if pa.types.is_dictionary(c.type) else c for c in found.columns]
    return pa.RecordBatch.from_arrays(columns, found.schema.names)


def _numbers(
    index: seriesindex.SeriesIndex, series: seriesindex.Mask, accepted: seriesindex.Mask | None
) -> list[npt.NDArray[np.int64]]:
    """Per series the numbers of its rows, those in accepted periods."""
    found = [np.arange(row, row + count) for row, count in zip(index.row[series], index.count[series], strict=True)]
    return [each[accepted[index.times[1][each]]] for each in found] if accepted is not None else found


def _first_and_last(series: list[npt.NDArray[np.int64]], selection: Selection) -> npt.NDArray[np.int64]:
    first, last = selection.first_n, selection.last_n
    if first is not None or last is not None:
        series = [
            each[[number < (first or 0) or number >= len(each) - (last or 0) for number in range(len(each))]]
            for each in series
        ]
    return np.concatenate(series) if series else np.empty(0, dtype=np.int64)


@lru_cache(maxsize=8)
def _open(path: Path) -> pa.RecordBatch:
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).get_batch(0)


def _mapped(path: Path) -> pa.RecordBatch | None:
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
