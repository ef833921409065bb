"""Reads URLs of SDMX REST 1.0 to 1.5.0.

Standard: github.com/sdmx-twg/sdmx-rest, v1.5.0. What it asks for is said in the words of version 2.
"""

from __future__ import annotations

import re

from regional_hub.sdg.rest import url_v2
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

VERSION = re.compile(r"all|latest|\d+(\.\d+)*(-[A-Za-z\d.-]+)?")
STRUCTURES = (
    *("datastructure", "metadatastructure", "categoryscheme", "conceptscheme", "codelist", "hierarchicalcodelist"),
    *("organisationscheme", "agencyscheme", "dataproviderscheme", "dataconsumerscheme", "organisationunitscheme"),
    *("dataflow", "metadataflow", "reportingtaxonomy", "provisionagreement", "structureset", "process"),
    *("categorisation", "contentconstraint", "actualconstraint", "allowedconstraint", "attachmentconstraint"),
    *("transformationscheme", "rulesetscheme", "userdefinedoperatorscheme", "customtypescheme"),
    *("namepersonalisationscheme", "namealiasscheme", "vtlmappingscheme", "structure"),
)
ITEM_SCHEMES = (*url_v2.ITEM_SCHEMES, "hierarchicalcodelist", "namealiasscheme", "organisationscheme")
RELATIONS = ("none", "parents", "parentsandsiblings", "children", "descendants", "all")
REFERENCES = (*RELATIONS, *(kind for kind in STRUCTURES if kind != "structure"))
DETAILS = ("full", "allstubs", "referencestubs", "allcompletestubs", "referencecompletestubs", "referencepartial")
SCHEMA_CONTEXTS = ("datastructure", "metadatastructure", "dataflow", "metadataflow", "provisionagreement")
AVAILABLE_REFERENCES = (
    *("none", "all", "codelist", "datastructure", "conceptscheme", "dataflow", "dataproviderscheme"),
    *("contentconstraint",),
)
# detail -> attributes, measures
DATA_DETAILS: dict[str, tuple[tuple[str, ...], str]] = {
    "full": (("dsd",), "all"),
    "dataonly": (("none",), "all"),
    "serieskeysonly": (("none",), "none"),
    "nodata": (("dataset", "series"), "none"),
}


def parse(path: str, query: str) -> Request:
    """What a URL asks for; `path` is what follows the entry point of the service, both as they came.

    Raises SyntaxFault naming what does not follow the grammar, NotThere for another resource.
    """
    check_length(path, query)
    parts = segments(path)
    parameters = Parameters(query)
    kind = parts.pop(0) if parts else ""
    if kind in STRUCTURES:
        found = _structure(kind, parts, parameters)
    elif kind in _RESOURCES:
        found = _RESOURCES[kind](parts, parameters)
    else:
        there = ", ".join((*_RESOURCES, *STRUCTURES))
        raise NotThere(f"no resource {kind!r}; there are {there}", f"没有资源 {kind!r}；有 {there}")
    return Request(found, *parameters.finish())


def _data(parts: list[str], parameters: Parameters) -> Query:
    context = _flow(parts)
    keys = _keys(parts.pop(0)) if parts else ()
    provider = _provider(parts.pop(0)) if parts else ALL
    url_v2._nothing(parts)
    start, end = parameters.period("startPeriod"), parameters.period("endPeriod")
    attributes, measures = DATA_DETAILS[parameters.word("detail", tuple(DATA_DETAILS), "full")]
    return DataQuery(
        context,
        keys,
        updated_after=parameters.moment("updatedAfter"),
        first_n=parameters.number("firstNObservations", 1),
        last_n=parameters.number("lastNObservations", 1),
        dimension_at_observation=parameters.text("dimensionAtObservation"),
        attributes=attributes,
        measures=(measures,),
        include_history=parameters.truth("includeHistory"),
        start_period=start,
        end_period=end,
        provider=provider,
    )


def _availability(parts: list[str], parameters: Parameters) -> Query:
    """Three parts after the resource: the last is a component, as other services and clients have it, or a provider.

    Providers are not told apart here, so a name that is none of theirs is one of a component.
    """
    context = _flow(parts)
    keys = _keys(parts.pop(0)) if parts else ()
    provider, component = ALL, "all"
    if len(parts) == 1:
        component = parts.pop(0)
    elif parts:
        provider, component = _provider(parts[0]), parts[1]
        del parts[:2]
    url_v2._nothing(parts)
    ids = (ALL,) if component == "all" else checked((component,), url_v2.COMPONENT, "componentID")
    start, end = parameters.period("startPeriod"), parameters.period("endPeriod")
    return AvailabilityQuery(
        context,
        keys,
        ids,
        updated_after=parameters.moment("updatedAfter"),
        references=(parameters.word("references", AVAILABLE_REFERENCES, "none"),),
        mode=parameters.word("mode", ("exact", "available"), "exact"),
        start_period=start,
        end_period=end,
        provider=provider,
    )


def _structure(kind: str, parts: list[str], parameters: Parameters) -> Query:
    agencies = _listed(parts, "agencyID", url_v2.AGENCY)
    ids = _listed(parts, "resourceID", url_v2.ID)
    versions = tuple(
        map(_version, checked(several(parts.pop(0), "version", "+"), VERSION, "version") if parts else ("latest",))
    )
    if parts and kind not in ITEM_SCHEMES:
        raise SyntaxFault(f"{kind} has no items to ask for", f"{kind} 没有可查询的条目")
    items = _listed(parts, "itemID", url_v2.ITEM)
    url_v2._nothing(parts)
    references = parameters.word("references", REFERENCES, "none")
    return StructureQuery(
        ALL if kind == "structure" else kind,
        agencies,
        ids,
        versions,
        items,
        detail=parameters.word("detail", DETAILS, "full"),
        references=references,
    )


def _schema(parts: list[str], parameters: Parameters) -> Query:
    if not 3 <= len(parts) <= 4:
        raise SyntaxFault(
            "a schema query is schema/context/agencyID/resourceID/version",
            "模式查询的写法是 schema/context/agencyID/resourceID/version",
        )
    kind = url_v2._word(parts[0], SCHEMA_CONTEXTS, "context")
    (agency,) = checked((parts[1],), url_v2.AGENCY, "agencyID")
    (id,) = checked((parts[2],), url_v2.ID, "resourceID")
    version = _version(checked((parts[3],), VERSION, "version")[0]) if len(parts) == 4 else LATEST
    if ALL in (agency, id, version) or "all" in (agency, id):
        raise SyntaxFault("a schema is of one artefact only", "一个模式只能对应一个制品")
    # The text of 1.5.0 says explicitMeasure, its OpenAPI document and the clients say explicit.
    explicit = [parameters.truth(name) for name in ("explicitMeasure", "explicit")]
    return SchemaQuery(
        kind,
        agency,
        id,
        version,
        dimension_at_observation=parameters.text("dimensionAtObservation"),
        explicit_measure=any(explicit),
    )


# What 1.5.0 has for data and metadata alike, and reports do not have.
OF_DATA_ONLY = (
    *("startPeriod", "endPeriod", "firstNObservations", "lastNObservations", "dimensionAtObservation", "detail"),
    "includeHistory",
)


def _metadata(parts: list[str], parameters: Parameters) -> Query:
    """By metadataflow; a key has the codes that reports are attached to, in the order of their targets."""
    flow = _flow(parts)
    keys = _keys(parts.pop(0)) if parts else ()
    provider = _provider(parts.pop(0)) if parts else ALL
    url_v2._nothing(parts)
    for name in OF_DATA_ONLY:
        if parameters.text(name):
            raise NotOffered(
                f"{name} is of data; reports are narrowed by their key, provider and updatedAfter",
                f"{name} 只用于数据；报告可按键、提供者和 updatedAfter 筛选",
            )
    return MetadataQuery(
        "metadataflow",
        agencies=flow.agencies,
        ids=flow.ids,
        versions=flow.versions,
        providers=tuple(part.replace(",", ".") for part in provider.split("+")),
        keys=keys,
        updated_after=parameters.moment("updatedAfter"),
    )


_RESOURCES = {"data": _data, "availableconstraint": _availability, "schema": _schema, "metadata": _metadata}


def _flow(parts: list[str]) -> Context:
    """`AGENCY,FLOW,VERSION`, `AGENCY,FLOW` or `FLOW`."""
    if not parts:
        raise SyntaxFault("a dataflow must follow the resource", "资源之后必须给出数据流")
    names = several(parts.pop(0), "flowRef")
    if len(names) > 3:
        raise SyntaxFault("a dataflow is AGENCY,FLOW,VERSION", "数据流的写法是 AGENCY,FLOW,VERSION")
    agency = names[0] if len(names) > 1 else "all"
    flow = names[min(1, len(names) - 1)]
    version = names[2] if len(names) == 3 else "latest"
    checked((flow,), url_v2.ID, "dataflow")
    checked((agency,), url_v2.AGENCY, "agencyID")
    checked((version,), VERSION, "version")
    if flow in (ALL, "all"):
        raise SyntaxFault("data are of one dataflow", "数据查询必须指明一个数据流")
    return Context("dataflow", (_all(agency),), (flow,), (_version(version),))


def _keys(text: str) -> tuple[KeyPattern, ...]:
    """`A..KG+TJ`: nothing between the dots is any value, a plus separates several."""
    if text in ("all", ALL):
        return ()
    pattern = []
    for values in text.split("."):
        codes = several(values, "key", "+") if values else ()
        for code in codes:
            if not url_v2.CODE.fullmatch(code):
                raise SyntaxFault(
                    f"key {text!r}: {code!r} is not a code; leave a dimension empty for any value",
                    f"键 {text!r}：{code!r} 不是代码；任意取值请留空",
                )
        pattern.append(codes)
    return (tuple(pattern),) if any(pattern) else ()


def _provider(text: str) -> str:
    for part in re.split(r"[,+]", text):
        checked((part,), url_v2.AGENCY, "providerRef")
    return _all(text)


def _listed(parts: list[str], what: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    if not parts:
        return (ALL,)
    return tuple(map(_all, checked(several(parts.pop(0), what, "+"), pattern, what)))


def _all(text: str) -> str:
    return ALL if text == "all" else text


def _version(text: str) -> str:
    return {"all": ALL, "latest": LATEST}.get(text, text)
