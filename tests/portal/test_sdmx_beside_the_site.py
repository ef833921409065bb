"""The SDMX service beside the site: made once, read ahead in the background, and pages do not wait for it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from pathlib import Path

import httpx
import pytest

from regional_hub import settings as hub_settings
from regional_hub.portal.asgi import WithSdmx
from regional_hub.sdg.rest import answers
from tests.sdg import awkward, rest_service
from tests.sdg.stores import store


async def page(scope, receive, send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a page"})


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WithSdmx:
    monkeypatch.setenv("HUB_DATA", str(tmp_path))
    settings = hub_settings.load()
    rest_service.registry(settings.path("sdg"))
    rest_service.publish(store(settings.path("sdg").parent), awkward.rows())
    return WithSdmx(page, settings)


def client(site: WithSdmx) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=site), base_url="http://hub")


def ended(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(30)


async def test_a_page_is_answered_while_the_service_is_made(site: WithSdmx, monkeypatch: pytest.MonkeyPatch) -> None:
    make, may_go_on = site._sdmx, threading.Event()
    monkeypatch.setattr(site, "_sdmx", lambda: (may_go_on.wait(30), make())[1])

    data = asyncio.create_task(client(site).get(rest_service.FLOW))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    answer = await client(site).get("/")
    waited = time.monotonic() - began
    may_go_on.set()

    assert (answer.text, waited < 5, data.done()) == ("a page", True, False)
    assert (await data).status_code == 200


async def test_what_the_first_request_needs_is_read_before_it(site: WithSdmx, monkeypatch: pytest.MonkeyPatch) -> None:
    site.warm()
    ended("warm")
    service = site._service

    assert service is not None
    objects = Path(site._settings.path("sdg")) / "structures" / "objects"
    for file in objects.iterdir():  # what was read ahead is not read again
        file.unlink()
    assert (await client(site).get(rest_service.FLOW)).status_code == 200
    assert (await client(site).get("/sdmx/v2/structure/datastructure?references=all")).status_code == 200
    assert site._service is service


async def test_a_fault_in_reading_ahead_is_logged_and_stops_nothing(
    site: WithSdmx, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_self: answers.Service) -> None:
        raise OSError("the disk is away")

    monkeypatch.setattr(answers.Service, "read_ahead", broken)
    with caplog.at_level(logging.ERROR):
        site.warm()
        ended("warm")

    assert "could not read ahead" in caplog.text and "the disk is away" in caplog.text
    assert (await client(site).get(rest_service.FLOW)).status_code == 200
