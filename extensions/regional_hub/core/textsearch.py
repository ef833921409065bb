"""Search by words in several languages: one index, and questions whose typos are forgiven. Plain Python.

Words are looked up exactly, as beginnings, and as what they may have been meant to be (rapidfuzz); Chinese, which has
no spaces, by pairs of characters.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rapidfuzz import fuzz, process

WORD = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9]+)*|[\u0400-\u04ff]+|[\u3400-\u9fff]+|[^\W_]+")
CHINESE = re.compile(r"[\u3400-\u9fff]")
# What a word that is only begun, or meant with a typo, counts against one that is there.
PREFIX, FUZZY = 0.75, 0.7
ALIKE = 70.0  # rapidfuzz ratio from which a word may have been meant
INFLECTED = 85.0  # and from which one that is there may be another form of it
LONGEST = 200  # characters of a question that are looked at
Document = TypeVar("Document", bound=Hashable)


@dataclass
class Index(Generic[Document]):
    """`postings`: word -> number of a document -> weight."""

    documents: list[Document] = field(default_factory=list)
    postings: dict[str, dict[int, float]] = field(default_factory=dict)
    lengths: list[float] = field(default_factory=list)
    vocabulary: list[str] = field(default_factory=list)

    def put(self, document: Document, said: Mapping[str, float], titled: int) -> None:
        """Add a document: the weight of each of its words, and how many of them are its title's."""
        number = len(self.documents)
        self.documents.append(document)
        for word, weight in said.items():
            self.postings.setdefault(word, {})[number] = weight
        self.lengths.append(1.0 + math.log1p(titled) / 4)  # of two titles with the same words the shorter is nearer

    def close(self) -> Index[Document]:
        self.vocabulary = [word for word in self.postings if not CHINESE.match(word)]
        return self

    def rarity(self, word: str) -> float:
        return math.log1p(len(self.documents) / len(self.postings[word]))

    def ranked(self, question: str) -> tuple[dict[int, float], str]:
        """The numbers of the documents that a question means, with their scores, and what it meant by its typos.

        The second is the question with its typos mended, empty where it has none.
        """
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
        return ranked, self._meant(question, mended)

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

    def _meant(self, question: str, mended: Mapping[str, str]) -> str:
        if not mended:
            return ""
        spelled = {word: other.upper() if "_" in other else other for word, other in mended.items()}
        return WORD.sub(lambda match: spelled.get(match[0], match[0]), plain(question.strip()))


def tokens(text: str, *, whole: bool = False) -> list[str]:
    """The words of a text as they are looked up: SH_STA_MORT also by its parts, unless `whole`."""
    found: list[str] = []
    for match in WORD.finditer(plain(text)):
        word = match[0]
        if CHINESE.match(word):
            found += [word[n : n + 2] for n in range(len(word) - 1)] or [word]
            continue
        found.append(word)
        if "_" in word and not whole:
            found += [part for part in word.split("_") if part]
    return found


def plain(text: str) -> str:
    """Lower case, without accents, full-width signs as plain ones."""
    spread = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in spread if not unicodedata.combining(sign))
