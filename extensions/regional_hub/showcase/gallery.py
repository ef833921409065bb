"""What the gallery shows: which publications, in which order, as an address says it. Plain Python.

The whole state is in the address (`Choice`); the same one gives the same cards to everybody.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from regional_hub.core.textsearch import LONGEST, Index, plain, tokens
from regional_hub.showcase.about import GOALS, KINDS

PAGE = 12
NEWEST, READ, TITLE, BEST = "newest", "read", "title", "best"
ORDERS = (NEWEST, READ, TITLE)
LANGUAGES = ("en", "zh")
MOST_PAGE = 10_000
# What a word counts in a title, in a tag or an author's name, in a summary, and in the notebook's text.
IN_TITLE, IN_TAG, IN_SUMMARY, IN_TEXT = 1.0, 0.9, 0.6, 0.25
BELOW_BEST = 0.1  # results with less than this share of the best are noise
_CHINESE = re.compile("[\u3400-\u9fff]")
_LATIN = re.compile("[A-Za-z]{3}")


class BadChoice(ValueError):
    """A parameter of the address that means nothing: its name, its value, and what it may be."""

    def __init__(self, name: str, value: str, known: Iterable[object]) -> None:
        super().__init__(f"{name}={value}")
        self.name, self.value, self.known = name, value[:60], ", ".join(map(str, known))


@dataclass(frozen=True)
class Item:
    """A public publication as lists need it: `at` is when its revision became public, `first` when the first did."""

    pk: int
    slug: str
    kind: str
    title: str
    title_zh: str
    summary: str
    summary_zh: str
    author: str
    tags: tuple[str, ...]
    goals: tuple[int, ...]
    licence: str
    featured: bool
    at: datetime
    first: datetime
    revision: int
    picture: str
    alt: str = ""
    words: str = ""

    def label(self, language: str) -> str:
        return (self.title_zh if language.startswith("zh") else "") or self.title

    def text(self, language: str) -> str:
        return (self.summary_zh if language.startswith("zh") else "") or self.summary

    @property
    def address(self) -> str:
        return f"/showcase/{self.slug}/"

    @property
    def card(self) -> str:
        """The address of its picture on cards."""
        return f"{self.address}picture/{self.picture}-card.webp"

    @property
    def preview(self) -> str:
        """The address of its large picture."""
        return f"{self.address}picture/{self.picture}-large.jpg"

    @cached_property
    def languages(self) -> frozenset[str]:
        """The languages that its title is in."""
        titles = f"{self.title} {self.title_zh}"
        found = {"zh"} if _CHINESE.search(titles) else set()
        return frozenset(found | ({"en"} if _LATIN.search(titles) else set()))


@dataclass(frozen=True)
class Choice:
    """What somebody wants to see: words, a kind, a goal, a tag, a language, an order, a page from 1."""

    q: str = ""
    kind: str = ""
    goal: int = 0
    tag: str = ""
    written: str = ""
    order: str = ""
    page: int = 1

    @classmethod
    def of(cls, said: Mapping[str, str]) -> Choice:
        """From the parameters of an address; others than ours are not looked at. Raises BadChoice."""
        q = " ".join(said.get("q", "").split())[:LONGEST]
        return cls(
            q,
            _one("kind", said, KINDS),
            int(_one("goal", said, map(str, GOALS)) or 0),
            " ".join(said.get("tag", "").split()).lower()[:40],
            _one("written", said, LANGUAGES),
            _one("order", said, ORDERS),
            _page(said.get("page", "")),
        )

    def facts(self) -> dict[str, str]:
        """The parameters that are not as usual, in their order."""
        named = {"q": self.q, "kind": self.kind, "goal": str(self.goal or ""), "tag": self.tag}
        named |= {"written": self.written, "order": self.order, "page": str(self.page) if self.page > 1 else ""}
        return {name: value for name, value in named.items() if value}

    @property
    def query(self) -> str:
        return urlencode(self.facts())

    def address(self, **changes: Any) -> str:
        """The gallery's address with changes; whatever changes begins at the first page, unless it is the page."""
        query = replace(self, **({"page": 1} | changes)).query
        return "/showcase/" + (f"?{query}" if query else "")

    @property
    def is_filtered(self) -> bool:
        return bool(self.q or self.kind or self.goal or self.tag or self.written)

    @property
    def sorted_by(self) -> str:
        return self.order or (BEST if self.q else NEWEST)


def _one(name: str, said: Mapping[str, str], known: Iterable[str]) -> str:
    value, names = said.get(name, "").strip(), list(known)
    if value and value not in names:
        raise BadChoice(name, value, names)
    return value


def _page(text: str) -> int:
    if not text:
        return 1
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MOST_PAGE):
        raise BadChoice("page", text, ["1, 2, 3…"])
    return int(text)


@dataclass(frozen=True)
class Found:
    """One page of what was found; `meant` is the question with its typos mended, empty where it has none."""

    items: Sequence[Item]
    count: int
    page: int
    pages: int
    meant: str = ""


class Shelf:
    """All public publications at one moment, with their index. Never changed once it is made."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.items = sorted(items, key=lambda item: (item.at, item.pk), reverse=True)
        self.by_pk = {item.pk: item for item in self.items}
        self.tags = Counter(tag for item in self.items for tag in item.tags)
        self.goals = Counter(goal for item in self.items for goal in item.goals)
        self.kinds = Counter(item.kind for item in self.items)

    @cached_property
    def index(self) -> Index[int]:
        made: Index[int] = Index()
        for item in self.items:
            made.put(item.pk, *_said(item))
        return made.close()

    def first(self, count: int) -> list[Item]:
        """What stands first: featured ones, then the newest."""
        return sorted(self.items, key=lambda item: not item.featured)[:count]

    def chosen(self, choice: Choice, read: Mapping[int, int]) -> tuple[list[Item], str]:
        """All that a choice means in its order, and what its words meant. `read`: how often each was read lately."""
        scores, meant = self.index.ranked(choice.q) if choice.q else ({}, "")
        found = [item for item in self.items if _fits(item, choice)]
        if choice.q:
            best = max(scores.values(), default=0.0)
            by_pk = {self.index.documents[n]: score for n, score in scores.items() if score >= best * BELOW_BEST}
            found = [item for item in found if item.pk in by_pk]
        match choice.sorted_by:
            case "best":
                found.sort(key=lambda item: -by_pk[item.pk])
            case "read":
                found.sort(key=lambda item: -read.get(item.pk, 0))
            case "title":
                found.sort(key=lambda item: plain(item.title))
            case _ if not choice.is_filtered:
                found.sort(key=lambda item: not item.featured)
        return found, meant if found else ""

    def find(self, choice: Choice, read: Mapping[int, int]) -> Found:
        """One page of a choice; a page after the last is the last."""
        found, meant = self.chosen(choice, read)
        pages = max(1, -(-len(found) // PAGE))
        page = min(choice.page, pages)
        return Found(found[(page - 1) * PAGE : page * PAGE], len(found), page, pages, meant)


def _fits(item: Item, choice: Choice) -> bool:
    return (
        (not choice.kind or item.kind == choice.kind)
        and (not choice.goal or choice.goal in item.goals)
        and (not choice.tag or choice.tag in item.tags)
        and (not choice.written or choice.written in item.languages)
    )


# Words of texts that do not change; a gallery that changes by one publication reads one text anew.
_tokens: dict[str, list[str]] = {}
KEPT_TEXTS = 5_000


def _said(item: Item) -> tuple[dict[str, float], int]:
    """The weight of each word of a publication, and how many of them its titles have."""
    said: dict[str, float] = {}
    parts = (
        (IN_TEXT, _words(item.picture, item.words)),
        (IN_SUMMARY, tokens(f"{item.summary} {item.summary_zh}")),
        (IN_TAG, tokens(f"{' '.join(item.tags)} {item.author}")),
        (IN_TITLE, tokens(f"{item.title} {item.title_zh}")),
    )
    for weight, words in parts:
        said.update(dict.fromkeys(words, weight))
    return said, sum(weight == IN_TITLE for weight in said.values())


def _words(name: str, text: str) -> list[str]:
    if name not in _tokens:
        if len(_tokens) >= KEPT_TEXTS:
            _tokens.clear()
        _tokens[name] = list(dict.fromkeys(tokens(text)))
    return _tokens[name]
