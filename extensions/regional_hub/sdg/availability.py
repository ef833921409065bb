"""Which codes have data in a selection, counted from the series of a release: far fewer rows than its observations.

The series are kept in memory as small numbers, 1 to 4 bytes a code; a release never changes, so neither do they.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from regional_hub.sdg import periods, query
from regional_hub.sdg.release import COUNT, ROW, Layout, Release
from regional_hub.sdg.selection import Key, Selection, SelectionError, accepted_codes, accepted_times
from regional_hub.sdg.store import Store
from regional_hub.sdg.timeline import Embargo, Source, View

Mask = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.unsignedinteger]


@dataclass
class Availability:
    """Codes by component, sorted, periods among them; how many series and observations; first and last period."""

    values: dict[str, list[str]] = field(default_factory=dict)
    series: int = 0
    observations: int = 0
    first: str | None = None
    last: str | None = None


@dataclass(frozen=True)
class Found:
    """What the series that meet a selection have: codes by component, counts and periods."""

    values: Mapping[str, frozenset[str]]
    series: int
    observations: int


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
        self.row = table[ROW].to_numpy()
        self.count = table[COUNT].to_numpy()

    @cached_property
    def times(self) -> tuple[list[str], Codes]:
        """Every period, and the number of the period of each observation in order."""
        assert self.layout.time
        column = pq.read_table(
            self.release.observations, columns=[self.layout.time], read_dictionary=[self.layout.time]
        ).column(0)
        return _encoded(column)

    def among(self, dimension: str, codes: Iterable[str]) -> Mask:
        """The series with one of these codes."""
        wanted = set(codes)
        return np.array([label in wanted for label in self.labels[dimension]] or [False])[self.codes[dimension]]

    def keys(self, keys: Sequence[Key]) -> Mask:
        """The series that fit one of the keys."""
        if not keys:
            return np.ones(self.size, dtype=bool)
        found = np.zeros(self.size, dtype=bool)
        for key in keys:
            fits = np.ones(self.size, dtype=bool)
            for dimension, codes in zip(self.layout.dimensions, key, strict=True):
                if codes is not None:
                    fits &= self.among(dimension, codes)
            found |= fits
        return found

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

    def used(self, dimension: str, series: Mask) -> frozenset[str]:
        seen = np.bincount(self.codes[dimension][series], minlength=len(self.labels[dimension]))
        return frozenset(self.labels[dimension][number] for number in np.flatnonzero(seen))

    def periods(self, series: Mask, accepted: Mask | None) -> tuple[frozenset[str], npt.NDArray[np.int64]]:
        """The periods of these series among the accepted ones, and how many of them each series has."""
        labels, numbers = self.times
        if accepted is None and bool(series.all()):
            return frozenset(labels), self.count
        rows = np.repeat(series, self.count)
        if accepted is not None:
            rows &= accepted[numbers]
        seen = np.bincount(numbers[rows], minlength=len(labels))
        each = np.add.reduceat(rows, self.row, dtype=np.int64) if self.size else self.count
        return frozenset(labels[number] for number in np.flatnonzero(seen)), each


def _encoded(column: pa.ChunkedArray) -> tuple[list[str], Codes]:
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.chunked_array([chunk for chunk in array.chunks], array.type).unify_dictionaries().combine_chunks()
    if not pa.types.is_dictionary(array.type):
        array = pc.dictionary_encode(array)
    labels = array.dictionary.to_pylist()
    kind = np.uint8 if len(labels) < 256 else np.uint16 if len(labels) < 65_536 else np.uint32
    return labels, array.indices.to_numpy(zero_copy_only=False).astype(kind)


@lru_cache(maxsize=16)
def _index(folder: Path) -> SeriesIndex:
    return SeriesIndex(Release.open(folder))


def availability(
    store: Store, selection: Selection, components: Sequence[str] | None = None, *, others: bool = False
) -> Availability:
    """What data there are in a selection: per component (a dimension or the time; all when None) the codes that occur.

    With `others` (SDMX `mode=available`) a component's codes are those that would find data were it not restricted.
    Raises SelectionError, store.UnknownRelease, timeline.NothingYet.
    """
    view = store.view(selection.flow, selection.as_of)
    layout = view.release.layout
    selection.check(layout)
    wanted = tuple(components) if components is not None else layout.key
    if unknown := [component for component in wanted if component not in layout.key]:
        raise SelectionError(f"no dimension {', '.join(unknown)}; there are {', '.join(layout.key)}")
    plain = replace(selection, sort=(), offset=0, limit=None, measures=(), attributes=())
    found = _find(store, view, plain, wanted)
    if others:
        free = {name: _find(store, view, _without(plain, name, layout), (name,)).values[name] for name in wanted}
        found = replace(found, values=free)
    values = {name: sorted(found.values[name]) for name in wanted}
    times = _in_time(found.values.get(layout.time or "", frozenset()))
    return Availability(values, found.series, found.observations, *(times or (None, None)))


def _without(selection: Selection, component: str, layout: Layout) -> Selection:
    """The selection with no condition on one component."""
    keys = selection.keys
    if component in layout.dimensions:
        place = layout.dimensions.index(component)
        keys = tuple((*key[:place], None, *key[place + 1 :]) for key in keys)
    filters = tuple(chosen for chosen in selection.filters if chosen.component != component)
    return replace(selection, keys=keys, filters=filters)


def _in_time(times: Iterable[str]) -> tuple[str, str] | None:
    """The first and the last of some periods."""
    ordered = sorted(times, key=_start)
    return (ordered[0], ordered[-1]) if ordered else None


def _start(period: str) -> tuple[float, str]:
    try:
        return periods.span(period)[0].timestamp(), period
    except periods.PeriodError:
        return float("inf"), period


def _find(store: Store, view: View, selection: Selection, wanted: tuple[str, ...]) -> Found:
    layout = view.release.layout
    by_series = all(chosen.component in layout.key for chosen in selection.filters)
    alike = all(source.release.layout == layout for source in view.sources)
    if not by_series or not alike or selection.first_n is not None or selection.last_n is not None:
        observations, series, codes = query.run(store, selection).summary()
        named = zip(layout.key, map(frozenset, codes), strict=True)
        return Found({name: used for name, used in named if name in {*wanted, layout.time}}, series, observations)
    parts = [_find_in(_index(source.release.folder), source, selection, wanted) for source in view.sources]
    names = parts[0].values
    union = {name: frozenset().union(*(part.values[name] for part in parts)) for name in names}
    return Found(union, sum(part.series for part in parts), sum(part.observations for part in parts))


def _find_in(index: SeriesIndex, source: Source, selection: Selection, wanted: tuple[str, ...]) -> Found:
    series = index.keys(selection.keys) & index.visible(source)
    layout, accepted = index.layout, None
    for chosen in selection.filters:
        if chosen.component == layout.time:
            times = set(accepted_times(chosen, index.times[0]))
            fits = np.array([label in times for label in index.times[0]])
            accepted = fits if accepted is None else accepted & fits
        else:
            series &= index.among(chosen.component, accepted_codes(chosen, index.labels[chosen.component]))
    values: dict[str, frozenset[str]] = {}
    count = index.count
    if layout.time and (accepted is not None or layout.time in wanted):
        values[layout.time], count = index.periods(series, accepted)
        series &= count > 0
    values |= {name: index.used(name, series) for name in wanted if name in layout.dimensions}
    return Found(values, int(series.sum()), int(count[series].sum()))
