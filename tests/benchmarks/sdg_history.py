"""What a release costs as there are more of them, and what questions about the past cost then.

`python -m tests.benchmarks.sdg_history --size 1000000 --releases 20`. Each release revises 1 % of the observations and
brings 1 % more. Beside the last release stands the second, and beside a question about the past the same one of today.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from regional_hub.sdg import query
from regional_hub.sdg.loading import Room
from regional_hub.sdg.release import Release, listed
from regional_hub.sdg.selection import Selection
from tests.benchmarks import sdg_data, world
from tests.benchmarks.report import Report, median
from tests.benchmarks.sdg_data import Data

SHARE = 100  # one of so many is revised, and as many are new
TWICE = 0.5  # at most so much more is wanted
FIRST_YEAR = 2101  # of observations that no release had


def changed(data: Data, number: int) -> Iterator[pa.RecordBatch]:
    """Another 1 % of the observations with a digit more, and a further year of as many."""
    structure = data.structure
    assert structure.time is not None
    value, year = structure.measure.id, FIRST_YEAR + number
    series = listed([part.id for part in structure.dimensions])
    con = duckdb.connect()
    con.execute("SET threads = 1")
    con.execute(f"CREATE VIEW known AS SELECT * FROM read_parquet('{data.path}', file_row_number = true)")
    turn = f"file_row_number % {SHARE} = {number % SHARE}"
    revised = f'SELECT * REPLACE ("{value}" || \'1\' AS "{value}") FROM known WHERE {turn}'
    new = (
        f"SELECT DISTINCT ON ({series}) * REPLACE ('{year}' AS \"{structure.time.id}\") FROM known"
        f" ORDER BY {series}, file_row_number LIMIT {data.rows // SHARE}"
    )
    columns = listed([part.id for part in structure.components])
    yield from con.sql(f"SELECT {columns} FROM ({revised}) UNION ALL SELECT {columns} FROM ({new})").to_arrow_reader(
        20_000
    )


def weight(release: Release) -> int:
    """Bytes of a release's files."""
    return sum(path.stat().st_size for path in release.folder.iterdir())


def questions(data: Data, room: Room, releases: list[Release]) -> dict[str, Selection]:
    """One country: today, as of the release in the middle, what changed since the last but one, and all its history."""
    key = tuple((sdg_data.area(0),) if part.id == "REF_AREA" else None for part in data.structure.dimensions)
    today = Selection(data.flow, (key,))
    events = room.store.timeline(data.flow).events
    middle, late = events[len(events) // 2].at, events[-2].at
    return {
        "today": today,
        "as of the release in the middle": replace(today, as_of=middle + timedelta(microseconds=1)),
        "changed by the last release": replace(today, updated_after=late),
        "with all its history": replace(today, include_history=True),
    }


def asked(room: Room, selection: Selection) -> tuple[float, int]:
    """Milliseconds until all observations are there, and how many those are."""
    taken, rows = [], 0
    for _ in range(6):
        begun = time.perf_counter()
        rows = sum(batch.num_rows for batch in query.run(room.store, selection).batches)
        taken.append((time.perf_counter() - begun) * 1000)
    return median(taken[1:]), rows


def measure(size: int, count: int, folder: Path) -> Report:
    report = Report(f"{count} releases of {size:,} observations and more")
    data = sdg_data.make(folder, size)
    room = sdg_data.room(folder / "sdg", data)
    seconds, worked, releases = [], [], []
    for number in range(count):
        world.calm(longest=5)
        begun, work = time.perf_counter(), time.process_time()
        rows = changed(data, number) if number else data.batches()
        releases.append(sdg_data.publish(room, data, rows, f"file-{number}"))
        seconds.append(time.perf_counter() - begun)
        worked.append(time.process_time() - work)
    sizes = [weight(release) / 2**20 for release in releases]
    report.samples["seconds of each release"] = seconds
    report.samples["seconds of the processor"] = worked
    report.samples["megabytes of each release"] = sizes
    report.samples["observations of each release"] = [release.counts["observations"] for release in releases]
    report.samples["megabytes of everything"] = [
        sum(p.stat().st_size for p in folder.rglob("sdg/**/*") if p.is_file()) / 2**20
    ]
    report.add(f"release {count}, processor", worked[-1], "s", "release 2", worked[1], TWICE)
    report.add(f"release {count}", sizes[-1], "MB", "release 2", sizes[1], TWICE)
    found = {name: asked(room, selection) for name, selection in questions(data, room, releases).items()}
    report.samples["observations of each question"] = [rows for _, rows in found.values()]
    for name, (taken, _) in list(found.items())[1:]:
        report.add(f"one country {name}", taken, "ms", "today", found["today"][0], 0.0)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--releases", type=int, default=20)
    given = parser.parse_args()
    with world.folder() as folder:
        measure(given.size, given.releases, folder).show()


if __name__ == "__main__":
    main()
