"""The series of a release in memory: per dimension a small number for each series, from `series.parquet`.

A release never changes, so neither does its index; 5 million observations in 400,000 series take about 20 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from regional_hub.sdg.release import COUNT, ROW, Layout, Release
from regional_hub.sdg.selection import Key, Selection, accepted_codes, accepted_times
from regional_hub.sdg.timeline import Embargo, Source

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.unsignedinteger]
Numbers = npt.NDArray[np.int64]
MOST_WORDS = 16  # of 64 periods each, kept as bits per series
CHUNK = 32_768


class SeriesIndex:
    """The series of one release: per dimension its codes and, per series, the number of its code."""

    def __init__(self, release: Release) -> None:
        self.release = release
        self.layout: Layout = release.layout
        dimensions = list(self.layout.dimensions)
        table = pq.read_table(release.series, columns=[*dimensions, ROW, COUNT], read_dictionary=dimensions)
        self.size = table.num_rows
        self.labels: dict[str, list[str]] = {}
        self.codes: dict[str, Codes] = {}
        for dimension in dimensions:
            self.labels[dimension], self.codes[dimension] = _encoded(table[dimension])
        self._orders: dict[str, tuple[Numbers, Numbers]] = {}
        self.row = table[ROW].to_numpy()
        self.count = table[COUNT].to_numpy()

    @cached_property
    def times(self) -> tuple[list[str], Codes]:
        """Every period, and the number of the period of each observation in order."""
        assert self.layout.time
        column = pq.read_table(
            self.release.observations, columns=[self.layout.time], read_dictionary=[self.layout.time]
        ).column(0)
        labels, numbers = _encoded(column)
        order = np.argsort(np.array(labels, dtype=object))
        place = np.empty(len(order), dtype=numbers.dtype)
        place[order] = np.arange(len(order), dtype=numbers.dtype)
        return [labels[number] for number in order], place[numbers]

    @cached_property
    def _numbers(self) -> dict[str, dict[str, int]]:
        return {
            dimension: {code: number for number, code in enumerate(self.labels[dimension])} for dimension in self.labels
        }

    def _order(self, dimension: str) -> tuple[Numbers, Numbers]:
        """The series ordered by their code of a dimension, and where each code begins among them."""
        if dimension not in self._orders:
            codes = self.codes[dimension]
            begins = np.zeros(len(self.labels[dimension]) + 1, dtype=np.int64)
            np.cumsum(np.bincount(codes, minlength=len(self.labels[dimension])), out=begins[1:])
            self._orders[dimension] = np.argsort(codes, kind="stable"), begins
        return self._orders[dimension]

    def among(self, dimension: str, codes: Iterable[str]) -> Mask:
        """The series with one of these codes."""
        return self._wanted(dimension, codes)[self.codes[dimension]]

    def _wanted(self, dimension: str, codes: Iterable[str]) -> Mask:
        """Which numbers of codes are meant."""
        known = self._numbers[dimension]
        wanted = np.zeros(max(len(known), 1), dtype=bool)
        wanted[[known[code] for code in codes if code in known]] = True
        return wanted

    def keys(self, keys: Sequence[Key]) -> Numbers:
        """The series that fit one of the keys, in order."""
        if not keys:
            return np.arange(self.size)
        found = [self._fitting(key) for key in keys]
        return found[0] if len(found) == 1 else np.unique(np.concatenate(found))

    def _fitting(self, key: Key) -> Numbers:
        """Begins with the dimension that leaves the fewest series, and looks at those only."""
        asked = [
            (dimension, codes)
            for dimension, codes in zip(self.layout.dimensions, key, strict=True)
            if codes is not None
        ]
        if not asked:
            return np.arange(self.size)
        parts = [self._known(dimension, codes) for dimension, codes in asked]
        place = min(range(len(parts)), key=lambda place: self._count(asked[place][0], parts[place]))
        order, begins = self._order(asked[place][0])
        slices = [order[begins[number] : begins[number + 1]] for number in parts[place]]
        found = slices[0] if len(slices) == 1 else np.sort(np.concatenate(slices)) if slices else order[:0]
        for other, (dimension, codes) in enumerate(asked):
            if other == place or not len(found):
                continue
            here = self.codes[dimension][found]
            one = len(parts[other]) == 1
            found = found[here == parts[other][0] if one else self._wanted(dimension, codes)[here]]
        return found

    def _known(self, dimension: str, codes: Iterable[str]) -> list[int]:
        known = self._numbers[dimension]
        return [known[code] for code in dict.fromkeys(codes) if code in known]

    def _count(self, dimension: str, numbers: Sequence[int]) -> int:
        begins = self._order(dimension)[1]
        return int(sum(begins[number + 1] - begins[number] for number in numbers))

    def embargoed(self, embargoes: Iterable[Embargo]) -> Mask:
        found = np.zeros(self.size, dtype=bool)
        for embargo in embargoes:
            meets = np.ones(self.size, dtype=bool)
            for dimension, codes in embargo.where.items():
                meets &= self.among(dimension, codes) if dimension in self.labels else False
            found |= meets
        return found

    def visible(self, source: Source) -> Mask:
        """The series that this source of a view shows."""
        shown = self.embargoed(source.only) if source.only else np.ones(self.size, dtype=bool)
        return shown & ~self.embargoed(source.without) if source.without else shown

    def used(self, dimension: str, series: Numbers) -> frozenset[str]:
        """The codes that these series have."""
        labels = self.labels[dimension]
        if len(series) == self.size:
            return frozenset(labels)
        seen = np.zeros(len(labels), dtype=bool)
        for start in range(0, len(series), CHUNK):
            seen[self.codes[dimension][series[start : start + CHUNK]]] = True
            if seen.all():
                return frozenset(labels)
        return frozenset(labels[number] for number in np.flatnonzero(seen))

    def rows(self, series: Numbers) -> Numbers:
        """The numbers of the observations of these series, in order."""
        count = self.count[series]
        before = np.cumsum(count) - count
        return np.repeat(self.row[series] - before, count) + np.arange(count.sum())

    @cached_property
    def _bits(self) -> npt.NDArray[np.uint64] | None:
        """Per series a bit for each period that it has, in rows of 64; None where there are too many periods."""
        labels, numbers = self.times
        words = -(-len(labels) // 64)
        if words > MOST_WORDS or not self.size:
            return None
        bits = np.uint64(1) << (numbers & 63).astype(np.uint64)
        found = np.empty((words, self.size), dtype=np.uint64)
        for word in range(words):
            here = bits if words == 1 else np.where(numbers >> 6 == word, bits, np.uint64(0))
            found[word] = np.bitwise_or.reduceat(here, self.row)
        return found

    def periods(self, series: Numbers, accepted: Mask | None) -> tuple[frozenset[str], Numbers]:
        """The periods of these series among the accepted ones, and how many observations in them each series has."""
        labels = self.times[0]
        if accepted is None and len(series) == self.size:
            return frozenset(labels), self.count
        wanted = np.ones(len(labels), dtype=bool) if accepted is None else accepted
        bits = self._bits
        if bits is None:
            return self._periods_by_row(series, wanted)
        there = (bits if len(series) == self.size else bits[:, series]) & _packed(wanted, len(bits))[:, None]
        seen = np.unpackbits(np.bitwise_or.reduce(there, axis=1).astype("<u8").view(np.uint8), bitorder="little")
        count = np.bitwise_count(there).sum(axis=0, dtype=np.int64)
        return frozenset(labels[number] for number in np.flatnonzero(seen)), count

    def _periods_by_row(self, series: Numbers, wanted: Mask) -> tuple[frozenset[str], Numbers]:
        """The same from the observations of the series, of which each counts once."""
        labels, numbers = self.times
        numbers = numbers[self.rows(series)]
        seen = (np.bincount(numbers, minlength=len(labels)) > 0) & wanted
        until = np.zeros(len(numbers) + 1, dtype=np.int64)
        np.cumsum(wanted[numbers], out=until[1:])
        ends = np.cumsum(self.count[series])
        return frozenset(labels[n] for n in np.flatnonzero(seen)), until[ends] - until[ends - self.count[series]]

    def chosen(self, source: Source, selection: Selection) -> tuple[Numbers, Mask | None]:
        """The numbers of the series that keys and filters on the key find, and which periods those filters accept.

        The periods are None where it accepts all; a series need not have any of them.
        """
        series = self.keys(selection.keys)
        if source.only or source.without:
            series = series[self.visible(source)[series]]
        accepted: Mask | None = None
        for chosen in selection.filters:
            if chosen.component == self.layout.time:
                times = set(accepted_times(chosen, self.times[0]))
                fits = np.array([label in times for label in self.times[0]])
                accepted = fits if accepted is None else accepted & fits
            else:
                codes = accepted_codes(chosen, self.labels[chosen.component])
                series = series[self._wanted(chosen.component, codes)[self.codes[chosen.component][series]]]
        return series, accepted


def _packed(wanted: Mask, words: int) -> npt.NDArray[np.uint64]:
    """Truths as bits, 64 in a word."""
    padded = np.zeros(words * 64, dtype=bool)
    padded[: len(wanted)] = wanted
    return np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64)


def compact(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A column read as dictionaries in one piece, its numbers as small as they can be."""
    if not column.num_chunks:
        return pa.array([], pa.string()).dictionary_encode()
    array = pa.concat_arrays(column.unify_dictionaries().chunks)
    size = len(array.dictionary)
    kind = pa.uint8() if size < 256 else pa.uint16() if size < 65_536 else pa.uint32()
    return pa.DictionaryArray.from_arrays(array.indices.cast(kind), array.dictionary)


def _encoded(column: pa.ChunkedArray) -> tuple[list[str], Codes]:
    array = compact(column)
    return array.dictionary.to_pylist(), array.indices.to_numpy(zero_copy_only=False)


def of(release: Release) -> SeriesIndex:
    return _index(release.folder)


@lru_cache(maxsize=16)
def _index(folder: Path) -> SeriesIndex:
    return SeriesIndex(Release.open(folder))
