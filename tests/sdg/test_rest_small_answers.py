"""Small answers are written without a thread once indexes are in memory: the same answers, and never an old state."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from regional_hub.sdg.rest import app as service
from tests.sdg import awkward, rest_service, stores
from tests.sdg.rest_service import FLOW, publish


@pytest.fixture
def store(tmp_path):
    return stores.store(tmp_path)


@pytest.fixture
def client(store, tmp_path):
    publish(store, awkward.rows())
    return rest_service.client(store, rest_service.registry(tmp_path))


@pytest.fixture
def threads(monkeypatch):
    """Counts what is handed to threads."""
    handed = []
    real = asyncio.to_thread

    async def counted(work, *given):
        handed.append(work)
        return await real(work, *given)

    monkeypatch.setattr(service.asyncio, "to_thread", counted)
    return handed


@pytest.mark.parametrize("form", ["jsondata", "csvdata", "genericdata", "structurespecificdata"])
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_second_answer_needs_no_thread_and_is_the_same(client, threads, form, encoding):
    first = await client.get(f"{FLOW}?format={form}", headers={"Accept-Encoding": encoding})
    begun = len(threads)

    second = await client.get(f"{FLOW}?format={form}", headers={"Accept-Encoding": encoding})

    assert begun > 0 and len(threads) == begun
    assert second.content == first.content
    assert second.headers.pop("content-length")
    assert {**second.headers, "transfer-encoding": ""} == {**first.headers, "transfer-encoding": ""}


async def test_head_tells_the_length_and_sends_nothing(client):
    whole = [await client.get(FLOW) for _ in range(2)][1]

    head = await client.head(FLOW)

    assert head.content == b"" and head.headers["content-length"] == whole.headers["content-length"]


async def test_nothing_found_is_said_in_the_second_answer_too(client):
    empty = f"{FLOW}?c[TIME_PERIOD]=1900"

    answers = [await client.get(FLOW), await client.get(empty), await client.get(empty)]

    assert [answer.status_code for answer in answers][1:] == [answers[1].status_code] * 2
    assert answers[1].content == answers[2].content and answers[1].status_code in (204, 404)


async def test_release_of_another_process_is_seen_at_once(client, store):
    before = [await client.get(FLOW) for _ in range(2)][1]
    other = type(store)(store.folder, clock=store.clock)

    publish(other, [{**row, "OBS_VALUE": "77"} for row in awkward.rows()[:1]])
    after = await client.get(FLOW, headers={"If-None-Match": before.headers["etag"]})

    assert after.status_code == 200
    assert b"77" in after.content and b"77," not in before.content


async def test_embargo_of_another_process_hides_at_once_and_ends_by_the_clock_alone(client, store):
    for _ in range(2):
        assert areas(await client.get(FLOW)) == {"KG", "TJ"}
    other = type(store)(store.folder, clock=store.clock)
    until = store.clock() + timedelta(hours=2)

    other.embargo("XX:SMALL", {"AREA": ["TJ"]}, until, by="bob", reason="a reason")
    hidden = [areas(await client.get(FLOW)) for _ in range(3)]
    store.clock.now = until
    shown = [areas(await client.get(FLOW)) for _ in range(3)]

    assert hidden == [{"KG"}] * 3
    assert shown == [{"KG", "TJ"}] * 3


async def test_structure_that_is_imported_again_changes_the_tag(client, tmp_path):
    before = [await client.get(FLOW) for _ in range(2)][1]
    registry = rest_service.registry(tmp_path)
    structure = registry.structure("XX:SMALL(1.0)")

    registry.add(
        rest_service.Structures((type(structure)(**{**structure.__dict__, "name": {"en": "Renamed"}}),)),
        replace_final=True,
    )
    after = await client.get(FLOW)

    assert after.headers["etag"] != before.headers["etag"]


def areas(answer) -> set[str]:
    found = json.loads(answer.content)["data"]["structures"][0]["dimensions"]["series"]
    return {value["id"] for value in next(part for part in found if part["id"] == "AREA")["values"]}
