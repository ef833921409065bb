"""Where data are: areas by years for a series, an indicator, a goal or everything, counted from the holdings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regional_hub.sdg.explorer import areas, holdings, outline
from regional_hub.sdg.explorer.book import Book, NotHere
from regional_hub.sdg.explorer.words import Label

STEPS = 5


@dataclass(frozen=True)
class Row:
    """`counts` has a number for each year, 0 where there is nothing; `steps` says how dark each cell is (0 to 5)."""

    area: areas.Area
    counts: Sequence[int]
    steps: Sequence[int]
    total: int


@dataclass(frozen=True)
class HeatMap:
    """`counts_series` says what is counted: series that have data, or (for one series) observations.

    `scope` is the series, indicator or goal that was asked for, empty for everything; `most` the highest count.
    """

    kind: str
    scope: str
    title: Label | None
    codes: Sequence[str]
    years: Sequence[str]
    rows: Sequence[Row]
    counts_series: bool
    most: int

    @property
    def filled(self) -> int:
        """How many cells have data."""
        return sum(1 for row in self.rows for count in row.counts if count)

    @property
    def cells(self) -> int:
        return len(self.rows) * len(self.years)


def make(book: Book, *, series: str = "", indicator: str = "", goal: str = "") -> HeatMap:
    """The map of one series, indicator or goal, or of everything. Raises NotHere for one that is not there."""
    title, codes = _scope(book, series, indicator, goal)
    held = holdings.of(book)
    places = held.of_series(codes)
    labels, year = held.years
    counts_series = len(codes) != 1
    cells = (held.area * max(len(labels), 1) + year)[places]
    if counts_series:  # a series counts once in a year, whatever its breakdowns and periods
        pairs = np.unique(held.series[places] * (max(len(labels), 1) * max(len(held.areas), 1)) + cells)
        cells = pairs % (max(len(labels), 1) * max(len(held.areas), 1))
        table = np.bincount(cells, minlength=len(held.areas) * len(labels))
    else:
        table = np.bincount(cells, held.count[places], minlength=len(held.areas) * len(labels)).astype(np.int64)
    matrix = table.reshape(len(held.areas), max(len(labels), 1))
    kind = "series" if series else "indicator" if indicator else "goal" if goal else ""
    used = np.flatnonzero(matrix.any(axis=0))
    start, end = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 0)
    rows = _rows(book, {code: matrix[n, start:end] for n, code in enumerate(held.areas)})
    most = max((max(row.counts, default=0) for row in rows), default=0)
    return HeatMap(kind, series or indicator or goal, title, codes, labels[start:end], rows, counts_series, most)


def _scope(book: Book, series: str, indicator: str, goal: str) -> tuple[Label | None, list[str]]:
    found = outline.of(book)
    if series:
        entries = found.series()
        if series not in entries:
            if book.roles.series and series in book.codes(book.roles.series):
                return outline.title_of_series(book, series), [series]
            near = book.roles.series and book.known(book.roles.series, series)
            raise NotHere("series", series, [near] if near else [])
        return entries[series].title, [series]
    if indicator:
        entry = found.indicator(indicator)
        return entry.title, [one.code for one in entry.series]
    if goal:
        one = found.goal(goal)
        return one.title, one.series
    return None, list(holdings.of(book).all_series)


def _rows(book: Book, counts: dict[str, np.ndarray]) -> list[Row]:
    """A row for each area with data in the order of the tree, wider areas before those in them."""
    most = max((int(row.max()) for row in counts.values() if row.size), default=0)
    found = []
    for root in areas.tree(book):
        for area in root.walk():
            row = counts.get(area.code)
            if row is not None and row.any():
                steps = np.ceil(row * STEPS / most).astype(int).tolist()
                found.append(Row(area, row.tolist(), steps, int(row.sum())))
    return found
