"""Reads SDMX-CSV 1.0 and 2.x data messages, and writes 2.0, as a stream.

Standard: SDMX-CSV Data Message Format 2.1.0 (github.com/sdmx-twg/sdmx-csv). Each line names its structure and, in 2.x,
its action.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

import pyarrow as pa

from regional_hub.sdg.formats import ACTIONS, Batch, FormatError, Header, Message, Row, observations
from regional_hub.sdg.structure import Structure

BATCH_ROWS = 4096
LONGEST_LINE = 1 << 20  # characters
# Columns of 2.x that may stand between the structure and the components; keys repeat what the components say.
EXTRA = frozenset(("STRUCTURE_NAME", "ACTION", "SERIES_KEY", "OBS_KEY"))
# What ends the first column's name is the delimiter; the name may carry a sub-field separator, "STRUCTURE[;]".
FIRST_COLUMN = re.compile(r'"?\w+(?:\[.?\])?"?([,;\t|])')


def read(source: Path | BinaryIO, structure: Structure, *, name: str = "") -> Iterator[pa.RecordBatch]:
    """The observations as Arrow batches in the layout of `observations`; raises FormatError naming file and line."""
    return observations.read(message, source, structure, name)


def message(file: BinaryIO, name: str, structure: Structure | None = None) -> Message:
    """Read the line of column names now and the observations as they are asked for.

    With a structure, labels are told from codes ("A: Annual" is A). Raises FormatError, here or while iterating,
    naming file and line, for what is not SDMX-CSV.
    """
    lines = Lines(file, name)
    first = next(lines, "")
    match = FIRST_COLUMN.match(first)
    delimiter = match[1] if match else ","
    columns = _columns(next(csv.reader([first], delimiter=delimiter), []) or [""], name, structure)
    header = Header(layout=f"SDMX-CSV {columns.version}")
    return Message(header, _batches(lines, delimiter, header, columns, name))


class Lines:
    """The lines of a UTF-8 file, counted; a line that does not end is refused, not held in memory."""

    def __init__(self, file: BinaryIO, name: str, encoding: str = "utf-8-sig") -> None:
        self.name = name
        self.number = 0
        self._text = io.TextIOWrapper(file, encoding=encoding, newline="")

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        try:
            line = self._text.readline(LONGEST_LINE)
        except UnicodeDecodeError as error:
            raise FormatError(
                f"{self.name}, after line {self.number}: not UTF-8 text, which SDMX-CSV is ({error.reason}); "
                "save it as UTF-8",
                self.name,
                self.number,
            ) from None
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == LONGEST_LINE:
            raise FormatError(
                f"{self.name}, line {self.number}: a line of over {LONGEST_LINE} characters", self.name, self.number
            )
        if "\0" in line:
            raise FormatError(
                f"{self.name}, line {self.number}: holds a NUL character; this is no text", self.name, self.number
            )
        return line


@dataclass(frozen=True)
class Columns:
    """What the columns of a file are: the leading ones by what they say, then (index, component) of the others."""

    version: str
    count: int
    structure: int
    action: int | None
    components: tuple[tuple[int, str], ...]
    labelled: frozenset[int]  # their cells are "CODE: label"


def _columns(names: list[str], name: str, structure: Structure | None) -> Columns:
    # "SEX: Sex" (labels=both) is read by its id; "[]" and "[;]" mark columns with several values.
    ids = [column.split(":", 1)[0].split("[", 1)[0].strip() for column in names]
    upper = [column.upper() for column in ids]
    if upper[0] == "DATAFLOW":
        version, leading = "1.0", 1
    elif upper[:2] == ["STRUCTURE", "STRUCTURE_ID"]:
        version, leading = "2.0", 2
    else:
        raise FormatError(
            f"{name}, line 1: not SDMX-CSV: the first columns must be STRUCTURE, STRUCTURE_ID, ACTION (2.0) "
            f"or DATAFLOW (1.0), they are {', '.join(ids[:3])}",
            name,
            1,
        )
    components: list[tuple[int, str]] = []
    for index in range(leading, len(ids)):
        if version == "2.0" and not components and upper[index] in EXTRA:
            continue
        if not _is_label(names, ids, index, structure):
            components.append((index, ids[index]))
    found = [id for _, id in components]
    if len(set(found)) != len(found):
        twice = sorted({id for id in found if found.count(id) > 1})
        raise FormatError(f"{name}, line 1: column {', '.join(twice)} is there twice", name, 1)
    coded = {part.id for part in structure.components if part.codelist_ref} if structure else set()
    labelled = frozenset(index for index, id in components if ":" in names[index] and id in coded)
    action = upper.index("ACTION") if version == "2.0" and "ACTION" in upper else None
    return Columns(version, len(ids), leading - 1, action, tuple(components), labelled)


def _is_label(names: list[str], ids: list[str], index: int, structure: Structure | None) -> bool:
    """Whether a column only holds the labels of the one before it (labels=name)."""
    if structure is None or ids[index] in structure.by_id:
        return False
    before = structure.by_id.get(ids[index - 1])
    return before is not None and names[index] in before.name.values()


def _batches(lines: Lines, delimiter: str, header: Header, columns: Columns, name: str) -> Iterator[Batch]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    records: list[list[str]] = []
    numbers: list[int] = []
    try:
        start = lines.number + 1
        for cells in reader:
            if len(cells) == columns.count:
                records.append(cells)
                numbers.append(start)
            elif cells:
                raise FormatError(
                    f"{name}, line {start}: {len(cells)} values for {columns.count} columns; is the file cut off?",
                    name,
                    start,
                )
            start = lines.number + 1
            if len(records) == BATCH_ROWS:
                yield _batch(records, numbers, header, columns, name)
                records, numbers = [], []
    except csv.Error as error:
        raise FormatError(
            f"{name}, line {lines.number}: not CSV, or cut off in the middle: {error}", name, lines.number
        ) from None
    if records:
        yield _batch(records, numbers, header, columns, name)


def _batch(records: list[list[str]], numbers: list[int], header: Header, columns: Columns, name: str) -> Batch:
    table = list(zip(*records, strict=True))
    kinds = table[0] if columns.structure else ("dataflow",)
    for kind, text in dict.fromkeys(itertools.zip_longest(kinds, table[columns.structure], fillvalue=kinds[0])):
        structure = text.split(": ", 1)[0]
        if structure not in header.structures:
            header.structures.append(structure)
        if kind.split(": ", 1)[0].lower() != "datastructure":
            header.usages.add(structure)
    actions: str | list[str] = "I"
    if columns.action is not None:
        actions = [action.strip() or "I" for action in table[columns.action]]
        for action, line in zip(actions, numbers, strict=True):
            if action not in ACTIONS:
                what = f"ACTION is {action!r}; it can be {', '.join(ACTIONS)}"
                raise FormatError(f"{name}, line {line}: {what}", name, line)
    found: dict[str, Sequence[str]] = {
        id: [cell.split(": ", 1)[0] for cell in table[at]] if at in columns.labelled else table[at]
        for at, id in columns.components
    }
    return Batch([], numbers, actions, found)


def write(
    file: TextIO,
    structure: str,
    components: Sequence[str],
    rows: Iterable[Row],
    action: str = "I",
    kind: str = "datastructure",
) -> int:
    """Write observations as SDMX-CSV 2.0 and return how many.

    `structure` is `AGENCY:ID(VERSION)`; `components` are the columns in order. Raises KeyError for a row with a
    component that is not among them, so that nothing is left out unseen.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["STRUCTURE", "STRUCTURE_ID", "ACTION", *components])
    known = set(components)
    count = 0
    for row in rows:
        if unknown := row.keys() - known:
            raise KeyError(f"no column for {', '.join(sorted(unknown))}")
        writer.writerow([kind, structure, action, *(row.get(component, "") for component in components)])
        count += 1
    return count
