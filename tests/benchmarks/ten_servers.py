"""Ten people press start at the same moment: whether all get a server, how long it takes, and what memory it costs."""

from __future__ import annotations

import argparse
import contextlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

from regional_hub.settings import Settings
from tests.benchmarks import memory, world
from tests.benchmarks.report import Report, median

PEOPLE = 10
PARTS_LIMIT = 1024.0  # MB that all parts of the hub together may take
IDLE_LIMIT = 256.0  # MB that an idle server may take: eight fit into the smallest size


def people(way: world.Door, count: int) -> list[str]:
    names = [f"person-{number}" for number in range(count)]
    for name in names:
        way.call("PUT", f"/people/{name}", {"groups": ["researchers"]})
    return names


def alone(way: world.Door, name: str, rounds: int) -> list[float]:
    """Seconds to a ready server when nobody else starts one; a first start is not counted."""
    found = []
    for _ in range(rounds + 1):
        world.calm()
        with world.Seat(way, name) as seat:
            found.append(seat.start())
    return found[1:]


def parts(settings: Settings) -> dict[str, float]:
    """Megabytes of each part of the hub."""
    return {name: memory.with_children(pid) for name, pid in memory.processes(settings).items()}


def measure(count: int, rounds: int) -> Report:
    report = Report(f"{count} servers at once")
    with contextlib.ExitStack() as stack:
        hub = stack.enter_context(world.running_hub(stack.enter_context(world.folder())))
        way = world.door(hub)
        names = people(way, count)
        report.samples["alone"] = alone(way, names[0], rounds)
        before = parts(hub.settings)
        seats = [stack.enter_context(world.Seat(way, name)) for name in names]
        report.samples["use before, %"] = [world.calm()]
        begun = time.monotonic()
        with ThreadPoolExecutor(count) as pool:
            report.samples["ready"] = sorted(pool.map(lambda seat: seat.start(), seats))
        last = time.monotonic() - begun
        ready = sum(seat.ready() is True for seat in seats)
        time.sleep(20)  # until all are idle
        after, servers = parts(hub.settings), memory.containers(hub.settings)
    one = median(report.samples["alone"])
    turns = count / (os.cpu_count() or 1)
    report.samples["containers MB"] = list(servers.values())
    report.add("not ready", count - ready, f"of {count}", "limit", 0)
    report.add("the last one ready", last, "s", "one alone, core by core", one * turns, 0.67)
    report.add("one idle server", median(servers.values()), "MB", "limit", IDLE_LIMIT)
    for name, used in sorted(after.items(), key=lambda item: -item[1]):
        report.add(f"{name}, with {count} servers", used, "MB", "the same, idle", before[name], 0.67)
    report.add("all parts together", sum(after.values()), "MB", "limit", PARTS_LIMIT)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--rounds", type=int, default=3, help="single starts to compare with")
    chosen = parser.parse_args()
    measure(chosen.people, chosen.rounds).show()


if __name__ == "__main__":
    main()
