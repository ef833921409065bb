"""What somebody follows: everything, or a goal, a series, an area, or some of them together, in one flow or in all."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from regional_hub.sdg import seriesindex
from regional_hub.sdg.explorer import outline
from regional_hub.sdg.explorer.book import Book, NotHere, open_book
from regional_hub.sdg.explorer.news import Choice
from regional_hub.sdg.explorer.words import Label
from regional_hub.sdg.loading import Room

PARTS = ("flow", "goal", "series", "area")
LONGEST = 100


@dataclass(frozen=True)
class Topic:
    """Codes; an empty one means all. `facts` and `of` are inverse to one another."""

    flow: str = ""
    goal: str = ""
    series: str = ""
    area: str = ""

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Topic:
        return cls(**{part: said.get(part, "").strip()[:LONGEST] for part in PARTS})

    @property
    def facts(self) -> dict[str, str]:
        return {part: getattr(self, part) for part in PARTS if getattr(self, part)}

    @property
    def is_everything(self) -> bool:
        return not (self.goal or self.series or self.area)

    @property
    def query(self) -> str:
        """As the query of an address."""
        return urlencode(self.facts)

    def choice(self, book: Book) -> Choice | None:
        """The changes of a book's flow that belong to it; None where the flow has no such goal, series or area."""
        if self.flow and self.flow != book.flow:
            return None
        roles, codes = book.roles, None
        if self.series or self.goal:
            if roles.series is None:
                return None
            codes = tuple(
                code
                for code in (_all(book, roles.series) if self.goal else [self.series])
                if not self.series or code == self.series
                if not self.goal or self.goal in goals_of(book, code)
            )
            if not codes or (self.series and not _has(book, roles.series, self.series)):
                return None
        if self.area and (roles.area is None or not _has(book, roles.area, self.area)):
            return None
        return Choice(series=codes, area=self.area)

    def labels(self, book: Book) -> dict[str, Label]:
        """The names of its series and area in a book's language."""
        found = {}
        if self.series:
            found["series"] = outline.title_of_series(book, self.series)
        if self.area and book.roles.area:
            found["area"] = book.name(book.roles.area, self.area)
        return found


def books(room: Room, language: str, topic: Topic) -> list[Book]:
    """The newest book of each flow that a topic concerns.

    Raises NotHere for a flow that is not there, and for a code that no flow has, with near ones.
    """
    flows = room.store.flows()
    if topic.flow and topic.flow not in flows:
        raise NotHere("flow", topic.flow, difflib.get_close_matches(topic.flow, flows, 3, 0.4))
    opened = [open_book(room, language, flow) for flow in flows if topic.flow in ("", flow)]
    found = [book for book in opened if topic.choice(book) is not None]
    if opened and not found:
        _missing(opened, topic)
    return found


def _missing(opened: list[Book], topic: Topic) -> None:
    for book in opened:
        for part, component in (("series", book.roles.series), ("area", book.roles.area)):
            code = getattr(topic, part)
            if code and component and not any(_has(each, component, code) for each in opened):
                book.known(component, code)
    part = "goal" if topic.goal else "series" if topic.series else "area"
    raise NotHere(part, getattr(topic, part))


def goals_of(book: Book, series: str) -> tuple[str, ...]:
    """The goals of a series: the first parts of the indicators that its code names, "1.1.1" being of goal 1."""
    return tuple(dict.fromkeys(indicator.partition(".")[0] for indicator in indicators_of(book, series)))


def indicators_of(book: Book, series: str) -> tuple[str, ...]:
    """The indicators that a series' code names in its annotation."""
    component = book.structure.component(book.roles.series) if book.roles.series else None
    return outline.indicators_of(component.codelist.codes.get(series) if component and component.codelist else None)


def _all(book: Book, component: str) -> list[str]:
    return list(dict.fromkeys([*book.codes(component), *_in_data(book, component)]))


def _in_data(book: Book, component: str) -> list[str]:
    return [code for source in book.view.sources for code in seriesindex.of(source.release).labels.get(component, [])]


def _has(book: Book, component: str, code: str) -> bool:
    return code in book.codes(component) or code in _in_data(book, component)
