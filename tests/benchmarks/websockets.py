"""Websockets opened through the proxy and abandoned: its memory must stay flat, and people must still get in.

One person's server is the target: each websocket is a kernel's channels, opened as JupyterLab does. Half are dropped
a second later without a word, as by a phone out of reach; the others stay open and are never read, as by a sleeping
laptop.
All the time somebody signs in, at the portal and from there at the Hub. Count and time are bounded, on loopback alone.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import re
import secrets
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import psutil

from regional_hub.operate.remote import Kernel
from tests.benchmarks import memory, world
from tests.benchmarks.report import Report, median, slope

MOST, LONGEST = 1000, 900  # websockets and seconds, whatever was asked for
PRINT_SLOWLY = "import time\nfor _ in range({seconds}):\n    print('x' * 1000, flush=True)\n    time.sleep(1)"
GROWTH = 1.2  # times: what counts as flat
SLOWER = 1.5  # times: what counts as unaffected


def abandon(seat: world.Seat, kernel_id: str) -> socket.socket:
    """A kernel's websocket, open and never read again. Raises ConnectionError when the door does not open."""
    door = urlsplit(seat.base)
    key = base64.b64encode(os.urandom(16)).decode()
    line = socket.create_connection((door.hostname or "127.0.0.1", door.port or 80), timeout=30)
    line.sendall(
        f"GET {door.path}api/kernels/{kernel_id}/channels HTTP/1.1\r\nHost: {door.netloc}\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: token {seat.token}\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        data = line.recv(1)
        if not data:
            break
        head += data
    if not head.startswith(b"HTTP/1.1 101"):
        line.close()
        raise ConnectionError(head.decode(errors="replace").split("\r\n")[0] or "closed without an answer")
    return line


def drop(line: socket.socket) -> None:
    """Gone without a closing frame: the other side gets a reset."""
    with contextlib.suppress(OSError):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()


def post_form(browser: httpx.Client, path: str, fields: dict[str, str]) -> None:
    """Fill in one of the portal's forms, as a browser without scripts would."""
    page = browser.get(path).raise_for_status()
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    assert found, f"{path} has no form"
    data = {**fields, "csrfmiddlewaretoken": found[1]}
    browser.post(path, data=data, headers={"Referer": str(page.url)}).raise_for_status()


def choose_password(url: str, name: str, password: str) -> str:
    """The first sign-in, with the password for once; returns the one that was chosen."""
    chosen = secrets.token_urlsafe(16)
    with httpx.Client(base_url=url, follow_redirects=True, timeout=60) as browser:
        post_form(browser, "/accounts/login/", {"login": name, "password": password})
        change = {"oldpassword": password, "password1": chosen, "password2": chosen}
        post_form(browser, "/accounts/password/change/", change)
    return chosen


def sign_in(url: str, name: str, password: str) -> float:
    """Seconds of a whole sign-in: the portal's form, and from there the Hub's own page of this person."""
    begun = time.monotonic()
    with httpx.Client(base_url=url, follow_redirects=True, timeout=60) as browser:
        post_form(browser, "/accounts/login/", {"login": name, "password": password})
        home = browser.get("/hub/token").raise_for_status()
        assert home.url.path == "/hub/token", f"ended at {home.url}"
    return time.monotonic() - begun


@dataclass
class Watch:
    """Looks at the proxy every few seconds, from a thread of its own."""

    pid: int
    every: float = 2.0
    points: list[tuple[float, float]] = field(default_factory=list)  # (seconds, MB)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        begun = time.monotonic()

        def look(done: threading.Event) -> None:
            while not done.wait(self.every):
                self.points.append((time.monotonic() - begun, memory.resident(self.pid)))

        with world.beside(look):
            yield

    def second_half(self) -> list[tuple[float, float]]:
        return [point for point in self.points if point[0] > self.points[-1][0] / 2]


@dataclass
class Run:
    """One person's seat with a kernel, another person who signs in, and what came of it."""

    seat: world.Seat
    kernel_id: str
    url: str
    person: str
    password: str
    refused: int = 0
    open: list[socket.socket] = field(default_factory=list)
    report: Report = field(default_factory=lambda: Report("websockets abandoned"))

    def signs_in(self, when: str, times: int, pause: float) -> None:
        """Sign in again and again; never faster than the portal's limit of tries."""
        for _ in range(times):
            begun = time.monotonic()
            seconds = sign_in(self.url, self.person, self.password)
            self.report.samples.setdefault(when, []).append(seconds)
            time.sleep(max(0.0, pause - (time.monotonic() - begun)))

    def abandons(self, count: int, seconds: float) -> None:
        """Open `count` websockets, evenly over the time; every second one is dropped a second later."""
        begun = time.monotonic()
        dropping: list[socket.socket] = []
        for number in range(count):
            time.sleep(max(0.0, begun + number * seconds / count - time.monotonic()))
            try:
                line = abandon(self.seat, self.kernel_id)
            except OSError as error:
                self.refused += 1
                print(f"websocket {number}: {error}", flush=True)
                continue
            for old in dropping:
                drop(old)
            dropping = [line] if number % 2 else []
            self.open += [] if number % 2 else [line]
        for old in dropping:
            drop(old)
        time.sleep(max(0.0, begun + seconds - time.monotonic()))

    def end(self) -> None:
        for line in self.open:
            drop(line)
        self.open.clear()


def measure(count: int, seconds: float) -> Report:
    with world.folder() as place, world.running_hub(place) as hub:
        password = choose_password(hub.url, "eve", hub.add_person("eve", "researchers"))
        way = world.door(hub)
        way.call("PUT", "/people/ann", {"groups": ["researchers"]})
        pid = memory.processes(hub.settings)["proxy"]
        with world.Seat(way, "ann") as seat:
            seat.start()
            kernel = seat.kernel()
            run = Run(seat, kernel.id, hub.url, "eve", password)
            try:
                return _measure(run, kernel, pid, count, seconds)
            finally:
                run.end()


def _measure(run: Run, kernel: Kernel, pid: int, count: int, seconds: float) -> Report:
    """Warm up, look, abandon, look, let go, look."""
    run.abandons(20, 10)
    run.end()
    run.signs_in("sign-in before", 8, 4)
    proxy, watch = psutil.Process(pid), Watch(pid)
    before, files_before = memory.resident(pid), proxy.num_fds()
    printing = threading.Thread(
        target=kernel.run, args=(PRINT_SLOWLY.format(seconds=int(seconds)), seconds + 60), daemon=True
    )
    printing.start()
    with watch.running():
        signing = threading.Thread(target=run.signs_in, args=("sign-in during", max(1, int(seconds / 10)), 10))
        signing.start()
        run.abandons(count, seconds)
        signing.join()
    held, held_open = memory.resident(pid), len(run.open)
    run.end()
    printing.join(60)
    time.sleep(20)
    return _report(run, watch, count, held_open, before, held, proxy, files_before)


def _report(
    run: Run, watch: Watch, count: int, held_open: int, before: float, held: float, proxy: psutil.Process, files: int
) -> Report:
    report = run.report
    report.name = f"{count} websockets abandoned, {held_open} of them never closed"
    report.samples["proxy MB"] = [value for _, value in watch.points]
    report.add("websockets refused", run.refused, "of them", "limit", 0)
    report.add("proxy, at the end", held, "MB", "before", before, 1 / GROWTH)
    report.add("proxy, after they are gone", memory.resident(proxy.pid), "MB", "before", before, 1 / GROWTH)
    report.add("open files, after", proxy.num_fds(), "files", "before, and 5", files + 5)
    growth = slope(watch.second_half()) * 60
    report.add("growth in the second half", growth, "MB/min", "limit: 2 % of it", before / 50)
    during, calm = run.report.samples["sign-in during"], run.report.samples["sign-in before"]
    report.add("sign-in during it", median(during), "s", "before", median(calm), 1 / SLOWER)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=300)
    chosen = parser.parse_args()
    measure(min(chosen.count, MOST), min(chosen.seconds, LONGEST)).show()


if __name__ == "__main__":
    main()
