"""The Hub's words in the reader's language: the catalog of translations, and which language a request asks for.

JupyterHub speaks English only, and much of what it says comes from Python. So the catalog (`locale/zh_Hans/…/hub.po`)
is read in two ways: forwards for our templates, and backwards for finished English messages: a message id such as
`No such user: {name}` is a pattern. Knows nothing of JupyterHub's classes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import polib

CATALOG = Path(__file__).parent / "locale" / "zh_Hans" / "LC_MESSAGES" / "hub.po"
COOKIE = "hub_language"
ENGLISH, CHINESE = "en", "zh-hans"

_HOLE = re.compile(r"\{([a-z_]+)\}")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_PAIR = " / "  # our own Python errors carry both languages: "English / 中文"
_RANGE = re.compile(r"\s*([A-Za-z0-9*-]+)\s*(?:;\s*q\s*=\s*([0-9.]+))?\s*")


@dataclass(frozen=True)
class Pattern:
    """An English message with holes, and how it is said in Chinese."""

    english: re.Pattern[str]
    chinese: str

    def fill(self, parts: Mapping[str, str]) -> str:
        return _HOLE.sub(lambda hole: parts.get(hole[1], hole[0]), self.chinese)


def _pattern(message: str, translation: str) -> Pattern:
    seen: set[str] = set()
    expression = ""
    end = 0
    for hole in _HOLE.finditer(message):
        name = hole[1]
        expression += re.escape(message[end : hole.start()])
        expression += f"(?P={name})" if name in seen else f"(?P<{name}>.*?)"
        seen.add(name)
        end = hole.end()
    return Pattern(re.compile(expression + re.escape(message[end:]), re.DOTALL), translation)


class Catalog:
    """All translations into Chinese, by English message."""

    def __init__(self, file: polib.POFile) -> None:
        self.whole: dict[str, str] = {}
        self.plural: dict[str, str] = {}
        patterns = []
        for entry in file:
            if entry.obsolete or entry.fuzzy:
                continue
            if entry.msgid_plural:
                self.plural[entry.msgid] = entry.msgstr_plural.get(0, "")
            elif entry.msgstr:
                self.whole[entry.msgid] = entry.msgstr
                if _HOLE.search(entry.msgid):
                    patterns.append((len(_HOLE.sub("", entry.msgid)), _pattern(entry.msgid, entry.msgstr)))
        # The one with the most words of its own is the closest description of a message.
        self.patterns = [pattern for _, pattern in sorted(patterns, key=lambda found: -found[0])]

    def reword(self, message: str) -> str | None:
        """A finished English message in Chinese, the parts in its holes too; None when nobody translated it."""
        message = " ".join(message.split())
        if not message or not re.search(r"[A-Za-z]", message):
            return message
        if message in self.whole:
            return self.whole[message]
        for pattern in self.patterns:
            if match := pattern.english.fullmatch(message):
                parts = {name: self.reword(text) or text for name, text in match.groupdict().items()}
                return pattern.fill(parts)
        return None


@cache
def catalog() -> Catalog:
    return Catalog(polib.pofile(str(CATALOG), encoding="utf-8"))


def gettext(message: str, language: str) -> str:
    """A message of our own templates."""
    return catalog().whole.get(message, message) if language == CHINESE else message


def ngettext(singular: str, plural: str, count: int, language: str) -> str:
    """The same where the wording depends on a number; Chinese has one form."""
    if language == CHINESE and singular in catalog().plural:
        return catalog().plural[singular]
    return singular if count == 1 else plural


def split_pair(message: str) -> tuple[str, str] | None:
    """`English / 中文` in its halves, which may hold the separator themselves; None when it is not such a pair."""
    pieces = message.split(_PAIR)
    if len(pieces) % 2:
        return None
    middle = len(pieces) // 2
    english, chinese = _PAIR.join(pieces[:middle]), _PAIR.join(pieces[middle:])
    return (english.strip(), chinese.strip()) if _HAN.search(chinese) else None


def reword(message: str, language: str) -> str | None:
    """A message made in Python, by JupyterHub or by us, for a reader of `language`; None where that is not possible."""
    if pair := split_pair(message):
        english, chinese = pair
        if language != CHINESE:
            return english
        prefix = "Spawn failed: "
        return (
            gettext("Spawn failed: {message}", CHINESE).format(message=chinese)
            if english.startswith(prefix)
            else chinese
        )
    return catalog().reword(message) if language == CHINESE else message


def bilingual(event: Mapping[str, Any]) -> dict[str, Any]:
    """A spawn progress event with its message in both languages: `message` and `message_zh`."""
    told = dict(event)
    message = told.get("message")
    if isinstance(message, str):
        told["message"] = reword(message, ENGLISH)
        if not told.get("message_zh"):
            told["message_zh"] = reword(message, CHINESE) or message
    return told


def _of_range(tag: str) -> str | None:
    tag = tag.lower()
    if tag == "zh" or tag.startswith("zh-"):
        return CHINESE
    return ENGLISH if tag == "en" or tag.startswith("en-") else None


def asked_for(cookie: str | None, accept_language: str | None, offered: Collection[str]) -> str | None:
    """The language that a request asks for by cookie, else by `Accept-Language`; None when it asks for none offered."""
    if cookie in offered:
        return cookie
    best: tuple[float, str] | None = None
    for part in (accept_language or "").split(","):
        if not (match := _RANGE.fullmatch(part)):
            continue
        language = _of_range(match[1])
        try:
            weight = float(match[2] or 1)
        except ValueError:
            continue
        if language in offered and weight > 0 and (best is None or weight > best[0]):
            best = (weight, str(language))
    return best[1] if best else None
