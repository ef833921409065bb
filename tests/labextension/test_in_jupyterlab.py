"""Sharing from a real JupyterLab, with the portal answering: English, and Chinese."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from regional_hub.operate.remote import Kernel
from tests.hubs import Hub

pytestmark = [pytest.mark.browser, pytest.mark.hub]
PASSWORD = "seven-Calm-rivers-29"
SHOTS = os.environ.get("SCREENSHOTS")
NOTEBOOK = """
import base64, json, nbformat.v4 as v4, pathlib
png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
shown = v4.new_output('display_data', {'image/png': png, 'text/plain': 'a chart'})
cells = [v4.new_markdown_cell('# Water of the Chu'), v4.new_code_cell("open('data.csv')", outputs=[shown])]
kernel = {'name': 'python3', 'display_name': 'Python 3'}
made = v4.new_notebook(cells=cells, metadata={'kernelspec': kernel})
pathlib.Path('water.ipynb').write_text(json.dumps(made))
pathlib.Path('data.csv').write_text('1,2')
pathlib.Path('river').mkdir()
pathlib.Path('river/level.ipynb').write_text(json.dumps(v4.new_notebook(cells=cells[:1])))
pathlib.Path('river/notes.txt').write_text('not named in the notebook')
"""
CHINESE = """
import json, pathlib
from jupyter_core.paths import jupyter_config_dir
place = pathlib.Path(jupyter_config_dir(), 'lab/user-settings/@jupyterlab/translation-extension')
place.mkdir(parents=True, exist_ok=True)
(place / 'plugin.jupyterlab-settings').write_text(json.dumps({'locale': 'zh_CN'}))
"""


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png")


@pytest.fixture(scope="module")
def kernel(local_hub: Hub) -> Iterator[Kernel]:
    local_hub.add_person("benno", "researchers")
    password = local_hub.add_person("lin", "researchers")
    with local_hub.server("lin") as server:
        server.start()
        found = server.kernel()
        found.run(NOTEBOOK)
        found.password = password  # type: ignore[attr-defined]
        yield found


@pytest.fixture
def sample(local_hub: Hub) -> Iterator[None]:
    """The hub's sample of the SDG data, which a hub of the tests has not made."""
    place = local_hub.data / "shared" / "samples" / "sdg" / "observations.csv"
    if place.exists():
        yield
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    head = "STRUCTURE,STRUCTURE_ID,ACTION,SERIES,REF_AREA,SEX,TIME_PERIOD,OBS_VALUE\n"
    years = (f"dataflow,IAEG-SDGs:DF_SDG_GLC(1.0),I,SI_POV_DAY1,XA,_T,{2010 + n},{n}.5\n" for n in range(12))
    place.write_text(head + "".join(years))
    yield
    place.unlink()


@pytest.fixture(scope="module")
def lab(local_hub: Hub, kernel: Kernel, chromium: Browser) -> Iterator[Page]:
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{local_hub.url}/accounts/login/")
    page.fill("input[name=login]", "lin")
    page.fill("input[name=password]", kernel.password)  # type: ignore[attr-defined]
    page.click("main button:has-text('Sign in')")
    page.wait_for_load_state()
    page.fill("input[name=oldpassword]", kernel.password)  # type: ignore[attr-defined]
    page.fill("input[name=password1]", PASSWORD)
    page.fill("input[name=password2]", PASSWORD)
    page.click("main button:has-text('Change')")
    page.wait_for_load_state()
    page.goto(f"{local_hub.url}/user/lin/lab")
    page.wait_for_selector(".jp-DirListing-item", timeout=120_000)
    yield page
    page.context.close()


def right_click(page: Page, name: str, choice: str) -> None:
    page.locator(".jp-DirListing-item", has_text=name).click(button="right")
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{choice}$")).click()


def test_a_notebook_is_shared_with_a_person_and_the_link_is_shown(lab: Page, local_hub: Hub) -> None:
    right_click(lab, "water.ipynb", "Share…")
    dialog = lab.locator(".jp-Dialog")
    expect(dialog.get_by_label("Title", exact=True)).to_have_value("Water of the Chu")
    expect(dialog).to_contain_text("data.csv")
    lab.locator(".rh-send").click()
    expect(dialog).to_contain_text("Choose at least one person.")  # and it is still there
    dialog.get_by_label("People").fill("ben")
    dialog.locator(".rh-found button", has_text="benno").click()
    expect(dialog.locator(".rh-wrong")).to_be_empty()
    dialog.get_by_role("radio", name="Picture 1 of the notebook").check()
    expect(dialog.locator(".rh-files")).to_contain_text("showcase-picture.png")
    expect(dialog.locator(".rh-files")).to_contain_text("3 files,")
    dialog.get_by_role("checkbox", name="data.csv").uncheck()
    expect(dialog.locator(".rh-files")).to_contain_text("2 files,")
    dialog.get_by_role("checkbox", name="data.csv").check()
    shoot(lab, "share-en")
    lab.locator(".rh-send").click()

    link = lab.locator(".rh-link")
    expect(link).to_have_attribute("href", f"{local_hub.url}/showcase/water-of-the-chu/", timeout=30_000)
    shoot(lab, "shared-en")
    lab.get_by_role("button", name="Close", exact=True).click()


def test_the_panel_shows_what_was_shared_and_inserts_code_of_the_catalog(lab: Page, sample: None) -> None:
    lab.locator(".jp-DirListing-item", has_text="water.ipynb").dblclick()
    cell = lab.locator(".jp-CodeCell .cm-content").first
    cell.click(timeout=60_000)
    lab.locator(".lm-TabBar-tab[data-id=regional-hub-panel]").click()
    panel = lab.locator(".rh-panel")
    expect(panel).to_contain_text("Water of the Chu")
    expect(panel).to_contain_text("revision 1 · shared")

    panel.get_by_label("Search data").fill("sdg illustrative")
    panel.get_by_text("SDG sample (illustrative)").click()
    rows = panel.get_by_role("region", name="First rows of SDG sample (illustrative)")
    expect(rows).to_contain_text("REF_AREA", timeout=12_000)
    expect(rows.locator("tbody tr")).to_have_count(8)
    panel.get_by_role("button", name="Insert code for SDG sample (illustrative)").click()

    expect(cell).to_contain_text("intake.cat.sdg_sample")
    expect(cell.locator(".cm-line").nth(1)).to_have_text("import intake")  # a line of its own
    shoot(lab, "panel-en")


def test_a_folder_is_shared_whole_with_everybody_on_the_hub(lab: Page, local_hub: Hub) -> None:
    lab.locator(".lm-TabBar-tab[data-id=filebrowser]").click()
    right_click(lab, "river", "Share…")
    dialog = lab.locator(".jp-Dialog")
    expect(dialog.locator(".jp-Dialog-header")).to_contain_text("Share “river”")
    expect(dialog.locator(".rh-files")).to_contain_text("notes.txt")
    dialog.get_by_label("Title", exact=True).fill("Level of the river")
    dialog.get_by_label("Who may read it").select_option("hub")
    expect(dialog.get_by_label("People")).to_be_hidden()
    lab.locator(".rh-send").click()

    link = f"{local_hub.url}/showcase/level-of-the-river/"
    expect(lab.locator(".rh-link")).to_have_attribute("href", link, timeout=30_000)
    lab.get_by_role("button", name="Close", exact=True).click()
    lab.locator(".lm-TabBar-tab[data-id=regional-hub-panel]").click()
    expect(lab.locator(".rh-panel")).to_contain_text("Level of the river")


@pytest.mark.parametrize("way", ["toolbar", "menu", "palette"])
def test_an_open_notebook_is_shared_from_toolbar_menu_and_palette_and_escape_sends_nothing(lab: Page, way: str) -> None:
    lab.locator(".jp-CodeCell .cm-content").first.click()
    if way == "toolbar":
        lab.locator("[data-jp-item-name=regional-hub-share]").click()
    elif way == "menu":
        lab.locator(".lm-MenuBar-itemLabel", has_text=re.compile("^File$")).click()
        lab.locator(".lm-Menu-itemLabel", has_text=re.compile("^Share…$")).click()
    else:
        lab.keyboard.press("Control+Shift+C")
        lab.locator("#modal-command-palette input").fill("Share…")
        lab.locator("#modal-command-palette .lm-CommandPalette-itemLabel", has_text="Share…").first.click()

    dialog = lab.locator(".jp-Dialog")
    expect(dialog.locator(".jp-Dialog-header")).to_contain_text("Share “water.ipynb”")
    inside = "document.querySelector('.jp-Dialog').contains(document.activeElement)"
    lab.wait_for_function(inside)  # the keyboard works in the dialog
    lab.keyboard.press("Escape")
    expect(dialog).to_have_count(0)


def test_in_chinese_a_new_revision_is_offered_and_sent(lab: Page, kernel: Kernel) -> None:
    kernel.run(CHINESE)
    kernel.run("open('data.csv', 'w').write('1,3')")
    lab.goto(lab.url.split("/lab")[0] + "/lab?reset")
    lab.wait_for_selector(".jp-DirListing-item", timeout=120_000)

    right_click(lab, "water.ipynb", "共享…")
    dialog = lab.locator(".jp-Dialog")
    expect(dialog).to_contain_text("“Water of the Chu”的第 2 版")
    expect(dialog).to_contain_text("读者与链接保持不变。")
    shoot(lab, "share-zh")
    lab.locator(".rh-send").click()

    expect(dialog).to_contain_text("第 2 版已共享。", timeout=30_000)
    lab.get_by_role("button", name="关闭", exact=True).click()
    lab.locator(".lm-TabBar-tab[data-id=regional-hub-panel]").click()
    expect(lab.locator(".rh-panel")).to_contain_text("第 2 版 · 已共享")
    shoot(lab, "panel-zh")
