"""The one line that stands for a series in an area: the whole population, not a part of it.

It is the line that is broken down by the fewest dimensions. A rate for children under five has an age, which is no part
of anything; two lines of which neither is the whole (women, men) stand for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from regional_hub.sdg import seriesindex
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.points import Point, points
from regional_hub.sdg.explorer.words import is_total
from regional_hub.sdg.selection import Key

Line = tuple[str, ...]


@dataclass(frozen=True)
class KeyLine:
    """A line: the codes of all dimensions in order. `whole` is False where others of the series are as whole as it."""

    series: str
    codes: Line
    whole: bool
    observations: int


def key_lines(book: Book, area: str, series: Iterable[str] | None = None) -> dict[str, KeyLine]:
    """The key line of each series (of all when None) that an area has; by series code."""
    roles, dimensions = book.roles, [part.id for part in book.structure.dimensions]
    wanted: dict[str, tuple[str, ...] | str] = {}
    if roles.area:
        wanted[roles.area] = area
    if roles.series and series is not None:
        wanted[roles.series] = tuple(series)
    found: dict[str, list[tuple[int, int, bool, Line]]] = {}
    for source in book.view.sources:
        index = seriesindex.of(source.release)
        rows, _ = index.chosen(source, book.selection(book.key(**wanted)))
        broken = np.zeros(len(rows), dtype=np.int64)
        for part in roles.breakdowns:
            total = np.array([is_total(code) for code in index.labels.get(part, [])] or [True])
            broken += ~total[index.codes[part][rows]] if part in index.codes else 0
        columns = [[index.labels[name][number] for number in index.codes[name][rows]] for name in dimensions]
        place = dimensions.index(roles.series) if roles.series else -1
        reporting = dimensions.index(roles.reporting) if roles.reporting in dimensions else -1
        for row, count in enumerate(broken):
            codes = tuple(column[row] for column in columns)
            own = reporting >= 0 and codes[reporting] == "N"
            size = int(index.count[rows[row]])
            found.setdefault(codes[place] if place >= 0 else "", []).append((int(count), size, own, codes))
    return {code: _best(code, lines, dimensions, roles.breakdowns) for code, lines in found.items()}


def _best(
    series: str, lines: list[tuple[int, int, bool, Line]], dimensions: list[str], breakdowns: tuple[str, ...]
) -> KeyLine:
    """Of the lines that are broken down least, the longest; of those as long, what the country itself reports."""
    least = min(line[0] for line in lines)
    among = [line for line in lines if line[0] == least]
    parts = [dimensions.index(part) for part in breakdowns]
    kinds = {tuple(line[3][part] for part in parts) for line in among}
    _count, size, _own, codes = max(among, key=lambda line: (line[1], line[2], tuple(reversed(line[3]))))
    return KeyLine(series, codes, least == 0 or len(kinds) == 1, size)


def read(book: Book, lines: Iterable[KeyLine]) -> Mapping[Line, list[Point]]:
    """The observations of some lines, in order of time; by the codes of the line."""
    chosen = {line.codes for line in lines}
    if not chosen:
        return {}
    dimensions = [part.id for part in book.structure.dimensions]
    key: Key = tuple(tuple(sorted({codes[place] for codes in chosen})) for place in range(len(dimensions)))
    found: dict[Line, list[Point]] = {codes: [] for codes in chosen}
    for point in points(book, book.selection(key)):
        if point.series in found:
            found[point.series].append(point)
    for own in found.values():
        own.sort(key=lambda point: point.position)
    return found
