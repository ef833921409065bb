"""The second `./hub up`, when all is installed and made: our own work until every part answers; the limit is 5 s.

Each part's processor time up to then is shown as well: it is what the start costs on a machine with nothing else to do.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psutil

from regional_hub.operate import processes
from tests import hubs
from tests.benchmarks import memory, world
from tests.benchmarks.report import Report, by_rounds, median

LIMIT = 5.0  # seconds


def answering(hub: hubs.Hub, found: dict[str, float], begun: float, done: threading.Event) -> None:
    """Note for each part when it first answered, as seconds after `begun`."""
    waiting = processes.health(hub.settings)
    while waiting and not done.wait(0.05):
        for name, url in list(waiting.items()):
            if processes.answers(url, 1):
                found[name] = time.monotonic() - begun
                del waiting[name]


def start_again(hub: hubs.Hub, data: Path) -> dict[str, float]:
    """Seconds of one second start, phase by phase."""
    found: dict[str, float] = {}
    done = threading.Event()
    begun = time.monotonic()
    watching = threading.Thread(target=answering, args=(hub, found, begun, done))
    watching.start()
    port = str(hub.settings.ports.public)
    result = hubs.run(data, "up", "--detach", "--json", "--port", port, "--spawner", "docker", env=hub.env)
    total = time.monotonic() - begun
    done.set()
    watching.join()
    assert result.returncode == 0, result.stderr
    return {"total": total} | {f"{name} answers": seconds for name, seconds in found.items()}


def cost(hub: hubs.Hub) -> dict[str, float]:
    """Processor seconds that each part has used since it began."""
    used = {}
    for name, pid in memory.processes(hub.settings).items():
        times = psutil.Process(pid).cpu_times()
        used[f"{name} cpu"] = times.user + times.system
    return used


def command(*arguments: str, data: Path, hub: hubs.Hub) -> float:
    begun = time.monotonic()
    hubs.run(data, *arguments, env=hub.env)
    return time.monotonic() - begun


def measure(rounds: int) -> Report:
    report = Report("Second start")
    with world.folder() as place, world.running_hub(place) as hub:
        data, first = place / "data", float(hub.facts["seconds"])
        for _ in range(rounds):
            hubs.run(data, "down", env=hub.env)
            use = world.calm()
            steps = start_again(hub, data) | cost(hub)
            steps["use before, %"] = use
            steps["command line"] = command("up", "--help", data=data, hub=hub)
            for name, seconds in steps.items():
                report.samples.setdefault(name, []).append(seconds)
            print("  ".join(f"{name} {seconds:.2f}" for name, seconds in steps.items()), flush=True)
    total = median(report.samples["total"])
    report.add("second start, all parts answer", total, "s", "limit", LIMIT)
    report.add("second start", total, "s", "first start, images there", first)
    report.add("of it: the command itself", median(report.samples["command line"]), "s", "all", total)
    spent = sum(median(values) for name, values in report.samples.items() if name.endswith(" cpu"))
    report.add("processor time of all parts", spent, "s", "limit x 2 cores", 2 * LIMIT)
    return report


def main() -> None:
    by_rounds(measure, __doc__)


if __name__ == "__main__":
    main()
