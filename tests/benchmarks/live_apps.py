"""A crowd at one live app of a whole hub: all are served, in the order of asking, by no more kernels than allowed.

Visitors ask as a browser does: the button, the page that waits and asks again when it is told to, the app's own page
and its websocket through the front door, a slider each two seconds, the button that leaves. They come in the first half
of the time, so that a real queue forms. Meanwhile a process of its own reads the public page, and another look counts
the app's seats, kernels and memory. All of that shares the machine with the hub.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import re
import ssl
import statistics
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import docker
import httpx

from regional_hub.hub import engine
from regional_hub.showcase.live_client import LiveClient
from tests import hubs
from tests.benchmarks import memory, world
from tests.benchmarks.report import Report, median
from tests.lab.live.conftest import Visitor, kernel_of

SLUG = "crowd"
CODE = """
import ipywidgets as widgets
from IPython.display import display

number = widgets.IntSlider(value=0, min=0, max=100)
said = widgets.Label(value="twice 0")
number.observe(lambda event: setattr(said, "value", f"twice {2 * event.new}"), "value")
print("MODEL", number.model_id, "END")
display(number, said)
"""
PUBLISH = f"""
import nbformat.v4 as v4
from tests.showcase.world import Work, publish
cells = [v4.new_markdown_cell("# A crowd"), v4.new_code_cell({json.dumps(CODE)})]
publish(Work("Crowd", "人群", "A slider", "滑块", ["numbers"], [4], "tomas", "app", picture="", cells=cells))
"""
PAGE_P95 = 50.0  # milliseconds
SLIDER_P95 = 1.0  # seconds
TOLD = 2.0  # waits that came
EVERY = 2.0  # seconds from one move of the slider to the next
PATIENCE = 1800.0  # seconds a visitor waits at most
PLAIN = ssl.create_default_context()  # made once: it takes longer than a request


@dataclass
class Trip:
    """What one visitor saw; moments are of the monotonic clock."""

    begun: float = 0
    asked: float = 0  # the site has answered the button
    waited: float = 0  # when they last asked and were told to wait
    seated: float = 0
    opened: float = 0
    told: float | None = None  # minutes, first said while waiting
    told_at: float = 0
    place: int = 0  # first said
    answers: list[float] = field(default_factory=list)
    fault: str = ""


@dataclass
class Look:
    """The app at one moment, as it says itself and as the engine sees its container."""

    at: float
    seats: int
    kernels: int
    processes: int
    megabytes: float


class Guest(Visitor):
    """A visitor with the app's page in hand."""

    def __init__(self, base: str, page: str) -> None:
        self.app = type("At", (), {"base": base})()
        self.kernel = kernel_of(page)
        found = re.search(r"MODEL (\w+) END", page)
        if found is None:
            words = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>|\s+", " ", page)
            raise RuntimeError(f"the notebook did not run: {words[-200:]}")
        self.model = found[1]


def travel(url: str, stay: float, trip: Trip) -> None:
    """One visit from the button to the good-bye; what goes wrong is noted and ends it."""
    live = f"{url}/showcase/{SLUG}/live/"
    try:
        with httpx.Client(timeout=60, verify=PLAIN, headers={"Origin": url}) as client:
            trip.begun = time.monotonic()
            answer = client.post(live)
            trip.asked = time.monotonic()
            expect(answer.status_code == 303, f"the button answers {answer.status_code}")
            client.get(url + answer.headers["Location"]).raise_for_status()
            address = wait(client, live, trip)
            page = client.get(httpx.URL(url).join(address)).raise_for_status().text
            guest = Guest(f"{url}/user/showcase/{SLUG}/", page)
            with guest.connect() as guest.socket:
                trip.opened = time.monotonic()
                use(client, live, guest, stay, trip)
            expect(client.post(live + "leave").status_code == 302, "leaving fails")
    except Exception as fault:  # a lost visitor is a figure
        trip.fault = f"{fault!r}"[:300]


def expect(good: bool, otherwise: str) -> None:
    if not good:
        raise RuntimeError(otherwise)


def wait(client: httpx.Client, live: str, trip: Trip) -> str:
    """Ask again, as often as told, until there is a place; the address of the app's page."""
    while True:
        now = time.monotonic()
        standing = client.get(live + "state").raise_for_status().json()
        if standing["state"] == "seated":
            trip.seated = time.monotonic()
            return str(standing["address"])
        expect(standing["state"] in ("waiting", "starting"), f"instead of a place: {standing}")
        expect(now < trip.asked + PATIENCE, "never seated")
        if standing["state"] == "waiting":
            trip.waited = now
            trip.place = trip.place or standing["place"]
            if trip.told is None and standing["minutes"]:
                trip.told, trip.told_at = standing["minutes"], now
        time.sleep(standing["again"])


def use(client: httpx.Client, live: str, guest: Guest, stay: float, trip: Trip) -> None:
    number, again = 0, trip.opened
    while time.monotonic() < trip.seated + stay:
        number = number % 100 + 1
        begun = time.monotonic()
        expect(guest.doubles(number), "the slider does not answer")
        trip.answers.append(time.monotonic() - begun)
        if time.monotonic() >= again:
            standing = client.get(live + "state").raise_for_status().json()
            # "starting" is an app that was slow to answer the site; the page keeps its frame then
            expect(standing["state"] in ("seated", "starting"), f"the place is lost: {standing}")
            again = time.monotonic() + standing["again"]
        time.sleep(max(0.0, begun + EVERY - time.monotonic()))


def read_page(url: str, done: Any, found: Any) -> None:
    """In a process of its own: the public page four times a second; (moment, milliseconds; 0 for an error)."""
    seen: list[tuple[float, float]] = []
    with httpx.Client(timeout=30, verify=PLAIN) as client:
        while not done.wait(0.25):
            begun = time.monotonic()
            try:
                client.get(url).raise_for_status()
                seen.append((begun, 1000 * (time.monotonic() - begun)))
            except httpx.HTTPError:
                seen.append((begun, 0.0))
    found.put(seen)


@contextmanager
def reading(url: str) -> Iterator[list[tuple[float, float]]]:
    """What `read_page` found is in the list afterwards."""
    context = multiprocessing.get_context("spawn")
    done, found = context.Event(), context.Queue()
    reader = context.Process(target=read_page, args=(url, done, found), daemon=True)
    reader.start()
    seen: list[tuple[float, float]] = []
    try:
        yield seen
    finally:
        done.set()
        seen += found.get(timeout=60)
        reader.join(30)


def watch(hub: hubs.Hub, looks: list[Look], done: threading.Event) -> None:
    """Look at the app every two seconds, once it runs."""
    plan = hub.settings.path("showcase", "live", SLUG, "app.json")
    filters = {"label": f"{engine.INSTANCE}={hub.settings.instance}", "name": f"showcase--{SLUG}"}
    client, client_of_app = docker.from_env(), LiveClient(hub.settings)
    while not done.wait(2):
        with suppress(docker.errors.APIError, OSError):  # it is starting
            state = client_of_app.state(SLUG, json.loads(plan.read_text())["digest"])
            containers = client.containers.list(filters=filters)
            if state is None or not containers:
                continue
            running = [" ".join(row) for row in containers[0].top()["Processes"]]
            stats = containers[0].stats(stream=False, one_shot=True)["memory_stats"]
            kernels = sum("ipykernel" in command for command in running)
            now, used = time.monotonic(), memory.in_use(stats) / memory.MB
            looks.append(Look(now, len(state.seats), state.kernels, kernels, used))


def crowd(url: str, visitors: int, seconds: float, stay: float) -> list[Trip]:
    """All trips. Visitors come at random moments of the first half of the time."""
    chance = random.Random(1)
    moments = sorted(chance.uniform(0, seconds / 2) for _ in range(visitors))
    trips = [Trip() for _ in moments]
    threads = [threading.Thread(target=travel, args=(url, stay, trip)) for trip in trips]
    begun = time.monotonic()
    for thread, moment in zip(threads, moments, strict=True):
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        thread.start()
    for thread in threads:
        thread.join()
    return trips


def p95(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(0.95 * len(ordered)) - 1] if ordered else math.nan


def overtaken(trips: Sequence[Trip]) -> int:
    """Visitors who asked and were told to wait when somebody sat already who had pressed the button after them."""
    return sum(any(other.begun > trip.asked and 0 < other.seated < trip.waited for other in trips) for trip in trips)


def most_at_once(trips: Sequence[Trip]) -> int:
    """The longest queue."""
    return max((trip.place for trip in trips), default=0)


def measure(visitors: int, minutes: float, stay: float, kernels: int, kernel_mb: int) -> Report:
    env = {
        "HUB_SHOWCASE__KERNELS": str(kernels),
        "HUB_SHOWCASE__KERNELS_PER_APP": str(kernels),
        "HUB_SHOWCASE__KERNELS_PER_ADDRESS": "1000",
        "HUB_SHOWCASE__KERNEL_MEMORY_MB": str(kernel_mb),
    }
    looks: list[Look] = []
    with world.folder() as place:
        hub = hubs.start(Path(place) / "data", "docker", "--empty", **env)
        try:
            hub.python(PUBLISH)
            page = f"{hub.url}/showcase/{SLUG}/"
            httpx.get(page, timeout=30).raise_for_status()
            with reading(page) as read, world.beside(partial(watch, hub, looks)):
                time.sleep(min(30, minutes * 10))
                begun = time.monotonic()
                trips = crowd(hub.url, visitors, 60 * minutes, stay)
                ended = time.monotonic()
        finally:
            hubs.stop(hub)
    report = Report(f"A crowd at a live app: {visitors} visitors, {kernels} kernels, {stay:.0f} s each")
    tell_of_visits(report, trips)
    tell_of_app(report, looks, kernels, kernel_mb)
    tell_of_page(report, read, begun)
    report.samples["seconds in all"] = [ended - begun]
    return report


def tell_of_visits(report: Report, trips: Sequence[Trip]) -> None:
    for trip in trips:
        if trip.fault:
            print(trip.fault, file=sys.stderr)
    served = [trip for trip in trips if not trip.fault]
    answers = [answer for trip in served for answer in trip.answers]
    guesses = [
        (trip.told * 60, trip.seated - trip.told_at) for trip in served if trip.told and trip.seated > trip.told_at
    ]
    report.add("visitors not served", len(trips) - len(served), "", "limit", 0)
    report.add("visitors overtaken in the queue", overtaken(trips), "", "limit", 0)
    report.add("slider to answer, 95 of 100", p95(answers), "s", "limit", SLIDER_P95)
    if guesses:
        ratio = median([told / max(60.0, came) for told, came in guesses])  # a minute is the least that is told
        report.add("wait told, in waits that came", ratio, "", "limit", TOLD)
    report.samples |= {
        "slider to answer, median": [statistics.median(answers or [math.nan])],
        "moves of the slider": [len(answers)],
        "longest queue": [most_at_once(trips)],
        "wait": [trip.seated - trip.asked for trip in served],
        "wait told": [told for told, _ in guesses],
        "wait that came": [came for _, came in guesses],
        "from the place to the websocket": [trip.opened - trip.seated for trip in served],
    }


def tell_of_app(report: Report, looks: Sequence[Look], kernels: int, kernel_mb: int) -> None:
    if not looks:
        raise RuntimeError("the app was never seen")
    high = max(looks, key=lambda look: look.megabytes)
    report.add("seats at once", max(look.seats for look in looks), "", "limit", kernels)
    report.add("kernels at once, by the app", max(look.kernels for look in looks), "", "limit", kernels)
    report.add("kernels at once, by processes", max(look.processes for look in looks), "", "limit", kernels)
    each = high.megabytes / max(1, high.kernels)
    report.add("memory of the container per kernel", each, "MB", "limit", kernel_mb)
    report.samples |= {"memory, MB": [look.megabytes for look in looks], "seats": [look.seats for look in looks]}


def tell_of_page(report: Report, read: Sequence[tuple[float, float]], begun: float) -> None:
    before = [took for at, took in read if at < begun and took]
    during = [took for at, took in read if at >= begun and took]
    report.add("public page not answered", sum(not took for _, took in read), "", "limit", 0)
    report.add("public page meanwhile, 95 of 100", p95(during), "ms", "limit", PAGE_P95)
    report.add("the same", p95(during), "ms", "before the crowd", p95(before), 0.5)
    report.samples["public page, median before and meanwhile, ms"] = [median(before), median(during)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10, help="half of which visitors go on coming")
    parser.add_argument("--stay", type=float, default=60, help="seconds of a visit")
    parser.add_argument("--kernels", type=int, default=20)
    parser.add_argument("--kernel-mb", type=int, default=250)
    asked = parser.parse_args()
    measure(asked.visitors, asked.minutes, asked.stay, asked.kernels, asked.kernel_mb).show()


if __name__ == "__main__":
    main()
