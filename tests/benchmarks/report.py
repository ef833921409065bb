"""What every benchmark says in the end: figures beside the peer or limit of the same run, as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

median = statistics.median


def ratio(ours: float, other: float) -> float | None:
    """How many times ours goes into the other; None where ours is nothing, or less."""
    return other / ours if ours > 0 else None


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The steepness of the straight line through (x, y) points, by least squares."""
    if len({x for x, _ in points}) < 2:
        raise ValueError("a slope needs two different x")
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope


@dataclass(frozen=True)
class Figure:
    """One figure, and the peer or limit that it stands beside. Smaller is better; `aim` is the ratio that is wanted."""

    what: str
    ours: float
    unit: str
    against: str
    other: float
    aim: float = 1.0

    @property
    def ratio(self) -> float | None:
        return ratio(self.ours, self.other)

    @property
    def reached(self) -> bool:
        return self.ours * self.aim <= self.other


@dataclass
class Report:
    """The outcome of one benchmark; `samples` holds every single measurement."""

    name: str
    figures: list[Figure] = field(default_factory=list)
    samples: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, ours: float, unit: str, against: str, other: float, aim: float = 1.0) -> None:
        self.figures.append(Figure(what, ours, unit, against, other, aim))

    @property
    def reached(self) -> bool:
        return all(figure.reached for figure in self.figures)

    def show(self) -> None:
        """Print the table for people, then one line of JSON for programs."""
        print(f"\n{self.name}")
        print(table(self.figures))
        print(json.dumps(self.facts(), ensure_ascii=False), flush=True)

    def facts(self) -> dict[str, object]:
        return {
            "benchmark": self.name,
            "machine": machine(),
            "reached": self.reached,
            "figures": [
                {**asdict(f), "ratio": f.ratio and round(f.ratio, 2), "reached": f.reached} for f in self.figures
            ],
            "samples": {name: [round(value, 3) for value in values] for name, values in self.samples.items()},
        }


def table(figures: Sequence[Figure]) -> str:
    """Columns under one another, for a terminal."""
    head = ("what", "ours", "beside", "other", "ratio", "aim", "")
    rows = [_row(figure) for figure in figures]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)) for row in [head, *rows]]
    return "\n".join(line.rstrip() for line in lines)


def _row(figure: Figure) -> tuple[str, ...]:
    ours, other = _number(figure.ours, figure.unit), _number(figure.other, figure.unit)
    reached = "yes" if figure.reached else "NO"
    times = "-" if figure.ratio is None else f"{figure.ratio:.2f}"
    return figure.what, ours, figure.against, other, times, f"{figure.aim:.3g}", reached


def _number(value: float, unit: str) -> str:
    return f"{value:.0f} {unit}" if float(value).is_integer() or abs(value) >= 100 else f"{value:.2f} {unit}"


def machine() -> dict[str, object]:
    """What it ran on; the load says whether somebody else was working there."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "memory_gb": round(total / 2**30, 1),
        "load": round(float(Path("/proc/loadavg").read_text().split()[0]), 2),
        "python": platform.python_version(),
    }


def by_rounds(measure: Callable[[int], Report], about: str | None, rounds: int = 5) -> None:
    """The command line of a benchmark that only asks how often to measure."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=rounds)
    measure(parser.parse_args().rounds).show()
