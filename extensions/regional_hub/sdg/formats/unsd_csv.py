"""Reads the CSV that the portal of the UN Statistics Division gives (Goal, Target, Indicator, SeriesCode, ...).

Newer files are UTF-8, older ones Windows-1252: what is not UTF-8 is read as that.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from regional_hub.sdg.formats import Batch, FormatError, Header, Message, observations
from regional_hub.sdg.formats.sdmx_csv import BATCH_ROWS, Lines
from regional_hub.sdg.formats.unsd import Sheet
from regional_hub.sdg.structure import Structure

SAMPLE = 1 << 22  # bytes that decide the encoding


def read(source: Path | BinaryIO, structure: Structure, *, name: str = "") -> Iterator[pa.RecordBatch]:
    """The observations as Arrow batches in the layout of `observations`; raises FormatError naming file and line."""
    return observations.read(message, source, structure, name)


def message(file: BinaryIO, name: str, structure: Structure | None = None) -> Message:
    """Raises FormatError, here or while iterating, naming file and line, for what is not in this layout."""
    return delimited(file, name, structure, ",", "UNSD CSV")


def delimited(file: BinaryIO, name: str, structure: Structure | None, delimiter: str, layout: str) -> Message:
    """A file of rows below one line of column names."""
    lines = Lines(file, name, _encoding(file))
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        names = next(reader, [])
    except csv.Error as error:
        raise FormatError(f"{name}, line {lines.number}: not CSV: {error}", name, lines.number) from None
    sheet = Sheet(names, structure, name)
    return Message(Header(layout=layout, structures=[sheet.structure.short]), _batches(reader, lines, sheet))


def _encoding(file: BinaryIO) -> str:
    if not file.seekable():
        return "utf-8-sig"
    start = file.tell()
    sample = file.read(SAMPLE)
    file.seek(start)
    try:
        io.TextIOWrapper(io.BytesIO(sample), encoding="utf-8").read(SAMPLE)
    except UnicodeDecodeError as error:
        return "utf-8-sig" if len(sample) - error.start < 4 else "cp1252"
    return "utf-8-sig"


def _batches(reader: Iterator[list[str]], lines: Lines, sheet: Sheet) -> Iterator[Batch]:
    batch = Batch([], [], [])
    try:
        start = lines.number + 1
        for cells in reader:
            if any(cells):
                add(batch, sheet, cells, start)
            start = lines.number + 1
            if len(batch.rows) >= BATCH_ROWS:
                yield batch
                batch = Batch([], [], [])
    except csv.Error as error:
        raise FormatError(
            f"{sheet.name}, line {lines.number}: not CSV, or cut off in the middle: {error}", sheet.name, lines.number
        ) from None
    if batch.rows:
        yield batch


def add(batch: Batch, sheet: Sheet, cells: list[str], line: int) -> None:
    """Add the observations of one row of a sheet to a batch."""
    assert isinstance(batch.action, list)
    for row, action in sheet.rows(cells, line):
        batch.rows.append(row)
        batch.lines.append(line)
        batch.action.append(action)
