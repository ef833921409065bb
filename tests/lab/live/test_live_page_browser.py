"""A live app in a browser, framed by the portal's page: what it asks for, and what it tells the page around it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from regional_hub.lab.live import pack
from tests.lab.live.conftest import App, eventually, running, write
from tests.lab.live.framed import around

pytestmark = pytest.mark.browser
SAID = "said.map(({ after, ...more }) => more)"


@dataclass
class Visit:
    """A page with the app in its frame, once the app has said its first word."""

    app: App
    seat: str
    page: Any
    asked: list[str]

    @property
    def frame(self) -> Any:
        return next(frame for frame in self.page.frames if "/live?" in frame.url)


INTERACT = """
import ipywidgets

@ipywidgets.interact(number=(1, 9))
def show(number=3):
    print("twice", 2 * number)
"""


@pytest.fixture(scope="module")
def visit(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    with visiting(chromium, tmp_path_factory.mktemp("framed")) as visit:
        yield visit


@contextmanager
def visiting(chromium: Any, place: Path, *code: str) -> Iterator[Visit]:
    with around() as portal:
        folder = write(place / "app", *code, frame_ancestors=portal)
        with running(folder) as app:
            page, seat, asked = chromium.new_context().new_page(), uuid.uuid4().hex, list[str]()
            page.on("request", lambda request: asked.append(request.url))
            page.goto(portal)
            page.evaluate("address => show(address)", f"{app.base}live?ticket={app.ticket(seat)}")
            page.wait_for_function("said.length > 0", timeout=30_000, polling=5)
            yield Visit(app, seat, page, asked)
            page.context.close()


def test_a_page_says_ready_when_its_widgets_work_and_ended_when_its_kernel_is_gone(visit: Visit) -> None:
    assert visit.page.evaluate(SAID) == [{"regionalHubLive": "ready"}]
    number = visit.frame.query_selector("input[type=number]")
    assert number is not None and number.is_visible()
    number.fill("21")
    number.press("Tab")
    visit.frame.wait_for_selector("text=twice 42", timeout=10_000)

    visit.app.portal("POST", "end", json={"seat": visit.seat})

    visit.page.wait_for_function("said.length > 1", timeout=10_000)
    assert visit.page.evaluate(SAID)[1] == {"regionalHubLive": "ended", "reason": "portal"}
    assert "ended by the site" in visit.frame.inner_text("#live-over")
    eventually(lambda: visit.app.state()["seats"] == [])


def test_a_page_asks_for_its_scripts_once(visit: Visit) -> None:
    asked = [address.removeprefix(visit.app.base).partition("?")[0] for address in visit.asked]
    scripts = [path.removeprefix("voila/") for path in asked if path.startswith("voila/") and path.endswith(".js")]

    singly = [path for path in scripts if re.match("static/|labextensions/(?!.*/remoteEntry)", path)]
    assert singly == [], "these belong in page/scripts.txt"
    assert len([path for path in scripts if path.startswith("pack/")]) == 1
    assert 5 < len(asked) <= 11, asked  # the page around it as well


def test_what_is_put_together_is_all_there(visit: Visit) -> None:
    names = pack.named()

    assert names == sorted(set(names)) and len(names) > 50
    assert "Scripts of an app's page that are not there" not in visit.app.log.read_text()


def test_what_interact_prints_follows_its_slider(chromium: Any, tmp_path: Path) -> None:
    with visiting(chromium, tmp_path, INTERACT) as visit:
        visit.frame.wait_for_selector("text=twice 6", timeout=10_000)

        visit.frame.focus(".noUi-handle")
        visit.page.keyboard.press("ArrowRight")

        visit.frame.wait_for_selector("text=twice 8", timeout=10_000)
