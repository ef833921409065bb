"""How long a Dask cluster takes: the docker back end against the local one, in one run on one machine.

    PYTHONPATH=extensions python -m tests.benchmarks.bench_gateway [--rounds 5] [--json FILE]

Both gateways run the hub's own configuration beside a small JupyterHub. The rounds of the two alternate, so that what
else the machine does falls on both. Seconds are the machine's; the ratios are what is compared between machines.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.hub.gateway.conftest import CONFIG, running_world
from tests.hub.gateway.world import GatewayUnderTest, eventually

STEPS = ("cluster", "two workers", "first result", "gone")


def one_round(world: GatewayUnderTest) -> dict[str, float]:
    """Seconds from the request to a connected cluster, on to two workers, to a result, and until all is gone again."""
    client = world.client("bench", "researchers")
    marks = [time.perf_counter()]
    cluster = world.cluster(client)
    marks.append(time.perf_counter())
    cluster.scale(2)
    dask = cluster.get_client()
    dask.wait_for_workers(2, timeout=120)
    marks.append(time.perf_counter())
    assert dask.submit(sum, range(10)).result(timeout=60) == 45
    marks.append(time.perf_counter())
    cluster.close(shutdown=True)
    eventually(lambda: not client.list_clusters(status=["pending", "running", "stopping"]), 60)
    marks.append(time.perf_counter())
    world.clear()
    return {step: later - earlier for step, earlier, later in zip(STEPS, marks, marks[1:], strict=False)}


@contextmanager
def worlds() -> Iterator[dict[str, GatewayUnderTest]]:
    with tempfile.TemporaryDirectory(prefix="bench-gateway-") as place:
        folders = {kind: Path(place) / kind for kind in ("docker", "local")}
        for folder in (Path(place), *folders.values()):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
        with running_world("docker", folders["docker"], CONFIG) as docker:  # noqa: SIM117 - two lines read better
            with running_world("local", folders["local"], CONFIG) as local:
                yield {"docker": docker, "local": local}


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Medians by back end and step, and their ratios; the first round of each warms caches and is not counted."""
    with worlds() as found:
        taken: dict[str, list[dict[str, float]]] = {kind: [] for kind in found}
        for _ in range(rounds + 1):
            for kind, world in found.items():
                taken[kind].append(one_round(world))
    median = {
        kind: {step: statistics.median(one[step] for one in rounds_[1:]) for step in STEPS}
        for kind, rounds_ in taken.items()
    }
    return {**median, "docker/local": {step: median["docker"][step] / median["local"][step] for step in STEPS}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()

    result = measure(asked.rounds)

    print(f"{'':14}" + "".join(f"{step:>14}" for step in STEPS))
    for name, row in result.items():
        print(f"{name:14}" + "".join(f"{row[step]:14.2f}" for step in STEPS))
    text = json.dumps({"rounds": asked.rounds, "seconds": result}, indent=1)
    print(text)
    if asked.json:
        asked.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
