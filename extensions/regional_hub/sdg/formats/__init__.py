"""SDMX data files: what they hold, whatever their layout, and which module reads which layout.

A reader gives a `Message`: its header at once, its observations in batches, so that memory does not grow with the file.
Values are the text of the file; nothing is rounded, mapped or dropped. These modules know neither Django, Jupyter
nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Layout = Literal["sdmx-ml", "sdmx-csv"]
Row = dict[str, str]

BATCH_BYTES = 1 << 18


class FormatError(ValueError):
    """A file that cannot be read as SDMX data; the message names the file and says what to do."""


@dataclass(frozen=True)
class Structure:
    """What a data set is made after: a data structure or a dataflow, as agency, id and version."""

    agency: str
    id: str
    version: str

    def __str__(self) -> str:
        return f"{self.agency}:{self.id}({self.version})"


@dataclass
class Header:
    """What a message says of itself. `structures` grows while the observations are read where a file names several."""

    layout: str
    id: str = ""
    prepared: str = ""
    sender: str = ""
    test: bool = False
    structures: list[str] = field(default_factory=list)


@dataclass
class Message:
    """An open message. Iterating `batches` reads the file once; a fault in it is raised there as FormatError."""

    header: Header
    batches: Iterator[list[Row]]

    def rows(self) -> Iterator[Row]:
        for batch in self.batches:
            yield from batch


def layout(path: Path) -> Layout:
    """What the first bytes of a file say it is. Raises FormatError when they say nothing we know."""
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip(b"\x00 \t\r\n"):
        raise FormatError(f"{path}: the file is empty")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "sdmx-ml"  # UTF-16: only XML declares it
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return "sdmx-ml"
    first = text.split(b"\n", 1)[0].strip().strip(b'"').upper()
    if first.startswith((b"STRUCTURE", b"DATAFLOW")):
        return "sdmx-csv"
    raise FormatError(
        f"{path}: not SDMX data: it is neither XML nor a CSV file whose first column is STRUCTURE (SDMX-CSV 2.0) "
        "or DATAFLOW (SDMX-CSV 1.0)"
    )


@contextmanager
def open_message(path: Path) -> Iterator[Message]:
    """Open a data file of any layout that is known here.

    Raises FileNotFoundError and PermissionError as the system does, FormatError for a file that is not SDMX data.
    """
    from regional_hub.sdg.formats import sdmx_csv, sdmx_ml

    module = sdmx_ml if layout(path) == "sdmx-ml" else sdmx_csv
    with path.open("rb") as file:
        yield module.read(file, str(path))
