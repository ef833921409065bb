"""Tables that would be published: those in outputs (HTML), and CSV files. Plain text cells; nothing is evaluated.

Trust boundary: markup of strangers. It is read with the standard library's tolerant parser, up to a limit.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from regional_hub.showcase.checks import texts
from regional_hub.showcase.checks.finding import Subject

MOST_CHARACTERS = 5_000_000
MOST_ROWS = 20_000


@dataclass(frozen=True)
class Table:
    """`rows` have a cell per column; `where` is a cell's id with ` output`, or a file."""

    where: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def of(subject: Subject) -> Iterator[Table]:
    """All tables of the outputs that would be shown, and of the CSV files."""
    for cell in subject.shown["cells"]:
        for output in cell.get("outputs", []):
            markup = output.get("data", {}).get("text/html")
            if isinstance(markup, str) and "<table" in markup.lower():
                yield from from_html(f"{cell['id']} output", markup)
    for name, content in texts.files(subject):
        if content and name.lower().endswith((".csv", ".tsv")):
            yield from _csv(name, content)


def _csv(name: str, content: str) -> Iterator[Table]:
    separator = "\t" if name.lower().endswith(".tsv") else ";" if content.split("\n", 1)[0].count(";") else ","
    try:
        rows = [row for row, _ in zip(csv.reader(io.StringIO(content), delimiter=separator), range(MOST_ROWS))]  # noqa: B905
    except csv.Error:
        return
    if rows:
        yield Table(name, rows[0], rows[1:])


def from_html(where: str, markup: str) -> Iterator[Table]:
    """The tables of a piece of HTML; rows of the head above the last one give no columns (several levels)."""
    parser = _Rows()
    parser.feed(markup[:MOST_CHARACTERS])
    for rows in parser.tables:
        heads = [row for row in rows if all(is_head for is_head, _ in row)]
        body = [[text for _, text in row] for row in rows if not all(is_head for is_head, _ in row)]
        width = max((len(row) for row in body), default=0)
        columns = [""] * width
        for row in heads:  # pandas writes names of the index in a row of their own below that of the columns
            columns = [text or columns[place] for place, (_, text) in enumerate(row[:width])] + columns[len(row) :]
        yield Table(where, columns, body)


class _Rows(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[tuple[bool, str]]]] = []
        self._cell: list[str] | None = None
        self._is_head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables and len(self.tables[-1]) < MOST_ROWS:
            self._end()
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._end()
            self._cell, self._is_head = [], tag == "th"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self._end()

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)

    def _end(self) -> None:
        if self._cell is not None and self.tables and self.tables[-1]:
            self.tables[-1][-1].append((self._is_head, " ".join("".join(self._cell).split())))
        self._cell = None
