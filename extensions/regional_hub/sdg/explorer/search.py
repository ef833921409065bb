"""Search in a book: titles, codes and areas in all their languages, and the reference metadata; typos are forgiven.

One index per release, built on the first search. Words are looked up exactly, as beginnings, and as what they may have
been meant to be (rapidfuzz); Chinese, which has no spaces, by pairs of characters.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock

from rapidfuzz import fuzz, process

from regional_hub.sdg.explorer import holdings, outline, words
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.metadata import Library, Reported
from regional_hub.sdg.structure import Code

Kind = str  # "indicator", "series" or "area"
KINDS: tuple[Kind, ...] = ("indicator", "series", "area")
LANGUAGES = ("en", "zh-hans")
WORD = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9]+)*|[\u0400-\u04ff]+|[\u3400-\u9fff]+|[^\W_]+")
CHINESE = re.compile(r"[\u3400-\u9fff]")
# Weights: of a title against a text of the metadata, and of a match that is a code, a whole word, a beginning.
TITLE, TEXT, CODE, PREFIX, FUZZY = 1.0, 0.25, 3.0, 0.75, 0.7
ALIKE = 70.0  # rapidfuzz ratio from which a word may have been meant
INFLECTED = 85.0  # and from which one that is there may be another form of it
LONGEST = 200  # characters of a question that are looked at
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


@dataclass
class Index:
    """`postings`: word -> document -> weight; `documents` are kind and code."""

    documents: list[tuple[Kind, str]] = field(default_factory=list)
    postings: dict[str, dict[int, float]] = field(default_factory=dict)
    lengths: list[float] = field(default_factory=list)
    vocabulary: list[str] = field(default_factory=list)

    def add(self, kind: Kind, code: str, codes: Iterable[str], titles: Iterable[str], texts: Iterable[str]) -> None:
        number = len(self.documents)
        self.documents.append((kind, code))
        said: dict[str, float] = {}
        for weight, parts in ((CODE, codes), (TITLE, titles), (TEXT, texts)):
            for word in {word for part in parts for word in tokens(part, whole=weight == CODE)}:
                said[word] = max(said.get(word, 0.0), weight)
        for word, weight in said.items():
            self.postings.setdefault(word, {})[number] = weight
        titled = sum(weight >= TITLE for weight in said.values())
        self.lengths.append(1.0 + math.log1p(titled) / 4)  # of two titles with the same words the shorter is nearer

    def close(self) -> Index:
        self.vocabulary = [word for word in self.postings if not CHINESE.match(word)]
        return self

    def rarity(self, word: str) -> float:
        return math.log1p(len(self.documents) / len(self.postings[word]))

    def find(self, question: str, limit: int = 20) -> Found:
        """The documents that a question means, best first."""
        asked = list(dict.fromkeys(tokens(question[:LONGEST])))
        scores: dict[int, float] = {}
        covered: dict[int, float] = {}
        mended: dict[str, str] = {}
        wanted = 0.0
        for word in asked:
            best: dict[int, float] = {}
            alike = self._alike(word)
            if alike and not alike[0][2] and word not in mended:
                mended[word] = alike[0][0]
            weight = max((self.rarity(other) for other, _, _ in alike), default=4.0)
            wanted += weight
            for other, similar, _ in alike:
                for number, said in self.postings[other].items():
                    best[number] = max(best.get(number, 0.0), said * similar * self.rarity(other))
            for number, score in best.items():
                scores[number] = scores.get(number, 0.0) + score
                covered[number] = covered.get(number, 0.0) + weight
        ranked = {n: score * (covered[n] / wanted) ** 2 / self.lengths[n] for n, score in scores.items()}
        return Found(question.strip(), self._grouped(ranked, limit), self._meant(question, mended))

    def _alike(self, word: str) -> list[tuple[str, float, bool]]:
        """Words of the index that a word means, how much, and whether it is one of them as it stands."""
        if word in self.postings and (CHINESE.match(word) or len(word) < 3):
            return [(word, 1.0, True)]
        if CHINESE.match(word):
            return [(other, PREFIX, True) for other in self.postings if word in other] if len(word) == 1 else []
        found = [(word, 1.0, True)] if word in self.postings else []
        if len(word) > 1:
            begins = (other for other in self.vocabulary if other.startswith(word) and other != word)
            found += [(other, PREFIX * (0.5 + 0.5 * len(word) / len(other)), True) for other in begins]
        if len(word) < 4 or "." in word or word.isdigit():
            return found
        cutoff = INFLECTED if found else ALIKE
        near = process.extract(word, self.vocabulary, scorer=fuzz.ratio, score_cutoff=cutoff, limit=8)
        known = {other for other, _, _ in found}
        fitting = [(o, score) for o, score, _ in near if o not in known and not any(sign.isdigit() for sign in o)]
        best = max((score for _, score in fitting), default=0.0)
        return found + [(o, FUZZY * (score / 100) ** 2, False) for o, score in fitting if score > best - 8]

    def _grouped(self, ranked: Mapping[int, float], limit: int) -> dict[Kind, list[Hit]]:
        groups: dict[Kind, list[Hit]] = {kind: [] for kind in KINDS}
        best = max(ranked.values(), default=0.0)
        for number in sorted(ranked, key=lambda n: (-ranked[n], self.documents[n])):
            kind, code = self.documents[number]
            if ranked[number] >= best * BELOW_BEST and len(groups[kind]) < limit:
                groups[kind].append(Hit(kind, code, ranked[number]))
        return groups

    def _meant(self, question: str, mended: Mapping[str, str]) -> str:
        if not mended:
            return ""
        spelled = {word: other.upper() if "_" in other else other for word, other in mended.items()}
        return WORD.sub(lambda match: spelled.get(match[0], match[0]), _plain(question.strip()))


def tokens(text: str, *, whole: bool = False) -> list[str]:
    """The words of a text as they are looked up: SH_STA_MORT also by its parts, unless `whole`."""
    found: list[str] = []
    for match in WORD.finditer(_plain(text)):
        word = match[0]
        if CHINESE.match(word):
            found += [word[n : n + 2] for n in range(len(word) - 1)] or [word]
            continue
        found.append(word)
        if "_" in word and not whole:
            found += [part for part in word.split("_") if part]
    return found


def _plain(text: str) -> str:
    """Lower case, without accents, full-width signs as plain ones."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in spread if not unicodedata.combining(sign))


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
    return made.close()


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
