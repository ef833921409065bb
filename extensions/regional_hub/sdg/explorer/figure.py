"""What a chart and its table show: the lines of a choice with their names, thinned where there are too many points.

A line is a series of the data; its name says only what differs from the other lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from regional_hub.sdg.explorer import thin
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.choices import Choice, area_places, choose
from regional_hub.sdg.explorer.points import Point, SeriesKey, points
from regional_hub.sdg.explorer.saying import say
from regional_hub.sdg.explorer.state import ALL, State
from regional_hub.sdg.explorer.words import Label, is_total
from regional_hub.sdg.structure import series_facts

BEHIND = re.compile(r"\s*\[[\w.]+\]$")
MOST_POINTS = 5_000
MOST_LINES = 40
# Charts of the newest value of each series have room for more of them.
NEWEST = ("bar", "map")


@dataclass(frozen=True)
class Line:
    """One series: `name` in the reader's language, `area` its area's, and its points in the order of time."""

    key: SeriesKey
    codes: Mapping[str, str]
    name: str
    area: str
    points: tuple[Point, ...]

    @property
    def id(self) -> str:
        """What tells it from the others in a chart's data."""
        return ".".join(self.key)

    @cached_property
    def valued(self) -> tuple[Point, ...]:
        return tuple(point for point in self.points if point.value is not None)


@dataclass(frozen=True)
class Figure:
    """Everything that the page of a series shows. `shown` of `total` points are in it; the downloads have all.

    `others` are the lines of the second series of a scatter chart.
    """

    choice: Choice
    lines: tuple[Line, ...]
    total: int
    others: tuple[Line, ...] = ()
    other_choice: Choice | None = None
    site: str = ""
    link: str = ""
    kind: str = "line"
    extra: Mapping[str, object] = field(default_factory=dict)

    @property
    def book(self) -> Book:
        return self.choice.book

    @property
    def state(self) -> State:
        return self.choice.state

    @property
    def language(self) -> str:
        return self.book.language

    @property
    def shown(self) -> int:
        return sum(len(line.points) for line in (*self.lines, *self.others))

    @property
    def thinned(self) -> bool:
        return self.shown < self.total

    @cached_property
    def number(self) -> Mapping[SeriesKey, int]:
        """The number of each line, those of the second series after those of the first."""
        return {line.key: place for place, line in enumerate((*self.lines, *self.others))}

    @cached_property
    def title(self) -> Label:
        return series_title(self.book, self.state.series)

    @cached_property
    def unit(self) -> str:
        """The unit with its multiplier, spelled out; several are joined."""
        return units(self.book, self.lines)

    @cached_property
    def constant(self) -> str:
        """What all lines have in common and is worth saying: "Kyrgyzstan · Female"."""
        return " · ".join(common(self.book, self.choice.codes, self.lines))

    @cached_property
    def sources(self) -> tuple[str, ...]:
        found = (point.source for line in self.lines for point in line.points if point.source)
        return tuple(dict.fromkeys(found))

    @cached_property
    def footnotes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for line in self.lines for point in line.points for note in point.footnotes))


def series_title(book: Book, series: str) -> Label:
    """What a series is called, without the number of its indicator that some codelists put behind it."""
    if not book.roles.series:
        return Label(book.flow, "und")
    label = book.name(book.roles.series, series)
    return Label(BEHIND.sub("", label.text) or label.text, label.language)


def indicator(book: Book, series: str) -> str:
    """The number of the indicator that a series belongs to, "" where the structure does not say."""
    return series_facts(book.structure, series, book.roles.series).indicator if book.roles.series else ""


def draw(book: Book, state: State, kind: str, *, site: str = "", link: str = "") -> Figure:
    """The figure of a state drawn as one kind of chart. Raises what `choices.choose` does."""
    if kind == "scatter" and state.against and book.roles.area and book.roles.area not in state.chosen:
        state = state.choosing(book.roles.area, (ALL,))
    choice = choose(book, state)
    lines, total = _lines(choice, kind)
    others: tuple[Line, ...] = ()
    second = None
    if kind == "scatter" and state.against:
        kept = {id: codes for id, codes in state.chosen.items() if id == book.roles.area}
        second = choose(book, state.but(series=state.against, chosen=kept))
        others, more = _lines(second, kind)
        total += more
    return Figure(choice, lines, total, others, second, site, link, kind)


def _lines(choice: Choice, kind: str) -> tuple[tuple[Line, ...], int]:
    """The lines, and how many points there would be without limits."""
    if not choice.found.any():
        return (), 0
    book, whole = choice.book, choice.whole
    total = book.run(whole).count()
    room = MOST_POINTS if kind == "scatter" and choice.state.against else MOST_LINES
    if kind in NEWEST:
        newest = replace(whole, last_n=1, limit=MOST_POINTS)
        return named(choice, points(book, newest)), choice.total_series
    if total > MOST_POINTS or choice.total_series > room:
        whole = choice.within(book.selection(*choice.keys(MOST_POINTS, room)))
    lines = named(choice, points(book, whole))
    each = max(2, MOST_POINTS // max(1, len(lines)))
    if sum(len(line.points) for line in lines) > MOST_POINTS:
        lines = tuple(_thinned(line, each) for line in lines)
    return lines, total


def _thinned(line: Line, most: int) -> Line:
    kept = thin.lttb([(point.position, point.value) for point in line.points], most)
    return Line(line.key, line.codes, line.name, line.area, tuple(line.points[place] for place in kept))


def named(choice: Choice, found: Sequence[Point]) -> tuple[Line, ...]:
    """Points as lines, each called by what differs among them, areas in the order asked for."""
    book = choice.book
    groups: dict[SeriesKey, list[Point]] = {}
    for point in found:
        groups.setdefault(point.series, []).append(point)
    firsts = [group[0] for group in groups.values()]
    differing = [id for id in (firsts[0].codes if firsts else ()) if len({first.codes[id] for first in firsts}) > 1]
    several_units = len({(first.unit, first.multiplier) for first in firsts}) > 1
    area = book.roles.area
    if not differing and area:
        differing = [area]
    lines = []
    used: set[str] = set()
    place = area_places(choice)
    for key, group in sorted(groups.items(), key=lambda each: place.get(each[1][0].codes.get(area or "", ""), 10**9)):
        codes = group[0].codes
        words = [book.name(id, codes[id]).text for id in sorted(differing, key=lambda id: id != area)]
        if several_units:
            words.append(unit(book, group[0]))
        name = ", ".join(words) or book.flow
        name = name if name not in used else f"{name} ({' '.join(codes[id] for id in differing)})"
        used.add(name)
        where = book.name(area, codes[area]).text if area else ""
        in_time = sorted(group, key=lambda point: (point.position, point.time))
        lines.append(Line(key, codes, name, where, tuple(in_time)))
    return tuple(lines)


def unit(book: Book, point: Point) -> str:
    """The unit of a point with its multiplier: "Millions of US dollars", "美元（百万）"."""
    roles = book.roles
    name = book.name(roles.unit, point.unit).text if roles.unit and point.unit else ""
    if not roles.multiplier or point.multiplier in ("", "0"):
        return name
    times = book.name(roles.multiplier, point.multiplier).text
    if not name:
        return times
    return say(book.language, f"{times} of {name}", f"{name}（{times}）")


def units(book: Book, lines: Iterable[Line]) -> str:
    seen = {(p.unit, p.multiplier): p for line in lines for p in line.points}
    return "; ".join(dict.fromkeys(text for point in seen.values() if (text := unit(book, point))))


def common(book: Book, codes: Mapping[str, tuple[str, ...]], lines: Sequence[Line]) -> list[str]:
    """The labels of what all lines share, but for totals and what says how data are reported."""
    roles = book.roles
    said = []
    shared = [id for id in (roles.area, *roles.breakdowns) if id]
    for id in shared:
        there = {line.codes[id] for line in lines}
        if len(there) == 1 and (code := next(iter(there))) and (id == roles.area or not is_total(code)):
            said.append(book.name(id, code).text)
    return said
