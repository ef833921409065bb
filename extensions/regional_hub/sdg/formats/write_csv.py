"""Writes SDMX-CSV 1.0, 2.0 and 2.1 as a stream.

Standard: SDMX-CSV Data Message Format 1.0, 2.0.0 and 2.1.0. Cells are exactly the values; only for spreadsheets, where
it is asked for, are cells that would run as formulas disarmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from regional_hub.sdg import periods
from regional_hub.sdg.formats import write_text as text
from regional_hub.sdg.formats.writing import Options, Plan, Section, best, complete, plan, sections
from regional_hub.sdg.structure import Component, Structure

Version = Literal["1.0", "2.0", "2.1"]
ACTIONS = {"Information": "I", "Append": "A", "Merge": "M", "Replace": "R", "Delete": "D"}
BOM = b"\xef\xbb\xbf"


def write(
    data: Iterable[pa.RecordBatch] | Iterable[Section],
    structure: Structure,
    options: Options,
    version: Version = "2.0",
) -> Iterator[bytes]:
    """The message, beginning with its line of column names. Raises Unwritable for NUL."""
    writer = _Writer(structure, options, version)
    yield writer.head()
    for section in sections(data):
        for batch in text.slices(section.batches):
            yield writer.rows(batch, ACTIONS[section.action])


class _Writer:
    def __init__(self, structure: Structure, options: Options, version: Version) -> None:
        self.options = options
        self.version = version
        self.plan: Plan = plan(structure, options)
        self.keys = structure.key
        time = structure.time
        self.time = time.id if time else ""
        wanted = {part.id for part in (*self.plan.measures, *self.plan.attributes)}
        self.components = [part for part in structure.components if part.id in self.keys or part.id in wanted]
        if not options.observations:
            self.components = [part for part in self.components if part not in self.plan.observation]
            gone = {part.id for part in (*self.plan.measures, *self.plan.observation_attributes)}
            self.components = [part for part in self.components if part.id not in gone]
        self._labels: dict[str, dict[str, str]] = {}
        self._breaks = text.Breaks([part.id for part in self.components])

    # -- the first line -------------------------------------------------------------------------------------------

    def head(self) -> bytes:
        names = self._leading_names()
        for part in self.components:
            named = best(part.name, self.options.languages, part.id)
            plain_id = self.version == "1.0" and part.role == "measure"
            names.append(part.id if self.options.labels != "both" or plain_id else f"{part.id}: {named}")
            if self.options.labels == "name" and self.version != "1.0":
                names.append(named if named not in (*names, *self.keys, part.id) else f"{named} ({part.id})")
        line = ",".join(text.csv(pa.array(names)).to_pylist()) + "\n"
        return (BOM if self.options.spreadsheet else b"") + line.encode()

    def _leading_names(self) -> list[str]:
        if self.version == "1.0":
            return ["DATAFLOW"]
        names = ["STRUCTURE", "STRUCTURE_ID"]
        names += ["STRUCTURE_NAME"] if self.options.labels == "name" else []
        names += ["ACTION"]
        names += ["SERIES_KEY"] if self.options.keys in ("series", "both") else []
        names += ["OBS_KEY"] if self.options.keys in ("obs", "both") else []
        return names

    def _leading(self, action: str) -> list[str]:
        reference = self.plan.reference
        named = best(reference.name, self.options.languages, reference.id)
        short = f"{reference.short}: {named}" if self.options.labels == "both" else reference.short
        if self.version == "1.0":
            return [short]
        return [reference.kind, short, *([named] if self.options.labels == "name" else []), action]

    # -- the others -----------------------------------------------------------------------------------------------

    def rows(self, batch: pa.RecordBatch, action: str) -> bytes:
        batch = complete(batch, [part.id for part in self.components])
        if not self.options.observations:
            batch = batch.filter(pa.array(self._breaks.of(batch)))
        line = text.Line()
        line.fixed(",".join(text.csv(pa.array(self._leading(action))).to_pylist()))
        if self.version != "1.0":
            self._key_columns(line, batch)
        for part in self.components:
            self._component(line, part, batch.column(part.id))
        return line.fixed("\n").bytes(batch.num_rows)

    def _key_columns(self, line: text.Line, batch: pa.RecordBatch) -> None:
        series = [text.plain(batch.column(key)) for key in self.keys if key != self.time and key in batch.schema.names]
        if self.options.keys in ("series", "both"):
            line.fixed(",").cell(_dotted(series))
        if self.options.keys in ("obs", "both"):
            times = [text.plain(batch.column(self.time))] if self.time in batch.schema.names else []
            line.fixed(",").cell(_dotted([*series, *times]))

    def _component(self, line: text.Line, part: Component, column: pa.Array) -> None:
        if part.id == self.time and self.options.normalized_time:
            column = text.plain(column).dictionary_encode()
            column = pa.DictionaryArray.from_arrays(
                column.indices, pa.array([_first_day(value) for value in column.dictionary.to_pylist()], pa.string())
            )
        if self.options.labels != "id" and part.codelist is not None:
            encoded = column if isinstance(column, pa.DictionaryArray) else text.plain(column).dictionary_encode()
            labels = self._labelled(part, encoded)
            if self.options.labels == "both":
                line.fixed(",").cell(text.changed(labels, self._cell))
            else:
                line.fixed(",").cell(text.changed(encoded, self._cell)).fixed(",")
                line.cell(text.changed(labels, self._cell))
            return
        line.fixed(",").cell(text.changed(column, self._cell))
        if self.options.labels == "name" and self.version != "1.0":
            line.fixed(",")

    def _labelled(self, part: Component, column: pa.DictionaryArray) -> pa.DictionaryArray:
        known = self._labels.setdefault(part.id, {})
        codes = part.codelist.codes if part.codelist else {}
        texts = []
        for code in text.plain(column.dictionary).to_pylist():
            if code not in known:
                name = best(codes[code].name, self.options.languages, "") if code in codes else ""
                joined = f"{code}: {name}" if name else code
                known[code] = joined if self.options.labels == "both" else name
            texts.append(known[code])
        return pa.DictionaryArray.from_arrays(column.indices, pa.array(texts, pa.string()))

    def _cell(self, column: pa.StringArray) -> pa.StringArray:
        return text.csv(text.spreadsheet(column) if self.options.spreadsheet else column)


def _first_day(period: str | None) -> str | None:
    """The day on which a period begins; what is no period stays as it is."""
    try:
        return periods.span(period)[0].date().isoformat() if period else period
    except periods.PeriodError:
        return period


def _dotted(columns: list[pa.StringArray]) -> pa.StringArray:
    return text.csv(pc.binary_join_element_wise(*columns, ".", null_handling="replace", null_replacement=""))
