"""Answers to queries for structures, for what data there are, and for the rules that data follow.

What goes along with an artefact (`references`) is found in the registry; a data structure brings the very codelists
that it was imported with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from regional_hub.sdg import availability as availabilities
from regional_hub.sdg.formats import write_schema, write_structure_json, write_structure_ml
from regional_hub.sdg.formats.bundle import Available, Bundle, concept_of, tag
from regional_hub.sdg.formats.writing import Options, Reference
from regional_hub.sdg.registry import Registry, version_order
from regional_hub.sdg.rest import negotiate, resources
from regional_hub.sdg.rest.answers import Asked, Reply, Service, modified_at
from regional_hub.sdg.rest.errors import Meaningless, NoResults, NotOffered, NotThere
from regional_hub.sdg.rest.negotiate import Chosen, Format
from regional_hub.sdg.rest.queries import ALL, LATEST, AvailabilityQuery, SchemaQuery, StructureQuery
from regional_hub.sdg.rest.resources import Resource, version_fits
from regional_hub.sdg.selection import SelectionError
from regional_hub.sdg.structure import (
    Codelist,
    Concept,
    ConceptScheme,
    Constraint,
    Dataflow,
    Maintained,
    MetadataStructure,
    Structure,
)
from regional_hub.sdg.timeline import NothingYet

M = TypeVar("M", bound=Maintained)
# What version 1 calls constraints on what may be; what is there is told by availableconstraint.
OLD_NAMES = {"contentconstraint": "dataconstraint", "allowedconstraint": "dataconstraint"}


class Graph:
    """The artefacts of the registry, and which of them names which."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._found: dict[str, Maintained] = {}
        self._below: dict[str, list[str]] = {}
        for name in registry.names("structures"):
            self._structure(registry.structure(name))
        for name in registry.names("dataflows"):
            flow = registry.dataflow(name)
            self._add(flow, [f"datastructure {flow.structure}"])
        for name in registry.names("metadata_structures"):
            self._metadata_structure(registry.metadata_structure(name))
        for name in registry.names("constraints"):
            constraint = registry.constraint(name)
            kinds = ("dataflow", "datastructure")
            self._add(constraint, [f"{kind} {short}" for kind in kinds for short in constraint.attached])
        for kind, read in (("codelist", registry.codelist), ("conceptscheme", registry.concept_scheme)):
            for name in registry.names("codelists" if kind == "codelist" else "concept_schemes"):
                self._found.setdefault(f"{kind} {name}", read(name))

    def _structure(self, structure: Structure) -> None:
        lists = {part.codelist_ref: part.codelist for part in structure.components if part.codelist is not None}
        for found in lists.values():
            self._found[tag(found)] = found
        schemes = dict.fromkeys(concept_of(part, structure).rpartition(".")[0] for part in structure.components)
        for short in schemes:
            self._found.setdefault(f"conceptscheme {short}", self._scheme(short, structure))
        self._add(structure, [*(f"codelist {ref}" for ref in lists), *(f"conceptscheme {short}" for short in schemes)])

    def _metadata_structure(self, made: MetadataStructure) -> None:
        lists = [part.codelist_ref for part in made.attributes if part.codelist_ref]
        schemes = dict.fromkeys(part.concept_ref.rpartition(".")[0] for part in made.attributes if part.concept_ref)
        self._add(made, [*(f"codelist {ref}" for ref in lists), *(f"conceptscheme {short}" for short in schemes)])

    def _scheme(self, short: str, structure: Structure) -> ConceptScheme:
        """The concept scheme that a structure names; one that is not kept is made of the structure's own words."""
        if short in self._registry.names("concept_schemes"):
            return self._registry.concept_scheme(short)
        parts = [part for part in structure.components if concept_of(part, structure).rpartition(".")[0] == short]
        names = [concept_of(part, structure).rpartition(".")[2] for part in parts]
        concepts = {id: Concept(id, part.name) for id, part in zip(names, parts, strict=True)}
        agency, _, rest = short.partition(":")
        id, _, version = rest.rstrip(")").partition("(")
        return ConceptScheme(agency, id, version, {"en": f"Concepts of {structure.short}"}, concepts=concepts)

    def _add(self, artefact: Maintained, below: list[str]) -> None:
        self._found[tag(artefact)] = artefact
        self._below[tag(artefact)] = below

    def named(self, kind: str, query: StructureQuery) -> list[str]:
        """The tags of the artefacts that a query asks for by kind, agency, id and version."""
        fitting = [
            (name, found)
            for name, found in self._found.items()
            if kind in (ALL, name.partition(" ")[0])
            and (ALL in query.agencies or found.agency in query.agencies)
            and (ALL in query.ids or found.id in query.ids)
        ]
        chosen: dict[str, None] = {}
        for pattern in query.versions:
            groups: dict[str, list[tuple[str, Maintained]]] = {}
            for name, found in fitting:
                if version_fits(found.version, pattern):
                    groups.setdefault(name.partition("(")[0], []).append((name, found))
            for group in groups.values():
                latest = any(mark in pattern for mark in "~+")
                kept = [max(group, key=lambda one: version_order(one[1].short))] if latest else group
                chosen.update(dict.fromkeys(name for name, _ in kept))
        return list(chosen)

    def children(self, names: Iterable[str]) -> set[str]:
        return {below for name in names for below in self._below.get(name, ()) if below in self._found}

    def parents(self, names: Iterable[str]) -> set[str]:
        wanted = set(names)
        return {name for name, below in self._below.items() if wanted & set(below)}

    def around(self, names: list[str], references: str) -> set[str]:
        """What goes along with some artefacts, by a word of SDMX REST."""
        found = {
            "none": set,
            "children": lambda: self.children(names),
            "parents": lambda: self.parents(names),
            "parentsandsiblings": lambda: self.parents(names) | self.children(self.parents(names)),
            "descendants": lambda: self._through(self.children, names),
            "ancestors": lambda: self._through(self.parents, names),
        }
        if references in found:
            return found[references]() - set(names)
        above = self._through(self.parents, names)
        whole = above | self._through(self.children, [*names, *above])
        if references != "all":
            whole = {name for name in whole if name.startswith(f"{references} ")}
        return whole - set(names)

    @staticmethod
    def _through(step: Callable[[Iterable[str]], set[str]], names: Iterable[str]) -> set[str]:
        found: set[str] = set()
        edge = set(names)
        while edge := step(edge) - found:
            found |= edge
        return found

    def bundle(self, names: Iterable[str], stubs: Iterable[str] = ()) -> Bundle:
        listed = [self._found[name] for name in names]

        def of(kind: type[M]) -> tuple[M, ...]:
            return tuple(sorted((one for one in listed if isinstance(one, kind)), key=lambda one: one.short))

        return Bundle(
            of(Codelist),
            of(ConceptScheme),
            of(Structure),
            of(Dataflow),
            of(MetadataStructure),
            of(Constraint),
            stubs=frozenset(stubs),
            attached_flows=frozenset(self._registry.names("dataflows")),
        )


def structure(service: Service, asked: Asked) -> Reply:
    """Structures that are kept. Raises NoResults for none, of a kind that is not kept too."""
    query = asked.request.query
    assert isinstance(query, StructureQuery)
    chosen = _chosen(asked)
    registry = service.registry.at(query.as_of) if query.as_of else service.registry
    graph = Graph(registry)
    named = graph.named(OLD_NAMES.get(query.kind, query.kind), query)
    if not named:
        raise NoResults("no structures meet the query", "没有符合查询的结构")
    around = graph.around(named, OLD_NAMES.get(query.references, query.references))
    stubs: set[str] = set()
    if query.detail in ("allstubs", "allcompletestubs"):
        stubs = {*named, *around}
    elif query.detail in ("referencestubs", "referencecompletestubs"):
        stubs = set(around)
    bundle = graph.bundle([*named, *around], stubs)
    if query.detail == "referencepartial":
        bundle = _used_only(bundle, set(named))
    if ALL not in query.items:
        bundle = _with_items(bundle, set(named), query.items)
    return _reply(service, asked, bundle, chosen, registry.changed)


def _used_only(bundle: Bundle, named: set[str]) -> Bundle:
    """Concept schemes with only the concepts that the structures in the message use."""
    used = {concept_of(part, one) for one in bundle.structures for part in one.components}
    schemes, partial = [], set(bundle.partial)
    for scheme in bundle.concept_schemes:
        kept = {id: concept for id, concept in scheme.concepts.items() if f"{scheme.short}.{id}" in used}
        if tag(scheme) not in named and len(kept) < len(scheme.concepts):
            scheme = replace(scheme, concepts=kept)
            partial.add(tag(scheme))
        schemes.append(scheme)
    return replace(bundle, concept_schemes=tuple(schemes), partial=frozenset(partial))


def _with_items(bundle: Bundle, named: set[str], items: tuple[str, ...]) -> Bundle:
    """The item schemes that were asked for with these items and what is above them."""
    lists = []
    for one in bundle.codelists:
        wanted = {item.rpartition(".")[2] for item in items}
        lists.append(_narrowed(one, wanted) if tag(one) in named else one)
    schemes = [
        replace(one, concepts={id: one.concepts[id] for id in items if id in one.concepts})
        if tag(one) in named
        else one
        for one in bundle.concept_schemes
    ]
    if not any(one.codes for one in lists) and not any(one.concepts for one in schemes):
        raise NoResults(f"no item {', '.join(items)}", f"没有条目 {', '.join(items)}")
    partial = bundle.partial | frozenset(named)
    return replace(bundle, codelists=tuple(lists), concept_schemes=tuple(schemes), partial=partial)


def _narrowed(codelist: Codelist, codes: set[str]) -> Codelist:
    """A codelist with some codes and their parents."""
    kept = set()
    for code in codes & set(codelist.codes):
        above: str | None = code
        while above is not None and above in codelist.codes and above not in kept:
            kept.add(above)
            above = codelist.codes[above].parent
    return replace(codelist, codes={id: code for id, code in codelist.codes.items() if id in kept})


# -- what data there are -----------------------------------------------------------------------------------------------


def availability(service: Service, asked: Asked) -> Reply:
    """A constraint that lists the codes that have data."""
    query = asked.request.query
    assert isinstance(query, AvailabilityQuery)
    chosen = _chosen(asked)
    resource = resources.resolve(service.store, service.registry, query.context)
    selection, components = resources.available(query, resource)
    try:
        found = availabilities.availability(service.store, selection, components, others=query.mode == "available")
        view = service.store.view(resource.flow)
    except SelectionError as error:
        raise Meaningless(str(error), f"查询与数据结构不符：{error}") from None
    except NothingYet as error:
        raise NoResults(str(error), "当时还没有任何发布版") from None
    if not found.observations and query.mode == "exact":
        raise NoResults("no data meet the query", "没有符合查询的数据")
    said = hashlib.sha256(asked.url.encode()).hexdigest()[:12]
    time = resource.structure.time.id if resource.structure.time else ""
    constraint = Available(
        f"AVAILABLE_{said}",
        resource.reference,
        {id: tuple(codes) for id, codes in found.values.items()},
        time if time in found.values else "",
        found.first or "",
        found.last or "",
        found.series,
        found.observations,
    )
    bundle = replace(_referenced(query, resource, service.registry, constraint), available=constraint)
    modified = modified_at(service.store, resource.flow, view)
    return _reply(service, asked, bundle, chosen, modified, view.etag)


def _referenced(query: AvailabilityQuery, resource: Resource, registry: Registry, found: Available) -> Bundle:
    """The artefacts that were asked for along with the constraint; of codelists only the codes that have data."""
    if "none" in query.references:
        return Bundle()
    graph = Graph(registry)
    root = f"datastructure {resource.structure.short}"
    whole = graph.bundle([root, *graph.around([root], "all")])
    used = {
        part.codelist_ref: set(found.values[part.id])
        for part in resource.structure.components
        if part.id in found.values
    }
    lists = tuple(_narrowed(one, used[one.short]) for one in whole.codelists if one.short in used)
    everything = "all" in query.references
    return Bundle(
        lists if everything or "codelist" in query.references else (),
        whole.concept_schemes if everything or "conceptscheme" in query.references else (),
        whole.structures if everything or "datastructure" in query.references else (),
        whole.dataflows if everything or "dataflow" in query.references else (),
        partial=frozenset(map(tag, lists)),
    )


# -- the rules that data follow ----------------------------------------------------------------------------------------


def schema(service: Service, asked: Asked) -> Reply:
    """The data structure of something with its codelists and concepts, for people and programs to read."""
    query = asked.request.query
    assert isinstance(query, SchemaQuery)
    if query.kind not in ("datastructure", "dataflow"):
        raise NotOffered(f"no schema of a {query.kind} is made here", f"不提供 {query.kind} 的模式")
    registry = service.registry.at(query.as_of) if query.as_of else service.registry
    graph = Graph(registry)
    named = graph.named(
        query.kind, StructureQuery(query.kind, (query.agency,), (query.id,), (query.version or LATEST,))
    )
    if not named:
        short = f"{query.agency}:{query.id}({query.version})"
        raise NotThere(f"no {query.kind} {short} is kept", f"没有保存 {query.kind} {short}")
    bundle = graph.bundle([*named, *graph.around(named, "descendants")])
    of = bundle.structures[0]
    resources.check_dimension(query.dimension_at_observation, of)
    chosen = _chosen(asked, negotiate.SCHEMA_V1 if asked.version == 1 else negotiate.SCHEMA_V2)
    modified = registry.changed
    if chosen.format.kind != "schema":
        return _reply(service, asked, _used_only(replace(bundle, dataflows=()), set()), chosen, modified)
    owner = bundle.dataflows[0] if bundle.dataflows else of
    kind: Literal["dataflow", "datastructure"] = "dataflow" if bundle.dataflows else "datastructure"
    reference = Reference(kind, owner.agency, owner.id, owner.version)
    options = Options(reference=reference, dimension_at_observation=query.dimension_at_observation)
    version = ".".join(chosen.format.version.split(".")[:2])
    document = write_schema.write(of, options, version)  # type: ignore[arg-type]
    etag = hashlib.sha256(document).hexdigest()[:24]
    return Reply(200, {"Content-Type": chosen.format.header}, iter([document]), etag, modified)


# -- messages ----------------------------------------------------------------------------------------------------------


def _chosen(asked: Asked, formats: Sequence[Format] = ()) -> Chosen:
    offered = formats or (negotiate.STRUCTURE_V1 if asked.version == 1 else negotiate.STRUCTURE_V2)
    return negotiate.choose(asked.accept, offered, asked.request.format, asked.request.format_version)


def _reply(
    service: Service, asked: Asked, bundle: Bundle, chosen: Chosen, modified: datetime, state: str = ""
) -> Reply:
    index = service.registry.index()
    parts = [index, state, asked.url, chosen.format.media, chosen.format.version, asked.languages, service.sender]
    etag = hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
    options = Options(languages=asked.languages, message=f"M-{etag}", prepared=modified, sender=service.sender)

    version: Any = ".".join(chosen.format.version.split(".")[:2])

    def body() -> Iterator[bytes]:
        writer = write_structure_json if chosen.format.syntax == "json" else write_structure_ml
        yield writer.write(bundle, options, version)

    headers = {"Content-Type": chosen.format.header, "Content-Language": asked.languages[0]}
    return Reply(200, headers, body(), etag, modified)
