"""Reads URLs of SDMX REST 2.0 to 2.2.2.

Standard: github.com/sdmx-twg/sdmx-rest, v2.2.2: data, availability, structure, schema and metadata queries.
"""

from __future__ import annotations

import re

from regional_hub.sdg.rest.errors import NotOffered, NotThere, SyntaxFault
from regional_hub.sdg.rest.grammar import Parameters, check_length, checked, segments, several
from regional_hub.sdg.rest.queries import (
    ALL,
    LATEST,
    AvailabilityQuery,
    Context,
    DataQuery,
    KeyPattern,
    MetadataQuery,
    Query,
    Request,
    SchemaQuery,
    StructureQuery,
)

AGENCY = re.compile(r"\*|[A-Za-z][A-Za-z\d_-]*(\.[A-Za-z][A-Za-z\d_-]*)*")
PROVIDER = re.compile(rf"(\*\.)?({AGENCY.pattern})")
ID = re.compile(r"\*|[A-Za-z\d_@$-]+")
COMPONENT = re.compile(r"\*|[A-Za-z][A-Za-z\d_-]*")
ITEM = re.compile(r"\*|[A-Za-z\d_@$-]+(\.[A-Za-z\d_@$-]+)*")
_PART = r"(?:0|[1-9]\d*)"
VERSION = re.compile(rf"\*|~|\+|(?:{_PART}?[*~+]|{_PART})(?:\.(?:{_PART}?[*~+]|{_PART})){{0,2}}(?:-[A-Za-z\d.-]+)?")
CODE = re.compile(r"[A-Za-z\d_@$-]+(\.[A-Za-z\d_@$-]+)*")

CONTEXTS = ("datastructure", "dataflow", "provisionagreement", ALL)
SCHEMA_CONTEXTS = (
    *("datastructure", "metadatastructure", "dataflow", "metadataflow", "provisionagreement"),
    "metadataprovisionagreement",
)
ITEM_SCHEMES = (
    *("categoryscheme", "conceptscheme", "codelist", "agencyscheme", "dataproviderscheme", "metadataproviderscheme"),
    *("dataconsumerscheme", "organisationunitscheme", "reportingtaxonomy", "transformationscheme", "rulesetscheme"),
    *("userdefinedoperatorscheme", "customtypescheme", "namepersonalisationscheme", "vtlmappingscheme", "valuelist"),
)
STRUCTURES = (
    *ITEM_SCHEMES,
    *("datastructure", "metadatastructure", "hierarchy", "hierarchyassociation", "dataflow", "metadataflow"),
    *("provisionagreement", "structuremap", "representationmap", "conceptschememap", "categoryschememap"),
    *("organisationschememap", "reportingtaxonomymap", "process", "categorisation", "dataconstraint"),
    *("metadataconstraint", "metadataprovisionagreement", ALL),
)
RELATIONS = ("none", "parents", "parentsandsiblings", "ancestors", "children", "descendants", "all")
REFERENCES = (*RELATIONS, *(kind for kind in STRUCTURES if kind != ALL))
DETAILS = (
    "full",
    "allstubs",
    "referencestubs",
    "allcompletestubs",
    "referencecompletestubs",
    "referencepartial",
    "raw",
)
AVAILABLE_REFERENCES = (
    *("none", "all", "codelist", "valuelist", "datastructure", "conceptscheme", "dataflow", "dataproviderscheme"),
)


def parse(path: str, query: str) -> Request:
    """What a URL asks for; `path` is what follows the entry point of the service, both as they came.

    Raises SyntaxFault naming what does not follow the grammar, NotThere for another resource.
    """
    check_length(path, query)
    parts = segments(path)
    parameters = Parameters(query)
    kind = parts.pop(0) if parts else ""
    if kind == "registration":
        raise NotOffered("registrations are not offered here", "本服务不提供注册查询")
    if kind not in _RESOURCES:
        raise NotThere(
            f"no resource {kind!r}; there are {', '.join(_RESOURCES)}", f"没有资源 {kind!r}；有 {', '.join(_RESOURCES)}"
        )
    found = _RESOURCES[kind](parts, parameters)
    return Request(found, *parameters.finish())


def _data(parts: list[str], parameters: Parameters) -> Query:
    context, keys, rest = _context(parts)
    _nothing(rest)
    return DataQuery(
        context,
        keys,
        components=parameters.components(),
        updated_after=parameters.moment("updatedAfter"),
        first_n=parameters.number("firstNObservations", 1),
        last_n=parameters.number("lastNObservations", 1),
        dimension_at_observation=parameters.text("dimensionAtObservation"),
        attributes=parameters.listed("attributes", ("dsd",)),
        measures=parameters.listed("measures", ("all",)),
        include_history=parameters.truth("includeHistory"),
        offset=parameters.number("offset") or 0,
        limit=parameters.number("limit"),
        sort=parameters.sort(),
        as_of=parameters.moment("asOf"),
        reporting_year_start_day=parameters.start_day(),
    )


def _availability(parts: list[str], parameters: Parameters) -> Query:
    context, keys, rest = _context(parts)
    ids = checked(several(rest.pop(0), "componentID"), COMPONENT, "componentID") if rest else (ALL,)
    _nothing(rest)
    references = parameters.listed("references", ("none",))
    for word in references:
        if word not in AVAILABLE_REFERENCES:
            raise SyntaxFault(
                f"references: {word!r} is not one of {', '.join(AVAILABLE_REFERENCES)}",
                f"references：{word!r} 不在 {', '.join(AVAILABLE_REFERENCES)} 之中",
            )
    return AvailabilityQuery(
        context,
        keys,
        ids,
        components=parameters.components(),
        updated_after=parameters.moment("updatedAfter"),
        references=references,
        mode=parameters.word("mode", ("exact", "available"), "exact"),
        reporting_year_start_day=parameters.start_day(),
    )


def _structure(parts: list[str], parameters: Parameters) -> Query:
    kind = _word(parts.pop(0), STRUCTURES, "artefactType") if parts else ALL
    agencies, ids, versions, rest = _artefact(parts, LATEST)
    items: tuple[str, ...] = (ALL,)
    if rest:
        if kind not in ITEM_SCHEMES:
            raise SyntaxFault(f"{kind} has no items to ask for", f"{kind} 没有可查询的条目")
        items = checked(several(rest.pop(0), "itemID"), ITEM, "itemID")
    _nothing(rest)
    return StructureQuery(
        kind,
        agencies,
        ids,
        versions,
        items,
        detail=parameters.word("detail", DETAILS, "full"),
        references=parameters.word("references", REFERENCES, "none"),
        as_of=parameters.moment("asOf"),
    )


def _schema(parts: list[str], parameters: Parameters) -> Query:
    if len(parts) < 3:
        raise SyntaxFault(
            "a schema query is schema/context/agencyID/resourceID/version",
            "模式查询的写法是 schema/context/agencyID/resourceID/version",
        )
    kind = _word(parts[0], SCHEMA_CONTEXTS, "context")
    agencies, ids, versions, rest = _artefact(parts[1:], LATEST)
    _nothing(rest)
    for values in (agencies, ids, versions):
        if len(values) > 1 or values[0] == ALL:
            raise SyntaxFault("a schema is of one artefact only", "一个模式只能对应一个制品")
    return SchemaQuery(
        kind,
        agencies[0],
        ids[0],
        versions[0],
        dimension_at_observation=parameters.text("dimensionAtObservation"),
        deletion=parameters.truth("deletion"),
        as_of=parameters.moment("asOf"),
    )


def _metadata(parts: list[str], parameters: Parameters) -> Query:
    by = _word(parts[0] if parts else "", ("metadataset", "structure", "metadataflow"), "metadata/…")
    rest = parts[1:]
    kind = _word(rest.pop(0), STRUCTURES, "artefactType") if by == "structure" and rest else ALL
    agencies, ids, versions, rest = _artefact(rest, LATEST)
    providers: tuple[str, ...] = (ALL,)
    if by == "metadataflow" and rest:
        providers = checked(several(rest.pop(0), "providerRef"), PROVIDER, "providerRef")
    _nothing(rest)
    detail = parameters.word("detail", ("full", "allstubs"), "full")
    return MetadataQuery(by, kind, agencies, ids, versions, providers, detail, parameters.moment("asOf"))


_RESOURCES = {
    "data": _data,
    "availability": _availability,
    "structure": _structure,
    "schema": _schema,
    "metadata": _metadata,
}


def _context(parts: list[str]) -> tuple[Context, tuple[KeyPattern, ...], list[str]]:
    kind = _word(parts[0], CONTEXTS, "context") if parts else ALL
    agencies, ids, versions, rest = _artefact(parts[1:], ALL)
    keys = _keys(rest.pop(0)) if rest else ()
    return Context(kind, agencies, ids, versions), keys, rest


def _artefact(parts: list[str], version: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], list[str]]:
    """Agencies, ids and versions, what is left out being all of them; and what follows."""
    rest = list(parts)
    agencies = checked(several(rest.pop(0), "agencyID"), AGENCY, "agencyID") if rest else (ALL,)
    ids = checked(several(rest.pop(0), "resourceID"), ID, "resourceID") if rest else (ALL,)
    versions = checked(several(rest.pop(0), "version"), VERSION, "version") if rest else (version,)
    return agencies, ids, versions, rest


def _keys(text: str) -> tuple[KeyPattern, ...]:
    """`A.*.KG,M.USD`: keys separated by commas; a star is any value, and so is what is left out at the end."""
    if "+" in text:
        raise SyntaxFault(
            f"key {text!r}: a plus has no meaning in a key; write c[DIMENSION]=A,B for several codes",
            f"键 {text!r}：键中不能用加号；多个代码请写 c[维度]=A,B",
        )
    found = []
    for key in several(text, "key"):
        pattern = []
        for value in key.split("."):
            if value != ALL and not CODE.fullmatch(value):
                raise SyntaxFault(
                    f"key {key!r}: {value!r} is neither a code nor *", f"键 {key!r}：{value!r} 既不是代码也不是 *"
                )
            pattern.append(() if value == ALL else (value,))
        found.append(tuple(pattern))
    return () if any(not any(pattern) for pattern in found) else tuple(found)


def _word(value: str, words: tuple[str, ...], what: str) -> str:
    if value not in words:
        raise SyntaxFault(
            f"{what} is {value!r}; it can be {', '.join(words)}", f"{what} 是 {value!r}；可以是 {', '.join(words)}"
        )
    return value


def _nothing(rest: list[str]) -> None:
    if rest:
        raise SyntaxFault(f"the path has more than it can: {'/'.join(rest)!r}", f"路径多出了 {'/'.join(rest)!r}")
