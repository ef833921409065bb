"""Joint work as its members see it: the way there, two people in one notebook by their names, and a copy by a click."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.hubs import Hub, clean_environment

pytestmark = [pytest.mark.browser, pytest.mark.hub]
PASSWORD = "seven-Calm-rivers-29"
SHOTS = os.environ.get("SCREENSHOTS")
PEOPLE = {"mei": "Mei Lin 林梅", "omar": "Omar Said", "eve": "Eve Stone"}
MAKE = f"""
from regional_hub.core import actions
from regional_hub.core.access import OPERATOR
people = {{
    name: actions.add_person(OPERATOR, name, display_name=shown, groups=["researchers"], password={PASSWORD!r},
                             must_change_password=False)
    for name, shown in {PEOPLE!r}.items()
}}
actions.create_group(OPERATOR, "project-pond", "The pond", "池塘", members=[people["mei"], people["omar"]])
from regional_hub.showcase.about import About
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.bundle import Bundle
import json, nbformat.v4 as v4
book = v4.new_notebook(cells=[v4.new_markdown_cell("# Water of the lake")])
made = Bundle("water.ipynb", {{"water.ipynb": json.dumps(book).encode()}})
publish(people["mei"], made, About("Water of the lake"), To("project", project="project-pond"))
"""
NOTEBOOK = """
import json, nbformat.v4 as v4
kernel = {'name': 'python3', 'display_name': 'Python 3'}
made = v4.new_notebook(cells=[v4.new_code_cell('plan = 2026')], metadata={'kernelspec': kernel})
open('plan.ipynb', 'w').write(json.dumps(made))
"""


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png")


@pytest.fixture(scope="module")
def lake(local_hub: Hub) -> Hub:
    """A hub with a project of two, and something that one of them shared with it."""
    command = [sys.executable, "-m", "regional_hub.portal.manage", "shell", "--no-imports", "-c", MAKE]
    environment = clean_environment(HUB_DATA=str(local_hub.data), **local_hub.env)
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert made.returncode == 0, made.stderr
    return local_hub


def signed_in(chromium: Browser, hub: Hub, name: str) -> Page:
    page = chromium.new_context(base_url=hub.url, viewport={"width": 1280, "height": 900}).new_page()
    page.goto("/accounts/login/")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button:has-text('Sign in')")
    page.wait_for_load_state()
    return page


@pytest.fixture(scope="module")
def mei(chromium: Browser, lake: Hub) -> Iterator[Page]:
    page = signed_in(chromium, lake, "mei")
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def omar(chromium: Browser, lake: Hub) -> Iterator[Page]:
    page = signed_in(chromium, lake, "omar")
    yield page
    page.context.close()


@pytest.fixture(scope="module")
def server(lake: Hub, mei: Page) -> Iterator[None]:
    """The project's server, started by one of its members from the page that was shared with the project."""
    mei.goto("/showcase/water-of-the-lake/")
    mei.get_by_role("link", name="Work on it together in the project’s server").click()
    mei.locator("main button", has_text="Start").first.click()
    allow(mei)
    mei.wait_for_selector(".jp-DirListing", timeout=60_000)
    with lake.server("project-pond") as running:
        running.kernel().run(NOTEBOOK)
        yield


def allow(page: Page) -> None:
    """The Hub asks once whether a server that is not one's own may know who comes."""
    page.get_by_role("button", name="Allow", exact=True).click(timeout=60_000)


def opened(page: Page, *, asked: bool = False) -> Page:
    page.goto("/user/project-pond/lab/tree/plan.ipynb")
    if asked:
        allow(page)
    page.locator(".jp-Notebook .cm-content", has_text="plan = 2026").wait_for(timeout=60_000)
    return page


def test_two_members_see_each_others_names_and_words(mei: Page, omar: Page, server: None) -> None:
    opened(mei)
    opened(omar, asked=True)

    mei.locator(".jp-Notebook .cm-content").first.click()
    mei.keyboard.press("End")
    mei.keyboard.type(" + 1")

    expect(omar.locator(".jp-Notebook .cm-content").first).to_contain_text("plan = 2026 + 1")
    omar.locator(".jp-remote-userFlag-name", has_text="Mei Lin 林梅").wait_for(state="attached")
    mei.locator(".jp-CollaboratorsList, .jp-Collaborator", has_text="Omar Said").first.wait_for(state="attached")
    shoot(omar, "together")
    page = omar.content()
    assert "Anonymous" not in page and '"hubUser": "omar"' in page


def test_who_is_no_member_gets_neither_server_nor_pages(chromium: Browser, lake: Hub, server: None) -> None:
    eve = signed_in(chromium, lake, "eve")

    for address, status in {
        "/user/project-pond/lab": 403,
        "/user/project-pond/api/contents": 403,
        "/servers/project-pond/default/": 403,
        "/showcase/water-of-the-lake/": 404,
    }.items():
        answer = eve.goto(address)
        assert answer is not None and answer.status == status, address
    eve.context.close()


def test_a_click_on_the_page_opens_a_copy_in_ones_own_lab(lake: Hub, omar: Page, server: None) -> None:
    """His server is not running: the Hub starts it on the way."""
    with lake.server("omar"):  # stops it at the end
        omar.goto("/showcase/water-of-the-lake/")
        omar.get_by_role("link", name=re.compile("copy", re.I)).first.click()

        place = "**/user/omar/lab/tree/shared-with-me/water-of-the-lake-r1/water.ipynb"
        omar.wait_for_url(place, timeout=60_000, wait_until="commit")
        expect(omar.locator(".jp-Notebook").get_by_text("Water of the lake").first).to_be_attached(timeout=30_000)
        shoot(omar, "copy")
