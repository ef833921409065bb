"""What every writer of observations is told: of what the data are, how they are to be shown, and in which parts.

A writer is `write(sections, structure, options) -> Iterator[bytes]`: it reads batches of observations as they come and
gives bytes as soon as it has some. It never holds more than one batch, and what is distinct in coded columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa

from regional_hub.sdg.structure import Component, Structure

ALL_DIMENSIONS = "AllDimensions"
Action = Literal["Information", "Append", "Replace", "Merge", "Delete"]
Labels = Literal["id", "name", "both"]
Keys = Literal["none", "series", "obs", "both"]


@dataclass(frozen=True)
class Reference:
    """Of what the data are: a dataflow or a data structure."""

    kind: Literal["dataflow", "datastructure"]
    agency: str
    id: str
    version: str
    name: Mapping[str, str] = field(default_factory=dict)

    @property
    def short(self) -> str:
        return f"{self.agency}:{self.id}({self.version})"

    @property
    def urn(self) -> str:
        of = "Dataflow" if self.kind == "dataflow" else "DataStructure"
        return f"urn:sdmx:org.sdmx.infomodel.datastructure.{of}={self.short}"


@dataclass(frozen=True)
class Section:
    """Observations that have one fate: what a reader is to do with them, and from and until when they were valid."""

    batches: Iterable[pa.RecordBatch]
    action: Action = "Information"
    valid_from: datetime | None = None
    valid_to: datetime | None = None


@dataclass(frozen=True)
class About:
    """What a message that is sent to somebody says of its data set, beside the data: its id, what is to be done with
    it, when it was taken out, its first and last period, and where it comes from."""

    dataset: str
    action: Action
    extracted: datetime
    begin: str = ""
    end: str = ""
    source: str = ""


@dataclass(frozen=True)
class Options:
    """How a message is written. Empty choices mean: as the structure says, everything."""

    reference: Reference | None = None
    dimension_at_observation: str = ""
    measures: tuple[str, ...] | None = None
    attributes: tuple[str, ...] | None = None
    observations: bool = True
    languages: tuple[str, ...] = ("en",)
    message: str = "MESSAGE"
    prepared: datetime = datetime(1970, 1, 1, tzinfo=UTC)
    sender: str = "REGIONAL_HUB"
    receiver: str = ""
    about: About | None = None
    test: bool = False
    labels: Labels = "id"
    keys: Keys = "none"
    normalized_time: bool = False
    spreadsheet: bool = False


@dataclass(frozen=True)
class Plan:
    """Which component stands where in a message: at its groups of observations, or at each observation."""

    reference: Reference
    key: tuple[str, ...]
    dimension: str
    series: tuple[Component, ...]
    observation: tuple[Component, ...]
    measures: tuple[Component, ...]
    dataset_attributes: tuple[Component, ...]
    series_attributes: tuple[Component, ...]
    observation_attributes: tuple[Component, ...]

    @property
    def flat(self) -> bool:
        return self.dimension == ALL_DIMENSIONS

    @property
    def attributes(self) -> tuple[Component, ...]:
        return (*self.dataset_attributes, *self.series_attributes, *self.observation_attributes)

    @property
    def ids(self) -> list[str]:
        """The columns of a message, each once."""
        parts = (*self.series, *self.observation, *self.measures, *self.attributes)
        return [part.id for part in parts]


def plan(structure: Structure, options: Options) -> Plan:
    """Divide the components of a structure by the dimension at the observation.

    Raises ValueError for a dimension at the observation that the structure does not have.
    """
    time = (structure.time,) if structure.time else ()
    dimension = options.dimension_at_observation or (structure.time.id if structure.time else ALL_DIMENSIONS)
    every = (*structure.dimensions, *time)
    if dimension == ALL_DIMENSIONS:
        series: tuple[Component, ...] = ()
        observation: tuple[Component, ...] = every
    else:
        observation = tuple(part for part in every if part.id == dimension)
        if not observation:
            raise ValueError(f"{structure.short} has no dimension {dimension!r}")
        series = tuple(part for part in every if part.id != dimension)
    measures = _chosen(structure.measures, options.measures)
    attributes = _chosen(structure.attributes, options.attributes)
    keyed = {part.id for part in series}
    whole = tuple(part for part in attributes if part.attachment == "dataset")
    lifted = tuple(part for part in attributes if series and _of_group(part, keyed))
    placed = {part.id for part in (*lifted, *whole)}
    own = tuple(part for part in attributes if part.id not in placed)
    return Plan(
        _reference(structure, options), structure.key, dimension, series, observation, measures, whole, lifted, own
    )


def _of_group(attribute: Component, keyed: set[str]) -> bool:
    """Whether an attribute has one value for all observations that share the dimensions `keyed`."""
    return attribute.attachment in ("series", "group") and set(attribute.attached_to) <= keyed


def _chosen(parts: Sequence[Component], ids: tuple[str, ...] | None) -> tuple[Component, ...]:
    return tuple(part for part in parts if ids is None or part.id in ids)


def _reference(structure: Structure, options: Options) -> Reference:
    own = Reference("datastructure", structure.agency, structure.id, structure.version, structure.name)
    return options.reference or own


def complete(batch: pa.RecordBatch, ids: Iterable[str]) -> pa.RecordBatch:
    """A batch with exactly these columns, in this order; those that it does not have are missing throughout."""
    nothing = pa.nulls(batch.num_rows, pa.string())
    names, there = list(ids), batch.schema.names
    if names == there:
        return batch
    if set(names) <= set(there):
        return batch.select(names)
    columns = [batch.column(name) if name in there else nothing for name in names]
    return pa.RecordBatch.from_arrays(columns, names=names)


def best(names: Mapping[str, str], languages: Sequence[str], otherwise: str) -> str:
    """The name in the first language there is, `zh` standing for `zh-Hans` and the reverse; else English; else any."""
    for language in (*languages, "en"):
        for candidate in (language, language.split("-")[0]):
            if candidate in names:
                return names[candidate]
        for there, name in names.items():
            if there.split("-")[0].lower() == language.split("-")[0].lower():
                return name
    return next(iter(names.values()), otherwise)


def moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def sections(data: Iterable[pa.RecordBatch] | Iterable[Section]) -> Iterator[Section]:
    """Batches alone are one section; sections are taken as they are."""
    iterator = iter(data)
    first = next(iterator, None)
    if isinstance(first, Section):
        yield first
        for section in iterator:
            assert isinstance(section, Section)
            yield section
        return
    batches: list[pa.RecordBatch] = [] if first is None else [first]
    yield Section(_chained(batches, iterator))


def _chained(first: list[pa.RecordBatch], rest: Iterator[object]) -> Iterator[pa.RecordBatch]:
    yield from first
    for batch in rest:
        assert isinstance(batch, pa.RecordBatch)
        yield batch
