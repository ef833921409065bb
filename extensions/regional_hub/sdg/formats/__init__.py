"""Data files: what they hold, whatever their layout, and which module reads which layout.

A reader gives a `Message`: its header at once, its observations in batches, so that memory does not grow with the file.
Values are the text of the file; nothing is rounded, mapped or dropped. These modules know neither Django, Jupyter
nor pandas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from regional_hub.sdg import structure as model

Layout = Literal["sdmx-ml", "sdmx-csv", "sdmx-json", "unsd-csv", "unsd-wide", "xlsx"]
MODULES: dict[Layout, str] = {
    "sdmx-ml": "sdmx_ml",
    "sdmx-csv": "sdmx_csv",
    "sdmx-json": "sdmx_json",
    "unsd-csv": "unsd_csv",
    "unsd-wide": "unsd_wide",
    "xlsx": "xlsx",
}
Row = dict[str, str]
# What the lines of a file are for, by the codes of SDMX-CSV 2.0.
ACTIONS = {"I": "Information", "A": "Append", "R": "Replace", "M": "Merge", "D": "Delete"}

BATCH_BYTES = 1 << 18


class FormatError(ValueError):
    """A file that cannot be read as data; the message names file and line and says what to do."""

    def __init__(self, message: str, file: str = "", line: int | None = None) -> None:
        super().__init__(message)
        self.file = file
        self.line = line


@dataclass(frozen=True)
class Ref:
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
    usages: set[str] = field(default_factory=set)  # those of them that are dataflows, not data structures


@dataclass
class Batch:
    """Some observations in the order of the file, the line of each (0: the layout has none), and what they are for.

    Layouts that are tables give `columns` instead of `rows`: by component, a text per line ("" where there is none).
    """

    rows: list[Row]
    lines: list[int]
    action: str | list[str]
    columns: Mapping[str, Sequence[str]] | None = None

    def stated(self) -> list[Row]:
        """The observations as rows, whatever they were given as."""
        if self.columns is None:
            return self.rows
        names = tuple(self.columns)
        lines = zip(*self.columns.values(), strict=True)
        return [{name: cell for name, cell in zip(names, cells, strict=True) if cell != ""} for cells in lines]


@dataclass
class Message:
    """An open message. Iterating `batches` reads the file once; a fault in it is raised there as FormatError."""

    header: Header
    batches: Iterator[Batch]
    name: str = ""

    def rows(self) -> Iterator[Row]:
        """Observations that the file states. Raises FormatError where it deletes some: to whom would they be known?"""
        for batch in self.batches:
            if "D" in batch.action:
                line = batch.lines[0 if isinstance(batch.action, str) else batch.action.index("D")]
                raise FormatError(
                    f"{self.name}, record {line}: ACTION is 'D' (delete); only lines that state data are read here",
                    self.name,
                    line,
                )
            yield from batch.stated()


def action_code(text: str) -> str:
    """The code of an action given by its code or name. Raises ValueError naming those that there are."""
    for code, name in ACTIONS.items():
        if text.strip().lower() in (code.lower(), name.lower()):
            return code
    raise ValueError(f"the action {text!r} is not known; there are {', '.join(ACTIONS.values())}")


def layout(path: Path, name: str = "") -> Layout:
    """What the first bytes of a file say it is. Raises FormatError when they say nothing we know."""
    called = name or str(path)
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip(b"\x00 \t\r\n"):
        raise FormatError(f"{called}: the file is empty", called)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "sdmx-ml"  # UTF-16: only XML declares it
    if start.startswith(b"PK\x03\x04"):
        return "xlsx"
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"<"):
        return "sdmx-ml"
    if text.startswith(b"{"):
        return "sdmx-json"
    first = text.split(b"\n", 1)[0].strip().strip(b'"').upper()
    if first.startswith((b"STRUCTURE", b"DATAFLOW")):
        return "sdmx-csv"
    if first.startswith(b"GOAL\t"):
        return "unsd-wide"
    if first.startswith((b"GOAL,", b'GOAL",')):
        return "unsd-csv"
    raise FormatError(
        f"{called}: not SDMX data: it is neither XML, JSON, a sheet of the UNSD portal, nor a CSV file whose first "
        "column is STRUCTURE (SDMX-CSV 2.0), DATAFLOW (SDMX-CSV 1.0) or Goal (UNSD)",
        called,
    )


@contextmanager
def open_message(path: Path, structure: model.Structure | None = None, name: str = "") -> Iterator[Message]:
    """Open a data file of any layout that is known here.

    Layouts other than SDMX are mapped onto `structure` and need it. Raises FileNotFoundError and PermissionError as
    the system does, FormatError for a file that is not data.
    """
    module = import_module(f"regional_hub.sdg.formats.{MODULES[layout(path, name)]}")
    with path.open("rb") as file:
        message: Message = module.message(file, name or str(path), structure)
        message.name = name or str(path)
        yield message
