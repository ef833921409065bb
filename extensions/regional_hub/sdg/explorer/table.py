"""The table of a series' page: a row for each observation, with everything that the data say of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.figure import Figure, Line, unit
from regional_hub.sdg.explorer.points import Changed, Point, last_changed
from regional_hub.sdg.explorer.saying import figure as number
from regional_hub.sdg.explorer.words import Label
from regional_hub.sdg.selection import Key

ROWS = 100


@dataclass(frozen=True)
class Row:
    """One observation for people. `text` is the value as the data have it; `old` what it was before the last change."""

    line: str
    time: str
    value: str
    text: str
    unit: str
    status: Label | None
    status_code: str
    nature: Label | None
    lower: str
    upper: str
    footnotes: tuple[str, ...]
    source: str
    more: tuple[tuple[Label, str], ...]
    changed_at: datetime | None
    old: str

    @property
    def missing(self) -> bool:
        return self.value == "–"

    @property
    def bounded(self) -> bool:
        return bool(self.lower or self.upper)


@dataclass(frozen=True)
class Table:
    """One page of rows; `several` says that they are of more than one line, `count` how many there are on all pages."""

    rows: tuple[Row, ...]
    page: int
    pages: int
    count: int
    several: bool

    @property
    def before(self) -> int:
        return self.page - 1 if self.page > 1 else 0

    @property
    def after(self) -> int:
        return self.page + 1 if self.page < self.pages else 0


def table(figure: Figure) -> Table:
    """The page of the table that the state asks for; a page beyond the last is the last."""
    pairs = [(line, point) for line in (*figure.lines, *figure.others) for point in line.points]
    pages = max(1, -(-len(pairs) // ROWS))
    page = min(figure.state.page, pages)
    shown = pairs[(page - 1) * ROWS : page * ROWS]
    changed = last_changed(figure.book, keys_of(line for line, _ in shown)) if shown else {}
    several = len(figure.lines) + len(figure.others) > 1
    rows = tuple(row(figure.book, line, point, changed.get(point.key)) for line, point in shown)
    return Table(rows, page, pages, len(pairs), several)


def keys_of(lines: Iterable[Line]) -> Sequence[Key]:
    """The exact keys of the series, each once."""
    found = dict.fromkeys(line.key for line in lines)
    return tuple(tuple((code,) for code in key) for key in found)


def row(book: Book, line: Line, point: Point, changed: Changed | None) -> Row:
    roles = book.roles
    return Row(
        line=line.name,
        time=point.time,
        value=number(point.value),
        text=point.text,
        unit=unit(book, point),
        status=book.name(roles.status, point.status) if roles.status and point.status else None,
        status_code=point.status,
        nature=book.name(roles.nature, point.nature) if roles.nature and point.nature else None,
        lower=number(point.lower, ""),
        upper=number(point.upper, ""),
        footnotes=point.footnotes,
        source=point.source,
        more=tuple((book.component_name(id), text) for id, text in point.more.items()),
        changed_at=changed.at if changed else None,
        old=changed.old if changed and changed.old != point.text else "",
    )
