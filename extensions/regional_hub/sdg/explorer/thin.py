"""Fewer points of a long line that look the same: largest triangle, three buckets (S. Steinarsson, 2013)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal


def lttb(line: Sequence[tuple[float, Decimal | None]], most: int) -> list[int]:
    """Places of the points to keep, in order: the first, the last, and of each bucket the one that stands out most.

    A missing value is kept where it is the only point of its bucket, so that a long gap stays one.
    """
    count = len(line)
    if count <= max(most, 2):
        return list(range(count))
    kept = [0]
    size = (count - 2) / (most - 2) if most > 2 else count
    for bucket in range(most - 2):
        start, stop = 1 + int(bucket * size), 1 + int((bucket + 1) * size)
        after = line[stop : max(stop + 1, 1 + int((bucket + 2) * size))]
        kept.append(max(range(start, stop), key=_area(line, kept[-1], _middle(after))))
    return [*kept, count - 1]


def _middle(points: Sequence[tuple[float, Decimal | None]]) -> tuple[float, float]:
    there = [(x, float(y)) for x, y in points if y is not None and not math.isnan(x)]
    if not there:
        return 0.0, 0.0
    return sum(x for x, _ in there) / len(there), sum(y for _, y in there) / len(there)


def _area(line: Sequence[tuple[float, Decimal | None]], before: int, after: tuple[float, float]):  # type: ignore[no-untyped-def]
    x0, y0 = line[before][0], float(line[before][1] or 0)
    x2, y2 = after

    def area(place: int) -> float:
        x, y = line[place]
        if y is None or math.isnan(x):
            return -1.0
        return abs((x0 - x2) * (float(y) - y0) - (x0 - x) * (y2 - y0))

    return area
