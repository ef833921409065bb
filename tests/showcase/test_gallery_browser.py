"""A visitor looks through the gallery in Chromium: it fits a phone, passes axe, and works with and without script."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.showcase import world

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def visit(open_page):
    """A page of Chromium as a visitor."""
    world.publish(*world.OTHERS)
    return lambda language, width, **more: open_page(width, cookies={"hub_language": language}, **more)


def check(page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, (page.url, found.generate_report())


@pytest.mark.parametrize(
    ("language", "width", "scheme", "words", "title"),
    [("en", 360, "light", "watr", "Access to safe water"), ("zh-hans", 1280, "dark", "安全饮水", "各区安全饮水")],
)
def test_a_visitor_finds_a_notebook_and_its_address_keeps_it(visit, language, width, scheme, words, title):
    page = visit(language, width, color_scheme=scheme)
    page.goto("/showcase/")
    check(page)
    assert page.locator(".showcase-card").count() == 6
    picture = page.locator(".showcase-picture").first
    picture.scroll_into_view_if_needed()
    expect(picture).to_have_js_property("naturalWidth", 640)

    page.locator("#showcase-q").fill(words)  # nothing is pressed: the results follow
    expect(page.locator(".showcase-card")).to_have_count(1)

    assert title in page.locator(".showcase-card").inner_text()
    expect(page).to_have_url(re.compile(r"/showcase/\?q=[^&]+$"))
    check(page)
    page.reload()
    assert page.locator(".showcase-card").count() == 1
    page.locator("#showcase-kind").select_option("method")
    page.locator(".empty-state").wait_for()
    check(page)
    page.locator(".empty-state a").click()
    expect(page.locator(".showcase-card")).to_have_count(6)


def test_without_script_a_button_does_the_same(visit):
    page = visit("en", 1280, java_script_enabled=False)
    page.goto("/showcase/")

    page.locator("#showcase-goal").select_option("6")
    page.locator(".showcase-go button").click()

    assert page.url.endswith("/showcase/?goal=6") and page.locator(".showcase-card").count() == 1
