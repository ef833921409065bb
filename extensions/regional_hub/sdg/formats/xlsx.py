"""Reads the workbooks that the portal of the UN Statistics Division gives: every sheet that begins as its CSV does.

A cell with a formula is refused: what it would show is not in the file for certain. Sheets without the columns
SeriesCode and Value (lists of codes, notes) hold no observations and are passed over.
"""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from regional_hub.sdg.formats import Batch, FormatError, Header, Message, observations
from regional_hub.sdg.formats.sdmx_csv import BATCH_ROWS
from regional_hub.sdg.formats.unsd import Sheet, plain
from regional_hub.sdg.formats.unsd_csv import add
from regional_hub.sdg.structure import Structure

LARGEST = 1 << 30  # bytes of the parts of a workbook, unpacked
NEEDED = {"seriescode", "value"}


def read(source: Path | BinaryIO, structure: Structure, *, name: str = "") -> Iterator[pa.RecordBatch]:
    """The observations as Arrow batches in the layout of `observations`; raises FormatError naming sheet and row."""
    return observations.read(message, source, structure, name)


def message(file: BinaryIO, name: str, structure: Structure | None = None) -> Message:
    """Raises FormatError, here or while iterating, for what is not a workbook in this layout."""
    try:
        import openpyxl
    except ImportError:
        raise FormatError(
            f"{name}: reading workbooks needs the package openpyxl; save the sheet as CSV", name
        ) from None
    try:
        with zipfile.ZipFile(file) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > LARGEST:
            raise FormatError(f"{name}: unpacks to {size >> 20} MiB, more than {LARGEST >> 20}; save it as CSV", name)
        file.seek(0)
        book = openpyxl.load_workbook(file, read_only=True, data_only=False, keep_links=False)
    except FormatError:
        raise
    except Exception as error:  # openpyxl raises many kinds for a broken workbook
        raise FormatError(f"{name}: not a workbook, or damaged ({type(error).__name__}: {error})", name) from error
    if structure is None:
        raise FormatError(f"{name}: this layout says nothing of its structure; give it with --structure", name)
    return Message(Header(layout="UNSD XLSX", structures=[structure.short]), _batches(book, structure, name))


def _batches(book: Any, structure: Structure, name: str) -> Iterator[Batch]:
    found = 0
    try:
        for page in book.worksheets:
            lines = page.iter_rows()
            names = [_text(cell, name) for cell in next(lines, ())]
            while names and not names[-1]:
                names.pop()
            if not {plain(column) for column in names} >= NEEDED:
                continue
            found += 1
            yield from _sheet(lines, Sheet(names, structure, f"{name}, sheet {page.title}"), name)
    except FormatError:
        raise
    except Exception as error:
        raise FormatError(f"{name}: the workbook is damaged ({type(error).__name__}: {error})", name) from error
    if not found:
        raise FormatError(f"{name}: no sheet begins with the portal's columns (Goal, Target, ..., Value, ...)", name)


def _sheet(lines: Iterator[tuple[Any, ...]], sheet: Sheet, name: str) -> Iterator[Batch]:
    batch = Batch([], [], [])
    for number, cells in enumerate(lines, start=2):
        texts = [_text(cell, sheet.name) for cell in cells]
        if any(texts[sheet.count :]):
            raise FormatError(f"{sheet.name}, line {number}: more cells than columns", name, number)
        texts = texts[: sheet.count] + [""] * (sheet.count - len(texts))
        if any(texts):
            add(batch, sheet, texts, number)
        if len(batch.rows) >= BATCH_ROWS:
            yield batch
            batch = Batch([], [], [])
    if batch.rows:
        yield batch


def _text(cell: Any, name: str) -> str:
    value = cell.value
    if cell.data_type == "f":
        raise FormatError(f"{name}: cell {cell.coordinate} holds a formula; replace it by its value", name, cell.row)
    if cell.data_type == "e":
        raise FormatError(f"{name}: cell {cell.coordinate} shows the error {value}", name, cell.row)
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip()
