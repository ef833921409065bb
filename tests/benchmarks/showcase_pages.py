"""A public page of the Showcase beside stock Voila rendering the same notebook: throughput, first byte, full paint.

The page is that of a portal with twelve publications, one process, as the hub starts it. Voila starts a kernel for
every visitor and runs the notebook; each of its kernels is ended when the answer is there, as a browser that leaves
does, and it is asked by as many visitors at a time as there are cores, for with 200 it answers none.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from playwright.sync_api import Browser, sync_playwright

from regional_hub.settings import ROOT
from tests import hubs
from tests.benchmarks import sdg_servers, world
from tests.benchmarks.report import Report, median
from tests.showcase.world import SIX

VISITORS = 200
LIMIT_P95 = 50.0  # milliseconds
AIM = 50.0  # times the throughput of Voila
BROWSER = ("text/html", "gzip")

# What a visitor waits for: the first byte, and the largest paint once the page is loaded.
PAINT = """() => new Promise((done) => {
  const entry = performance.getEntriesByType('navigation')[0]
  new PerformanceObserver((list) => {
    const last = list.getEntries().at(-1)
    done([entry.responseStart, Math.max(last.startTime, entry.loadEventEnd)])
  }).observe({type: 'largest-contentful-paint', buffered: true})
})"""


@contextlib.contextmanager
def portal(folder: Path, notebook: str) -> Iterator[tuple[str, str]]:
    """The portal alone over a Showcase of twelve reviewed publications, six of them run; its address and the page's."""
    public = hubs.free_ports()
    env = hubs.clean_environment(
        HUB_DATA=str(folder / "data"),
        HUB_PORTS__PUBLIC=str(public),
        HUB_SPAWNER__KIND="local",
        REGIONAL_HUB_LISTENS="127.0.0.1",
        PYTHONPATH=f"{ROOT / 'extensions'}:{ROOT}",
    )
    for command in (["regional_hub.portal.manage", "prepare"], ["tests.showcase.world", "--run"]):
        run = [sys.executable, "-m", *command]
        said = subprocess.run(run, env=env, check=True, capture_output=True, text=True, cwd=ROOT).stdout
    page = said.split()[SIX.index(notebook)]
    serve = [sys.executable, "-m", "regional_hub.portal.serve", "portal"]
    with sdg_servers.running(serve, f"http://127.0.0.1:{public + 3}", "/healthz", folder, env) as base:
        yield base, page


@contextlib.contextmanager
def voila(folder: Path, notebook: str) -> Iterator[str]:
    """Stock Voila on the notebook as its author wrote it, with the same samples; its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = folder / "voila"
    place.mkdir()
    shutil.copy(ROOT / "notebooks" / "showcase" / f"{notebook}.ipynb", place)
    env = hubs.clean_environment(
        REGIONAL_HUB_SHARED=str(folder / "data" / "world" / "data" / "shared"),
        INTAKE_PATH=str(ROOT / "catalogs"),
        PYTHONPATH=os.pathsep.join([str(ROOT / "extensions")]),
    )
    command = [sys.executable, "-m", "voila", f"{notebook}.ipynb", "--no-browser", f"--port={port}"]
    with sdg_servers.running(command, f"http://127.0.0.1:{port}", "/voila/static/voila.js", place, env) as base:
        yield base


def load_voila(address: str, seconds: float) -> float:
    """Whole pages a second by one visitor per core, each of whom leaves when the page is there."""
    end = time.monotonic() + seconds

    def visit(_number: int) -> int:
        seen = 0
        with httpx.Client(timeout=120) as client:
            while time.monotonic() < end:
                page = client.get(address).raise_for_status().text
                kernel = re.search(r'"kernelId": "([0-9a-f-]+)"', page)
                if kernel is None:
                    raise RuntimeError(f"{address}: no page of Voila")
                base = address.partition("/voila")[0].rstrip("/")
                client.post(f"{base}/voila/api/shutdown/{kernel[1]}")
                seen += 1
        return seen

    begun = time.monotonic()
    count = os.cpu_count() or 1
    with ThreadPoolExecutor(count) as pool:
        pages = sum(pool.map(visit, range(count)))
    return pages / (time.monotonic() - begun)


def paint(browser: Browser, address: str) -> tuple[float, float]:
    """Seconds until the first byte and until the page is whole, for a browser that has nothing of it yet."""
    page = browser.new_context(bypass_csp=True).new_page()
    page.goto(address, wait_until="load", timeout=120_000)
    first, whole = page.evaluate(PAINT)
    page.context.close()
    return first / 1000, whole / 1000


def measure(notebook: str, rounds: int, seconds: int) -> Report:
    report = Report(f"Public page: {notebook}")
    executable = shutil.which("chromium") or sys.exit("this benchmark needs chromium (Debian: apt install chromium)")
    with world.folder() as folder, portal(folder, notebook) as (base, path), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        with voila(folder, notebook) as theirs:
            for name, address in (("ours", base + path), ("voila", theirs)):
                for number in range(rounds + 1):
                    first, whole = paint(browser, address)
                    if number:  # the first of each finds nothing read yet
                        report.samples.setdefault(f"{name}: first byte", []).append(first)
                        report.samples.setdefault(f"{name}: full paint", []).append(whole)
            world.calm()
            theirs_rate = load_voila(theirs, seconds)
        browser.close()
        world.calm()
        loads = [sdg_servers.load(folder, base, [(path, "")], seconds, VISITORS, BROWSER) for _ in range(3)]
    for what in ("first byte", "full paint"):
        mine, other = (median(report.samples[f"{name}: {what}"]) for name in ("ours", "voila"))
        report.add(what, mine, "s", "stock Voila", other)
    report.add(
        "time of the server per page", median(load.each for load in loads), "ms", "stock Voila", 1000 / theirs_rate, AIM
    )
    report.add(
        f"95 of 100 answers, {VISITORS} visitors at once", median(load.p95 for load in loads), "ms", "limit", LIMIT_P95
    )
    report.samples |= {"pages a second": [load.rate for load in loads], "voila, pages a second": [theirs_rate]}
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notebook", default="mobility", choices=SIX)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=15)
    asked = parser.parse_args()
    measure(asked.notebook, asked.rounds, asked.seconds).show()


if __name__ == "__main__":
    main()
