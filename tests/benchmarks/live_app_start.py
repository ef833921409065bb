"""A live app beside stock Voila on the same notebook: from the click until a widget answers, requests, memory.

Ours stands in a sandboxed frame as on the portal's page, on a server that runs as a process; Voila is a page by itself,
which its own policy asks for. Chromium is new for every visit, and reaches this machine alone: what a page of Voila
wants from other hosts is refused at once, which is kind to it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
from playwright.sync_api import Browser, sync_playwright

from regional_hub.settings import ROOT
from tests import hubs
from tests.benchmarks import memory, sdg_servers, world
from tests.benchmarks.report import Report, by_rounds, median
from tests.conftest import CHROMIUM
from tests.lab.live import conftest as live
from tests.lab.live.framed import around

LIMIT = 1.0  # seconds
READERS = 4
ALONE_HERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
# In every frame: move the number as soon as it can be seen, and say when the label has what follows from it.
MOVE = """{
  const timer = setInterval(() => {
    const number = document.querySelector('input[type=number]')
    if (!number || !number.offsetParent) return
    if (/twice 62/.test(document.body.innerText)) {
      clearInterval(timer)
      answered(performance.timeOrigin + performance.now())
    } else if (number.value !== '31') {
      number.value = '31'
      for (const kind of ['input', 'change']) number.dispatchEvent(new Event(kind, {bubbles: true}))
    }
  }, 5)
}"""
FRAMED = "address => { const now = performance.timeOrigin + performance.now(); show(address); return now }"
ALONE = "address => { const now = performance.timeOrigin + performance.now(); location.href = address; return now }"


def visit(browser: Browser, around_it: str, click: str, address: str) -> tuple[float, int]:
    """Seconds from the click until a widget has answered, and how often the page asked for something."""
    context = browser.new_context()
    answers: list[float] = []
    context.expose_binding("answered", lambda _source, at: answers.append(at))
    context.add_init_script(MOVE)
    host = address.partition("/user")[0].rstrip("/")
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url) if request.url.startswith(host) else None)
    page.goto(around_it)
    begun = page.evaluate(click, address)
    end = time.monotonic() + 90
    while not answers:
        page.wait_for_timeout(20)
        if time.monotonic() > end:
            raise RuntimeError(f"{host}: no widget answers")
    page.wait_for_timeout(500)
    context.close()
    return (answers[0] - begun) / 1000, len(asked)


@contextlib.contextmanager
def voila(folder: Path, notebook: Path, *options: str) -> Iterator[tuple[str, int]]:
    """Stock Voila on the notebook; its address and process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = folder / f"voila{port}"
    place.mkdir()
    shutil.copy(notebook, place / "index.ipynb")
    command = [sys.executable, "-m", "voila", "index.ipynb", "--no-browser", f"--port={port}", *options]
    base = f"http://127.0.0.1:{port}/"
    with sdg_servers.running(command, base, "voila/static/voila.js", place, hubs.clean_environment()) as base:
        family = psutil.Process().children()
        yield base, next(one.pid for one in family if f"--port={port}" in one.cmdline())


def per_reader(process: int, read: Callable[[], Any]) -> float:
    """Megabytes that each further reader costs the server and its kernels."""
    read()
    time.sleep(2)
    before = memory.with_children(process)
    for _ in range(READERS):
        read()
    time.sleep(2)
    return (memory.with_children(process) - before) / READERS


def ours(report: Report, browser: Browser, folder: Path, rounds: int) -> None:
    for name, preheat in (("warm", 1), ("cold", 0)):
        with around() as portal:
            place = live.write(folder / name, frame_ancestors=portal, kernels=READERS + 2, preheat=preheat)
            with live.running(place, waiting=preheat) as app:
                for number in range(rounds + 1):
                    live.eventually(lambda app=app, least=preheat: app.state()["ready"] >= least, 60)
                    world.calm(longest=15)
                    seat = uuid.uuid4().hex
                    address = f"{app.base}live?ticket={app.ticket(seat)}"
                    seconds, asked = visit(browser, portal, FRAMED, address)
                    app.portal("POST", "end", json={"seat": seat})
                    if number:  # the first of each finds nothing read yet
                        report.samples.setdefault(f"ours: {name}", []).append(seconds)
                        report.samples.setdefault("ours: requests", []).append(asked)
                if not preheat:
                    memory_of = per_reader(app.process.pid, lambda app=app: app.get(app.ticket()).raise_for_status())
                    report.samples["ours: memory"] = [memory_of]


def theirs(report: Report, browser: Browser, folder: Path, rounds: int) -> None:
    notebook = folder / "warm" / "bundle" / "index.ipynb"
    for name, options in (("warm", ("--preheat_kernel=True", "--pool_size=2")), ("cold", ())):
        with voila(folder, notebook, *options) as (base, process):
            for number in range(rounds + 1):
                time.sleep(4 if options else 0.5)  # it does not say when it is warm
                world.calm(longest=15)
                seconds, asked = visit(browser, "about:blank", ALONE, base)
                if number:
                    report.samples.setdefault(f"voila: {name}", []).append(seconds)
                    report.samples.setdefault("voila: requests", []).append(asked)
            if not options:
                report.samples["voila: memory"] = [per_reader(process, lambda base=base: httpx.get(base, timeout=60))]


def measure(rounds: int) -> Report:
    report = Report("Live app: a small notebook of widgets")
    executable = shutil.which("chromium") or sys.exit("this benchmark needs chromium (Debian: apt install chromium)")
    os.environ["PYTHONPATH"] = str(ROOT / "extensions")
    with world.folder() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*CHROMIUM, ALONE_HERE])
        ours(report, browser, folder, rounds)
        theirs(report, browser, folder, rounds)
        browser.close()
    middle = {name: median(values) for name, values in report.samples.items()}
    report.add("from click to answer, warm", middle["ours: warm"], "s", "limit", LIMIT)
    report.add("the same", middle["ours: warm"], "s", "stock Voila, preheated", middle["voila: warm"])
    report.add("from click to answer, cold", middle["ours: cold"], "s", "stock Voila", middle["voila: cold"])
    report.add("requests of a page", middle["ours: requests"], "", "stock Voila", middle["voila: requests"])
    report.add("memory per further visitor", middle["ours: memory"], "MB", "stock Voila", middle["voila: memory"])
    return report


def main() -> None:
    by_rounds(measure, __doc__)


if __name__ == "__main__":
    main()
