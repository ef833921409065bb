"""A visitor's way into a live app and out of it, on a real hub: the button, a slider, the queue, a crash, the end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from regional_hub.operate.servers import call
from tests.e2e import world
from tests.hubs import Hub

pytestmark = [pytest.mark.docker, pytest.mark.hub, pytest.mark.browser]
PAGE = "/showcase/twice/"
PUBLISH = """
import nbformat.v4 as v4
from tests.showcase.world import Work, publish
cells = [v4.new_markdown_cell("# Twice a number"), v4.new_code_cell({code})]
publish(Work("Twice", "两倍", "A slider", "滑块", ["numbers"], [4], "tomas", "app", picture="", cells=cells))
"""
WITHDRAW = """
from regional_hub.showcase.actions import sharing
from regional_hub.showcase.models import Publication
found = Publication.objects.get(slug="twice")
sharing.withdraw(found.author, found, "The numbers were wrong.")
"""
Visit = Callable[..., Page]


@pytest.fixture(scope="module")
def app(hub: Hub) -> Iterator[str]:
    """The address of a reviewed app."""
    hub.python(PUBLISH.format(code=json.dumps(world.SLIDER)))
    yield hub.url + PAGE
    hub.python(WITHDRAW)


@pytest.fixture
def visit(hub: Hub, app: str, chromium: Browser) -> Iterator[Visit]:
    """A new visitor at the app's page, without an account; what scripts complain about fails the test."""
    contexts, complaints = [], []

    def come(host: str = "127.0.0.1") -> Page:
        contexts.append(chromium.new_context())
        page = contexts[-1].new_page()
        page.on("pageerror", lambda fault: complaints.append(str(fault)))
        page.goto(app.replace("127.0.0.1", host))
        return page

    yield come
    for context in contexts:
        for page in context.pages:
            page.goto("about:blank")  # a page that closes while it is driven says no good-bye
        context.close()
    assert complaints == []


def asks(page: Page) -> None:
    page.get_by_role("button", name="Run it live").click()


def frame(page: Page) -> FrameLocator:
    return page.frame_locator("#live iframe")


def can_use(page: Page) -> None:
    """The slider moves, and the kernel answers."""
    inside = frame(page)
    inside.get_by_text(re.compile("twice")).wait_for(timeout=90_000)
    before = inside.get_by_text(re.compile("twice")).inner_text()
    inside.locator(".noUi-handle").focus()
    page.keyboard.press("ArrowRight")
    expect(inside.get_by_text(re.compile("twice"))).not_to_have_text(before)


def test_a_visitor_moves_a_slider_the_next_waits_with_the_page_in_view_and_follows(visit: Visit) -> None:
    first, second = visit(), visit()
    asks(first)
    first.get_by_role("heading", name="Twice a number").wait_for()
    can_use(first)
    assert not first.locator("#live-page").is_visible()

    asks(second)
    second.get_by_text("You are number 1 in the queue.").wait_for()
    assert second.get_by_role("heading", name="Twice a number").is_visible()
    first.get_by_role("button", name="Leave").click()

    can_use(second)


def test_a_reload_keeps_the_place_also_under_another_name_of_the_site(visit: Visit) -> None:
    page = visit("localhost")
    asks(page)
    can_use(page)

    page.reload()

    can_use(page)


def test_when_the_app_crashes_the_page_says_so_and_it_can_be_run_again(hub: Hub, visit: Visit) -> None:
    page = visit()
    asks(page)
    can_use(page)

    with page.expect_response("**/live/state"):
        pass  # the site has seen that the place is taken

    world.container(hub, "showcase", "twice").kill()
    page.get_by_text("The app stopped unexpectedly.").wait_for(timeout=60_000)
    assert page.get_by_role("heading", name="Twice a number").is_visible()

    asks(page)
    can_use(page)


def test_what_is_withdrawn_ends_for_those_who_use_it(hub: Hub, visit: Visit) -> None:
    page = visit()
    asks(page)
    can_use(page)

    hub.python(WITHDRAW)

    page.get_by_text("The numbers were wrong.").wait_for(timeout=30_000)
    world.eventually(lambda: "twice" not in call(hub.settings, "GET", "/users/showcase")["servers"], 30)
    assert httpx.get(hub.url + "/user/showcase/twice/live").status_code == 410
    assert not hub.settings.path("showcase", "live", "twice").exists()
