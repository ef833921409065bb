"""The notebook of the showcase that is an app, as one: it runs within a kernel's limits, and its choices change it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regional_hub import settings
from regional_hub.hub import sample_data, samples
from tests.lab.live.conftest import CATALOGS, App, running, write

pytestmark = pytest.mark.browser
NOTEBOOK = CATALOGS.parent / "notebooks" / "showcase" / "small_area.ipynb"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    monkeypatch.setattr(sample_data, "MAKERS", {"small_area": sample_data.MAKERS["small_area"]})
    hub = settings.load({"HUB_DATA": str(tmp_path / "data")})
    samples.ensure(hub)
    folder = write(tmp_path / "app", memory_mb=hub.showcase.kernel_memory_mb)
    shutil.copy(NOTEBOOK, folder / "bundle" / "index.ipynb")
    with running(folder, hub.shared_dir) as app:
        yield app


def test_choosing_a_district_on_a_phone_draws_it(app: App, chromium: Any) -> None:
    page = chromium.new_context(viewport={"width": 360, "height": 800}).new_page()
    page.goto(f"{app.base}live?ticket={app.ticket()}")
    page.get_by_label("District · 区").wait_for(timeout=20_000)
    picture = page.locator(".widget-html-content svg")

    page.get_by_label("District · 区").select_option("D03")

    picture.get_by_text("D03: 107 respondents").wait_for(timeout=10_000)
    assert picture.bounding_box()["width"] <= 360
    assert page.get_by_label("Benchmark · 基准").bounding_box()["width"] > 100
    assert page.get_by_text("Traceback").count() == 0
    page.context.close()
