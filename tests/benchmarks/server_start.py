"""From the click to a ready server, and from there to the first cell's answer: ours beside a plain DockerSpawner.

Both hubs run at once and take turns, after one start each that is not counted. Each start waits until the machine is
otherwise idle.
"""

from __future__ import annotations

from tests.benchmarks import world
from tests.benchmarks.report import Report, by_rounds, median

READY, CELL = 3.0, 1.0  # seconds that we aim at, on an idle machine of two cores
FASTER = 2.5


def once(way: world.Door, owner: str) -> tuple[float, float]:
    """Seconds to a ready server, and to the first cell's answer."""
    with world.Seat(way, owner) as seat:
        return seat.start(), seat.first_cell()


def measure(rounds: int) -> Report:
    report = Report("Server ready after the click, and first cell")
    with world.folder() as place, world.running_hub(place) as hub, world.plain_hub(place / "plain") as plain:
        ours = world.door(hub)
        ours.call("PUT", "/people/ann", {"groups": ["researchers"]})
        plain.call("POST", "/users/ann")
        for number in range(rounds + 1):
            for name, way in (("ours", ours), ("plain", plain)):
                use = world.calm()
                ready, cell = once(way, "ann")
                figures = f"ready {ready:5.2f} s  first cell {cell:5.2f} s  machine in use before: {use:.0f} %"
                print(f"{name:5}  round {number}  {figures}", flush=True)
                if number:
                    report.samples.setdefault("use before, %", []).append(use)
                    report.samples.setdefault(f"{name} ready", []).append(ready)
                    report.samples.setdefault(f"{name} cell", []).append(cell)
    return judged(report)


def judged(report: Report) -> Report:
    """The medians of both, beside one another and beside what we aim at."""
    middle = {name: median(values) for name, values in report.samples.items()}
    report.add("server ready", middle["ours ready"], "s", "plain DockerSpawner", middle["plain ready"], FASTER)
    report.add("first cell", middle["ours cell"], "s", "plain DockerSpawner", middle["plain cell"], FASTER)
    report.add("server ready", middle["ours ready"], "s", "aim", READY)
    report.add("first cell", middle["ours cell"], "s", "aim", CELL)
    return report


def main() -> None:
    by_rounds(measure, __doc__)


if __name__ == "__main__":
    main()
