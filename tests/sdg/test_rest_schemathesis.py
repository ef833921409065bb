"""Requests made of the published OpenAPI document, at the running application with real data: none makes it fail,
and each answer has a status and a content type that the document names."""

from __future__ import annotations

import copy
import os

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from regional_hub.sdg import loading
from regional_hub.sdg.findings import Report
from regional_hub.sdg.loading import Room
from regional_hub.sdg.rest import openapi
from regional_hub.sdg.rest.app import application
from tests.sdg import metadata_sets
from tests.sdg.conftest import PUBLISHED

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    negative_data_rejection,
    positive_data_acceptance,
)

# Names that there are here, so that more than refusals is seen.
REAL = {
    "context": ["dataflow", "datastructure"],
    "agencyID": ["KG_NSC", "*"],
    "resourceID": ["DF_SDG_KG", "SDG", "CL_SEX", "SL_TLF_UEM_KG", "*"],
    "version": ["1.8", "1.0", "*", "~", "latest"],
    "key": ["A.N.SI_POV_DAY1", "A.N.SI_POV_NAHC", "A", "*", "all"],
    "flow": ["KG_NSC,DF_SDG_KG,1.8", "DF_SDG_KG"],
    "componentID": ["SEX", "TIME_PERIOD", "*"],
    "artefactType": ["dataflow", "datastructure", "codelist", "conceptscheme", "*", "structure"],
}
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "6"))


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The service over a release of files of Kyrgyzstan, with a metadata set."""
    if not PUBLISHED.is_dir():
        pytest.skip("the published data of ../shared/data are not here")
    room = Room(tmp_path_factory.mktemp("sdg"))
    folder = PUBLISHED / "kyrgyzstan"
    made, _ = loading.structure_of(room.registry, str(folder / "SDG_DSD.KG_1.8.xml"), folder)
    store, report = room.store, Report(room.policy)
    draft = store.start(made, by="ann")
    for path, name in loading.files(sorted((folder / "data").glob("1.*.xml"))):
        loading.take(draft, path, name, made, by="ann", report=report)
    draft.validate()
    store.publish(draft, by="bob")
    room.metadata.add([metadata_sets.national()])
    return application(store, room.registry, library=room.metadata, sender="XX")


@pytest.fixture(scope="module")
def published(app):
    return schemathesis.openapi.from_asgi("/sdmx/openapi.json", app)


@pytest.fixture(scope="module")
def about_real_things(published, app):
    """The same document, narrowed to names that the store has."""
    document = copy.deepcopy(published.raw_schema)
    for path in document["paths"].values():
        for one in path["get"]["parameters"]:
            if one["in"] == "path" and one["name"] in REAL:
                listed = one["schema"].get("enum")
                one["schema"] = {"enum": [name for name in REAL[one["name"]] if listed is None or name in listed]}
    found = schemathesis.openapi.from_dict(document)
    found.app = app
    return found


# What the document cannot say (a code that a structure lacks) is refused with 422; names may be longer than it says.
# 501 is a documented answer; a 500 is not, so it fails by its status.
NOT_ASKED = [negative_data_rejection, positive_data_acceptance, not_a_server_error]
PATHS = sorted(openapi.document("/sdmx")["paths"])


def ask(schema, path: str, mode: GenerationMode) -> None:
    """Some requests of one operation, each checked against the document."""

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=schema[path]["GET"].as_strategy(generation_mode=mode))
    def asked(case):
        case.call_and_validate(excluded_checks=NOT_ASKED)

    asked()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("path", PATHS)
def test_no_request_of_the_document_makes_it_fail(published, path, mode):
    ask(published, path, mode)


@pytest.mark.parametrize("path", PATHS)
def test_no_request_about_real_things_makes_it_fail(about_real_things, path):
    ask(about_real_things, path, GenerationMode.POSITIVE)


async def test_a_parameter_that_the_document_does_not_name_is_refused_by_name(app, about_real_things):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub") as client:
        for path, made in about_real_things.raw_schema["paths"].items():
            for one in made["get"]["parameters"]:
                if one["in"] == "path":
                    path = path.replace(f"{{{one['name']}}}", one["schema"]["enum"][0])
            refused = await client.get(f"/sdmx{path}", params={"lastNObservation": "1"})
            assert (refused.status_code, "lastNObservation" in refused.text) == (400, True), path
