"""The page of a live app in Chromium: waiting, the app in its frame, what the frame may not do, and closing the tab."""

from __future__ import annotations

import time

import pytest
from axe_playwright_python.sync_playwright import Axe

from regional_hub.showcase.actions import seats
from tests.showcase import world
from tests.showcase.desk import Desk
from tests.showcase.world import Work

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
WATER = Work("Water", "水资源", "Wells", "水井", ["water"], [6], "tomas", "app", picture="", days=2)
PROBE = """<!doctype html><title>app</title><p id=said></p><script>
let said = "";
try { said += parent.document.title ? "parent " : ""; } catch { said += "no-parent "; }
try { said += document.cookie === "" ? "empty" : "cookie"; } catch { said += "no-cookie"; }
parent.postMessage({regionalHubLive: "ready"}, "*");
fetch("/showcase/water/live/leave", {method: "POST", mode: "no-cors"}).finally(() => {
  document.getElementById("said").textContent = said;
});
</script>"""
WAITS = seats.Standing("waiting", 1, 3.0, "", "You are number 1 of those who wait.", 1)
SITS = seats.Standing("seated", None, None, "/user/showcase/water/live?ticket=t", "The app is yours.", 1)
OVER = seats.Standing("over", None, None, "", "Your time in the app is over.", 1)


@pytest.fixture
def desk(monkeypatch):
    found = Desk()
    found.sit(monkeypatch)
    found.standing = WAITS
    world.publish(WATER)
    return found


@pytest.fixture
def visit(chromium, live_server, desk):
    """A visitor's page; the app itself is a probe that tries what it should not be able to do."""
    contexts = []

    def enter(language: str = "en", width: int = 1280, scheme: str = "light", *, probe: bool = True):
        context = chromium.new_context(
            base_url=live_server.url, viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        context.add_cookies([{"name": "hub_language", "value": language, "url": live_server.url}])
        if probe:  # while requests are looked at, Chromium sends none of a page that closes
            context.route("**/user/showcase/**", lambda route: route.fulfill(content_type="text/html", body=PROBE))
        return context.new_page()

    yield enter
    for context in contexts:
        context.close()


def enters(page) -> None:
    page.goto("/showcase/water/")
    page.get_by_role("button", name="Run it live").click()
    page.get_by_text(WAITS.text).wait_for()


def test_a_visitor_waits_sits_and_is_told_when_it_is_over(visit, desk):
    page = visit()
    enters(page)
    assert page.locator("iframe").count() == 0
    assert page.locator(".notebook").is_visible()

    desk.standing = SITS
    page.frame_locator("iframe").get_by_text("no-parent").wait_for()
    page.get_by_text(SITS.text).wait_for()
    assert not page.locator(".notebook").is_visible()

    desk.standing = OVER
    page.get_by_text(OVER.text).wait_for()
    assert page.locator(".notebook").is_visible()
    assert page.locator("iframe").count() == 0
    assert page.get_by_role("button", name="Run it live").is_visible()


def test_an_app_reaches_neither_the_page_around_it_nor_cookies_nor_gives_the_place_up(visit, desk):
    desk.standing = SITS
    page = visit()
    page.goto("/showcase/water/")
    page.get_by_role("button", name="Run it live").click()

    page.frame_locator("iframe").get_by_text("no-parent no-cookie").wait_for()

    assert desk.left == []


def test_an_app_on_an_origin_of_its_own_has_storage_there_and_still_nothing_of_ours(visit, desk, settings, live_server):
    elsewhere = live_server.url.replace("localhost", "127.0.0.1")
    showcase = settings.HUB.showcase.model_copy(update={"live_origin": elsewhere})
    settings.HUB = settings.HUB.model_copy(update={"showcase": showcase})
    desk.standing = seats.Standing("seated", None, None, f"{elsewhere}/user/showcase/water/live?ticket=t", "Yours.", 1)
    page = visit()
    page.goto("/showcase/water/")
    page.get_by_role("button", name="Run it live").click()

    page.frame_locator("iframe").get_by_text("no-parent empty").wait_for()

    assert desk.left == []


def test_the_frame_stays_the_same_however_often_the_page_asks(visit, desk):
    desk.standing = SITS
    page = visit()
    page.goto("/showcase/water/")
    page.get_by_role("button", name="Run it live").click()
    page.locator("iframe").evaluate("frame => { frame.mark = 'first'; }")

    for number in range(2):
        desk.standing = seats.Standing("seated", None, None, f"/user/showcase/water/live?ticket={number}", "Yours.", 1)
        with page.expect_response("**/live/state"):
            pass

    assert page.locator("iframe").evaluate("frame => frame.mark") == "first"


def test_closing_the_tab_names_it_and_the_button_leaves_at_once(visit, desk):
    page = visit(probe=False)
    with page.expect_response("**/live/state"):  # the page's script has begun
        enters(page)
    page.close(run_before_unload=True)
    ends = time.monotonic() + 10
    while not desk.left and time.monotonic() < ends:
        time.sleep(0.1)
    assert desk.left[0][1] == desk.asked[0][2]

    page = visit()
    enters(page)
    page.get_by_role("button", name="Leave").click()
    page.wait_for_url("**/showcase/water/")

    assert [tab for _visitor, tab in desk.left] == [desk.asked[0][2], ""]


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("zh-hans", "dark")])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_and_is_accessible(visit, desk, width, language, scheme):
    desk.standing = SITS
    page = visit(language, width, scheme)
    page.goto("/showcase/water/")
    page.locator("form[action$='/live/'] button").click()
    page.locator("iframe").wait_for()

    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
