"""The structures of SDMX as plain data: what a data set is made of, by whom it was defined, and in which version.

It knows the model, not the syntax: `structure_ml` and `structure_json` read messages into it, `registry` keeps it.
Nothing about the SDGs is fixed here; goal, target and indicator come from annotations on the series codelist.
Standard: SDMX 3.1 information model (Technical Notes, section 2); 2.1 artefacts map onto it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

Role = Literal["dimension", "time", "measure", "attribute"]
Attachment = Literal["dataset", "series", "group", "observation"]

SHORT = re.compile(r"(?P<agency>[A-Za-z][\w.@$-]*):(?P<id>[\w@$-]+)\((?P<version>[\w.+*-]+)\)")
LARGEST = 256 << 20  # bytes of a message that is read into memory whole
URN_CLASS = {
    "DataStructure": "datastructure.DataStructure",
    "Dataflow": "datastructure.Dataflow",
    "Codelist": "codelist.Codelist",
    "ConceptScheme": "conceptscheme.ConceptScheme",
    "DataConstraint": "registry.DataConstraint",
    "MetadataStructure": "metadatastructure.MetadataStructure",
}


class StructureError(ValueError):
    """A structure that is not there, cannot be read, or contradicts one that is kept; the message says what to do."""


@dataclass(frozen=True)
class Maintained:
    """What every maintained artefact has: who keeps it, its id and version, and its name by language."""

    agency: str
    id: str
    version: str
    name: Mapping[str, str] = field(default_factory=dict)

    @property
    def short(self) -> str:
        """`KG_NSC:SDG(1.8)`."""
        return f"{self.agency}:{self.id}({self.version})"


@dataclass(frozen=True)
class Code:
    """An entry of a codelist. Annotations are by type (or id, or title); several of a kind are joined by `, `."""

    id: str
    name: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Codelist(Maintained):
    """A codelist (or a value list of SDMX 3). `partial` says that the agency gave only a part of it."""

    codes: Mapping[str, Code] = field(default_factory=dict)
    final: bool = False
    partial: bool = False

    @property
    def urn(self) -> str:
        return urn("Codelist", self.short)


@dataclass(frozen=True)
class Concept:
    """What a component means, and how it is represented where the component does not say so itself."""

    id: str
    name: Mapping[str, str] = field(default_factory=dict)
    description: Mapping[str, str] = field(default_factory=dict)
    codelist: str = ""
    type: str = ""


@dataclass(frozen=True)
class ConceptScheme(Maintained):
    concepts: Mapping[str, Concept] = field(default_factory=dict)
    final: bool = False


@dataclass(frozen=True)
class Facets:
    """Limits on the text of a value; None is no limit."""

    min_length: int | None = None
    max_length: int | None = None
    min_value: str | None = None
    max_value: str | None = None
    decimals: int | None = None
    pattern: str | None = None


@dataclass(frozen=True)
class Component:
    """A dimension, the time, a measure or an attribute of a data structure.

    `type` is the SDMX data type of its text ("String" where nothing is said). `attached_to` are the dimensions that
    an attribute belongs to; `group` names the group where it belongs to one. `codelist` is None where it is not
    coded, and where its codelist (`codelist_ref`) is not there.
    """

    id: str
    role: Role
    codelist: Codelist | None = None
    type: str = "String"
    mandatory: bool = False
    attachment: Attachment | None = None
    attached_to: tuple[str, ...] = ()
    group: str = ""
    name: Mapping[str, str] = field(default_factory=dict)
    concept_ref: str = ""
    codelist_ref: str = ""
    facets: Facets = field(default_factory=Facets)
    several: bool = False


@dataclass(frozen=True)
class Structure(Maintained):
    """A data structure definition. `components` are in order: dimensions, time, measures, attributes."""

    components: tuple[Component, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    final: bool = False

    @property
    def urn(self) -> str:
        return urn("DataStructure", self.short)

    @cached_property
    def dimensions(self) -> tuple[Component, ...]:
        """The dimensions in order, without the time."""
        return tuple(part for part in self.components if part.role == "dimension")

    @cached_property
    def time(self) -> Component | None:
        return next((part for part in self.components if part.role == "time"), None)

    @cached_property
    def measures(self) -> tuple[Component, ...]:
        return tuple(part for part in self.components if part.role == "measure")

    @cached_property
    def measure(self) -> Component:
        """The primary measure: OBS_VALUE where there is one, else the first."""
        named = [part for part in self.measures if part.id == "OBS_VALUE"]
        return (named or list(self.measures))[0]

    @cached_property
    def attributes(self) -> tuple[Component, ...]:
        return tuple(part for part in self.components if part.role == "attribute")

    @cached_property
    def key(self) -> tuple[str, ...]:
        """Ids of what makes an observation unique: the dimensions, then the time."""
        return tuple(part.id for part in (*self.dimensions, *((self.time,) if self.time else ())))

    @cached_property
    def by_id(self) -> Mapping[str, Component]:
        return {part.id: part for part in self.components}

    @cached_property
    def unresolved(self) -> tuple[str, ...]:
        """Codelists that components name and that are not there."""
        missing = (p.codelist_ref for p in self.components if p.codelist_ref and p.codelist is None)
        return tuple(dict.fromkeys(missing))

    def component(self, id: str) -> Component:
        """Raises StructureError, naming what there is, for an id that the structure does not have."""
        if id not in self.by_id:
            raise StructureError(f"{self.short} has no component {id!r}; there are {', '.join(self.by_id)}")
        return self.by_id[id]

    def resolved(self, codelists: Mapping[str, Codelist]) -> Structure:
        """The same structure with the codelists that it names, by their short names."""
        parts = (
            replace(part, codelist=codelists.get(part.codelist_ref)) if part.codelist_ref else part
            for part in self.components
        )
        return replace(self, components=tuple(parts))


@dataclass(frozen=True)
class Dataflow(Maintained):
    """What data are published under: a name for the data of a structure (its short name)."""

    structure: str = ""

    @property
    def urn(self) -> str:
        return urn("Dataflow", self.short)


@dataclass(frozen=True)
class Region:
    """Part of a cube: component -> its values. Where `include` is false they are left out instead.

    `excluded` are the components whose values are those that may not occur. `bounds` are ends of time by component, as
    (("ge", "2015"), ("lt", "2020")): `ge` and `gt` the first, `le` and `lt` the last.
    """

    include: bool
    values: Mapping[str, tuple[str, ...]]
    excluded: tuple[str, ...] = ()
    bounds: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Constraint(Maintained):
    """What data there may be ("Allowed") or are ("Actual") for the artefacts it is attached to (short names)."""

    role: str = "Allowed"
    attached: tuple[str, ...] = ()
    regions: tuple[Region, ...] = ()
    keys: tuple[Region, ...] = ()


@dataclass(frozen=True)
class MetadataAttribute:
    """What a metadata report may say; `parent` is the attribute that it stands below."""

    id: str
    name: Mapping[str, str] = field(default_factory=dict)
    parent: str | None = None
    mandatory: bool = False
    several: bool = True
    presentational: bool = False
    type: str = ""
    codelist_ref: str = ""
    concept_ref: str = ""


@dataclass(frozen=True)
class MetadataStructure(Maintained):
    """A metadata structure definition: the attributes of a metadata report in order, parents before children."""

    attributes: tuple[MetadataAttribute, ...] = ()
    final: bool = False

    @property
    def urn(self) -> str:
        return urn("MetadataStructure", self.short)


@dataclass(frozen=True)
class Structures:
    """Everything in a structure message. `others` names artefacts of kinds that are not kept here."""

    structures: tuple[Structure, ...] = ()
    dataflows: tuple[Dataflow, ...] = ()
    codelists: tuple[Codelist, ...] = ()
    concept_schemes: tuple[ConceptScheme, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    metadata_structures: tuple[MetadataStructure, ...] = ()
    others: tuple[str, ...] = ()

    def all(self) -> Iterator[Maintained]:
        yield from self.codelists
        yield from self.concept_schemes
        yield from self.metadata_structures
        yield from self.structures
        yield from self.dataflows
        yield from self.constraints

    def structure(self, short: str) -> Structure:
        """A data structure by its short name or urn. Raises StructureError naming those that are there."""
        wanted = to_short(short)
        for found in self.structures:
            if found.short == wanted:
                return found
        there = ", ".join(found.short for found in self.structures) or "none"
        raise StructureError(f"no data structure {wanted} in the message; there are: {there}")


def urn(kind: str, short: str) -> str:
    """The URN of an artefact: `urn:sdmx:org.sdmx.infomodel.codelist.Codelist=SDMX:CL_FREQ(2.0)`."""
    return f"urn:sdmx:org.sdmx.infomodel.{URN_CLASS[kind]}={short}"


def to_short(reference: str) -> str:
    """The short name in a URN (of an artefact or an item in it) or in a short name. Raises StructureError."""
    match = SHORT.search(reference.rpartition("=")[2])
    if match is None:
        raise StructureError(f"{reference!r} is not a reference like AGENCY:ID(1.0) or a URN of SDMX")
    return match[0]


def whole(path: Path) -> bytes:
    """A message of structures or metadata, which is never large. Raises StructureError for a file that is."""
    if path.stat().st_size > LARGEST:
        raise StructureError(f"{path}: over {LARGEST >> 20} MiB; no message of structures or metadata is so large")
    return path.read_bytes()


def read(source: Path | bytes, *, name: str = "") -> Structures:
    """Everything in a structure message: SDMX-ML 2.1, 3.0, 3.1 or SDMX-JSON 1.0, 2.x.

    Raises StructureError for anything else, and FileNotFoundError and PermissionError as the system does.
    """
    from regional_hub.sdg import structure_json, structure_ml

    data = source if isinstance(source, bytes) else whole(source)
    called = name or (str(source) if isinstance(source, Path) else "the message")
    start = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"{"):
        return structure_json.read(data, called)
    if start.startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        return structure_ml.read(data, called)
    raise StructureError(f"{called}: neither SDMX-ML nor SDMX-JSON")


@dataclass(frozen=True)
class SeriesFacts:
    """What the annotations of a series say of its place among the goals; empty where they say nothing."""

    goal: str
    target: str
    indicator: str
    indicator_title: str


INDICATOR = re.compile(r"\b\w{1,2}\.\w{1,2}\.\w{1,2}\b")


def series_facts(structure: Structure, series_code: str, component: str = "SERIES") -> SeriesFacts:
    """Goal, target and indicator of a series, from the `Indicator` annotations of its code ("1.1.1")."""
    codelist = structure.component(component).codelist
    code = codelist.codes.get(series_code) if codelist else None
    notes = code.annotations if code else {}
    found = INDICATOR.search(notes.get("Indicator", ""))
    if not found:
        return SeriesFacts("", "", notes.get("Indicator", ""), notes.get("IndicatorTitle", ""))
    parts = found[0].split(".")
    return SeriesFacts(parts[0], ".".join(parts[:2]), notes["Indicator"], notes.get("IndicatorTitle", ""))
