"""Files of exactly what a page shows: SDMX in three syntaxes, a CSV and a workbook for people, Parquet.

Values are the store's own text. In files for spreadsheets, what would run as a formula is disarmed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from regional_hub.sdg import query
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.choices import Choice
from regional_hub.sdg.explorer.figure import series_title
from regional_hub.sdg.explorer.saying import say
from regional_hub.sdg.formats import write_csv, write_json, write_ml
from regional_hub.sdg.formats.writing import Options, Reference
from regional_hub.sdg.selection import Selection

MOST_SHEET_ROWS = 200_000


class TooLarge(Exception):
    """More observations than a file of this kind holds; `most` is how many it can."""

    def __init__(self, most: int, count: int) -> None:
        self.most, self.count = most, count
        super().__init__(f"{count} observations; a workbook holds {most}")


@dataclass(frozen=True)
class Export:
    """What is to be written: the choice (for a scatter chart also the second one), and the words of its notes."""

    choice: Choice
    second: Choice | None
    citation: str
    link: str
    site: str

    @property
    def book(self) -> Book:
        return self.choice.book

    @property
    def selection(self) -> Selection:
        whole = self.choice.whole
        if self.second is None:
            return whole
        return Selection(whole.flow, (*whole.keys, *self.second.whole.keys), whole.filters, as_of=whole.as_of)

    def run(self) -> query.Answer:
        return self.book.run(self.selection)

    @property
    def options(self) -> Options:
        structure = self.book.structure
        agency, _, id = self.book.flow.partition(":")
        reference = Reference("dataflow", agency, id or structure.id, structure.version, structure.name)
        return Options(reference=reference, languages=(self.book.language, "en"), prepared=self.book.view.now)


@dataclass(frozen=True)
class File:
    """A kind of file: its name below the page, media type, what it is called, and its writer."""

    name: str
    media: str
    en: str
    zh: str
    write: Callable[[Export], Iterator[bytes]]

    @property
    def format(self) -> str:
        return self.name.partition(".")[2]

    def label(self, language: str) -> str:
        return say(language, self.en, self.zh)


def file_name(export: Export, ending: str) -> str:
    """`SH_STA_MORT_KG-KG02_kg-1.csv`: series, areas where they are few, release."""
    book, state = export.book, export.choice.state
    areas = export.choice.codes.get(book.roles.area or "", ())
    named = ["-".join(areas)] if 0 < len(areas) <= 4 and "*" not in areas else []
    parts = [state.series, *([state.against] if export.second else []), *named, book.release.id]
    return re.sub(r"[^\w.-]+", "", "_".join(parts)) + f".{ending}"


def _sdmx_csv(export: Export) -> Iterator[bytes]:
    yield from write_csv.write(export.run().batches, export.book.structure, export.options, "2.0")


def _sdmx_ml(export: Export) -> Iterator[bytes]:
    yield from write_ml.write(export.run().batches, export.book.structure, export.options, "2.1")


def _sdmx_json(export: Export) -> Iterator[bytes]:
    yield from write_json.write(export.run().batches, export.book.structure, export.options, "2.0")


def _parquet(export: Export) -> Iterator[bytes]:
    answer = export.run()
    out = io.BytesIO()
    said = {"release": export.book.release.id, "flow": export.book.flow, "citation": export.citation}
    schema = answer.schema.with_metadata({key: text.encode() for key, text in said.items()})
    with pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in answer.batches:
            writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    yield out.getvalue()


def _people_csv(export: Export) -> Iterator[bytes]:
    from regional_hub.sdg.explorer import people

    yield from people.csv(export)


def _workbook(export: Export) -> Iterator[bytes]:
    from regional_hub.sdg.explorer import people

    answer = export.run()
    count = answer.count()
    answer.stop()
    if count > MOST_SHEET_ROWS:
        raise TooLarge(MOST_SHEET_ROWS, count)
    yield people.workbook(export)


SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILES: dict[str, File] = {
    file.name: file
    for file in (
        File("table.csv", "text/csv; charset=utf-8", "CSV for people: labels", "CSV（带标签，供人阅读）", _people_csv),
        File("data.xlsx", SHEET, "Excel, with a sheet of notes", "Excel（附说明工作表）", _workbook),
        File("data.csv", "text/csv; charset=utf-8", "SDMX-CSV: codes", "SDMX-CSV（代码）", _sdmx_csv),
        File("data.xml", "application/xml; charset=utf-8", "SDMX-ML 2.1", "SDMX-ML 2.1", _sdmx_ml),
        File("data.json", "application/json; charset=utf-8", "SDMX-JSON 2.0", "SDMX-JSON 2.0", _sdmx_json),
        File("data.parquet", "application/vnd.apache.parquet", "Parquet", "Parquet", _parquet),
    )
}


def title(export: Export) -> str:
    return series_title(export.book, export.choice.state.series).text
