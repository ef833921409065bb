"""Who gets into a live app: whoever the portal let in, once, and never more than there are kernels."""

from __future__ import annotations

import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from regional_hub.lab import tickets
from regional_hub.lab.live.guard import policy
from tests.lab.live.conftest import DIGEST, PORTAL, App, eventually, kernel_of


def test_a_ticket_opens_the_app_in_the_readers_language(app: App) -> None:
    ticket = app.ticket()

    page, chinese = app.get(ticket), app.get(ticket, lang="zh")

    assert page.text.startswith('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Prices &lt;b&gt;<')
    assert '<html lang="zh-Hans">' in chinese.text and "<title>价格</title>" in chinese.text
    assert "MODEL" in page.text and kernel_of(page.text) == kernel_of(chinese.text)
    app.end_all()


def test_nothing_of_a_page_comes_from_elsewhere(app: App) -> None:
    page = app.get(app.ticket()).text

    places = re.findall(r'(?:src|href)="([^"]+)"', page)
    elsewhere = [place for place in places if not place.startswith(("/user/showcase/prices/voila/", "data:", PORTAL))]
    assert places and elsewhere == []
    assert not re.search(r"jsdelivr|unpkg|cdnjs\.cloudflare", page)
    app.end_all()


def test_what_is_no_ticket_gets_a_page_in_both_languages_with_the_way_back(app: App) -> None:
    seat, soon = uuid.uuid4().hex, int(time.time()) + 60
    forged = tickets.sign(Ed25519PrivateKey.generate(), tickets.Ticket("prices", seat, DIGEST, soon))
    bad = [forged, "", "x.y", "../..", app.ticket(exp=int(time.time()) - 1), app.ticket(app="ships")]
    bad += [app.ticket(digest="sha256:older"), app.ticket("portal"), app.ticket() + "A"]

    for ticket in bad:
        answer = app.get(ticket)

        assert answer.status_code == 403, ticket
        assert 'lang="en"' in answer.text and 'lang="zh-Hans"' in answer.text
        assert f'target="_top" href="{PORTAL}/showcase/prices/live/"' in answer.text
    assert app.state()["seats"] == [] and app.state()["kernels"] == 1


def test_a_ticket_used_again_rejoins_its_one_kernel(app: App) -> None:
    ticket = app.ticket()

    with ThreadPoolExecutor(20) as crowd:
        pages = [answer.text for answer in crowd.map(app.get, [ticket] * 40)]

    assert len({kernel_of(page) for page in pages}) == 1
    assert len(app.state()["seats"]) == 1
    app.end_all()


def test_500_visitors_at_once_get_no_more_kernels_than_there_are(app: App) -> None:
    most = 0
    with ThreadPoolExecutor(60) as crowd:
        asked = [crowd.submit(app.get, app.ticket()) for _ in range(500)]
        while not all(one.done() for one in asked):
            most = max(most, app.state()["kernels"])
            time.sleep(0.2)
    codes = [one.result().status_code for one in asked]

    assert codes.count(200) == 3 and codes.count(503) == 497
    assert most <= 3 and len({kernel_of(one.result().text) for one in asked if one.result().status_code == 200}) == 3
    assert "席位已满" in next(one.result().text for one in asked if one.result().status_code == 503)
    app.end_all()


def test_every_answer_is_sandboxed_framed_by_the_portal_alone_and_sets_no_cookie(app: App) -> None:
    page = app.get(app.ticket())
    script = httpx.get(f"{app.base}voila/static/voila.js", headers={"Origin": "null"})
    answers = [page, script, app.get("bad"), httpx.get(f"{app.base}no-such"), app.portal("GET", "state")]

    for answer in answers:
        said = answer.headers["content-security-policy"]
        assert said.startswith("sandbox allow-scripts allow-forms allow-popups allow-downloads;")
        assert f"frame-ancestors {PORTAL} 'self';" in said and "allow-same-origin" not in said
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers and "server" not in answer.headers
    assert script.headers["access-control-allow-origin"] == "null"
    assert "access-control-allow-origin" not in page.headers
    app.end_all()


def test_a_page_may_connect_to_its_own_app_alone_whatever_host_it_was_asked_by() -> None:
    def connects(host: str) -> list[str]:
        found = re.search(r"connect-src ([^;]*);", policy(host, "/user/showcase/prices/", PORTAL, ""))
        return found[1].split() if found else []

    own = "example.org:8000/user/showcase/prices/"
    assert connects("example.org:8000") == [f"{kind}://{own}" for kind in ("http", "https", "ws", "wss")]
    assert connects("*") == connects("a b") == connects("x; script-src *") == ["'none'"]


def test_an_origin_of_its_own_keeps_the_sandbox_but_for_that_origin() -> None:
    first = policy("apps.example.org", "/", PORTAL, "https://apps.example.org").partition(";")[0]

    assert first == "sandbox allow-scripts allow-forms allow-popups allow-downloads allow-same-origin"


@pytest.mark.parametrize("authorization", ["", "Ticket", "Ticket x.y", "Bearer {portal}", "Ticket {visitor}"])
def test_only_the_portal_asks_how_an_app_does_and_ends_seats(app: App, authorization: str) -> None:
    words = authorization.format(portal=app.ticket("portal"), visitor=app.ticket())

    for method, path in (("GET", "state"), ("POST", "end")):
        answer = httpx.request(method, f"{app.base}live/{path}", headers={"Authorization": words}, json={"seat": "x"})
        assert answer.status_code == 403


def test_a_seat_that_the_portal_ended_is_gone_and_its_ticket_worthless(app: App) -> None:
    seat = uuid.uuid4().hex
    ticket = app.ticket(seat)
    app.get(ticket)
    assert [one["seat"] for one in app.state()["seats"]] == [seat]

    assert app.portal("POST", "end", json={"seat": seat}).status_code == 204

    assert app.state()["seats"] == []
    assert app.get(ticket).status_code == 403
    assert app.portal("POST", "end", json={"seat": seat}).status_code == 404
    assert app.portal("POST", "end", content=b"[").status_code == 400
    eventually(lambda: app.state()["ready"] == 1)


def test_the_log_has_no_ticket(app: App) -> None:
    ticket = app.ticket(app="ships")
    app.get(ticket)

    text = app.log.read_text()

    assert "403 GET /user/showcase/prices/live" in text
    assert ticket not in text and "ticket=" not in text
