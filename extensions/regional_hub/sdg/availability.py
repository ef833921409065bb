"""Which codes have data in a selection, counted from the series of a release: far fewer rows than its observations.

Conditions on values are counted by DuckDB instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from regional_hub.sdg import periods, query, seriesindex
from regional_hub.sdg.release import Layout
from regional_hub.sdg.selection import Selection, SelectionError
from regional_hub.sdg.seriesindex import SeriesIndex
from regional_hub.sdg.store import Store
from regional_hub.sdg.timeline import Source, View


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
    parts = [_find_in(seriesindex.of(source.release), source, selection, wanted) for source in view.sources]
    names = parts[0].values
    union = {name: frozenset().union(*(part.values[name] for part in parts)) for name in names}
    return Found(union, sum(part.series for part in parts), sum(part.observations for part in parts))


def _find_in(index: SeriesIndex, source: Source, selection: Selection, wanted: tuple[str, ...]) -> Found:
    series, accepted = index.chosen(source, selection)
    layout = index.layout
    values: dict[str, frozenset[str]] = {}
    count = index.count[series]
    if layout.time and (accepted is not None or layout.time in wanted):
        values[layout.time], count = index.periods(series, accepted)
        series, count = series[count > 0], count[count > 0]
    values |= {name: index.used(name, series) for name in wanted if name in layout.dimensions}
    return Found(values, len(series), int(count.sum()))
