"""The elements of SDMX-ML data: structure-specific, where components are XML attributes, and generic, where they are
elements. `write_ml` puts them in order; here stands only how each of them is spelled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import pyarrow as pa

from regional_hub.sdg.formats import write_text as text
from regional_hub.sdg.formats.writing import Plan, Section, moment
from regional_hub.sdg.structure import Component


class Layout(Protocol):
    series_end: str

    def dataset(self, reference: str, section: Section, version: str) -> str:
        """The attributes of the start tag of a data set."""

    def dataset_head(self, attributes: str, heads: pa.RecordBatch) -> pa.StringArray:
        """The start tag of a data set and what it says of itself, one a row."""

    def series_head(self, line: text.Line, heads: pa.RecordBatch) -> None:
        """The start tag of a series, its key and its attributes."""

    def observation(self, line: text.Line, batch: pa.RecordBatch) -> None:
        """An observation."""


def _validity(section: Section) -> dict[str, str]:
    ends = {"validFromDate": section.valid_from, "validToDate": section.valid_to}
    return {name: moment(when) for name, when in ends.items() if when is not None}


class Specific:
    """Structure-specific: `<Series SEX="F"><Obs TIME_PERIOD="2020" OBS_VALUE="1"/></Series>`."""

    series_end = "</Series>\n"

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._own = (*plan.observation, *plan.measures, *plan.observation_attributes)

    def dataset(self, reference: str, section: Section, version: str) -> str:
        said: dict[str, str] = {"structureRef": reference, "action": section.action}
        if version == "2.1":
            said["dataScope"] = "DataStructure"
        spelled = " ".join(f'ss:{name}="{value}"' for name, value in {**said, **_validity(section)}.items())
        return f'xsi:type="ns1:DataSetType" {spelled}'

    def dataset_head(self, attributes: str, heads: pa.RecordBatch) -> pa.StringArray:
        line = text.Line().fixed(f"<mes:DataSet {attributes}")
        self._attributes(line, self._plan.dataset_attributes, heads)
        return line.fixed(">\n").joined(heads.num_rows)

    def series_head(self, line: text.Line, heads: pa.RecordBatch) -> None:
        line.fixed("<Series")
        self._attributes(line, (*self._plan.series, *self._plan.series_attributes), heads)
        line.fixed(">\n")

    def observation(self, line: text.Line, batch: pa.RecordBatch) -> None:
        line.fixed("<Obs")
        self._attributes(line, self._own, batch)
        line.fixed("/>\n")

    @staticmethod
    def _attributes(line: text.Line, parts: Iterable[Component], batch: pa.RecordBatch) -> None:
        for part in parts:
            line.column(f' {part.id}="', _escaped(batch, part), '"')


class Generic:
    """Generic: `<gen:Series><gen:SeriesKey><gen:Value id="SEX" value="F"/></gen:SeriesKey><gen:Obs>…`."""

    series_end = "</gen:Series>\n"

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def dataset(self, reference: str, section: Section, version: str) -> str:
        said = {"structureRef": reference, "action": section.action, **_validity(section)}
        return " ".join(f'{name}="{value}"' for name, value in said.items())

    def dataset_head(self, attributes: str, heads: pa.RecordBatch) -> pa.StringArray:
        line = text.Line().fixed(f"<mes:DataSet {attributes}>\n")
        self._attributes(line, self._plan.dataset_attributes, heads)
        return line.joined(heads.num_rows)

    def series_head(self, line: text.Line, heads: pa.RecordBatch) -> None:
        line.fixed("<gen:Series><gen:SeriesKey>")
        self._values(line, self._plan.series, heads)
        line.fixed("</gen:SeriesKey>")
        self._attributes(line, self._plan.series_attributes, heads)
        line.fixed("\n")

    def observation(self, line: text.Line, batch: pa.RecordBatch) -> None:
        line.fixed("<gen:Obs>")
        if self._plan.flat:
            line.fixed("<gen:ObsKey>")
            self._values(line, self._plan.observation, batch)
            line.fixed("</gen:ObsKey>")
        else:
            for part in self._plan.observation:
                line.column('<gen:ObsDimension value="', _escaped(batch, part), '"/>')
        measures = self._plan.measures
        for part in measures[:1]:
            line.column('<gen:ObsValue value="', _escaped(batch, part), '"/>')
        self._attributes(line, (*measures[1:], *self._plan.observation_attributes), batch)
        line.fixed("</gen:Obs>\n")

    def _attributes(self, line: text.Line, parts: Iterable[Component], batch: pa.RecordBatch) -> None:
        """The element of attributes, only in rows that have some."""
        inner = text.Line()
        self._values(inner, parts, batch)
        values = inner.joined(batch.num_rows)
        line.column("<gen:Attributes>", text.filled(values), "</gen:Attributes>")

    @staticmethod
    def _values(line: text.Line, parts: Iterable[Component], batch: pa.RecordBatch) -> None:
        for part in parts:
            line.column(f'<gen:Value id="{part.id}" value="', _escaped(batch, part), '"/>')


def _escaped(batch: pa.RecordBatch, part: Component) -> pa.StringArray:
    try:
        return text.changed(batch.column(part.id), text.xml)
    except text.Unwritable as error:
        raise text.Unwritable(f"{part.id}: {error}") from None
