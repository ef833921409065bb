"""The pages of a live app: how a visitor is told from others, who may ask, and what attackers try."""

import re

import pytest
from django.test import Client

from regional_hub.showcase.actions import sharing
from regional_hub.showcase.models import Publication
from regional_hub.showcase.views import live
from tests.showcase import world
from tests.showcase.desk import Desk
from tests.showcase.world import Work

pytestmark = pytest.mark.django_db
OURS = {"Origin": "http://testserver"}
WATER = Work("Water", "水资源", "Wells", "水井", ["water"], [6], "tomas", "app", picture="", days=2)
AIR = Work("Air", "空气", "Dust", "粉尘", ["air"], [3], "aigul", picture="", days=1)


@pytest.fixture
def desk(monkeypatch):
    found = Desk()
    found.sit(monkeypatch)
    return found


@pytest.fixture
def app(desk):
    """The address of a public app."""
    return f"/showcase/{world.publish(WATER)[0].slug}/live/"


def text(response):
    return response.content.decode()


def test_a_visitor_who_asks_gets_a_cookie_and_a_place_in_the_queue(app, desk):
    visitor = Client()

    answer = visitor.post(app, headers=OURS)

    assert answer.status_code == 303
    assert answer["Location"].startswith(f"{app}?tab=")
    cookie = visitor.cookies[live.COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/showcase/")
    assert "You are number 1." in text(visitor.get(answer["Location"]))
    assert visitor.get(f"{app}state").json()["place"] == 1


def test_a_visitor_who_only_looks_gets_neither_cookie_nor_place(app, desk):
    visitor = Client()

    visitor.get(app)

    assert live.COOKIE not in visitor.cookies
    assert visitor.get(f"{app}state").json()["state"] == "none"
    assert desk.asked == []


def test_a_visitor_who_asks_again_is_the_same_visitor(app, desk):
    visitor = Client()

    visitor.post(app, headers=OURS)
    visitor.post(app, headers=OURS)

    assert desk.asked[0][0] == desk.asked[1][0]
    assert desk.asked[0][2] != desk.asked[1][2]


def test_neither_cookies_nor_addresses_reach_what_is_kept(app, desk):
    visitor = Client(REMOTE_ADDR="192.0.2.7")

    visitor.post(app, headers=OURS)

    kept = "".join(desk.asked[0])
    assert visitor.cookies[live.COOKIE].value.partition(":")[0] not in kept
    assert "192.0.2" not in kept


@pytest.mark.parametrize("forged", ["", "a" * 32, "a" * 32 + ":1abcde:signature", "x" * 4000])
def test_a_forged_cookie_is_none(app, desk, forged):
    Client().post(app, headers=OURS)
    attacker = Client()
    attacker.cookies[live.COOKIE] = forged

    assert attacker.get(f"{app}state").json()["state"] == "none"
    attacker.post(app, headers=OURS)

    assert attacker.cookies[live.COOKIE].value != forged
    assert desk.asked[0][0] != desk.asked[1][0]


def test_asking_500_times_with_new_cookies_is_one_address(app, desk):
    for _each in range(500):
        Client(REMOTE_ADDR="192.0.2.7", headers={"X-Forwarded-For": f"198.51.100.{_each % 250}"}).post(
            app, headers=OURS
        )

    assert len({visitor for visitor, _address, _tab in desk.asked}) == 500
    assert len({address for _visitor, address, _tab in desk.asked}) == 1


def test_who_may_not_queue_is_told_so(app, desk):
    desk.full = True

    answer = Client().post(app, headers=OURS)

    assert answer.status_code == 429
    assert "Too many wait." in text(answer)


@pytest.mark.parametrize("path", ["", "leave"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://evil.example"},
        {"Origin": "http://testserver.evil.example"},
        {"Origin": "https://testserver"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_of_another_origin_neither_asks_nor_leaves(app, desk, path, headers):
    visitor = Client()
    visitor.post(app, headers=OURS)

    assert visitor.post(app + path, {"tab": "a" * 32}, headers=headers).status_code == 403

    assert len(desk.asked) == 1
    assert desk.left == []


def test_a_browser_without_an_origin_that_says_same_origin_is_ours(app, desk):
    assert Client().post(app, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 303


def test_leaving_names_the_tab_that_closes_and_the_button_none(app, desk):
    visitor = Client()
    tab = visitor.post(app, headers=OURS)["Location"].partition("=")[2]

    closing = visitor.post(f"{app}leave", {"tab": tab}, headers=OURS)
    button = visitor.post(f"{app}leave", headers=OURS)

    assert (closing.status_code, button.status_code) == (204, 302)
    assert [each[1] for each in desk.left] == [tab, ""]


@pytest.mark.parametrize("path", ["", "state"])
def test_a_page_that_is_no_app_has_no_live_page(desk, path):
    slug = world.publish(AIR)[0].slug

    assert Client().get(f"/showcase/{slug}/live/{path}").status_code == 404


def test_an_app_that_was_withdrawn_gives_no_place(app, desk):
    publication = Publication.objects.get()
    sharing.withdraw(publication.author, publication, "A mistake.")

    assert Client().post(app, headers=OURS).status_code in (302, 404, 410)
    assert desk.asked == []


def test_the_public_page_of_an_app_offers_to_run_it_and_others_do_not(desk):
    water, air = world.publish(WATER, AIR)

    assert f'action="/showcase/{water.slug}/live/"' in text(Client().get(f"/showcase/{water.slug}/"))
    assert "/live/" not in text(Client().get(f"/showcase/{air.slug}/"))


def test_the_live_page_frames_the_apps_origin_only(app, desk, settings):
    showcase = settings.HUB.showcase.model_copy(update={"live_origin": "https://apps.example.org"})
    settings.HUB = settings.HUB.model_copy(update={"showcase": showcase})

    policy = Client().get(app)["Content-Security-Policy"]

    assert "frame-src 'self' https://apps.example.org" in policy
    assert "script-src 'self';" in policy


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize(("language", "said"), [("en", "The app has ended"), ("zh-hans", "应用已结束")])
def test_at_the_address_of_an_app_that_is_gone_the_frame_says_so(method, language, said):
    visitor = Client()
    visitor.cookies["hub_language"] = language

    answer = getattr(visitor, method)("/user/showcase/water/live/end")

    assert answer.status_code == 410
    assert said in text(answer)
    assert re.search(r'target="_top" href="/showcase/water/live/"', text(answer))
    assert "frame-ancestors 'self'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "SAMEORIGIN"


def test_what_is_no_name_of_an_app_is_not_repeated():
    answer = Client().get("/user/showcase/%22%3E%3Cscript%3Ealert(1)/x")

    assert answer.status_code == 410
    assert "<script>alert" not in text(answer)
    assert "_top" not in text(answer)
