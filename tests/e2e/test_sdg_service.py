"""From a country's files to any SDMX client: one person loads, another publishes, all read through the front door."""

from __future__ import annotations

import io
import json

import httpx
import pytest
import sdmx

from tests.hubs import SHARED_DATA, Hub

pytestmark = [
    pytest.mark.hub,
    pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="../shared/data with the published files is not there"),
]


@pytest.fixture(scope="module")
def published(local_hub: Hub) -> tuple[int, str]:
    """How many observations Nepal's file has, and its release; codes that its structure lacks are let through."""
    policy = local_hub.settings.path("sdg", "policy.toml")
    policy.parent.mkdir(exist_ok=True)
    policy.write_text('[severity]\ncode = "warning"\nmandatory = "warning"\ntype = "warning"\n')
    data, structure = SHARED_DATA / "nepal" / "CBS_DATA.xml", SHARED_DATA / "nepal" / "CBS_DSD.xml"
    loaded = local_hub.cli("sdg", "load", str(data), "--structure", str(structure), "--by", "sita")
    assert loaded["observations"] == 886
    assert loaded["unique_keys"] + loaded["duplicate_keys"] == 886 and loaded["conflicting_keys"] == 0
    local_hub.cli("sdg", "publish", loaded["draft"], "--by", "sita", code=1)
    return int(loaded["unique_keys"]), str(local_hub.cli("sdg", "publish", loaded["draft"], "--by", "ram")["release"])


def test_only_another_person_publishes(local_hub: Hub, published: tuple[int, str]) -> None:
    releases = local_hub.cli("sdg", "releases")["releases"]

    assert [one["release"] for one in releases] == [published[1]]


def test_every_observation_is_answered_and_revalidated_by_etag(local_hub: Hub, published: tuple[int, str]) -> None:
    url = f"{local_hub.url}/sdmx/v2/data/dataflow/*/*/*"
    answer = httpx.get(url, headers={"Accept": "application/vnd.sdmx.data+csv;version=2.0.0"}, timeout=60)

    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.text.strip().splitlines()) == published[0] + 1
    again = httpx.get(
        url, headers={"Accept": answer.request.headers["accept"], "If-None-Match": answer.headers["etag"]}
    )
    assert again.status_code == 304


def test_an_independent_reader_reads_our_message(local_hub: Hub, published: tuple[int, str]) -> None:
    accept = {"Accept": "application/vnd.sdmx.genericdata+xml;version=2.1"}
    answer = httpx.get(f"{local_hub.url}/sdmx/v2/data/dataflow/*/*/*", headers=accept, timeout=60)

    message = sdmx.read_sdmx(io.BytesIO(answer.content))

    assert sum(len(one.obs) for one in message.data) == published[0]


def test_an_unknown_parameter_is_refused_by_name(local_hub: Hub, published: tuple[int, str]) -> None:
    answer = httpx.get(f"{local_hub.url}/sdmx/v2/data/dataflow/*/*/*?colour=red", timeout=60)

    assert answer.status_code == 400
    assert "colour" in json.dumps(answer.json() if "json" in answer.headers["content-type"] else answer.text)
