"""A hub's JupyterLab for tests: who is there, what lies in the home, and how a page of it is used."""

from __future__ import annotations

import os
import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PASSWORD = "seven-Calm-rivers-29"
SHOTS = os.environ.get("SCREENSHOTS")
PEOPLE = {"lin": "Lin Mei 林梅", "benno": "Benno Falk"}
# Two people with a project, and publications as checks, reviewers and their author left them.
MAKE = f"""
import json, nbformat.v4 as v4
from django.utils import timezone
from regional_hub.core import actions
from regional_hub.core.access import OPERATOR
from regional_hub.showcase.about import About
from regional_hub.showcase.actions import sharing
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.models import Publication
people = {{
    name: actions.add_person(OPERATOR, name, display_name=shown, groups=["researchers"], password={PASSWORD!r},
                             must_change_password=False)
    for name, shown in {PEOPLE!r}.items()
}}
actions.create_group(OPERATOR, "project-lake", "The lake", "湖泊", members=list(people.values()))
def made(who, title, to, state="shared"):
    kernel = {{"name": "python3", "display_name": "Python 3"}}
    book = v4.new_notebook(cells=[v4.new_markdown_cell("# " + title)], metadata={{"kernelspec": kernel}})
    bundle = Bundle(title.lower() + ".ipynb", {{title.lower() + ".ipynb": json.dumps(book).encode()}})
    said = About(title, licence="CC-BY-4.0")
    publication = sharing.publish(people[who], bundle, said, sharing.To(to, people=["lin"])).publication
    publication.revisions.update(state=state)
    return publication
made("benno", "Snow", "people")
made("lin", "Glaciers", "public", "in-review")
made("lin", "Rivers", "public", "changes")
springs = made("lin", "Springs", "public", "approved")
Publication.objects.filter(pk=springs.pk).update(public_revision=springs.newest)
sharing.withdraw(people["lin"], made("lin", "Wells", "hub"), "Measured wrongly.")
"""
NOTEBOOKS = """
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
lake = v4.new_notebook(cells=[v4.new_markdown_cell('# Lake')], metadata={'kernelspec': kernel})
pathlib.Path('lake.ipynb').write_text(json.dumps(lake))
"""


def settings(locale: str = "default", theme: str = "JupyterLab Light") -> str:
    """Code that sets a person's language and theme of JupyterLab, seen at the next loading."""
    said = {
        "translation-extension/plugin": {"locale": locale},
        "apputils-extension/themes": {"theme": theme},
    }
    return f"""
import json, pathlib
from jupyter_core.paths import jupyter_config_dir
for plugin, said in {said!r}.items():
    place = pathlib.Path(jupyter_config_dir(), f'lab/user-settings/@jupyterlab/{{plugin}}.jupyterlab-settings')
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(said))
"""


def load(page: Page, url: str) -> None:
    """JupyterLab anew, without what was open before."""
    page.goto(f"{url}/user/lin/lab?reset")
    page.wait_for_selector(".jp-DirListing-item", timeout=120_000)


def show(page: Page, panel: str) -> None:
    """A panel at the left by its id; a click on the one that is shown would hide it."""
    tab = page.locator(f".lm-TabBar-tab[data-id={panel}]")
    if tab.get_attribute("aria-selected") != "true":
        tab.click()


def right_click(page: Page, name: str, choice: str) -> None:
    page.locator(".jp-DirListing-item", has_text=name).click(button="right")
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{choice}$")).click()


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png")


def faults(page: Page, part: str) -> list[str]:
    """What axe finds serious or critical in a part of the page, which has to be there."""
    assert page.locator(part).count() == 1, part
    found = Axe().run(page, context=part).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]
