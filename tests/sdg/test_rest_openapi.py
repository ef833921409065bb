"""The published OpenAPI document says what the grammar knows; and no URL at all makes the service fail."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regional_hub.sdg.rest import openapi, url_v1, url_v2
from regional_hub.sdg.rest.errors import SyntaxFault
from tests.sdg import awkward, rest_service, stores

EXAMPLES = {
    "agencyID": "XX",
    "resourceID": "SMALL",
    "version": "1.0",
    "key": "A",
    "componentID": "FREQ",
    "artefactType": "codelist",
    "flow": "DF",
}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("service")
    store = stores.store(folder)
    rest_service.publish(store, awkward.rows())
    return rest_service.client(store, rest_service.registry(folder))


async def test_it_is_published(client):
    found = (await client.get("/sdmx/openapi.json")).json()

    assert found == openapi.document("/sdmx")


@pytest.mark.parametrize(
    ("path", "operation"), [(path, made["get"]) for path, made in openapi.document("")["paths"].items()]
)
def test_every_parameter_that_is_read_is_published_and_the_reverse(path, operation):
    module = url_v1 if path.startswith("/v1") else url_v2
    fixed = {one["name"]: one["schema"] for one in operation["parameters"] if one["in"] == "path"}
    filled = path.removeprefix("/v1/").removeprefix("/v2/")
    for name, schema in fixed.items():
        filled = filled.replace(f"{{{name}}}", EXAMPLES.get(name) or schema["enum"][0])

    with pytest.raises(SyntaxFault) as caught:
        module.parse(filled, "zzzzzzzz=1")

    known = set(str(caught.value).partition("there are ")[2].split(", "))
    published = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
    assert {name.replace("c[COMPONENT]", "c") for name in known} - {"explicit", "formatVersion"} == published


@pytest.mark.parametrize(
    ("path", "operation"), [(path, made["get"]) for path, made in openapi.document("")["paths"].items()]
)
def test_examples_of_paths_are_understood(path, operation):
    module = url_v1 if path.startswith("/v1") else url_v2
    filled = path.removeprefix("/v1/").removeprefix("/v2/")
    for one in operation["parameters"]:
        if one["in"] == "path":
            example = EXAMPLES.get(one["name"]) or one["schema"]["enum"][0]
            if "pattern" in one["schema"]:
                assert re.match(one["schema"]["pattern"], example)
            filled = filled.replace(f"{{{one['name']}}}", example)

    assert module.parse(filled, "").query


resources = [
    "data",
    "data/dataflow/XX/DF",
    "data/*/*/*/*/A.KG",
    "availability/dataflow/XX/DF",
    "structure",
    "schema/dataflow/XX/DF",
]
names = [
    "c[AREA]",
    "c[NOTE]",
    "c[TIME_PERIOD]",
    "c[OBS_VALUE]",
    "c[X]",
    "limit",
    "offset",
    "sort",
    "asOf",
    "attributes",
    "measures",
]
names += [
    "updatedAfter",
    "includeHistory",
    "dimensionAtObservation",
    "firstNObservations",
    "format",
    "references",
    "detail",
    "mode",
]
odd = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = st.sampled_from(
    [
        "KG",
        "1",
        "0",
        "true",
        "2005",
        "ge:2001+le:2003",
        "AREA:desc",
        "AREA+TIME_PERIOD",
        "*",
        "all",
        "csv",
        "2026-01-01T00:00:00Z",
    ]
)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["/sdmx/v1/", "/sdmx/v2/", "/"]),
    st.sampled_from(resources) | odd,
    st.lists(st.tuples(st.sampled_from(names) | odd, values | odd), max_size=3),
    st.sampled_from(["*/*", "application/xml", "text/csv;q=0.3, application/json"]) | odd.map(lambda text: ascii(text)),
)
def test_no_url_makes_it_fail(client, start, path, query, accept):
    async def ask():
        return await client.get(start + quote(path, safe="/.,+*"), params=query, headers={"Accept": accept})

    response = asyncio.run(ask())

    assert response.status_code in {200, 204, 400, 403, 404, 406, 414, 422, 501}
