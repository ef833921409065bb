"""What all tests share: one running hub for those that only use it, and Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests import hubs

CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Plain tests first, whole hubs last: a broken unit is known within seconds."""
    weight = {"docker": 1, "browser": 2, "hub": 3}
    items.sort(key=lambda item: max((weight[m.name] for m in item.iter_markers() if m.name in weight), default=0))


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[hubs.Hub]:
    """A hub on the Docker spawner that tests use but do not break."""
    env = {"HUB_SHOWCASE__KERNELS": "1"}  # so that the second visitor of a live app waits
    kyrgyzstan = hubs.SHARED_DATA / "kyrgyzstan"
    if kyrgyzstan.is_dir():
        env["HUB_SPAWNER__SHARED_FOLDERS"] = f'{{"kyrgyzstan": "{kyrgyzstan}"}}'
    running = hubs.start(tmp_path_factory.mktemp("hub") / "data", **env)
    yield running
    hubs.stop(running)


@pytest.fixture(scope="session")
def local_hub() -> Iterator[hubs.Hub]:
    """A hub without containers, as on a machine that has no engine."""
    with hubs.open_folder() as data:
        running = hubs.start(data, "local")
        yield running
        hubs.stop(running)


@pytest.fixture(scope="session")
def chromium() -> Iterator[object]:
    """Debian's Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    executable = shutil.which("chromium")
    assert executable, "Debian's package chromium is needed; `./hub test` installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, live_server: Any) -> Iterator[Callable[..., Any]]:
    """Opens pages with these cookies; what the content security policy blocks or a script breaks fails the test."""
    faults: list[str] = []
    contexts = []

    def make(width: int = 1280, height: int = 900, cookies: Mapping[str, str] | None = None, **options: Any) -> Any:
        size = {"width": width, "height": height}
        context = chromium.new_context(base_url=live_server.url, viewport=size, **options)
        contexts.append(context)
        given = (cookies or {}).items()
        context.add_cookies([{"name": name, "value": value, "url": live_server.url} for name, value in given])
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        return page

    yield make
    for context in contexts:
        context.close()
    assert faults == []
