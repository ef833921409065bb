"""Questions to the SDG database: over HTTP beside Datasette with the same rows, in process beside DuckDB alone.

`python -m tests.benchmarks.sdg_queries --size 1000000`. Every request of a kind asks for something else (200 series,
every country), so nothing is answered from what was answered before; the hub keeps no answers anyway. Needs `wrk`.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import duckdb
import httpx
import numpy as np
import pyarrow.parquet as pq

from regional_hub.sdg import availability, query
from regional_hub.sdg.loading import Room
from regional_hub.sdg.release import Release, listed
from regional_hub.sdg.selection import Key, Selection
from tests.benchmarks import sdg_data, sdg_servers, world
from tests.benchmarks.report import Report, median
from tests.benchmarks.sdg_data import Data
from tests.benchmarks.sdg_servers import Load

SERIES = 200  # so many different ones are asked for
UNCACHED, REVALIDATED, RAW = 3.0, 10.0, 0.5
AVAILABILITY_LIMIT = 50.0  # ms
COUNTRY = re.compile(r"X\d{3}")
Codes = dict[str, str]


@dataclass(frozen=True)
class Kind:
    """A kind of request: what is fixed in each of them."""

    name: str
    fixed: list[Codes]
    availability: bool = False


def kinds(release: Release, seed: int = 3) -> list[Kind]:
    """One series; one country; what there is of one indicator. Each many times."""
    table = pq.read_table(release.series, columns=list(release.layout.dimensions))
    chosen = np.random.default_rng(seed).permutation(len(table))[:SERIES]
    series = table.take(chosen).to_pylist()
    areas = [{"REF_AREA": code} for code in sorted(set(table["REF_AREA"].to_pylist())) if COUNTRY.fullmatch(code)]
    indicators = [{"SERIES": code} for code in dict.fromkeys(one["SERIES"] for one in series)]
    return [
        Kind("one series", series),
        Kind("one country", areas),
        Kind("availability", indicators, availability=True),
    ]


# -- the same request in three languages -------------------------------------------------------------------------------


def of_hub(kind: Kind, codes: Codes, data: Data) -> str:
    """A path of SDMX REST 2."""
    flow = data.structures.dataflows[0]
    key = ".".join(codes.get(part.id, "*") for part in data.structure.dimensions)
    what = "availability" if kind.availability else "data"
    return f"/sdmx/v2/{what}/dataflow/{flow.agency}/{flow.id}/{flow.version}/{key}?format=" + (
        "jsonstructure" if kind.availability else "jsondata"
    )


def of_datasette(kind: Kind, codes: Codes, data: Data, database: str) -> str:
    """A path of its JSON interface, in its quickest shape: rows as lists, without counting and suggestions."""
    more: list[tuple[str, str]] = [("_nocount", "1"), ("_shape", "arrays"), ("_size", "max")]
    if kind.availability:
        free = [id for id in data.structure.key if id not in codes]
        more = [("_size", "0"), ("_facet_size", "max"), *(("_facet", id) for id in free)]
    else:
        more.append(("_nofacet", "1"))
    return f"/{database}/observations.json?" + urlencode([*((f"{k}__exact", v) for k, v in codes.items()), *more])


def selection(codes: Codes, data: Data) -> Selection:
    key: Key = tuple((codes[part.id],) if part.id in codes else None for part in data.structure.dimensions)
    return Selection(data.flow, (key,))


def of_duckdb(kind: Kind, codes: Codes, release: Release, con: duckdb.DuckDBPyConnection) -> int:
    where = " AND ".join(f'"{name}" = ${name}' for name in codes)
    file = {"file": str(release.observations)}
    if kind.availability:
        each = ", ".join(f'list(DISTINCT "{name}")' for name in release.layout.key)
        asked = f"SELECT count(*), {each} FROM read_parquet($file) WHERE {where}"
        return int(con.execute(asked, {**codes, **file}).fetchall()[0][0])
    asked = f"SELECT * FROM read_parquet($file) WHERE {where} ORDER BY {listed(release.layout.key)}"
    return con.execute(asked, {**codes, **file}).to_arrow_table().num_rows


def of_ours(kind: Kind, codes: Codes, data: Data, room: Room) -> int:
    asked = selection(codes, data)
    if kind.availability:
        return availability.availability(room.store, asked).observations
    return sum(batch.num_rows for batch in query.run(room.store, asked).batches)


# -- measuring ---------------------------------------------------------------------------------------------------------


def observations(kind: Kind, answer: httpx.Response) -> int:
    """How many observations an answer holds, or says that there are; of Datasette, rows of the first facet."""
    found = answer.raise_for_status().json()
    if "rows" in found:
        if not kind.availability:
            return len(found["rows"])
        facet = next(iter(found["facet_results"].values()))
        return sum(result["count"] for result in facet["results"])
    if kind.availability:
        (there,) = found["data"]["availabilityConstraints"]
        return int(there["obsCount"])
    return sum(len(series["observations"]) for part in found["data"]["dataSets"] for series in part["series"].values())


def tags(client: httpx.Client, paths: Sequence[str]) -> list[tuple[str, str]]:
    """Each path with the tag of its answer, which is seen to be valid still."""
    found = []
    for path in paths:
        tag = client.get(path).raise_for_status().headers["etag"]
        if client.get(path, headers={"If-None-Match": tag}).status_code != 304:
            raise RuntimeError(f"{path} is not revalidated by its tag")
        found.append((path, tag))
    return found


def over_http(
    report: Report, data: Data, all_kinds: list[Kind], folder: Path, hub: str, peer: str, seconds: int
) -> None:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    with contextlib.ExitStack() as stack:
        ours, theirs = (
            stack.enter_context(httpx.Client(base_url=base, timeout=120, headers=headers)) for base in (hub, peer)
        )
        for kind in all_kinds:
            mine = [of_hub(kind, codes, data) for codes in kind.fixed]
            other = [of_datasette(kind, codes, data, "observations") for codes in kind.fixed]
            for number in (0, len(mine) - 1):
                counts = [observations(kind, ours.get(mine[number])), observations(kind, theirs.get(other[number]))]
                if counts[0] != counts[1] or not counts[0]:
                    raise RuntimeError(f"{kind.name}: the hub answers {counts[0]} observations, Datasette {counts[1]}")
            tagged = tags(ours, mine)
            world.calm(longest=30)
            there = sdg_servers.load(folder, peer, [(path, "") for path in other], seconds)
            world.calm(longest=30)
            here = sdg_servers.load(folder, hub, [(path, "") for path in mine], seconds)
            unchanged = sdg_servers.load(folder, hub, tagged, seconds)
            told(report, kind, here, unchanged, there)


def told(report: Report, kind: Kind, here: Load, unchanged: Load, there: Load) -> None:
    report.add(f"{kind.name}, each", here.each, "ms", "Datasette", there.each, UNCACHED)
    report.add(f"{kind.name}, 95 of 100 within", here.p95, "ms", "Datasette", there.p95)
    report.add(f"{kind.name}, revalidated, each", unchanged.each, "ms", "Datasette, whole", there.each, REVALIDATED)
    names = ("hub", "hub, 304", "Datasette")
    for name, load in zip(names, (here, unchanged, there), strict=True):
        report.samples[f"{kind.name}, requests a second, {name}"] = [load.rate]
        report.samples[f"{kind.name}, bytes, {name}"] = [load.bytes]
    report.samples[f"{kind.name}, 95 of 100 within ms, revalidated"] = [unchanged.p95]


def in_process(report: Report, data: Data, all_kinds: list[Kind], room: Room, release: Release) -> None:
    """Until the rows are Arrow in memory, or the codes are known."""
    con = duckdb.connect()
    for kind in all_kinds:
        here = timed(lambda codes, kind=kind: of_ours(kind, codes, data, room), kind.fixed)
        there = timed(lambda codes, kind=kind: of_duckdb(kind, codes, release, con), kind.fixed)
        report.add(f"{kind.name}, in process", here, "ms", "DuckDB", there, RAW)
    whole = timed(lambda _: availability.availability(room.store, Selection(data.flow)).observations, [{}] * 20)
    report.add("availability of everything", whole, "ms", "limit", AVAILABILITY_LIMIT)
    some = Selection(data.flow).within("2015", "2020")
    within = timed(lambda _: availability.availability(room.store, some).observations, [{}] * 20)
    report.add("availability of 2015 to 2020", within, "ms", "limit", AVAILABILITY_LIMIT)


def timed(ask: Callable[[Codes], int], asked: Sequence[Codes]) -> float:
    """Milliseconds of one, the median of up to 20 after the first."""
    taken = []
    for codes in [asked[0], *asked[:20]]:
        begun = time.perf_counter()
        if not ask(codes):
            raise RuntimeError(f"nothing is found for {codes}")
        taken.append((time.perf_counter() - begun) * 1000)
    return median(taken[1:])


def measure(size: int, seconds: int, folder: Path) -> Report:
    report = Report(f"Queries of {size:,} observations")
    data = sdg_data.make(folder, size)
    room = sdg_data.room(folder / "sdg", data)
    release = sdg_data.publish(room, data, data.batches(), "first")
    all_kinds = kinds(release)
    sdg_servers.sqlite(data, folder / "observations.db")
    with sdg_servers.hub(folder) as hub, sdg_servers.datasette(folder, folder / "observations.db") as peer:
        over_http(report, data, all_kinds, folder, hub, peer, seconds)
    in_process(report, data, all_kinds, room, release)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=8)
    given = parser.parse_args()
    sdg_servers.wrk()
    with world.folder() as folder:
        measure(given.size, given.seconds, folder).show()


if __name__ == "__main__":
    main()
