"""Other people's clients against the running service: pysdmx and sdmx1 over real connections."""

from __future__ import annotations

import io
import socket
import threading
import time
import warnings

import pytest
import uvicorn

from regional_hub.sdg.rest.app import application
from tests.sdg import awkward, rest_service, stores


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The service on a free port of the loopback."""
    folder = tmp_path_factory.mktemp("service")
    store = stores.store(folder)
    rest_service.publish(store, awkward.rows())
    listening = socket.create_server(("127.0.0.1", 0))
    app = application(store, rest_service.registry(folder), sender="XX")
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/sdmx"
    server.should_exit = True
    thread.join(10)
    listening.close()


def notes(values) -> set[str]:
    return {str(value) for value in values} & set(awkward.AWKWARD)


def test_pysdmx_asks_for_data_and_structures(address):
    pytest.importorskip("pysdmx", reason="pysdmx is not installed")
    from pysdmx.api.qb import (
        ApiVersion,
        DataContext,
        DataQuery,
        RestService,
        StructureQuery,
        StructureReference,
        StructureType,
    )
    from pysdmx.io import read_sdmx
    from pysdmx.io.format import StructureFormat

    service = RestService(f"{address}/v2", ApiVersion.V2_0_0, structure_format=StructureFormat.SDMX_JSON_2_0_0)
    structure = service.structure(
        StructureQuery(StructureType.DATA_STRUCTURE, "XX", "SMALL", references=StructureReference.CHILDREN)
    )
    url = DataQuery(DataContext.DATAFLOW, "XX", "DF", key="A.KG").get_url(ApiVersion.V2_0_0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kept = read_sdmx(io.BytesIO(structure)).structures
        data = read_sdmx(f"{address}/v2{url}&format=csv&formatVersion=2.0").data[0].data

    assert "SMALL" in [one.id for one in kept]
    assert len(data) == len(awkward.AWKWARD)
    assert len(notes(data["NOTE"])) >= len(awkward.AWKWARD) - 2  # its CSV reader changes CRLF and empty texts


def test_sdmx1_asks_for_data_and_structures(address):
    sdmx = pytest.importorskip("sdmx", reason="sdmx1 is not installed")
    sdmx.add_source({"id": "HUB", "url": f"{address}/v1", "name": "This hub"}, override=True)
    client = sdmx.Client("HUB")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        structure = client.datastructure("SMALL", agency_id="XX", params={"references": "children"}).structure["SMALL"]
        found = client.data("DF", key="A.KG", agency_id="XX", dsd=structure).data[0]

    texts = [obs.attached_attribute["NOTE"].value for obs in found.obs if "NOTE" in obs.attached_attribute]
    assert set(texts) == set(awkward.AWKWARD)
