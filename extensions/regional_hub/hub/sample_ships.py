"""Positions of ships as their transponders (AIS) send them, on an invented sea where every port call is known.

Ships wait at anchor before some calls, transmitters fall silent, and some positions are false.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regional_hub.hub.sample_common import random, write_table

SHIPS, DAYS, START = 40, 14, "2025-06-02"
PORTS = (  # code, names, kilometres east and north of the corner, radius of the port area in kilometres
    ("PN", "North Haven", "北港", 190.0, 285.0, 3.0),
    ("PE", "East Roads", "东锚地港", 380.0, 170.0, 3.0),
    ("PS", "South Quay", "南码头", 240.0, 20.0, 2.5),
    ("PW", "West Sound", "西湾港", 15.0, 120.0, 2.5),
    ("PI", "Island Pier", "岛港", 205.0, 150.0, 2.0),
)
SHARES = (0.3, 0.25, 0.2, 0.15, 0.1)
KM = 111.195  # per degree, on the equator, both ways
HOUR = 3600.0


@dataclass
class Voyage:
    """A ship's way as corner points in seconds and kilometres, and what is true of it."""

    time: list[float] = field(default_factory=list)
    x: list[float] = field(default_factory=list)
    y: list[float] = field(default_factory=list)
    calls: list[tuple[str, float, float]] = field(default_factory=list)
    silent: list[tuple[float, float]] = field(default_factory=list)

    def to(self, time: float, x: float, y: float) -> None:
        self.time.append(time)
        self.x.append(x)
        self.y.append(y)


def make(folder: Path, seed: int, _rows: int) -> None:
    """`points/day-NN.parquet`, `ports.parquet`, and in `calls.parquet` and `spoofed.parquet` the truth.

    `points`: mmsi, time (UTC, seconds), lon, lat (degrees), sog (speed over ground, knots), sorted by time.
    """
    import numpy

    voyages = [_voyage(random(seed, 20, ship)) for ship in range(SHIPS)]
    tracks = [_track(random(seed, 21, ship), voyage, ship) for ship, voyage in enumerate(voyages)]
    table = {name: numpy.concatenate([track[name] for track in tracks]) for name in tracks[0]}
    order = numpy.lexsort((table["mmsi"], table["second"]))
    table = {name: values[order] for name, values in table.items()}
    begin = numpy.datetime64(START, "s")
    second, false = table.pop("second"), table.pop("false")
    table = {"mmsi": table.pop("mmsi"), "time": begin + second.astype("timedelta64[s]"), **table}
    (folder / "points").mkdir()
    for day in range(DAYS):
        part = (second >= day * 86400) & (second < (day + 1) * 86400)
        write_table(folder / "points" / f"day-{day + 1:02}.parquet", {key: value[part] for key, value in table.items()})
    write_table(folder / "spoofed.parquet", {key: table[key][false] for key in ("mmsi", "time")})
    _write_ports(folder / "ports.parquet")
    _write_calls(folder / "calls.parquet", voyages, begin)


def _voyage(draw: Any) -> Voyage:
    """From a point at sea from port to port until the time is over, now and then with a wait at anchor."""
    made = Voyage()
    now, x, y = 0.0, float(draw.uniform(80, 320)), float(draw.uniform(70, 230))
    made.to(now, x, y)
    here = -1
    while now < DAYS * 24 * HOUR:
        goal = int(draw.choice([port for port in range(len(PORTS)) if port != here]))
        _, _, _, px, py, radius = PORTS[goal]
        speed = draw.uniform(10, 16) * 1.852 / HOUR  # km per second
        if draw.random() < 0.3:  # at anchor off the port
            angle = draw.uniform(0, 6.28)
            ax, ay = px + 9 * math.cos(angle), py + 9 * math.sin(angle)
            now = _leg(made, draw, (x, y), (ax, ay), now, speed)
            now += draw.uniform(2, 10) * HOUR
            made.to(now, ax, ay)
            x, y = ax, ay
        bx, by = (at + draw.uniform(-0.4, 0.4) * radius for at in (px, py))
        now = _leg(made, draw, (x, y), (bx, by), now, speed)
        stay = min(40.0, max(4.0, draw.lognormal(2.6, 0.5))) * HOUR
        made.calls.append((PORTS[goal][0], now, now + stay))
        if draw.random() < 0.2:  # silent at the berth: one call all the same
            hush = now + draw.uniform(1.5, 2.0) * HOUR
            made.silent.append((hush, hush + draw.uniform(0.5, 1.2) * HOUR))
        now += stay
        made.to(now, bx, by)
        x, y, here = bx, by, goal
    return made


def _leg(
    made: Voyage, draw: Any, start: tuple[float, float], end: tuple[float, float], now: float, speed: float
) -> float:
    """Sail to `end`, by a bend; returns when the ship is there. On one leg of four the transmitter is off for hours."""
    bend = [(a + b) / 2 + draw.normal(0, 0.06) * math.dist(start, end) for a, b in zip(start, end, strict=True)]
    first, second = math.dist(start, bend) / speed, math.dist(bend, end) / speed
    made.to(now + first, *bend)
    made.to(now + first + second, *end)
    if draw.random() < 0.25 and first + second > 6 * HOUR:
        off = now + draw.uniform(0.1, 0.4) * (first + second)
        made.silent.append((off, off + draw.uniform(0.2, 0.4) * (first + second)))
    return now + first + second


def _track(draw: Any, voyage: Voyage, ship: int) -> dict[str, Any]:
    """The points of a ship: every three minutes under way, six at rest, a few metres off, gaps left out, some false."""
    import numpy

    end = DAYS * 24 * HOUR
    second = numpy.sort(numpy.arange(0, end, 180) + draw.uniform(-20, 20, int(end // 180)))
    time, x, y = (numpy.array(part) for part in (voyage.time, voyage.x, voyage.y))
    index = numpy.clip(numpy.searchsorted(time, second, side="right") - 1, 0, len(time) - 2)
    speed = numpy.hypot(numpy.diff(x), numpy.diff(y))[index] / numpy.diff(time)[index]  # km per second
    keep = (speed > 0) | (numpy.arange(len(second)) % 2 == 0)
    for begin, stop in voyage.silent:
        keep &= ~((second > begin) & (second < stop))
    second, speed = numpy.clip(second[keep], 0, end - 1), speed[keep]
    east = numpy.interp(second, time, x) + draw.normal(0, 0.02, len(second))
    north = numpy.interp(second, time, y) + draw.normal(0, 0.02, len(second))
    false = _false(draw, len(second), ship)
    east[false] += draw.choice([-1, 1]) * draw.uniform(120, 160)
    north[false] += draw.uniform(60, 110)
    knots = numpy.abs(speed * HOUR / 1.852 + draw.normal(0, 0.12, len(second)))
    return {
        "mmsi": numpy.full(len(second), 999_000_001 + ship, "int64"),  # no country has these numbers
        "second": second.astype("int64"),
        "lon": numpy.round(east / KM, 6),
        "lat": numpy.round(north / KM, 6),
        "sog": numpy.round(knots, 1),
        "false": false,
    }


def _false(draw: Any, count: int, ship: int) -> Any:
    """Which points are false: of each ship two single ones, of each fifth ship also a run of up to forty."""
    import numpy

    false = numpy.zeros(count, bool)
    false[draw.choice(numpy.arange(5, count - 5), 2, replace=False)] = True
    if ship % 5 == 0:
        begin = int(draw.integers(50, count - 100))
        false[begin : begin + int(draw.integers(8, 40))] = True
    return false


def _write_ports(path: Path) -> None:
    code, title, title_zh, _x, _y, radius = zip(*PORTS, strict=True)
    place = {"lon": [port[3] / KM for port in PORTS], "lat": [port[4] / KM for port in PORTS], "radius_km": radius}
    write_table(path, {"port": code, "title": title, "title_zh": title_zh} | place)


def _write_calls(path: Path, voyages: list[Voyage], begin: Any) -> None:
    """Calls that began in time; `departed` is empty where the ship was still there when the data end."""
    import numpy
    import pyarrow

    end = DAYS * 24 * HOUR
    rows = [
        (999_000_001 + ship, port, arrived, departed)
        for ship, voyage in enumerate(voyages)
        for port, arrived, departed in voyage.calls
        if arrived < end - 2 * HOUR
    ]
    mmsi, port, arrived, departed = (numpy.array(part) for part in zip(*rows, strict=True))
    times = [begin + part.astype("int64").astype("timedelta64[s]") for part in (arrived, departed)]
    open_ones = departed > end
    columns = {"mmsi": mmsi.astype("int64"), "port": port, "arrived": times[0]}
    write_table(path, columns | {"departed": pyarrow.array(times[1], mask=open_ones)})
