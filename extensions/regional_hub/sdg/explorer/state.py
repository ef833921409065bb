"""What the address of a series' page says: which figures, of which release, drawn how. The address holds all of it.

`parse` and `State.to_query` are inverse to one another. A parameter or code that is not known is an error that names
it, never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode

from regional_hub.sdg import periods, seriesindex
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.saying import say

SCALES = ("linear", "log")
WORDS = ("flow", "release", "chart", "scale", "against", "start", "end", "page")
ALL = "*"
# What a form says beside the state itself: an area to be added, and which codes were chosen for the reader.
FORM_WORDS = ("add", "auto")
MOST_PAGES = 1_000_000
SEPARATORS = re.compile(r"[\s+,]+")

Lists = Mapping[str, Sequence[str]]


class BadParameter(ValueError):
    """A parameter of an address that means nothing; `name` is which."""

    def __init__(self, name: str, en: str, zh: str) -> None:
        self.name, self.zh = name, zh
        super().__init__(en)

    def text(self, language: str) -> str:
        return say(language, str(self), self.zh)


@dataclass(frozen=True)
class State:
    """The page of a series. `chosen` are codes by dimension id as the reader chose them, in the order of the structure;
    of a dimension that is not named the page chooses. Empty texts mean: as the page thinks best, or no limit.
    """

    series: str
    flow: str = ""
    release: str = ""
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    chart: str = ""
    scale: str = ""
    against: str = ""
    start: str = ""
    end: str = ""
    page: int = 1

    def to_query(self, book: Book) -> str:
        """The shortest query that means this state, in one order: `area=KG+KG02&sex=F&start=2015`."""
        said = {name: " ".join(self.chosen[id]) for id, name in names(book).items() if self.chosen.get(id)}
        said |= {word: str(getattr(self, word)) for word in WORDS if getattr(self, word) not in ("", 1)}
        return urlencode(said, safe=f"{ALL}:")

    def address(self, book: Book, name: str = "") -> str:
        """The path and query of the page, or of a file below it ("data.csv")."""
        query = self.to_query(book)
        return f"/sdg/series/{quote(self.series)}/{name}{'?' if query else ''}{query}"

    def but(self, **changed: object) -> State:
        """The same with other values; it begins again on the first page of the table."""
        return replace(self, **{"page": 1, **changed})  # type: ignore[arg-type]

    def choosing(self, dimension: str, codes: Iterable[str]) -> State:
        """The same with these codes of a dimension; without any the page chooses."""
        kept = {id: chosen for id, chosen in self.chosen.items() if id != dimension}
        return self.but(chosen=kept | ({dimension: tuple(codes)} if codes else {}))


def names(book: Book) -> dict[str, str]:
    """The parameter of each dimension, in the order of the structure: its id in small letters, or `area`."""
    found: dict[str, str] = {}
    for part in book.structure.dimensions:
        if part.id == book.roles.series:
            continue
        name = "area" if part.id == book.roles.area else part.id.lower()
        taken = name in WORDS or name in FORM_WORDS or name in found.values()
        found[part.id] = f"dim-{name}" if taken else name
    return found


def parse(book: Book, series: str, lists: Lists, kinds: Iterable[str]) -> State:
    """The state of an address; `lists` are all values by parameter, `kinds` the charts that there are.

    Raises BadParameter, and book.NotHere for a series or code that the structure does not have.
    """
    if book.roles.series:
        _known(book, book.roles.series, series)
    by_name = {name: id for id, name in names(book).items()}
    for name in lists:
        if name not in by_name and name not in WORDS and name not in FORM_WORDS:
            there = ", ".join([*by_name, *WORDS])
            raise BadParameter(
                name, f"there is no parameter “{name}”; there are {there}", f"没有参数“{name}”；有 {there}"
            )
    one = {word: _one(word, lists.get(word, ())) for word in WORDS}
    state = State(
        series,
        flow=one["flow"],
        release=one["release"],
        chosen=_chosen(book, by_name, lists),
        chart=_among("chart", one["chart"], tuple(kinds)),
        scale=_among("scale", one["scale"], SCALES),
        against=one["against"],
        start=_period("start", one["start"]),
        end=_period("end", one["end"]),
        page=_page(one["page"]),
    )
    if state.against and book.roles.series:
        _known(book, book.roles.series, state.against)
    if state.start and state.end and periods.span(state.start)[0] > periods.span(state.end)[0]:
        both = f"start={state.start}, end={state.end}"
        raise BadParameter("start", f"the start is after the end: {both}", f"开始晚于结束：{both}")
    # What is the default is not said.
    scale = "" if state.scale == "linear" else state.scale
    return replace(state, scale=scale, chart="" if state.chart == "line" else state.chart)


def _chosen(book: Book, by_name: Mapping[str, str], lists: Lists) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, id in by_name.items():
        codes = _split(lists.get(name, ()))
        if name == "area":
            codes = [*codes, *(_area(book, id, text) for text in lists.get("add", ()) if text.strip())]
        codes = list(dict.fromkeys(codes))
        if ALL in codes:
            found[id] = (ALL,)
        elif codes:
            found[id] = tuple(_known(book, id, code) for code in codes)
    for marked in lists.get("auto", ()):
        name, _, codes_text = marked.partition(":")
        id = by_name.get(name, "")
        if not id:
            raise BadParameter("auto", f"auto names no dimension: {marked}", f"auto 未指明维度：{marked}")
        if found.get(id) == tuple(_split([codes_text])):
            del found[id]
    return found


def _known(book: Book, id: str, code: str) -> str:
    """A code of the codelist, or one that only the data have (those are shown all the same)."""
    if any(code in seriesindex.of(source.release).labels.get(id, ()) for source in book.view.sources):
        return code
    return book.known(id, code)


def _area(book: Book, id: str, text: str) -> str:
    """The area that a reader typed: its code, or its name in the reader's language. Raises NotHere."""
    wanted = text.strip()
    codes = book.codes(id)
    if wanted in codes:
        return wanted
    if (end := re.search(r"\(([^()]+)\)$", wanted)) and end[1] in codes:
        return end[1]
    folded = wanted.casefold()
    labels = {code: book.name(id, code).text.casefold() for code in codes}
    alike = [code for code, label in labels.items() if label == folded]
    alike = alike or [code for code, label in labels.items() if label.startswith(folded)]
    return alike[0] if alike else book.known(id, wanted)


def _split(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(code for value in values for code in SEPARATORS.split(value) if code))


def _one(word: str, values: Sequence[str]) -> str:
    said = list(dict.fromkeys(value.strip() for value in values if value.strip()))
    if len(said) > 1:
        both = ", ".join(said)
        raise BadParameter(word, f"{word} is said more than once: {both}", f"{word} 出现多次：{both}")
    return said[0] if said else ""


def _among(word: str, value: str, allowed: Sequence[str]) -> str:
    if value and value not in allowed:
        there = ", ".join(allowed)
        raise BadParameter(word, f"{word} is “{value}”; it can be {there}", f"{word} 是“{value}”；可以是 {there}")
    return value


def _period(word: str, value: str) -> str:
    try:
        if value:
            periods.span(value)
    except periods.PeriodError as error:
        raise BadParameter(
            word, f"{word}: {error}", f"{word}：“{value}”不是时间段（例如 2019、2019-Q2、2019-05）"
        ) from None
    return value


def _page(value: str) -> int:
    if not value:
        return 1
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MOST_PAGES):
        raise BadParameter("page", f"page is “{value}”; it is a number from 1", f"page 是“{value}”；应为从 1 起的数字")
    return int(value[:9])
