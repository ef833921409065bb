"""The outline of a book: goals, targets, indicators and series that have data, and how much of it.

The place of a series is what the annotations of its code say (`structure.series_facts`); one may stand below several
indicators. A series without such an annotation stands under `others`, so that nothing that has data is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from regional_hub.sdg.explorer import holdings, words
from regional_hub.sdg.explorer.book import Book, NotHere
from regional_hub.sdg.explorer.holdings import Extent
from regional_hub.sdg.explorer.words import Goal, Label
from regional_hub.sdg.structure import Code

CODE = re.compile(r"\b\w{1,2}\.\w{1,2}\.\w{1,2}(?:\.\w{1,2})*\b")
REPEATED = re.compile(r"^\s*(?:\w{1,2}\.){2,3}\w{1,2}\s+|\s*\[[\w., ]+\]\s*$")
MISREAD = re.compile("[\u00c2\u00c3\u00e2][\u0080-\u00bf\u2018-\u203a\u20ac\u0152-\u0192\u02c6\u02dc\u2122]")


@dataclass(frozen=True)
class SeriesEntry:
    code: str
    title: Label
    indicators: tuple[str, ...]
    extent: Extent


@dataclass(frozen=True)
class IndicatorEntry:
    """An indicator; a national one ("1.1.1.a") stands below the target of the global one."""

    id: str
    title: Label
    series: tuple[SeriesEntry, ...]
    extent: Extent

    @property
    def target(self) -> str:
        return ".".join(self.id.split(".")[:2])

    @property
    def goal(self) -> str:
        return self.id.split(".")[0]

    @property
    def is_national(self) -> bool:
        return self.id.count(".") > 2


@dataclass(frozen=True)
class TargetEntry:
    id: str
    indicators: tuple[IndicatorEntry, ...]


@dataclass(frozen=True)
class GoalEntry:
    """A goal and what is below it; without data `targets` is empty."""

    goal: Goal
    targets: tuple[TargetEntry, ...]
    extent: Extent

    @property
    def id(self) -> str:
        return self.goal.id

    @property
    def title(self) -> Label:
        return self.goal.title

    @property
    def indicators(self) -> list[IndicatorEntry]:
        return [indicator for target in self.targets for indicator in target.indicators]

    @cached_property
    def series(self) -> list[str]:
        return sorted({entry.code for indicator in self.indicators for entry in indicator.series})


@dataclass(frozen=True)
class Outline:
    goals: tuple[GoalEntry, ...]
    others: tuple[SeriesEntry, ...]

    def goal(self, id: str) -> GoalEntry:
        """Raises NotHere for a goal that is none."""
        found = next((entry for entry in self.goals if entry.id == id), None)
        if found is None:
            raise NotHere("goal", id, [entry.id for entry in self.goals if entry.id.startswith(id[:1])][:3])
        return found

    def indicators(self) -> Iterator[IndicatorEntry]:
        for goal in self.goals:
            yield from goal.indicators

    def indicator(self, id: str) -> IndicatorEntry:
        """Raises NotHere, with the others of its target, for an indicator without data."""
        found = {entry.id: entry for entry in self.indicators()}
        if id not in found:
            target, goal = ".".join(id.split(".")[:2]) + ".", id.split(".")[0] + "."
            near = [other for other in found if other.startswith(target)]
            raise NotHere("indicator", id, (near or [other for other in found if other.startswith(goal)])[:5])
        return found[id]

    def series(self) -> dict[str, SeriesEntry]:
        """Every series with data, by code."""
        below = (entry for indicator in self.indicators() for entry in indicator.series)
        return {entry.code: entry for entry in (*below, *self.others)}

    def related(self, codes: Iterable[str]) -> list[IndicatorEntry]:
        """The other indicators of the same targets."""
        own = set(codes)
        targets = {".".join(code.split(".")[:2]) for code in own}
        return [entry for entry in self.indicators() if entry.target in targets and entry.id not in own]


def indicators_of(code: Code | None) -> tuple[str, ...]:
    """The indicators that a code's annotations name ("1.1.1", "3.2.2, 3.2.1", "1.3.1.a")."""
    return tuple(dict.fromkeys(CODE.findall(code.annotations.get("Indicator", "")))) if code else ()


def order(id: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts "2.10.1" after "2.9.1" and "2.a.1" after both."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in id.split("."))


def title_of_series(book: Book, code: str) -> Label:
    """The title without the number of its indicator, which pages show beside it."""
    label = book.name(book.roles.series, code) if book.roles.series else Label(code, "und")
    return Label(clean(label.text) or label.text, label.language)


def clean(text: str) -> str:
    """A title without the indicator's number before or after it; UTF-8 that was once read as Windows-1252 is mended."""
    text = REPEATED.sub("", text).strip()
    if MISREAD.search(text):
        try:
            return text.encode("cp1252").decode("utf-8")
        except UnicodeError:
            return text
    return text


_outlines: dict[tuple[str, str], Outline] = {}
KEPT = 16


def of(book: Book) -> Outline:
    """The outline of a book in its language; kept, as it changes only with the data."""
    key = (str(book.store.folder), f"{book.view.etag}-{book.language}-{book.structure.short}")
    if key not in _outlines:
        while len(_outlines) >= KEPT:
            _outlines.pop(next(iter(_outlines)), None)
        _outlines[key] = _make(book)
    return _outlines[key]


def _make(book: Book) -> Outline:
    held = holdings.of(book)
    codelist = book.structure.component(book.roles.series).codelist if book.roles.series else None
    codes: Mapping[str, Code] = codelist.codes if codelist else {}
    below: dict[str, list[SeriesEntry]] = {}
    titles: dict[str, list[str]] = {}
    others = []
    for code, extent in held.by_series.items():
        if not book.roles.series:
            break
        entry = SeriesEntry(code, title_of_series(book, code), indicators_of(codes.get(code)), extent)
        for id in entry.indicators:
            below.setdefault(id, []).append(entry)
            titles.setdefault(id, []).append(codes[code].annotations.get("IndicatorTitle", ""))
        if not entry.indicators:
            others.append(entry)
    made = [_indicator(book, held, id, below[id], titles[id]) for id in sorted(below, key=order)]
    known = {goal.id for goal in words.goals(book.language)}
    others += [entry for one in made if one.goal not in known for entry in one.series]
    return Outline(tuple(_goal(held, goal, made) for goal in words.goals(book.language)), tuple(others))


def _indicator(
    book: Book, held: holdings.Holdings, id: str, entries: Sequence[SeriesEntry], titles: Sequence[str]
) -> IndicatorEntry:
    given = next((text for text in map(clean, titles) if text), "")
    title = words.of_indicator(id, {"en": given} if given else {}, book.language)
    extent = held.extent(held.of_series(entry.code for entry in entries))
    return IndicatorEntry(id, title, tuple(sorted(entries, key=lambda entry: entry.code)), extent)


def _goal(held: holdings.Holdings, goal: Goal, made: Iterable[IndicatorEntry]) -> GoalEntry:
    own: dict[str, list[IndicatorEntry]] = {}
    for entry in made:
        if entry.goal == goal.id:
            own.setdefault(entry.target, []).append(entry)
    codes = {one.code for entries in own.values() for entry in entries for one in entry.series}
    targets = tuple(TargetEntry(id, tuple(entries)) for id, entries in own.items())
    return GoalEntry(goal, targets, held.extent(held.of_series(codes)))
