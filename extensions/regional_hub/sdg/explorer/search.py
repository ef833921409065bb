"""Search in a book: titles, codes and areas in all their languages, and the reference metadata; typos are forgiven.

One index per release, built on the first search. How words are looked up is for
`core.textsearch`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from regional_hub.core import textsearch
from regional_hub.core.textsearch import LONGEST, tokens
from regional_hub.sdg.explorer import holdings, outline, words
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.metadata import Library, Reported
from regional_hub.sdg.structure import Code

__all__ = ["KINDS", "LONGEST", "Found", "Hit", "Index", "find", "index", "tokens"]

Kind = str  # "indicator", "series" or "area"
KINDS: tuple[Kind, ...] = ("indicator", "series", "area")
LANGUAGES = ("en", "zh-hans")
# Weights: of a title against a text of the metadata, and of a match that is a code.
TITLE, TEXT, CODE = 1.0, 0.25, 3.0
BELOW_BEST = 0.34  # results with less than this share of the best are noise
KEPT = 8


@dataclass(frozen=True)
class Hit:
    kind: Kind
    code: str
    score: float


@dataclass(frozen=True)
class Found:
    """The best hits of each kind, in order; `meant` is the question with its typos mended, empty where it has none."""

    question: str
    hits: Mapping[Kind, Sequence[Hit]]
    meant: str = ""

    @property
    def count(self) -> int:
        return sum(len(hits) for hits in self.hits.values())


class Index(textsearch.Index[tuple[Kind, str]]):
    """The documents are kind and code."""

    def add(self, kind: Kind, code: str, codes: Iterable[str], titles: Iterable[str], texts: Iterable[str]) -> None:
        said: dict[str, float] = {}
        for weight, parts in ((CODE, codes), (TITLE, titles), (TEXT, texts)):
            for word in {word for part in parts for word in tokens(part, whole=weight == CODE)}:
                said[word] = max(said.get(word, 0.0), weight)
        self.put((kind, code), said, sum(weight >= TITLE for weight in said.values()))

    def find(self, question: str, limit: int = 20) -> Found:
        """The documents that a question means, best first."""
        ranked, meant = self.ranked(question)
        return Found(question.strip(), self._grouped(ranked, limit), meant)

    def _grouped(self, ranked: Mapping[int, float], limit: int) -> dict[Kind, list[Hit]]:
        groups: dict[Kind, list[Hit]] = {kind: [] for kind in KINDS}
        best = max(ranked.values(), default=0.0)
        for number in sorted(ranked, key=lambda n: (-ranked[n], self.documents[n])):
            kind, code = self.documents[number]
            if ranked[number] >= best * BELOW_BEST and len(groups[kind]) < limit:
                groups[kind].append(Hit(kind, code, ranked[number]))
        return groups


_kept: OrderedDict[tuple[str, ...], Index] = OrderedDict()
_lock = Lock()


def index(book: Book, library: Library | None = None) -> Index:
    """The index of a book; kept for as long as neither its data nor the metadata change. It holds all languages."""
    names = library.names() if library else []
    key = (str(book.store.folder), book.view.etag, book.structure.short, *names)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = _make(book, library)
    with _lock:
        _kept[key] = made
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return made


def find(book: Book, question: str, library: Library | None = None, limit: int = 20) -> Found:
    return index(book, library).find(question, limit)


def _make(book: Book, library: Library | None) -> Index:
    made = Index()
    texts = _metadata(book, library)
    contents = outline.of(book)
    for entry in contents.indicators():
        titles = [entry.title.text, *(words.of_indicator(entry.id, {}, language).text for language in LANGUAGES)]
        goal = next(goal for goal in contents.goals if goal.id == entry.goal)
        made.add("indicator", entry.id, _numbers(entry.id), [*titles, *_given(book, entry)], [goal.title.text])
    for code, one in contents.series().items():
        names = _names(book, book.roles.series, code)
        numbers = [number for id in one.indicators for number in _numbers(id)]
        made.add("series", code, [code], [*names, *numbers, code], texts.get(code, ()))
    for code in holdings.of(book).areas if book.roles.area else ():
        made.add("area", code, [code], [*_names(book, book.roles.area, code), code], ())
    made.close()
    return made


def _numbers(id: str) -> list[str]:
    """ "3.1.1" is found by its target "3.1" too."""
    parts = id.split(".")
    return [".".join(parts[:size]) for size in range(2, len(parts) + 1)]


def _given(book: Book, entry: outline.IndicatorEntry) -> list[str]:
    """The indicator's title as the data structure says it, in its language."""
    codes = _codes(book, book.roles.series)
    said = [codes[one.code].annotations.get("IndicatorTitle", "") for one in entry.series if one.code in codes]
    return [outline.clean(text) for text in said]


def _names(book: Book, component: str | None, code: str) -> list[str]:
    """A code's names: all that the structure has, and ours."""
    own = _codes(book, component).get(code)
    names = list(own.name.values()) if own else []
    if component:
        part = book.structure.component(component)
        names += [words.of_code(part, code, language).text for language in LANGUAGES]
    return list(dict.fromkeys(map(outline.clean, names)))


def _codes(book: Book, component: str | None) -> Mapping[str, Code]:
    codelist = book.structure.component(component).codelist if component else None
    return codelist.codes if codelist else {}


def _metadata(book: Book, library: Library | None) -> dict[str, list[str]]:
    """Texts of the reference metadata by series."""
    found: dict[str, list[str]] = {}
    if library is None or not book.roles.series:
        return found
    codelist = book.structure.component(book.roles.series).codelist_ref.partition("(")[0]
    for kept in library.latest():
        for code in kept.codes.get(codelist, ()):
            found.setdefault(code, []).extend(_texts(kept.attributes))
    return found


def _texts(attributes: Iterable[Reported]) -> Iterable[str]:
    for reported in attributes:
        yield from reported.texts.values()
        yield from _texts(reported.below)
