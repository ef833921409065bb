"""A method in Chromium: a visitor fills in the form, waits, and sees the result, on a phone in Chinese too."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from regional_hub.showcase.models import Run
from tests.showcase.methods import perform, public_method

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def fits(page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), page.url
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, (page.url, found.generate_report())


@pytest.mark.parametrize(
    ("language", "width", "words"),
    [("en", 1280, ("Run", "Waiting for its turn", "It ran through")), ("zh-hans", 360, ("运行", "排队中", "已完成"))],
)
def test_a_visitor_runs_a_method_and_sees_the_result_come(open_page, alice, monkeypatch, language, width, words):
    public_method(alice)
    page = open_page(width, cookies={"hub_language": language})

    page.goto("/showcase/sums/run/")
    fits(page)
    page.locator("[name=p-count]").fill("3")
    page.get_by_role("button", name=words[0], exact=True).click()
    page.get_by_text(words[1]).wait_for()
    fits(page)
    perform(Run.objects.get(), monkeypatch)
    page.get_by_text(words[2]).wait_for()  # the page asks by itself
    page.get_by_text('"total": 3.0').wait_for()
    fits(page)
    with page.expect_download() as download:
        page.locator("a[href$='/files/words.csv']").click()

    assert download.value.suggested_filename == "words.csv"
    assert Run.objects.get().parameters["count"] == 3
