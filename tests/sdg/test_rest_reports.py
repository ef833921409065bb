"""Reference metadata over HTTP: found by set, by what it is attached to and by flow; read back, and by the schema."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest

from regional_hub.sdg import metadata
from regional_hub.sdg.metadata import Library, MetadataSet, Reported
from regional_hub.sdg.rest.app import application
from tests.sdg import metadata_sets, rest_service, stores
from tests.sdg.test_metadata_messages import validate

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
    return served(tmp_path, library)


def served(tmp_path, library) -> httpx.AsyncClient:
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
        ("metadataflow/XX/MDF/~/ZZ,*.YY", ["YY:B(1.0.0)"]),
    ],
)
async def test_sets_are_found(client, path, found):
    response = await client.get(f"{V2}/{path}")

    sets = response.json()["data"]["metadataSets"]
    assert [f"{one['agencyID']}:{one['id']}({one['version']})" for one in sets] == found
    assert response.headers["content-type"] == "application/vnd.sdmx.metadata+json;version=2.1.0"


@pytest.mark.parametrize(
    "path", ["metadataset/ZZ", "structure/codelist/XX/CL_FREQ", "metadataflow/XX/OTHER", "metadataset/XX/A/9.0"]
)
async def test_nothing_is_204(client, path):
    assert (await client.get(f"{V2}/{path}")).status_code == 204


FORMS = {
    "application/vnd.sdmx.metadata+json;version=2.1.0": "json 2.1",
    "application/vnd.sdmx.metadata+json;version=2.0.0": "json 2.0",
    "application/vnd.sdmx.metadata+xml;version=3.1.0": "xml 3.1",
    "application/vnd.sdmx.metadata+xml;version=3.0.0": "xml 3.0",
}


@pytest.mark.parametrize("media", FORMS)
async def test_sets_are_read_back_whole_in_every_format(client, library, tmp_path, media):
    library.add([metadata_sets.national()])
    path = tmp_path / "message"

    response = await client.get(f"{V2}/metadataset/KG_NSC", headers={"Accept": media})
    path.write_bytes(response.content)

    assert response.headers["content-type"] == media
    assert metadata.read(path) == [metadata_sets.national()]
    validate(FORMS[media], response.content)


@pytest.mark.parametrize("accept", FORMS)
async def test_stubs_say_nothing(client, tmp_path, accept):
    path = tmp_path / "message"
    path.write_bytes((await client.get(f"{V2}/metadataset?detail=allstubs", headers={"Accept": accept})).content)

    assert [(one.short, one.attributes) for one in metadata.read(path)] == [("XX:A(1.1.0)", ()), ("YY:B(1.0.0)", ())]


async def test_a_format_of_metadata_that_is_not_written_is_406(client):
    refused = await client.get(f"{V2}/metadataset", headers={"Accept": "application/vnd.sdmx.metadata+csv"})

    assert refused.status_code == 406
    assert "metadata+xml;version=3.0.0" in refused.text


async def test_what_was_kept_at_a_moment_is_served(tmp_path):
    times = iter([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)])
    library = Library(tmp_path / "timed", clock=times.__next__)
    library.add([made("A", "1.0.0", AREA)])
    library.add([made("A", "1.1.0", AREA)])
    client = served(tmp_path, library)

    async def versions(query: str) -> list[str]:
        answer = await client.get(f"{V2}/{query}")
        return [one["version"] for one in answer.json()["data"]["metadataSets"]] if answer.content else []

    assert await versions("metadataset") == ["1.1.0"]
    assert await versions("metadataset?asOf=2026-01-15") == ["1.0.0"]
    assert await versions("structure/codelist?asOf=2026-01-15") == ["1.0.0"]
    assert await versions("metadataset?asOf=2025-12-31") == []
    assert (await client.get(f"{V2}/metadataset")).headers["last-modified"] == "Sun, 01 Feb 2026 00:00:00 GMT"


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("META", ["KG_NSC:KG", "KG_NSC:REGION"]),
        ("IAEG-SDGs,META,1.0/all", ["KG_NSC:KG", "KG_NSC:REGION"]),
        ("META/N.SL_TLF_UEM.KG02", ["KG_NSC:REGION"]),
        ("META/N..417+KG99", ["KG_NSC:KG", "KG_NSC:REGION"]),
        ("META/G", []),
        ("META/N.SL_TLF_UEM.417.X", []),
        ("META/all/KG_NSC", ["KG_NSC:KG", "KG_NSC:REGION"]),
        ("META/all/TJ_STAT+IAEG,KG_NSC", ["KG_NSC:KG", "KG_NSC:REGION"]),
        ("META/all/TJ_STAT", []),
        ("OTHER", []),
        ("META?updatedAfter=2026-01-15", ["KG_NSC:REGION"]),
    ],
)
async def test_version_1_asks_by_flow_and_key(tmp_path, path, found):
    times = iter([datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)])
    library = Library(tmp_path / "timed", clock=times.__next__)
    flow = FLOW.replace("XX:MDF", "IAEG-SDGs:META")
    library.add([replace(metadata_sets.national("KG"), flow=flow)])
    library.add([replace(metadata_sets.national("REGION", areas=("417", "KG02")), flow=flow)])

    response = await served(tmp_path, library).get(f"/sdmx/v1/metadata/{path}")

    assert response.status_code == (200 if found else 404)
    sets = re.findall(r'setID="(\w+)"', response.text)
    assert [f"KG_NSC:{id}" for id in sets] == found
    if found:
        assert response.headers["content-type"] == "application/vnd.sdmx.genericmetadata+xml;version=2.1"
        validate("xml 2.1", response.content)


async def test_what_is_of_data_only_is_refused_by_name(client):
    refused = await client.get("/sdmx/v1/metadata/MDF?startPeriod=2020")

    assert (refused.status_code, "startPeriod" in refused.text) == (501, True)


async def test_they_are_cached_until_a_set_is_added(client, library):
    first = await client.get(f"{V2}/metadataset")
    tag = {"If-None-Match": first.headers["etag"]}
    again = await client.get(f"{V2}/metadataset", headers=tag)
    library.add([made("C", "1.0.0", DATA)])

    assert again.status_code == 304
    assert (
        first.headers["etag"] != (await client.get(f"{V2}/metadataset", headers={"Accept": "text/xml"})).headers["etag"]
    )
    assert (await client.get(f"{V2}/metadataset", headers=tag)).status_code == 200
