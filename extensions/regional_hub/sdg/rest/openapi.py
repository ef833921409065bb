"""The service described for programs: OpenAPI 3.1, made of the same words that the grammar is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from regional_hub.sdg.rest import negotiate, url_v1, url_v2
from regional_hub.sdg.rest.grammar import URL_LIMIT

Json = dict[str, Any]

MOMENT = {"type": "string", "format": "date-time"}
COUNT = {"type": "integer", "minimum": 1, "maximum": 10**9}
FROM_ZERO = {"type": "integer", "minimum": 0, "maximum": 10**9}
TRUTH = {"type": "boolean"}
NAME = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_-]{0,50}$"}
NAMES = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_-]{0,20}(,[A-Za-z][A-Za-z0-9_-]{0,20}){0,3}$"}
PERIOD = {"type": "string", "pattern": r"^(19|20)[0-9]{2}(-Q[1-4]|-(0[1-9]|1[0-2]))?$"}

AGENCY = {"type": "string", "pattern": r"^(\*|[A-Za-z][A-Za-z0-9_-]{0,20})$"}
ID = {"type": "string", "pattern": r"^(\*|[A-Za-z0-9_@$-]{1,20})$"}
ONE_AGENCY = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_-]{0,20}$"}
ONE_ID = {"type": "string", "pattern": r"^[A-Za-z0-9_@$-]{1,20}$"}
VERSION_2 = {"type": "string", "pattern": r"^(\*|~|\+|[0-9]{1,3}(\.[0-9]{1,3}){0,2})$"}
VERSION_1 = {"type": "string", "pattern": r"^(all|latest|[0-9]{1,3}(\.[0-9]{1,3}){0,2})$"}
KEY_2 = {"type": "string", "pattern": r"^(\*|[A-Za-z0-9_]{1,10})(\.(\*|[A-Za-z0-9_]{1,10})){0,4}$"}
KEY_1 = {"type": "string", "pattern": r"^(all|[A-Za-z0-9_]{1,10}(\.[A-Za-z0-9_]{1,10}){0,4})$"}
FLOW = {"type": "string", "pattern": r"^[A-Za-z][A-Za-z0-9_-]{0,10}(,[A-Za-z][A-Za-z0-9_-]{0,10})?$"}
FLOW_ITEM = {"type": "string", "pattern": r"^(\*|[A-Za-z0-9_]{1,20})$"}

Part = tuple[str, Json]
Parameter = tuple[str, Json, str]
DATA_2: tuple[Parameter, ...] = (
    ("updatedAfter", MOMENT, "Only what changed since."),
    ("firstNObservations", COUNT, "The first observations of each series."),
    ("lastNObservations", COUNT, "The last observations of each series."),
    ("dimensionAtObservation", NAME, "TIME_PERIOD, another dimension, or AllDimensions."),
    ("attributes", NAMES, "dsd, all, none, dataset, series, obs, msd, or ids."),
    ("measures", NAMES, "all, none, or ids."),
    ("includeHistory", TRUTH, "Every version that was public."),
    ("offset", FROM_ZERO, "How many observations to leave out."),
    ("limit", FROM_ZERO, "How many observations at most."),
    ("sort", {"type": "string"}, "Ids with :asc or :desc, joined by a plus."),
    ("asOf", MOMENT, "What was public at a moment."),
    ("reportingYearStartDay", {"type": "string", "pattern": "^--(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"}, "A day."),
)
DATA_1: tuple[Parameter, ...] = (
    ("startPeriod", PERIOD, "The first period."),
    ("endPeriod", PERIOD, "The last period."),
    *DATA_2[:4],
    ("detail", {"enum": list(url_v1.DATA_DETAILS)}, "How much of each series."),
    DATA_2[6],
)
AVAILABLE_2: tuple[Parameter, ...] = (
    DATA_2[0],
    ("references", {"enum": list(url_v2.AVAILABLE_REFERENCES)}, "Artefacts that come along."),
    ("mode", {"enum": ["exact", "available"]}, "What there is, or what could be chosen."),
    DATA_2[11],
)
AVAILABLE_1: tuple[Parameter, ...] = (
    *DATA_1[:3],
    ("references", {"enum": list(url_v1.AVAILABLE_REFERENCES)}, "Artefacts that come along."),
    AVAILABLE_2[2],
)
ERRORS = ("application/vnd.sdmx.error+json;version=2.0.0", "application/vnd.sdmx.error+xml;version=2.1")
STATUSES = {
    "204": "Nothing meets the query.",
    "304": "Nothing changed.",
    "400": "The URL does not follow the grammar; the message names the parameter.",
    "403": "Version 1: a component or code that the structure does not have.",
    "404": "No such artefact; in version 1 no results too.",
    "406": "No format or encoding that is accepted.",
    "413": "More observations than are sent at once.",
    "414": f"More than {URL_LIMIT} characters.",
    "422": "Version 2: a component or code that the structure does not have.",
    "429": "Too many requests of one client at once.",
    "501": "Part of the standard that is not offered.",
    "503": "Too many requests, or the answer took too long.",
}


def document(prefix: str) -> Json:
    """The OpenAPI document of the service below `prefix`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SDMX REST",
            "version": "2.2.2",
            "summary": "Published data by SDMX REST 2.2.2 (v2) and 1.5.0 (v1).",
            "license": {"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
        },
        "servers": [{"url": prefix or "/"}],
        "paths": {**_version_2(), **_version_1()},
    }


def _version_2() -> Json:
    contexts = {"enum": [word for word in url_v2.CONTEXTS if word != "*"]}
    flow: list[Part] = [
        ("context", contexts),
        ("agencyID", AGENCY),
        ("resourceID", ID),
        ("version", VERSION_2),
        ("key", KEY_2),
    ]
    kinds = {"enum": list(url_v2.STRUCTURES)}
    artefact: list[Part] = [("artefactType", kinds), ("agencyID", AGENCY), ("resourceID", ID), ("version", VERSION_2)]
    structure: tuple[Parameter, ...] = (
        ("detail", {"enum": list(url_v2.DETAILS)}, "How much of each artefact."),
        ("references", {"enum": list(url_v2.REFERENCES)}, "Artefacts that come along."),
        DATA_2[10],
    )
    rules: list[Part] = [
        ("context", {"enum": list(url_v2.SCHEMA_CONTEXTS)}),
        ("agencyID", ONE_AGENCY),
        ("resourceID", ONE_ID),
    ]
    schema: tuple[Parameter, ...] = (DATA_2[3], ("deletion", TRUTH, "For messages that delete."), DATA_2[10])
    sets: list[Part] = artefact[1:]
    metadata: tuple[Parameter, ...] = (("detail", {"enum": ["full", "allstubs"]}, "How much of each set."), DATA_2[10])
    available: list[Part] = [*flow, ("componentID", FLOW_ITEM)]
    return {
        **_paths("/v2/data", flow, (0, 3, 5), DATA_2, negotiate.DATA_V2, True),
        **_paths("/v2/availability", available, (0, 3, 6), AVAILABLE_2, negotiate.STRUCTURE_V2, True),
        **_paths("/v2/structure", artefact, (0, 1, 4), structure, negotiate.STRUCTURE_V2),
        **_paths("/v2/schema", rules, (3,), schema, negotiate.SCHEMA_V2),
        **_paths("/v2/metadata/metadataset", sets, (0, 3), metadata, negotiate.METADATA_V2),
        **_paths("/v2/metadata/metadataflow", sets, (0, 3), metadata, negotiate.METADATA_V2),
        **_paths("/v2/metadata/structure", artefact, (0, 4), metadata, negotiate.METADATA_V2),
    }


def _version_1() -> Json:
    flow: list[Part] = [("flow", FLOW), ("key", KEY_1)]
    kinds = {"enum": list(url_v1.STRUCTURES)}
    artefact: list[Part] = [("artefactType", kinds), ("agencyID", AGENCY), ("resourceID", ID), ("version", VERSION_1)]
    structure: tuple[Parameter, ...] = (
        ("detail", {"enum": list(url_v1.DETAILS)}, "How much of each artefact."),
        ("references", {"enum": list(url_v1.REFERENCES)}, "Artefacts that come along."),
    )
    rules: list[Part] = [
        ("context", {"enum": list(url_v1.SCHEMA_CONTEXTS)}),
        ("agencyID", ONE_AGENCY),
        ("resourceID", ONE_ID),
    ]
    explicit: tuple[Parameter, ...] = (DATA_2[3], ("explicitMeasure", TRUTH, "For cross-sectional data."))
    return {
        **_paths("/v1/data", flow, (1, 2), DATA_1, negotiate.DATA_V1),
        **_paths("/v1/availableconstraint", flow, (1, 2), AVAILABLE_1, negotiate.STRUCTURE_V1),
        **_paths("/v1/metadata", flow, (1, 2), DATA_1, negotiate.METADATA_V1),
        **_paths("/v1", artefact, (1, 4), structure, negotiate.STRUCTURE_V1),
        **_paths("/v1/schema", rules, (3,), explicit, negotiate.SCHEMA_V1),
    }


def _paths(
    start: str,
    parts: Sequence[Part],
    lengths: Iterable[int],
    parameters: Iterable[Parameter],
    formats: Sequence[negotiate.Format],
    filters: bool = False,
) -> Json:
    """A path for each number of its parts that may be given."""
    query = [{"name": name, "in": "query", "schema": schema, "description": said} for name, schema, said in parameters]
    names = sorted({made.name for made in formats} | set(negotiate.ALIASES))
    query.append({"name": "format", "in": "query", "schema": {"enum": names}, "description": "Instead of Accept."})
    if filters:
        said = "Conditions on components, as c[SEX]=F,M or c[TIME_PERIOD]=ge:2015+le:2020."
        shape = {"type": "object", "maxProperties": 0}
        query.append({"name": "c", "in": "query", "style": "deepObject", "schema": shape, "description": said})
    medias: Json = {made.header: {} for made in formats}
    medias |= {negotiate.SHEET.header: {}} if negotiate.CSV_20 in formats else {}
    replies: Json = {"200": {"description": "The answer.", "content": medias}}
    faults: Json = {"content": {media: {} for media in ERRORS}}
    replies |= {
        status: {"description": said} | (faults if status >= "400" else {}) for status, said in STATUSES.items()
    }
    found = {}
    for length in lengths:
        given = parts[:length]
        path = start + "".join(f"/{{{name}}}" for name, _ in given)
        fixed = [{"name": name, "in": "path", "required": True, "schema": schema} for name, schema in given]
        found[path] = {"get": {"operationId": path.strip("/"), "parameters": [*fixed, *query], "responses": replies}}
    return found
