"""Tables for people: a CSV and a workbook with labels beside codes, and a sheet of notes that explains them."""

from __future__ import annotations

import csv as csv_module
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.figure import series_title, unit
from regional_hub.sdg.explorer.points import Maker, Point
from regional_hub.sdg.explorer.saying import say
from regional_hub.sdg.explorer.words import is_total

if TYPE_CHECKING:
    from regional_hub.sdg.explorer.downloads import Export

FORMULA = re.compile(r"^[\s]*[=+\-@\t\r|]")
NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
# XML 1.0 has no such characters, and so a workbook has none.
UNSAYABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
LONGEST_CELL = 32_767


def harmless(text: str) -> str:
    """A cell that no spreadsheet runs: an apostrophe before what looks like a formula; numbers are left alone."""
    return f"'{text}" if FORMULA.match(text) and not NUMBER.match(text) else text


@dataclass(frozen=True)
class Columns:
    """Which dimensions are worth a column: those that are not a total everywhere. Each has its label and its code."""

    book: Book
    dimensions: tuple[str, ...]

    @classmethod
    def of(cls, export: Export) -> Columns:
        rows, found = export.choice.rows, export.choice.found
        roles = export.book.roles
        told = [
            id
            for id in (roles.area, *roles.breakdowns)
            if id and (id == roles.area or any(not is_total(code) for code in set(rows.codes[id][found].tolist())))
        ]
        return cls(export.book, tuple(told))

    def head(self) -> list[str]:
        book, language = self.book, self.book.language
        names = [say(language, "Series", "序列"), say(language, "Series code", "序列代码")]
        for id in self.dimensions:
            label = book.component_name(id).text
            names += [label, say(language, f"{label} code", f"{label}代码")]
        fixed = (
            ("Period", "时期"), ("Value", "数值"), ("Unit", "单位"), ("Status", "状态"), ("Nature", "性质"),
            ("Lower bound", "下限"), ("Upper bound", "上限"), ("Footnotes", "脚注"), ("Source", "来源"),
        )  # fmt: skip
        return [*names, *(say(language, en, zh) for en, zh in fixed)]

    def cells(self, point: Point) -> list[str]:
        book, roles = self.book, self.book.roles
        series = point.codes.get(roles.series or "", "")
        said = [series_title(book, series).text, series]
        for id in self.dimensions:
            said += [book.name(id, point.codes[id]).text, point.codes[id]]
        status = book.name(roles.status, point.status).text if roles.status and point.status else ""
        nature = book.name(roles.nature, point.nature).text if roles.nature and point.nature else ""
        bounds = ["" if bound is None else f"{bound:f}" for bound in (point.lower, point.upper)]
        value = point.text if point.value is not None else ""
        notes = "; ".join(point.footnotes)
        return [*said, point.time, value, unit(book, point), status, nature, *bounds, notes, point.source]


def _points(export: Export) -> Iterator[Point]:
    make = Maker(export.book)
    for batch in export.run().batches:
        yield from make.all(batch)


def csv(export: Export) -> Iterator[bytes]:
    """UTF-8 with a mark at its start, by which spreadsheets know it."""
    columns = Columns.of(export)
    yield b"\xef\xbb\xbf" + _line(columns.head())
    lines: list[bytes] = []
    for point in _points(export):
        lines.append(_line(columns.cells(point)))
        if len(lines) >= 1000:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)


def _line(cells: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv_module.writer(out, lineterminator="\r\n").writerow([harmless(cell) for cell in cells])
    return out.getvalue().encode()


def workbook(export: Export) -> bytes:
    """Two sheets: the data, and notes on source, release, citation, footnotes, and what statuses mean."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    language = export.book.language
    data, notes = (book.create_sheet(say(language, en, zh)) for en, zh in (("Data", "数据"), ("Notes", "说明")))
    columns = Columns.of(export)
    head = columns.head()
    data.freeze_panes = "A2"
    data.append([_cell(data, text) for text in head])
    heard = _Heard()
    numeric = {len(head) - 8, len(head) - 4, len(head) - 3}
    for point in _points(export):
        heard.hear(point)
        cells = columns.cells(point)
        data.append([_cell(data, text, place in numeric) for place, text in enumerate(cells)])
    for name, text in _notes(export, heard):
        notes.append([_cell(notes, name), _cell(notes, text)])
    notes.column_dimensions["A"].width, notes.column_dimensions["B"].width = 24, 110
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


class _Heard:
    """Statuses, natures, footnotes and sources that occur."""

    def __init__(self) -> None:
        self.status: dict[str, None] = {}
        self.nature: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self.sources: dict[str, None] = {}

    def hear(self, point: Point) -> None:
        self.status |= {point.status: None} if point.status else {}
        self.nature |= {point.nature: None} if point.nature else {}
        self.notes |= dict.fromkeys(point.footnotes)
        self.sources |= {point.source: None} if point.source else {}


def _notes(export: Export, heard: _Heard) -> Iterator[tuple[str, str]]:
    book, language = export.book, export.book.language
    roles = book.roles

    def told(en: str, zh: str, text: str) -> tuple[str, str]:
        return say(language, en, zh), text

    yield told("Series", "序列", series_title(book, export.choice.state.series).text)
    yield told("Data flow", "数据流", f"{book.flow}, {book.structure.short}")
    yield told("Release", "版本", book.release.id)
    yield told("Cite as", "引用方式", export.citation)
    yield told("Link", "链接", export.link)
    yield told(
        "Licence",
        "许可",
        say(language, "As the sources say; the citation is part of it.", "以来源说明为准；使用时请注明引用。"),
    )
    yield told(
        "Missing values",
        "缺失值",
        say(language, "An empty cell is a missing value, never zero.", "空单元格表示缺失，不是零。"),
    )
    for source in heard.sources:
        yield told("Source", "来源", source)
    for kind, component, codes in (("Status", roles.status, heard.status), ("Nature", roles.nature, heard.nature)):
        for code in codes if component else ():
            zh = "状态" if kind == "Status" else "性质"
            yield told(kind, zh, f"{code}: {book.name(component or '', code).text}")
    for note in heard.notes:
        yield told("Footnote", "脚注", note)


def _cell(sheet: Any, text: str, numeric: bool = False) -> Any:
    """A cell that holds a number where it can hold all its digits, else text that is never a formula."""
    from openpyxl.cell import WriteOnlyCell

    if not text:
        return None
    if numeric and NUMBER.match(text) and Decimal(repr(float(text))) == Decimal(text):
        return WriteOnlyCell(sheet, value=float(text))
    cell = WriteOnlyCell(sheet, value=UNSAYABLE.sub("\ufffd", text)[:LONGEST_CELL])
    cell.data_type = "s"
    return cell
