"""What the portal believes of an app's answers: little, and only what has the agreed form."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from django.conf import settings

from regional_hub.hub import tickets
from regional_hub.showcase import live_client
from regional_hub.showcase.live_client import LiveClient

DIGEST, SEAT = "d" * 64, "5" * 32
GOOD = {
    "digest": DIGEST, "ready": 1, "kernels": 2, "release": "",
    "seats": [{"seat": SEAT, "connected": True, "idle_seconds": 0.5}],
}  # fmt: skip


def client(answer: Callable[[httpx.Request], httpx.Response]) -> LiveClient:
    return LiveClient(settings.HUB, httpx.MockTransport(answer))


def test_an_app_is_asked_with_a_ticket_of_the_portal_for_this_app() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        kind, _, text = request.headers["Authorization"].partition(" ")
        ticket = tickets.verify(tickets.public_text(settings.HUB), text, "water", 0)
        assert (kind, ticket.seat, ticket.digest) == ("Ticket", tickets.PORTAL, DIGEST)
        assert request.url.path == "/user/showcase/water/live/state"
        return httpx.Response(200, json=GOOD)

    found = client(answer).state("water", DIGEST)

    assert found is not None and [seat.seat for seat in found.seats] == [SEAT]


@pytest.mark.parametrize(
    "content",
    [
        b"<html>",
        b"[]",
        json.dumps({**GOOD, "seats": [{"seat": "../x", "connected": True, "idle_seconds": 0}]}).encode(),
        json.dumps({**GOOD, "kernels": -1}).encode(),
        json.dumps({**GOOD, "digest": "x"}).encode(),
        json.dumps(GOOD).encode() + b" " * live_client.LARGEST,
    ],
    ids=["page", "list", "seat", "number", "digest", "too large"],
)
def test_an_answer_that_is_not_as_agreed_is_none(content: bytes) -> None:
    assert client(lambda _request: httpx.Response(200, content=content)).state("water", DIGEST) is None


def test_an_app_that_does_not_answer_neither_has_a_state_nor_ended_anything() -> None:
    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    assert client(silent).state("water", DIGEST) is None
    assert not client(silent).end("water", DIGEST, SEAT)


@pytest.mark.parametrize(("status", "ended"), [(204, True), (404, True), (403, False), (410, True), (502, False)])
def test_a_seat_ended_when_the_app_says_so(status: int, ended: bool) -> None:
    assert client(lambda _request: httpx.Response(status)).end("water", DIGEST, SEAT) is ended


def test_a_visitor_gets_a_ticket_for_one_seat_and_a_short_time() -> None:
    address = live_client.frame_address(settings.HUB, "water", SEAT, DIGEST, "zh")

    place, _, query = address.partition("?ticket=")
    text, _, language = query.partition("&lang=")
    assert place == "/user/showcase/water/live" and language == "zh"
    assert tickets.verify(tickets.public_text(settings.HUB), text, "water", 0).seat == SEAT
