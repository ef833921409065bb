"""The pages of sharing in Chromium: on a phone and a desktop, in both languages, with what their scripts add."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client

from regional_hub.showcase.about import About
from regional_hub.showcase.actions import comments
from regional_hub.showcase.actions.sharing import To, publish
from tests.showcase.bundles import bundle

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PAGES = {
    "alice": ["/showcase/water/manage/", "/showcase/mine/", "/showcase/water/"],
    "bob": ["/showcase/water/", "/showcase/water/r/1/", "/showcase/water/compare/1/2/", "/showcase/shared/"],
}


@pytest.fixture
def people(alice, make_person):
    found = {"alice": alice, "bob": make_person("bob", "researchers", display_name="Bekzat Usenov")}
    make_person("aigul", display_name="Aigul Toktogulova")
    publish(alice, bundle(), About("Water", title_zh="水资源", summary="How much."), To(people=["bob"]))
    second = publish(alice, bundle("Changed"), None, None, slug="water", note="Figures of 2026")
    comments.comment(found["bob"], second.revision, "Which year is this?", "c2")
    comments.comment(alice, second.revision, "2026", "c2")
    return found


@pytest.fixture
def visit(open_page, people):
    """A page of Chromium as somebody."""

    def open_as(name: str, language: str = "en", width: int = 1280, scheme: str = "light"):
        client = Client()
        client.force_login(people[name], backend="allauth.account.auth_backends.AuthenticationBackend")
        cookies = {"portal_session": client.cookies["portal_session"].value, "hub_language": language}
        return open_page(width, cookies=cookies, color_scheme=scheme)

    return open_as


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("zh-hans", "dark")])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_and_is_accessible(visit, name, width, language, scheme):
    page = visit(name, language, width, scheme)
    for address in PAGES[name]:
        page.goto(address)

        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), address
        found = Axe().run(page, options=RULES)
        assert found.violations_count == 0, (address, found.generate_report())


def test_names_are_suggested_while_one_types(visit):
    page = visit("alice")
    page.goto("/showcase/water/manage/")

    page.locator("#add-person").type("Tokto")

    page.locator('#people-found option[value="aigul"]').wait_for(state="attached")


def test_a_button_at_a_cell_leads_to_a_comment_on_it(visit):
    page = visit("bob")
    page.goto("/showcase/water/")

    page.locator("#cell-c2 button").click()
    page.keyboard.type("Now I see")
    page.get_by_role("button", name="Send").click()

    thread = page.locator('.comment-thread[data-cell="c2"]')
    thread.get_by_text("Now I see").wait_for()
    assert page.locator("#cell-c2 button").inner_text().strip() == "3"
