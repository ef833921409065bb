"""Reads SDMX-CSV 1.0 and 2.0 data messages, and writes 2.0, as a stream.

Standard: SDMX-CSV Data Message Format 2.0.0 (github.com/sdmx-twg/sdmx-csv). Each line names its structure and, in 2.0,
its action; lines that delete are refused, because whoever reads them as observations would count what is gone.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, TextIO

from regional_hub.sdg.formats import FormatError, Header, Message, Row

BATCH_ROWS = 4096
# ACTION codes whose lines state observations: Information, Append, Replace, Merge.
STATING = frozenset("IARM")
# What ends the first column's name is the delimiter; the name may carry a sub-field separator, "STRUCTURE[;]".
FIRST_COLUMN = re.compile(r'"?\w+(?:\[.?\])?"?([,;\t|])')


def read(file: BinaryIO, name: str) -> Message:
    """Read the line of column names now and the observations as they are asked for.

    Raises FormatError, here or while iterating, naming file and line, for what is not SDMX-CSV.
    """
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    try:
        first = text.readline()
    except UnicodeDecodeError as error:
        raise _not_utf8(name, error) from None
    match = FIRST_COLUMN.match(first)
    delimiter = match[1] if match else ","
    names = next(csv.reader([first], delimiter=delimiter))
    components, leading, version = _columns(names, name)
    header = Header(layout=f"SDMX-CSV {version}")
    lines = csv.reader(text, delimiter=delimiter, strict=True)
    return Message(header, _batches(lines, header, components, leading, name))


def _columns(names: list[str], name: str) -> tuple[list[str], int, str]:
    """Ids of all columns, how many of them lead before the first component, and the version of the layout."""
    # "SEX: Sex" (labels=both) is read by its id; "[]" and "[;]" mark columns with several values.
    ids = [column.split(":", 1)[0].split("[", 1)[0].strip() for column in names]
    if len(set(ids)) != len(ids):
        twice = sorted({column for column in ids if ids.count(column) > 1})
        raise FormatError(f"{name}, line 1: column {', '.join(twice)} is there twice")
    if ids[0].upper() == "DATAFLOW":
        return ids, 1, "1.0"
    if [column.upper() for column in ids[:3]] == ["STRUCTURE", "STRUCTURE_ID", "ACTION"]:
        return ids, 3, "2.0"
    if [column.upper() for column in ids[:2]] == ["STRUCTURE", "STRUCTURE_ID"]:
        return ids, 2, "2.0"
    raise FormatError(
        f"{name}, line 1: not SDMX-CSV: the first columns must be STRUCTURE, STRUCTURE_ID, ACTION (2.0) "
        f"or DATAFLOW (1.0), they are {', '.join(ids[:3])}"
    )


def _batches(
    lines: Iterator[list[str]], header: Header, ids: list[str], leading: int, name: str
) -> Iterator[list[Row]]:
    components = ids[leading:]
    counted = enumerate(lines, start=2)
    try:
        while some := list(itertools.islice(counted, BATCH_ROWS)):
            rows = []
            for number, cells in some:
                if not cells:
                    continue
                if len(cells) != len(ids):
                    raise FormatError(
                        f"{name}, record {number}: {len(cells)} values for {len(ids)} columns; is the file cut off?"
                    )
                _note_structure(header, cells, leading, f"{name}, record {number}")
                rows.append({key: cell for key, cell in zip(components, cells[leading:], strict=True) if cell != ""})
            yield rows
    except UnicodeDecodeError as error:
        raise _not_utf8(name, error) from None
    except csv.Error as error:
        raise FormatError(f"{name}: not CSV, or cut off in the middle: {error}") from None


def _not_utf8(name: str, error: UnicodeDecodeError) -> FormatError:
    return FormatError(f"{name}: not UTF-8 text, which SDMX-CSV is ({error.reason}); save it as UTF-8")


def _note_structure(header: Header, cells: list[str], leading: int, place: str) -> None:
    structure = cells[0] if leading == 1 else cells[1]
    structure = structure.split(": ", 1)[0]
    if structure not in header.structures:
        header.structures.append(structure)
    if leading == 3 and cells[2] not in STATING:
        raise FormatError(
            f"{place}: ACTION is {cells[2]!r}; only lines that state data ({', '.join(sorted(STATING))}) are read"
        )


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
