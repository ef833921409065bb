"""What a structure message is made of: artefacts, which of them are stubs or partial, and what data there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from regional_hub.sdg.formats.writing import Reference
from regional_hub.sdg.structure import (
    Codelist,
    Component,
    ConceptScheme,
    Constraint,
    Dataflow,
    Maintained,
    MetadataAttribute,
    MetadataStructure,
    Structure,
)


@dataclass(frozen=True)
class Available:
    """What data there are: codes by dimension in order, the time among them; how many series and observations."""

    id: str
    of: Reference
    values: Mapping[str, tuple[str, ...]]
    time: str = ""
    first: str = ""
    last: str = ""
    series: int = 0
    observations: int = 0


@dataclass(frozen=True)
class Bundle:
    """`stubs` and `partial` are short names with their kind before them: `codelist SDMX:CL_FREQ(2.0)`."""

    codelists: tuple[Codelist, ...] = ()
    concept_schemes: tuple[ConceptScheme, ...] = ()
    structures: tuple[Structure, ...] = ()
    dataflows: tuple[Dataflow, ...] = ()
    metadata_structures: tuple[MetadataStructure, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    available: Available | None = None
    stubs: frozenset[str] = field(default_factory=frozenset)
    partial: frozenset[str] = field(default_factory=frozenset)
    attached_flows: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def flows(self) -> frozenset[str]:
        """Short names of the dataflows that constraints are attached to."""
        return self.attached_flows | {one.short for one in self.dataflows}

    def is_stub(self, artefact: Maintained) -> bool:
        return tag(artefact) in self.stubs

    def is_partial(self, artefact: Maintained) -> bool:
        return tag(artefact) in self.partial or (isinstance(artefact, Codelist) and artefact.partial)


KINDS: dict[type[Maintained], str] = {
    Codelist: "codelist",
    ConceptScheme: "conceptscheme",
    Structure: "datastructure",
    Dataflow: "dataflow",
    MetadataStructure: "metadatastructure",
    Constraint: "dataconstraint",
}


def tag(artefact: Maintained) -> str:
    return f"{KINDS[type(artefact)]} {artefact.short}"


def time_ends(bounds: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str, bool]]:
    """The name of each end of a span of time, its period, and whether the period belongs to the span."""
    both = len(bounds) > 1
    for how, period in bounds:
        first = how in ("ge", "gt")
        name = ("StartPeriod" if first else "EndPeriod") if both else ("AfterPeriod" if first else "BeforePeriod")
        yield name, period, how in ("ge", "le")


def concept_of(part: Component | MetadataAttribute, structure: Structure | MetadataStructure) -> str:
    """The concept that a component means, as `AGENCY:SCHEME(1.0).CONCEPT`; one is made up where none is named."""
    return part.concept_ref or f"{structure.agency}:CS_{structure.id}({structure.version}).{part.id}"
