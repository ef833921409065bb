"""Sharing from a real JupyterLab, with the portal answering: by mouse and by keyboard, in English, and in Chinese."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from regional_hub.operate.remote import Kernel
from tests.hubs import Hub
from tests.labextension import jupyterlab
from tests.labextension.jupyterlab import faults, load, right_click, settings, shoot, show

pytestmark = [pytest.mark.browser, pytest.mark.hub]
FOCUS = """() => {
  const here = document.activeElement;
  const name = here.getAttribute('aria-label') || here.labels?.[0]?.innerText || here.innerText;
  return name.trim();
}"""
OF_THE_LAKE = """
import json
from regional_hub.lab.share import Showcase
found = Showcase().call("GET", "publications/lake-of-osh")
said = {name: found[name] for name in ("kind", "goals", "audience", "project", "summary", "title_zh")}
mark = json.load(open("lake.ipynb"))["metadata"]["regional_hub"]
print(json.dumps([said, mark]))
"""


@pytest.fixture(scope="module")
def kernel(local_hub: Hub) -> Iterator[Kernel]:
    local_hub.python(jupyterlab.MAKE)
    with local_hub.server("lin") as server:
        server.start()
        found = server.kernel()
        found.run(jupyterlab.NOTEBOOKS)
        yield found


@pytest.fixture(scope="module")
def lab(local_hub: Hub, kernel: Kernel, chromium: Browser) -> Iterator[Page]:
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{local_hub.url}/accounts/login/")
    page.fill("input[name=login]", "lin")
    page.fill("input[name=password]", jupyterlab.PASSWORD)
    page.click("main button:has-text('Sign in')")
    page.wait_for_load_state()
    load(page, local_hub.url)
    yield page
    page.context.close()


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
    expect(dialog.locator(".rh-files")).to_contain_text("Files: 3,")
    dialog.get_by_role("checkbox", name="data.csv").uncheck()
    expect(dialog.locator(".rh-files")).to_contain_text("Files: 2,")
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
    show(lab, "regional-hub-panel")
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
    show(lab, "filebrowser")
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
    show(lab, "regional-hub-panel")
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


def focus(page: Page) -> str:
    """The name of what has the focus."""
    return str(page.evaluate(FOCUS))


def press(page: Page, *keys: str) -> str:
    """Press one key after the other; the name of what then has the focus."""
    for key in keys:
        page.keyboard.press(key)
    return focus(page)


def test_by_keyboard_alone_a_notebook_goes_to_a_project_and_is_marked(lab: Page, kernel: Kernel) -> None:
    show(lab, "filebrowser")
    lab.locator(".jp-DirListing-item", has_text="lake.ipynb").dblclick()
    panel = lab.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    button = panel.locator("[data-jp-item-name=regional-hub-share] jp-button")
    button.focus(timeout=60_000)
    press(lab, "Enter")
    dialog = lab.locator(".jp-Dialog")
    expect(dialog.get_by_label("Who may read it")).to_be_focused()
    press(lab, "Escape")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()

    press(lab, "Enter")
    expect(dialog.get_by_label("Who may read it")).to_be_focused()
    assert press(lab, "Tab") == "People"
    lab.keyboard.type("ben")
    expect(dialog.locator(".rh-found button")).to_have_count(1)
    assert press(lab, "Enter", "Tab") == "Remove Benno Falk (benno)"
    assert press(lab, "Enter") == "People"  # and he is gone again
    assert press(lab, "Tab", "Enter") == "People"  # from the title: it says what is missing, and leads there
    expect(dialog.locator(".rh-wrong")).to_have_text("Choose at least one person.")
    assert faults(lab, ".jp-Dialog") == []

    press(lab, "Shift+Tab")
    lab.keyboard.type("A p")
    assert press(lab, "Tab") == "Project" and press(lab, "Tab", "End") == "Title"
    lab.keyboard.type(" of Osh")
    assert press(lab, "Tab") == "Summary"
    lab.keyboard.type("Deep.\nCold.")
    assert press(lab, "Tab", "Tab", "Enter") == "SDG goals"
    assert press(lab, *["Tab"] * 6, "Space") == "6 Clean Water and Sanitation"
    shoot(lab, "goals-en")
    assert press(lab, *["Tab"] * 12) == "Tags"
    press(lab, "Enter")
    expect(lab.locator(".rh-link")).to_have_attribute("href", re.compile("/showcase/lake-of-osh/$"), timeout=30_000)
    assert faults(lab, ".jp-Dialog") == []
    press(lab, "Enter")
    expect(dialog).to_have_count(0)
    expect(button).to_be_focused()

    said, mark = json.loads(kernel.run(OF_THE_LAKE).text)
    assert (said["audience"], said["project"]) == ("project", "project-lake")
    assert (said["kind"], said["goals"], said["summary"], said["title_zh"]) == ("page", [6], "Deep.\nCold.", "")
    assert mark == {"publication": "lake-of-osh"}


def test_the_panel_says_how_far_each_publication_is_and_looks_again(lab: Page, local_hub: Hub) -> None:
    show(lab, "regional-hub-panel")
    rows = lab.locator(".rh-panel li")
    for title, state in (("Glaciers", "in review"), ("Rivers", "changes wanted"), ("Springs", "published")):
        expect(rows.filter(has_text=title)).to_contain_text(f"revision 1 · {state}")
    expect(rows.filter(has_text="Wells")).to_contain_text("withdrawn")
    assert faults(lab, ".rh-panel") == []

    rows.filter(has_text="Rivers").get_by_role("link").focus()
    local_hub.python(
        "from regional_hub.showcase.models import Revision\n"
        "Revision.objects.filter(publication__slug='glaciers').update(state='declined')"
    )
    look_again = "document.dispatchEvent(new Event('visibilitychange'))"  # as somebody who comes back to the tab
    lab.wait_for_function(f"{look_again}, document.querySelector('.rh-panel').innerText.includes('declined')")
    expect(rows.filter(has_text="Glaciers")).to_contain_text("revision 1 · declined")
    expect(rows.filter(has_text="Rivers").get_by_role("link")).to_be_focused()


def test_a_copy_of_what_is_shared_with_me_is_opened(lab: Page) -> None:
    lab.locator(".rh-panel").get_by_role("button", name="Open a copy of Snow").click()

    expect(lab.locator(".rh-told")).to_have_text("Copied to shared-with-me/snow-r1/snow.ipynb", timeout=20_000)
    shown = lab.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-RenderedMarkdown h1")
    expect(shown).to_contain_text("Snow", timeout=20_000)


@pytest.fixture(scope="module")
def dark_chinese(lab: Page, kernel: Kernel, local_hub: Hub) -> Page:
    """JupyterLab in Chinese and dark; the notebooks were renamed and their data changed meanwhile."""
    kernel.run(settings("zh_CN", "JupyterLab Dark"))
    kernel.run("import os; os.rename('water.ipynb', 'chu.ipynb'); open('data.csv', 'w').write('1,3')")
    load(lab, local_hub.url)
    return lab


def test_in_chinese_a_new_revision_of_a_renamed_notebook_is_offered_and_sent(dark_chinese: Page) -> None:
    lab = dark_chinese
    right_click(lab, "chu.ipynb", "共享…")
    dialog = lab.locator(".jp-Dialog")
    expect(dialog).to_contain_text("“Water of the Chu”的第 2 版")
    expect(dialog).to_contain_text("读者与链接保持不变。")
    expect(dialog.locator(".rh-files")).to_contain_text("2 个文件，共 ")
    expect(dialog.get_by_label("中文标题")).to_be_hidden()
    shoot(lab, "share-zh")
    lab.locator(".rh-send").click()

    expect(dialog).to_contain_text("第 2 版已共享。", timeout=30_000)
    lab.get_by_role("button", name="关闭", exact=True).click()
    show(lab, "regional-hub-panel")
    expect(lab.locator(".rh-panel")).to_contain_text("第 2 版 · 已共享")
    assert faults(lab, ".rh-panel") == []
    shoot(lab, "panel-zh")


def test_for_everybody_it_is_asked_in_both_languages_with_licence_and_goes_to_review(
    dark_chinese: Page, kernel: Kernel
) -> None:
    lab = dark_chinese
    show(lab, "filebrowser")
    right_click(lab, "lake.ipynb", "共享…")
    dialog = lab.locator(".jp-Dialog")
    expect(dialog.get_by_label("标题", exact=True)).to_have_value("Lake of Osh")
    dialog.get_by_label("共享为").select_option("新的发布")
    lab.locator(".rh-send").focus()
    assert press(lab, "Tab") == "共享为"  # round the dialog, also after its fields have changed
    dialog.get_by_label("谁可以阅读").select_option("所有人（评审后）")
    dialog.get_by_label("标题", exact=True).fill("Lake for all")
    dialog.get_by_label("中文标题").fill("湖泊")
    dialog.get_by_label("中文摘要").fill("湖有多深。")
    dialog.get_by_label("类型").select_option("在线应用")
    dialog.locator("summary").click()
    dialog.get_by_label("13 气候行动").check()
    lab.locator(".rh-send").click()
    expect(dialog.get_by_label("许可证")).to_be_focused()
    expect(dialog).to_contain_text("公开发布需要选择许可证。")
    assert faults(lab, ".jp-Dialog") == []
    shoot(lab, "public-zh")
    dialog.get_by_label("许可证").select_option("CC-BY-4.0")
    lab.locator(".rh-send").click()

    expect(lab.locator(".rh-link")).to_have_attribute("href", re.compile("/showcase/lake-for-all/$"), timeout=30_000)
    said, mark = json.loads(kernel.run(OF_THE_LAKE.replace("lake-of-osh", "lake-for-all")).text)
    assert (said["audience"], said["kind"], said["goals"], said["title_zh"]) == ("public", "app", [13], "湖泊")
    assert mark == {"publication": "lake-for-all"}
