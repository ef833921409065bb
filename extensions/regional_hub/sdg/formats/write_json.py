"""Writes SDMX-JSON data messages 1.0, 2.0 and 2.1 as a stream.

Standard: SDMX-JSON Data Message 1.0, 2.0.0 and 2.1.0 (field guides and schemas). The data sets come before the
structure that explains their indexes, so that nothing has to be known in advance: each value gets its index when it
is met. An attribute of a series that changes within it is shown at the observations of that series.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regional_hub.sdg.formats import write_json_few
from regional_hub.sdg.formats import write_text as text
from regional_hub.sdg.formats.write_json_structure import Index, described, numeric
from regional_hub.sdg.formats.writing import Options, Plan, Section, complete, moment, plan, sections
from regional_hub.sdg.structure import Component, Structure

Version = Literal["1.0", "2.0", "2.1"]
SCHEMA = {
    "1.0": "https://raw.githubusercontent.com/sdmx-twg/sdmx-json/master/data-message/tools/schemas/1.0/"
    "sdmx-json-data-schema.json",
    "2.0": "https://json.sdmx.org/2.0.0/sdmx-json-data-schema.json",
    "2.1": "https://json.sdmx.org/2.1/sdmx-json-data-schema.json",
}


def write(
    data: Iterable[pa.RecordBatch] | Iterable[Section],
    structure: Structure,
    options: Options,
    version: Version = "2.0",
) -> Iterator[bytes]:
    """The message, data sets first. A series must come in one piece: batches are sorted by what makes a series."""
    planned = plan(structure, options)
    writer = _Writer(planned, options, version)
    meta = {
        "schema": SCHEMA[version],
        "id": options.message,
        "prepared": moment(options.prepared),
        "test": options.test,
        "contentLanguages": list(options.languages),
        "sender": {"id": options.sender},
    }
    if options.receiver:
        meta["receivers" if version != "1.0" else "receiver"] = [{"id": options.receiver}]
    start = {"$schema": SCHEMA[version], "meta": meta} if version != "1.0" else {"meta": meta}
    yield (dumps(start)[:-1] + ',"data":{"dataSets":[').encode()
    count = 0
    for section in sections(data):
        yield ("," if count else "").encode() + writer.opening(section).encode()
        yield from writer.rows(section)
        yield b"}}"
        count += 1
    yield ("]," + writer.structure(count) + "}}\n").encode()


def dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Writer:
    def __init__(self, planned: Plan, options: Options, version: Version) -> None:
        self.plan = planned
        self.options = options
        self.version = version
        self.lifted = (*planned.dataset_attributes, *planned.series_attributes) if not planned.flat else ()
        self.own = tuple(part for part in planned.attributes if part not in self.lifted)
        self._indexes = {part.id: Index() for part in (*planned.series, *planned.observation)}
        self._indexes |= {part.id: Index() for part in planned.attributes if self._by_index(part)}
        self._few = write_json_few.Few(planned, self._indexes, self.lifted, self.own, options.observations)
        self._wandering = False  # is there a series in which an attribute of series changes?

    def _by_index(self, part: Component) -> bool:
        return self.version == "1.0" or part.codelist is not None

    def opening(self, section: Section) -> str:
        action = "Replace" if self.version == "1.0" and section.action == "Merge" else section.action
        said: dict[str, object] = {"structure": 0} if self.version != "1.0" else {}
        said |= {"action": action, "links": [{"urn": self.plan.reference.urn, "rel": self.plan.reference.kind}]}
        for name, when in (("validFrom", section.valid_from), ("validTo", section.valid_to)):
            if when is not None:
                said[name] = moment(when)
        return dumps(said)[:-1] + (',"observations":{' if self.plan.flat else ',"series":{')

    def structure(self, datasets: int) -> str:
        at_observation = (*self.own, *(self.lifted if self._wandering else ()))
        found = described(self.plan, self.options, self.version, self._indexes, self.lifted, at_observation)
        if self.version == "1.0":
            return '"structure":' + dumps(found)
        return '"structures":' + dumps([found | ({"dataSets": list(range(datasets))} if datasets else {})])

    # -- the rows -------------------------------------------------------------------------------------------------

    def rows(self, section: Section) -> Iterator[bytes]:
        ids = self.plan.ids
        batches = (complete(batch, ids) for batch in text.slices(section.batches))
        first = True
        if self.plan.flat:
            for batch in batches:
                yield self._flat(batch, first)
                first = False
            return
        for batch in _whole_groups(batches, [part.id for part in self.plan.series]):
            if batch.num_rows <= write_json_few.MOST:
                yield self._few.series(batch, first)
                self._wandering |= self._few.wandering
            else:
                yield self._grouped(batch, first)
            first = False
        yield b"" if first else b"}}" if self.options.observations else b"}"

    def _flat(self, batch: pa.RecordBatch, first: bool) -> bytes:
        line = text.Line().cell(_between(batch.num_rows, first)).fixed('"')
        self._key(line, self.plan.observation, batch)
        line.fixed('":[')
        self._observation(line, batch, np.zeros(batch.num_rows, dtype=bool))
        return line.fixed("]").bytes(batch.num_rows)

    def _grouped(self, batch: pa.RecordBatch, first: bool) -> bytes:
        keys = [part.id for part in self.plan.series]
        starts = text.Breaks(keys).of(batch)
        group = np.cumsum(starts) - 1
        wanders = self._wanders(batch, keys, group)
        heads = self._heads(batch.filter(pa.array(starts)), wanders, first)
        if not self.options.observations:
            return text.content(heads)
        line = text.Line().cell(text.scattered(heads, starts))
        line.cell(pa.array(np.where(starts, "", ","), pa.string())).fixed('"')
        self._key(line, self.plan.observation, batch)
        line.fixed('":[')
        self._observation(line, batch, wanders[group])
        return line.fixed("]").bytes(batch.num_rows)

    def _wanders(self, batch: pa.RecordBatch, keys: list[str], group: np.ndarray) -> np.ndarray:
        """For each series of the batch: does an attribute that should be the same for all of it change?"""
        wanders = np.zeros(int(group[-1]) + 1, dtype=bool)
        if self.lifted:
            changes = text.Breaks([*keys, *(part.id for part in self.lifted)]).of(batch)
            wanders = np.bincount(group, weights=changes) > 1
        self._wandering |= bool(wanders.any())
        return wanders

    def _heads(self, heads: pa.RecordBatch, wanders: np.ndarray, first: bool) -> pa.StringArray:
        closing = "}}," if self.options.observations else "},"
        before = pa.array(["" if first and row == 0 else closing for row in range(heads.num_rows)], pa.string())
        line = text.Line().cell(before).fixed('"')
        self._key(line, self.plan.series, heads)
        line.fixed('":{')
        if self.lifted:
            line.fixed('"attributes":[')
            hidden = pa.array(wanders)
            for position, part in enumerate(self.lifted):
                shown = self._attribute(part, heads.column(part.id))
                shown = pc.if_else(hidden, pa.scalar(None, pa.string()), shown) if wanders.any() else shown
                line.fixed("," if position else "").cell(shown, "null")
            line.fixed("]" + ("," if self.options.observations else ""))
        return line.fixed('"observations":{' if self.options.observations else "").joined(heads.num_rows)

    def _observation(self, line: text.Line, batch: pa.RecordBatch, wanders: np.ndarray) -> None:
        cells = [self._measure(part, batch.column(part.id)) for part in self.plan.measures]
        cells += [self._attribute(part, batch.column(part.id)) for part in self.own]
        for position, cell in enumerate(cells):
            line.fixed("," if position else "").cell(cell, "null")
        if wanders.any():
            there = pa.array(wanders)
            for part in self.lifted:
                shown = pc.fill_null(self._attribute(part, batch.column(part.id)), "null")
                line.column(",", pc.if_else(there, shown, pa.scalar(None, pa.string())))

    def _key(self, line: text.Line, parts: Iterable[Component], batch: pa.RecordBatch) -> None:
        for position, part in enumerate(parts):
            line.fixed(":" if position else "").cell(self._indexes[part.id].of(batch.column(part.id)))

    def _measure(self, part: Component, column: pa.Array) -> pa.StringArray:
        return text.changed(column, text.json_value if numeric(part) else text.json_text)

    def _attribute(self, part: Component, column: pa.Array) -> pa.StringArray:
        if self._by_index(part):
            return self._indexes[part.id].of(column)
        return text.changed(column, text.json_value if numeric(part) else text.json_text)


def _between(rows: int, first: bool) -> pa.StringArray:
    return pa.array(["" if first and row == 0 else "," for row in range(rows)], pa.string())


def _whole_groups(batches: Iterable[pa.RecordBatch], ids: list[str]) -> Iterator[pa.RecordBatch]:
    """The same rows in batches that end where a group ends."""
    held: list[pa.RecordBatch] = []
    breaks = text.Breaks(ids)
    coming = iter(batches)
    first = list(itertools.islice(coming, 2))
    if len(first) == 1:  # all that there is
        yield first[0]
        return
    for batch in itertools.chain(first, coming):
        begins = np.flatnonzero(breaks.of(batch))
        if len(begins) == 0:
            held.append(batch)
            continue
        last = int(begins[-1])
        if before := [*held, *([batch.slice(0, last)] if last else [])]:
            yield _joined(before)
        held = [batch.slice(last)]
    if held:
        yield _joined(held)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).unify_dictionaries().combine_chunks().to_batches()[0]
