"""What a book holds, counted once per release: how many observations each series has in each area and period.

It is the base of the outline, the tree of areas, the availability maps and the search; none of them reads observations.
A release of 5 million observations takes about a second the first time, then everything is counted from memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
import numpy.typing as npt

from regional_hub.sdg import seriesindex
from regional_hub.sdg.explorer.book import Book

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
KEPT = 8


@dataclass(frozen=True)
class Holdings:
    """Each place is a series in an area in a period; `count` says how many observations (of all breakdowns) are there.

    `series`, `area` and `period` are numbers of the labels `all_series`, `areas` and `periods`; all have one length.
    """

    all_series: Sequence[str]
    areas: Sequence[str]
    periods: Sequence[str]
    series: Numbers
    area: Numbers
    period: Numbers
    count: Numbers

    @cached_property
    def years(self) -> tuple[list[str], Numbers]:
        """The years that occur, in order, and the number of its year for each place."""
        of_period = [label[:4] for label in self.periods]
        labels = sorted(set(of_period))
        place = {label: number for number, label in enumerate(labels)}
        return labels, np.array([place[year] for year in of_period] or [0], dtype=np.int64)[self.period]

    def of_series(self, codes: Iterable[str]) -> Mask:
        """The places of these series."""
        wanted = set(codes)
        return np.array([code in wanted for code in self.all_series] or [False])[self.series]

    def of_areas(self, codes: Iterable[str]) -> Mask:
        wanted = set(codes)
        return np.array([code in wanted for code in self.areas] or [False])[self.area]

    @cached_property
    def by_series(self) -> Mapping[str, Extent]:
        return self._extents(self.series, self.all_series, self.area)

    @cached_property
    def by_area(self) -> Mapping[str, Extent]:
        return self._extents(self.area, self.areas, self.series)

    def extent(self, places: Mask) -> Extent:
        """How much there is in some places; `others` are areas."""
        if not places.any():
            return Extent(0, 0, "", "")
        periods = self.period[places]
        return Extent(
            int(self.count[places].sum()),
            len(np.unique(self.area[places])),
            self.periods[int(periods.min())],
            self.periods[int(periods.max())],
        )

    def _extents(self, of: Numbers, labels: Sequence[str], other: Numbers) -> dict[str, Extent]:
        size = len(labels)
        observations = np.bincount(of, self.count, minlength=size)
        pairs = np.unique(np.stack([of, other]), axis=1)[0] if len(of) else of
        others = np.bincount(pairs, minlength=size)
        first = np.full(size, len(self.periods), dtype=np.int64)
        last = np.full(size, -1, dtype=np.int64)
        np.minimum.at(first, of, self.period)
        np.maximum.at(last, of, self.period)
        return {
            label: Extent(int(observations[n]), int(others[n]), self.periods[first[n]], self.periods[last[n]])
            for n, label in enumerate(labels)
            if observations[n]
        }


@dataclass(frozen=True)
class Extent:
    """How much there is: observations, areas (or, of an area, series), and the first and last period."""

    observations: int
    others: int
    first: str
    last: str

    @property
    def areas(self) -> int:
        return self.others

    @property
    def series(self) -> int:
        return self.others


_kept: OrderedDict[tuple[str, str], Holdings] = OrderedDict()
_lock = Lock()


def of(book: Book) -> Holdings:
    """The holdings of a book's view; kept until others are asked for."""
    key = (str(book.store.folder), book.view.etag)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = _count(book)
    with _lock:
        _kept[key] = made
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return made


def _count(book: Book) -> Holdings:
    """Counts the visible observations of each source of the view; embargoed ones are not among them."""
    parts: list[tuple[list[Numbers], Numbers]] = []
    labels: tuple[dict[str, int], dict[str, int], dict[str, int]] = ({}, {}, {})
    for source in book.view.sources:
        index = seriesindex.of(source.release)
        chosen = np.flatnonzero(index.visible(source)).astype(np.int64)
        rows, counts = index.rows(chosen), index.count[chosen]
        columns = []
        for into, id in zip(labels[:2], (book.roles.series, book.roles.area), strict=True):
            names = index.labels[id] if id and id in index.labels else [""]
            numbers = index.codes[id][chosen] if id and id in index.labels else np.zeros(len(chosen), dtype=np.int64)
            columns.append(np.repeat(_numbered(into, names)[numbers], counts))
        times = index.times if index.layout.time else ([""], np.zeros(int(index.count.sum()), dtype=np.uint8))
        columns.append(_numbered(labels[2], times[0])[times[1][rows]])
        parts.append((columns, rows))
    three = [np.concatenate([columns[n] for columns, _ in parts]) for n in range(3)]
    return _compact(three, labels)


def _numbered(into: dict[str, int], names: Sequence[str]) -> Numbers:
    """The number of each name among those met so far."""
    return np.array([into.setdefault(name, len(into)) for name in names] or [0], dtype=np.int64)


def _compact(three: Sequence[Numbers], labels: Sequence[Mapping[str, int]]) -> Holdings:
    """Labels in order, those without data left out, and each place once."""
    names: list[list[str]] = []
    columns: list[Numbers] = []
    for numbers, of_name in zip(three, labels, strict=True):
        used = set(np.unique(numbers).tolist())
        kept = sorted(name for name, number in of_name.items() if number in used)
        place = np.zeros(max(len(of_name), 1), dtype=np.int64)
        for new, name in enumerate(kept):
            place[of_name[name]] = new
        names.append(kept)
        columns.append(place[numbers])
    width, depth = max(len(names[1]), 1), max(len(names[2]), 1)
    places, count = np.unique((columns[0] * width + columns[1]) * depth + columns[2], return_counts=True)
    pairs, period = np.divmod(places, depth)
    series, area = np.divmod(pairs, width)
    return Holdings(names[0], names[1], names[2], series, area, period, count.astype(np.int64))
