"""How long files of the SDG database take to be loaded and validated, beside reading alone in pysdmx.

`python -m tests.benchmarks.sdg_loading --size 1000000`. Ours is what `./hub sdg load FILE` does: the file is taken into
a draft, validated against structure, policy and itself, and made into the candidate of a release. pysdmx reads a part
(`--peer-size`) into a frame and validates nothing; its time is scaled, and so stands beside our reading alone, both in
seconds of the processor. Each works in a process of its own.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from regional_hub.sdg import loading
from regional_hub.sdg.findings import Report as Findings
from regional_hub.sdg.formats import write_csv, write_ml
from regional_hub.sdg.formats.writing import Options
from tests.benchmarks import sdg_child, sdg_data, world
from tests.benchmarks.report import Report, median

SECONDS, MEMORY = 30.0, 2048.0  # for a million on two cores; MB
MILLION = 1_000_000
CORES = 2
HERE = "tests.benchmarks.sdg_loading"
LAYOUTS = {"SDMX-ML 2.1": ("xml", write_ml.write), "SDMX-CSV 2.0": ("csv", write_csv.write)}


def ours(folder: str, kept: str, file: str) -> dict[str, float]:
    """Seconds to the end of the load, the processor's, and of those the ones until all rows are in the draft."""
    data = sdg_data.kept(kept)
    room = sdg_data.room(Path(folder), data)
    begun, worked = time.perf_counter(), time.process_time()
    draft = room.store.start(data.structure, by="ann")
    report = Findings(room.policy)
    rows = loading.take(draft, Path(file), Path(file).name, data.structure, by="ann", report=report)
    taken = time.process_time() - worked
    loading.settle(draft, room, report)
    if rows != data.rows or report.unique_keys != data.rows or report.counts["file"]:
        raise RuntimeError(f"{rows} rows were taken in, {report.unique_keys} keys are unique, of {data.rows}")
    seconds, processor = time.perf_counter() - begun, time.process_time() - worked
    return {"seconds": seconds, "processor": processor, "taken": taken, "findings": sum(report.counts.values())}


def pysdmx(file: str) -> dict[str, float]:
    from pysdmx.io import read_sdmx

    begun = time.process_time()
    (dataset,) = read_sdmx(file, validate=False).data  # type: ignore[misc]
    return {"processor": time.process_time() - begun, "rows": len(dataset.data)}


def written(data: sdg_data.Data, layout: str) -> Path:
    suffix, write = LAYOUTS[layout]
    path = data.path.with_suffix(f".{suffix}")
    with path.open("wb") as file:
        for chunk in write(data.batches(), data.structure, Options()):
            file.write(chunk)
    return path


def measure(size: int, peer_size: int, rounds: int, folder: Path) -> Report:
    report = Report(f"Load and validate {size:,} observations")
    data, part = sdg_data.make(folder, size), sdg_data.make(folder, min(size, peer_size))
    kept = data.keep()
    for layout in LAYOUTS:
        file = written(data, layout)
        taken = []
        for number in range(rounds):
            world.calm(longest=30)
            taken.append(sdg_child.call(f"{HERE}.ours", folder / f"{layout}-{number}", kept, file))
        seen, peak = sdg_child.call(f"{HERE}.pysdmx", written(part, layout))
        whole = median([one["seconds"] for one, _ in taken])
        memory = max(peak for _, peak in taken)
        worked = median([one["processor"] for one, _ in taken])
        report.samples[f"{layout}, seconds"] = [one["seconds"] for one, _ in taken]
        report.samples[f"{layout}, findings"] = [one["findings"] for one, _ in taken]
        report.samples[f"{layout}, megabytes of the file"] = [file.stat().st_size / 2**20]
        report.samples[f"{layout}, memory of pysdmx in MB for its part"] = [peak]
        report.add(layout, whole, "s", "limit", SECONDS * size / MILLION)
        scaled = seen["processor"] * size / seen["rows"]
        report.add(f"{layout}, processor", worked, "s", f"limit, {CORES} cores", CORES * SECONDS * size / MILLION)
        read = median([one["taken"] for one, _ in taken])
        report.add(f"{layout}, read into the draft", read, "s", f"pysdmx reads, by {seen['rows']:,.0f}", scaled)
        report.add(f"{layout}, memory at most", memory, "MB", "limit", MEMORY)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=MILLION)
    parser.add_argument("--peer-size", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    with world.folder() as folder:
        measure(given.size, given.peer_size, given.rounds, folder).show()


if __name__ == "__main__":
    main()
