"""Which series a state means: what the reader chose, what the page chooses for the rest, and what else there is.

The choices that are offered for a dimension are those that find data with the reader's choices of the others (SDMX
REST, availability, `mode=available`); what the page chose itself gives way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from regional_hub.sdg import seriesindex
from regional_hub.sdg.explorer.book import Book, NotHere
from regional_hub.sdg.explorer.state import ALL, State
from regional_hub.sdg.explorer.words import Label, is_total
from regional_hub.sdg.selection import Key, Selection

Mask = npt.NDArray[np.bool_]
TOTALS = ("_T", "_Z", "_X", "N", "")


@dataclass(frozen=True)
class Option:
    """A code that can be chosen; `chosen` says that it is in what is shown."""

    code: str
    label: Label
    chosen: bool


@dataclass(frozen=True)
class Part:
    """A dimension to choose from. `auto` says that the page chose, not the reader."""

    id: str
    label: Label
    options: tuple[Option, ...]
    auto: bool
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Relaxation:
    """What the reader may give up so that there are data again: the dimensions, and the state without them."""

    dimensions: tuple[str, ...]
    state: State


class SeriesRows:
    """All series of one series code that the reader may see: per dimension the code of each, and its observations."""

    def __init__(self, book: Book, series: str) -> None:
        self.dimensions = [part.id for part in book.structure.dimensions]
        key = book.key(**{book.roles.series: series}) if book.roles.series else book.key()
        columns: dict[str, list[npt.NDArray[np.object_]]] = {id: [] for id in self.dimensions}
        counts = []
        for source in book.view.sources:
            index = seriesindex.of(source.release)
            rows, _ = index.chosen(source, book.selection(key))
            counts.append(index.count[rows])
            for id in self.dimensions:
                columns[id].append(np.array([*index.labels[id], None], dtype=object)[index.codes[id][rows]])
        self.codes = {id: np.concatenate(found) for id, found in columns.items()}
        self.count = np.concatenate(counts)

    @property
    def size(self) -> int:
        return len(self.count)

    def among(self, id: str, codes: Iterable[str]) -> Mask:
        wanted = tuple(codes)
        if ALL in wanted:
            return np.ones(self.size, dtype=bool)
        return np.isin(self.codes[id], wanted)

    def fitting(self, chosen: Mapping[str, Sequence[str]], without: str = "") -> Mask:
        """The series that have one of the chosen codes in each dimension, but for one that does not count."""
        fits = np.ones(self.size, dtype=bool)
        for id, codes in chosen.items():
            if id != without:
                fits &= self.among(id, codes)
        return fits


@dataclass(frozen=True)
class Choice:
    """`codes` are what is shown, per dimension; where `found` is empty, `relaxations` say what to give up."""

    book: Book
    state: State
    rows: SeriesRows
    codes: Mapping[str, tuple[str, ...]]
    auto: frozenset[str]
    found: Mask

    @property
    def total_series(self) -> int:
        return int(self.found.sum())

    @property
    def whole(self) -> Selection:
        """Everything that is chosen: what downloads give."""
        wanted = {id: codes for id, codes in self.codes.items() if ALL not in codes}
        if self.book.roles.series:
            wanted[self.book.roles.series] = (self.state.series,)
        return self.within(self.book.selection(self.book.key(**wanted)))

    def within(self, selection: Selection) -> Selection:
        time = self.book.roles.time
        return selection.within(self.state.start, self.state.end, time) if time else selection

    def keys(self, most: int, most_series: int) -> tuple[Key, ...]:
        """The keys of the first series until there are too many observations or series; at least one."""
        places = self._in_order(np.flatnonzero(self.found))
        until = int(np.searchsorted(np.cumsum(self.rows.count[places]), most, side="right"))
        kept = places[: max(1, min(until, most_series))]
        return tuple(tuple((str(self.rows.codes[id][row]),) for id in self.rows.dimensions) for row in kept)

    def _in_order(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Series by area, in the order that the reader asked for or that of the codelist."""
        area = self.book.roles.area
        if area is None:
            return places
        place = area_places(self)
        last = len(place)
        ordered = sorted(places.tolist(), key=lambda row: place.get(str(self.rows.codes[area][row]), last))
        return np.array(ordered, dtype=np.int64)

    @cached_property
    def explicit(self) -> State:
        """The same with nothing left to the page to choose: what is cited and shared.

        A dimension in which there is only one code is not named: in a release it stays the only one.
        """
        told = {part.id for part in self.parts} | set(self.state.chosen)
        return self.state.but(chosen={id: codes for id, codes in self.codes.items() if id in told})

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The dimensions with something to choose, in the order of the structure."""
        parts = (self._part(id) for id in self.rows.dimensions if id != self.book.roles.series)
        return tuple(part for part in parts if len(part.options) > 1 or not part.auto)

    @property
    def area(self) -> Part | None:
        return self._part(self.book.roles.area) if self.book.roles.area else None

    @property
    def breakdowns(self) -> tuple[Part, ...]:
        return tuple(part for part in self.parts if part.id != self.book.roles.area)

    def _part(self, id: str) -> Part:
        asked = {each: codes for each, codes in self.state.chosen.items()}
        there = set(self.rows.codes[id][self.rows.fitting(asked, without=id)].tolist())
        chosen = self.codes.get(id, ())
        named = there | ({*chosen} - {ALL})
        options = (
            Option(code, self.book.name(id, code), code in chosen or ALL in chosen)
            for code in ordered(self.book, id, named)
        )
        return Part(id, self.book.component_name(id), tuple(options), id in self.auto, chosen)

    @cached_property
    def relaxations(self) -> tuple[Relaxation, ...]:
        """Single choices without which there are data; all of them together where no single one helps."""
        chosen = self.state.chosen
        single = [id for id in chosen if self.rows.fitting(chosen, without=id).any()]
        found = [Relaxation((id,), self.state.choosing(id, ())) for id in single]
        if not found and chosen:
            found = [Relaxation(tuple(chosen), self.state.but(chosen={}))]
        return tuple(found)


def choose(book: Book, state: State) -> Choice:
    """What a state means. Raises NotHere for a series without data in this release, with near ones that have some."""
    rows = SeriesRows(book, state.series)
    if not rows.size:
        raise NotHere(book.roles.series or "series", state.series, _near(book, state.series))
    found = rows.fitting(state.chosen)
    codes: dict[str, tuple[str, ...]] = {}
    auto = set()
    for id in _order(book):
        if id in state.chosen:
            codes[id] = state.chosen[id]
        elif found.any():
            codes[id] = _default(book, id, rows, found)
            found = found & rows.among(id, codes[id])
            auto.add(id)
    in_order = {id: codes[id] for id in rows.dimensions if id in codes}
    return Choice(book, state, rows, in_order, frozenset(auto), found)


def _order(book: Book) -> list[str]:
    """Breakdowns first, so that totals are found before an area narrows them; the area last."""
    roles = book.roles
    dimensions = [part.id for part in book.structure.dimensions if part.id not in (roles.series, roles.area)]
    return [*dimensions, *([roles.area] if roles.area else [])]


def _default(book: Book, id: str, rows: SeriesRows, found: Mask) -> tuple[str, ...]:
    """The total where there is one; of areas the first of the codelist; else the code with the most observations."""
    there, place = np.unique(rows.codes[id][found].astype(str), return_inverse=True)
    if id == book.roles.area:
        return (ordered(book, id, there.tolist())[0],)
    for total in TOTALS:
        if total in there:
            return (total,)
    weight = np.bincount(place, weights=rows.count[found])
    best = there[weight == weight.max()].tolist()
    return (ordered(book, id, best)[0],)


def ordered(book: Book, id: str, codes: Iterable[str]) -> list[str]:
    """Codes in the order of their codelist, totals before all others, those that it lacks at the end."""
    place = _places(book, id)
    return sorted(
        codes, key=lambda code: (not (is_total(code) and id != book.roles.area), place.get(code, 10**9), code)
    )


def area_places(choice: Choice) -> dict[str, int]:
    """The place of each area: as the reader named them, else as in the codelist."""
    area = choice.book.roles.area or ""
    asked = choice.state.chosen.get(area, ())
    if asked and ALL not in asked:
        return {code: place for place, code in enumerate(asked)}
    return _places(choice.book, area) if area else {}


def _places(book: Book, id: str) -> dict[str, int]:
    return {code: place for place, code in enumerate(book.codes(id))}


def _near(book: Book, series: str) -> list[str]:
    """Series with data whose codes are like this one."""
    import difflib

    there: set[str] = set()
    for source in book.view.sources:
        index = seriesindex.of(source.release)
        if book.roles.series:
            there |= index.used(book.roles.series, np.flatnonzero(index.visible(source)))
    return difflib.get_close_matches(series, sorted(there), 3, 0.6)
