"""From a page of the SDG database into a container of one's own: releases that it may read, the same chart there."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.test_journey import PASSWORD, change_one_time_password, shoot, sign_in
from tests.hubs import SHARED_DATA, Hub

pytestmark = [
    pytest.mark.docker,
    pytest.mark.browser,
    pytest.mark.hub,
    pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="../shared/data with the published files is not there"),
]
SERIES = "EG_ACS_ELEC"
READ = f"""
import json, os, intake
source = intake.cat.sdg(series={SERIES!r}, area="NP")
frame = source.read()
found = {{
    "values": dict(zip(frame["TIME_PERIOD"], frame["OBS_VALUE"])),
    "releases": sorted(os.listdir("/srv/shared/sdg/releases")),
}}
print("READ" + json.dumps(found, default=str))
"""


def read(kernel) -> dict:
    answer = kernel.run(READ, timeout=120)
    assert "READ{" in answer.text, answer.text
    return json.loads(answer.text.split("READ", 1)[1].splitlines()[0])


def release(hub: Hub, file: Path, *embargo: str) -> str:
    """Ann loads, bob publishes; what Nepal's structure lacks is let through."""
    policy = hub.settings.path("sdg", "policy.toml")
    policy.parent.mkdir(exist_ok=True)
    policy.write_text('[severity]\ncode = "warning"\nmandatory = "warning"\ntype = "warning"\n')
    structure = str(SHARED_DATA / "nepal" / "CBS_DSD.xml")
    draft = hub.cli("sdg", "load", str(file), "--structure", structure, "--by", "ann")["draft"]
    if embargo:
        until = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
        hub.cli("sdg", "embargo", draft, until, "--where", *embargo, "--by", "ann")
    return str(hub.cli("sdg", "publish", draft, "--by", "bob")["release"])


@pytest.fixture(scope="module")
def first(hub: Hub) -> str:
    return release(hub, SHARED_DATA / "nepal" / "CBS_DATA.xml")


def test_a_chart_opens_in_the_lab_and_is_the_same_there(hub: Hub, first: str, chromium: Browser) -> None:
    password = hub.add_person("chen", "researchers")
    context = chromium.new_context(viewport={"width": 1280, "height": 2400})  # JupyterLab draws what is in sight only
    page = context.new_page()
    sign_in(page, hub.url, "chen", password)
    change_one_time_password(page, password, PASSWORD)

    page.goto(f"{hub.url}/sdg/series/{SERIES}/?flow=CBS-SDGs:SDG&area=NP")
    expect(page.locator("main h1")).to_contain_text("electricity", ignore_case=True)
    shoot(page, "series")
    with page.expect_websocket(lambda socket: "/channels" in socket.url, timeout=180_000):  # its kernel is there
        page.get_by_role("link", name="Open in the Lab").first.click()
        page.wait_for_url("**/user/chen/lab/tree/sdg/**", timeout=180_000, wait_until="commit")
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=120_000)
    chart = page.locator(".jp-OutputArea-output canvas, .jp-OutputArea-output svg.marks, .jp-RenderedSVG").first
    deadline = time.monotonic() + 120
    while not chart.count():
        assert time.monotonic() < deadline, "the notebook shows no chart"
        if page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").count():  # also before the kernel answers
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        page.wait_for_timeout(3000)
    expect(page.locator(".jp-OutputArea-output", has_text=re.compile("Error|Traceback"))).to_have_count(0)
    chart.scroll_into_view_if_needed()
    shoot(page, "series-in-the-lab")
    context.close()


def test_a_container_reads_what_is_public_and_nothing_that_is_held_back(hub: Hub, first: str, tmp_path: Path) -> None:
    text = (SHARED_DATA / "nepal" / "CBS_DATA.xml").read_text(encoding="utf-8")
    blocks = re.compile(rf'(<Series [^>]*SERIES="{SERIES}" REF_AREA="NP".*?OBS_VALUE=")[^"]+', re.S)
    text, found = blocks.subn(r"\g<1>99.75", text)
    assert found, "the file has the series"
    changed = tmp_path / "changed.xml"
    changed.write_text(text, encoding="utf-8")
    hub.add_person("dana", "researchers")

    with hub.server("dana") as server:
        server.start()
        kernel = server.kernel()
        before = read(kernel)
        second = release(hub, changed, f"SERIES={SERIES}")
        held = read(kernel)
        looked = kernel.run(
            "import pathlib\nprint(any(b'99.75' in p.read_bytes() or "
            f"{second!r} in str(p) for p in pathlib.Path('/srv/shared/sdg').rglob('*') if p.is_file()))"
        )
        denied = kernel.run(
            "import os\n"
            "try: open('/srv/shared/sdg/x', 'w')\nexcept OSError: print('read-only')\n"
            "print(os.path.exists('/srv/shared/sdg/../drafts'))"
        )

    assert before["releases"] == [first] and held["releases"] == [first]
    assert held["values"] == before["values"] and 99.75 not in held["values"].values()
    assert looked.text.strip() == "False"
    assert denied.text.split() == ["read-only", "False"]
