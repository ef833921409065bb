"""The main job, as a researcher does it: invitation, sign-in, server, notebook, published data, cluster, chart."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path
from statistics import mean
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.hubs import SHARED_DATA, Hub

pytestmark = [pytest.mark.docker, pytest.mark.browser, pytest.mark.hub]
ADMIN_PASSWORD = "a-quiet-Pass-phrase-71"
PASSWORD = "seven-Calm-rivers-29"
SHOTS = os.environ.get("SCREENSHOTS")


def shoot(page: Page, name: str) -> None:
    """Keep a picture when SCREENSHOTS names a folder."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png")


def sign_in(page: Page, url: str, name: str, password: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.fill("input[name=login]", name)
    page.fill("input[name=password]", password)
    page.click("main button:has-text('Sign in')")
    page.wait_for_load_state()


def change_one_time_password(page: Page, old: str, new: str) -> None:
    expect(page).to_have_url(re.compile("/accounts/password/change/"))
    page.fill("input[name=oldpassword]", old)
    page.fill("input[name=password1]", new)
    page.fill("input[name=password2]", new)
    page.click("main button:has-text('Change')")
    page.wait_for_load_state()


def invite(page: Page, url: str, email: str, group: str) -> str:
    """The invitation's link, as the administrator is shown it."""
    page.goto(f"{url}/people/invite/")
    page.fill("input[name=email]", email)
    page.locator("main label", has_text=re.compile(f"^\\s*{group}", re.I)).first.click()
    page.click("main button:has-text('Invite')")
    page.wait_for_load_state()
    shoot(page, "invited")
    return re.search(rf"{re.escape(url)}/[^\s\"'<]*invit[^\s\"'<]*", page.content(), re.I)[0]  # type: ignore[index]


def accept(page: Page, link: str, name: str) -> None:
    page.goto(link)
    shoot(page, "accept-invitation")
    page.get_by_label("Your name").fill(name.title())
    page.locator("input[name=username]").fill(name)
    page.locator("input[name=password1]").fill(PASSWORD)
    page.locator("input[name=password2]").fill(PASSWORD)
    page.click("main button:has-text('Make the account')")
    page.wait_for_load_state()


def direct(path: Path, series: str) -> dict[str, float]:
    """The mean by area of one series, straight from the file: no code of ours."""
    values: dict[str, list[float]] = {}
    for group in ElementTree.parse(path).iter():
        if not group.tag.endswith("Series") or group.get("SERIES") != series:
            continue
        for observation in group:
            if value := observation.get("OBS_VALUE"):
                values.setdefault(group.attrib["REF_AREA"], []).append(float(value))
    return {area: mean(numbers) for area, numbers in values.items()}


def run_all_cells(page: Page, url: str) -> dict[str, Any]:
    """Open the notebook in JupyterLab, run it from the menu, and read the line it prints for machines."""
    with page.expect_websocket(lambda socket: "/channels" in socket.url, timeout=120_000):
        page.goto(url)
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=120_000)
    result = page.locator(".jp-OutputArea-output", has_text="RESULT").first
    deadline = time.monotonic() + 240
    while not result.count():
        assert time.monotonic() < deadline, "the notebook printed no RESULT"
        if page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").count():  # also before the kernel answers
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_timeout(5000)
    line = result.inner_text()
    found: dict[str, Any] = json.loads(line[line.index("RESULT") + 6 :].strip().splitlines()[0])
    return found


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="../shared/data with the published files is not there")
def test_researcher_is_invited_and_computes_on_published_data(hub: Hub, chromium: Browser) -> None:
    office = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = office.new_page()
    sign_in(page, hub.url, hub.admin, hub.password)
    change_one_time_password(page, hub.password, ADMIN_PASSWORD)
    link = invite(page, hub.url, "aigul@stat.example", "researchers")

    desk = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = desk.new_page()
    accept(page, link, "aigul")
    page.goto(f"{hub.url}/servers/")
    shoot(page, "servers")
    page.locator("main button:has-text('Start')").first.click()
    # The progress page opens the server as soon as it is ready.
    page.wait_for_url("**/user/aigul/lab**", timeout=120_000, wait_until="commit")
    shoot(page, "server-ready")
    result = run_all_cells(page, f"{hub.url}/user/aigul/lab/tree/start_here.ipynb")
    chart = page.locator(".jp-OutputArea-output.jp-RenderedSVG, .jp-OutputArea-output .jp-RenderedSVG").first
    expect(chart).to_be_attached(timeout=60_000)
    chart.scroll_into_view_if_needed()
    expect(chart).to_be_visible()
    shoot(page, "notebook")

    assert result["workers"] == 2
    assert "kyrgyzstan" in result["path"]
    name = result["path"].split("kyrgyzstan/", 1)[1]
    expected = direct(SHARED_DATA / "kyrgyzstan" / name, result["series"])
    assert result["mean_by_area"] == pytest.approx(expected)
    assert len(expected) >= 1 and result["observations"] > 10
    office.close()
    desk.close()


def test_second_notebook_runs_from_top_to_bottom_in_a_container(hub: Hub) -> None:
    hub.add_person("bo", "researchers")
    with hub.server("bo") as server:
        server.start()
        kernel = server.kernel()

        answer = kernel.run(
            "import nbformat, nbclient\n"
            "book = nbformat.read('scale_with_dask.ipynb', 4)\n"
            "nbclient.NotebookClient(book, timeout=300, kernel_name='python3').execute()\n"
            "print('COUNT', sum(len(cell.get('outputs', [])) for cell in book.cells))",
            timeout=600,
        )

    assert int(answer.text.split("COUNT")[1]) > 3
