"""Counts of phones between districts by day, as an operator hands them over: small cells left out, totals not.

The holiday's effect on each kind of flow is built in; the counts scatter more than Poisson.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from regional_hub.hub.sample_common import random, write_table

DISTRICTS = (
    ("Capital", "首府"), ("Airport", "空港"), ("Harbour", "港口"), ("Old Mill", "旧坊"), ("Hills", "丘陵"),
    ("Lakeside", "湖滨"), ("Orchard", "果园"), ("Steppe", "草原"), ("Pass", "山口"), ("Springs", "温泉"),
    ("Quarry", "采石"), ("Border", "边境"),
)  # fmt: skip
DAYS, START = 56, "2025-03-03"  # a Monday
HOLIDAY = (38, 42)  # from Thursday 10 to Sunday 13 April 2025
EFFECT = {"out of the capital": 1.7, "into the capital": 0.55, "between districts": 0.8}
LEAST = 15  # a smaller count is not handed over


def make(folder: Path, seed: int, _rows: int) -> None:
    """`flows`, `margins` and `districts`, and in `truth` and `effects` what is hidden, each as Parquet.

    `flows`: date, origin, destination, phones (null where fewer than 15), status. `margins`: the totals by day of
    departures from and arrivals in each district, exact, as operators often add them.
    """
    import numpy

    count, days = _counts(seed), numpy.datetime64(START) + numpy.arange(DAYS)
    size = len(DISTRICTS)
    codes = numpy.array([f"M{number + 1:02}" for number in range(size)])
    day, origin, destination = (part.ravel() for part in numpy.indices(count.shape))
    pair = origin != destination
    day, origin, destination = day[pair], origin[pair], destination[pair]
    phones = count[day, origin, destination]
    keys = {"date": days[day].astype("datetime64[s]"), "origin": codes[origin], "destination": codes[destination]}
    kept = phones >= LEAST
    flows = {"phones": _with_nulls(phones, kept), "status": numpy.where(kept, "A", "suppressed")}
    write_table(folder / "flows.parquet", keys | flows)
    write_table(folder / "truth.parquet", keys | {"phones": phones})
    at = numpy.repeat(days, size).astype("datetime64[s]")
    margins = {"departures": count.sum(2).ravel(), "arrivals": count.sum(1).ravel()}
    write_table(folder / "margins.parquet", {"date": at, "district": numpy.tile(codes, DAYS)} | margins)
    titles = {"title": [name for name, _ in DISTRICTS], "title_zh": [name for _, name in DISTRICTS]}
    write_table(folder / "districts.parquet", {"district": codes} | titles)
    write_table(folder / "effects.parquet", {"kind": list(EFFECT), "effect": list(EFFECT.values())})


def _with_nulls(values: Any, kept: Any) -> Any:
    import pyarrow

    return pyarrow.array(values, mask=~kept)


def _counts(seed: int) -> Any:
    """Phones by day, origin and destination, int64: gravity, the week, the holiday, negative binomial scatter."""
    import numpy

    draw = random(seed, 40)
    size = len(DISTRICTS)
    people = numpy.concatenate([[900], draw.lognormal(4.6, 0.7, size - 1)])
    place = numpy.concatenate([[[50, 50]], draw.uniform(0, 100, (size - 1, 2))])
    far = numpy.linalg.norm(place[:, None] - place[None], axis=2) + 10
    usual = 3.5 * people[:, None] * people[None] / far**1.6 * draw.lognormal(0, 0.3, (size, size))
    numpy.fill_diagonal(usual, 0)
    week = numpy.array([1.0, 0.98, 1.0, 1.02, 1.1, 0.75, 0.65])
    mean = usual * week[numpy.arange(DAYS) % 7][:, None, None]
    effect = numpy.full((size, size), EFFECT["between districts"])
    effect[0, :], effect[:, 0] = EFFECT["out of the capital"], EFFECT["into the capital"]
    mean[HOLIDAY[0] : HOLIDAY[1]] *= effect
    return draw.poisson(mean * draw.gamma(80, 1 / 80, mean.shape))
