"""Browsing in Chromium: no violation of WCAG 2.2 AA, nothing wider than a phone, and a search by keyboard alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
KG = "flow=KG_NSC:SDG"
PAGES = (
    f"/sdg/?{KG}",
    f"/sdg/goal/3/?{KG}",
    f"/sdg/indicator/3.1.1/?{KG}",
    "/sdg/areas/?flow=IAEG-SDGs:SDG&release=2019.Q1.G.03",
    f"/sdg/availability/?{KG}&series=SH_STA_MORT",
    "/sdg/search/?q=matenal+mortality",
    "/sdg/goal/99/",
    "/sdg/api/docs",
)


@pytest.fixture
def open_page(chromium, live_server, room):
    """A page as somebody has it; what breaks a script or the content security policy fails the test."""
    faults: list[str] = []
    contexts = []

    def make(language: str = "en", width: int = 1280, **options: object):
        context = chromium.new_context(
            base_url=live_server.url, viewport={"width": width, "height": 800}, locale="en-GB", **options
        )
        context.add_cookies([{"name": "hub_language", "value": language, "url": live_server.url}])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if "Content Security" in message.text else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert faults == []


@pytest.mark.parametrize(("language", "scheme", "width"), [("en", "light", 1280), ("zh-hans", "dark", 320)])
def test_everybody_can_read_every_page(open_page, language, scheme, width):
    page = open_page(language, width, color_scheme=scheme, bypass_csp=True)

    for address in PAGES:
        page.goto(address)
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        assert [(fault["id"], fault["nodes"][0]["html"]) for fault in found] == [], address
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), address


def test_an_area_is_found_by_keyboard_with_a_typo(open_page):
    page = open_page()
    page.goto(f"/sdg/?{KG}")

    page.get_by_role("combobox").focus()
    page.keyboard.type("isyk")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("ArrowDown")
    assert page.get_by_role("option", selected=True).inner_text().startswith("Issyk-Kul")
    page.keyboard.press("Enter")

    page.wait_for_url("**/sdg/area/KG02/?flow=KG_NSC:SDG")


def test_pages_work_without_scripts(open_page):
    page = open_page(java_script_enabled=False)
    page.goto("/sdg/")

    page.locator("summary", has_text="Data set").click()
    page.get_by_role("link", name="Kyrgyzstan").first.click()
    page.get_by_label("Search indicators").fill("孕产妇死亡")
    page.get_by_role("button", name="Search", exact=True).click()

    page.get_by_role("link", name="Maternal mortality ratio").first.wait_for()
    assert "flow=KG_NSC" in page.url
