"""Writes SDMX-ML data messages as a stream: 2.1 generic and structure-specific, 3.0 and 3.1 structure-specific.

Standard: SDMX 2.1, 3.0 and 3.1 Technical Specifications, section 3 (SDMX-ML schemas). An attribute of a series stands
on its series; where it changes within one, a further element with the same key begins, so that nothing is lost.
Attributes of groups stand on the series too, because a stream does not know a group before it ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import pyarrow as pa

from regional_hub.sdg.formats import write_text as text
from regional_hub.sdg.formats.write_ml_layouts import Generic, Layout, Specific
from regional_hub.sdg.formats.writing import Options, Plan, Section, complete, moment, plan, sections
from regional_hub.sdg.structure import Structure

Version = Literal["2.1", "3.0", "3.1"]
BASE = "http://www.sdmx.org/resources/sdmxml/schemas/"
REF = "S1"


def write(
    data: Iterable[pa.RecordBatch] | Iterable[Section],
    structure: Structure,
    options: Options,
    version: Version = "2.1",
    generic: bool = False,
    time_series: bool = False,
) -> Iterator[bytes]:
    """The message. `time_series` names it by the form for time series only, which 2.1 has.

    Raises Unwritable for characters that XML cannot say, ValueError for generic data in SDMX-ML 3.
    """
    if generic and version != "2.1":
        raise ValueError("SDMX-ML 3 has no generic data message")
    planned = plan(structure, options)
    layout = Generic(planned) if generic else Specific(planned)
    kind = f"{'Generic' if generic else 'StructureSpecific'}{'TimeSeries' if time_series else ''}Data"
    yield _opening(kind, version, planned, options, generic).encode()
    for section in sections(data):
        yield from _Stream(planned, layout, options, section, version).chunks()
    yield f"</mes:{kind}>\n".encode()


def namespace(planned: Plan) -> str:
    """The namespace of the structure-specific schema that the data follow."""
    return f"{planned.reference.urn}:ObsLevelDim:{planned.dimension}"


def _opening(kind: str, version: Version, planned: Plan, options: Options, generic: bool) -> str:
    base = f"{BASE}v{version.replace('.', '_')}/"
    spaces = {"mes": base + "message", "com": base + "common", "xsi": "http://www.w3.org/2001/XMLSchema-instance"}
    if generic:
        spaces["gen"] = base + "data/generic"
    else:
        spaces |= {"ss": base + "data/structurespecific", "ns1": namespace(planned)}
    declared = " ".join(f"xmlns:{prefix}={quoteattr(uri)}" for prefix, uri in spaces.items())
    own = "" if generic else f' namespace="{escape(namespace(planned))}"'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<mes:{kind} {declared}>\n<mes:Header>\n'
        f"<mes:ID>{escape(options.message)}</mes:ID>\n<mes:Test>{str(options.test).lower()}</mes:Test>\n"
        f"<mes:Prepared>{moment(options.prepared)}</mes:Prepared>\n<mes:Sender id={quoteattr(options.sender)}/>\n"
        f"{_receiver(options)}"
        f'<mes:Structure structureID="{REF}"{own} dimensionAtObservation="{planned.dimension}">'
        f"{_reference(version, planned)}</mes:Structure>\n{_about(options)}</mes:Header>\n"
    )


def _receiver(options: Options) -> str:
    return f"<mes:Receiver id={quoteattr(options.receiver)}/>\n" if options.receiver else ""


def _about(options: Options) -> str:
    """What the header says of the data set, in the order of the schema (StructureSpecificDataHeaderType)."""
    if (about := options.about) is None:
        return ""
    said = [
        ("DataSetAction", about.action),
        ("DataSetID", about.dataset),
        ("Extracted", moment(about.extracted)),
        ("ReportingBegin", about.begin),
        ("ReportingEnd", about.end),
    ]
    elements = [f"<mes:{name}>{escape(text)}</mes:{name}>\n" for name, text in said if text]
    source = f'<mes:Source xml:lang="en">{escape(about.source)}</mes:Source>\n' if about.source else ""
    return "".join(elements) + source


def _reference(version: Version, planned: Plan) -> str:
    reference = planned.reference
    element = "Structure" if reference.kind == "datastructure" else "StructureUsage"
    if version != "2.1":
        return f"<com:{element}>{escape(reference.urn)}</com:{element}>"
    return (
        f"<com:{element}><Ref agencyID={quoteattr(reference.agency)} id={quoteattr(reference.id)} "
        f"version={quoteattr(reference.version)}/></com:{element}>"
    )


class _Stream:
    """One section: one data set, or several where an attribute of the whole data set changes."""

    def __init__(self, planned: Plan, layout: Layout, options: Options, section: Section, version: Version) -> None:
        self.plan = planned
        self.layout = layout
        self.options = options
        self.section = section
        self.attributes = layout.dataset(REF, section, version)
        self._whole = [part.id for part in planned.dataset_attributes]
        self._of_series = [part.id for part in (*planned.series, *planned.series_attributes)]
        self._series = text.Breaks([*self._whole, *self._of_series])
        self._datasets = text.Breaks(self._whole)
        self._began = False

    def chunks(self) -> Iterator[bytes]:
        for batch in text.slices(self.section.batches):
            yield self._rows(complete(batch, self.plan.ids))
        if not self._began:
            yield f"<mes:DataSet {self.attributes}/>\n".encode()
            return
        yield f"{self.layout.series_end if not self.plan.flat else ''}</mes:DataSet>\n".encode()

    def _rows(self, batch: pa.RecordBatch) -> bytes:
        starts = self._series.of(batch) if not self.plan.flat else self._dataset_starts(batch)
        opened = self._opened(batch, starts)
        line = text.Line()
        if not self.options.observations:
            return line.cell(opened).bytes(len(opened))
        line.cell(text.scattered(opened, starts))
        self.layout.observation(line, batch)
        return line.bytes(batch.num_rows)

    def _dataset_starts(self, batch: pa.RecordBatch) -> np.ndarray:
        return self._datasets.of(batch) if self._whole or not self._began else np.zeros(batch.num_rows, dtype=bool)

    def _opened(self, batch: pa.RecordBatch, starts: np.ndarray) -> pa.StringArray:
        """For each row where something begins: the end of what was open, and the start tags of what begins."""
        heads = batch.filter(pa.array(starts))
        if heads.num_rows == 0:
            return pa.array([], pa.string())
        fresh = starts if self.plan.flat else self._fresh(heads)
        fresh = fresh[starts] if self.plan.flat else fresh
        opening = self.layout.dataset_head(self.attributes, heads)
        end = "" if self.plan.flat else self.layout.series_end
        before = []
        for new, head in zip(fresh, opening.to_pylist(), strict=True):
            closing = end if self._began else ""
            before.append(f"{closing}</mes:DataSet>\n{head}" if new and self._began else head if new else closing)
            self._began = True
        line = text.Line().cell(pa.array(before, pa.string()))
        if not self.plan.flat:
            self.layout.series_head(line, heads)
        return line.joined(heads.num_rows)

    def _fresh(self, heads: pa.RecordBatch) -> np.ndarray:
        """Which of the rows begin a data set."""
        if self._whole:
            return self._datasets.of(heads)
        fresh = np.zeros(heads.num_rows, dtype=bool)
        fresh[0] = not self._began
        return fresh
