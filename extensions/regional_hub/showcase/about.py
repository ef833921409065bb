"""What an author says of a publication, cleaned and held to limits. Plain Python, no Django."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS = ("page", "app", "method")
LICENCES = (
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "CC0-1.0",
    "BSD-3-Clause",
    "MIT",
    "Apache-2.0",
    "GPL-3.0-or-later",
    "ODbL-1.0",
)
MOST_TAGS = 10
GOALS = range(1, 18)
# Addresses of the Showcase itself, and folders beside the apps' in its data.
RESERVED = frozenset(
    {
        "api", "default", "feed", "mine", "new", "objects", "people", "review", "shared", "static", "topics", "goals",
        "search", "runs", "live", "showcase", "builds", "pages", "apps", "methods", "tmp", "about", "docs",
    }
)  # fmt: skip
SLUG = 30  # an app's server is called like its publication, and the Hub takes names of up to 30 characters
_LICENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,59}")


class BadAbout(ValueError):
    """Something said of a publication that cannot stand: the field, and why in both languages."""

    def __init__(self, field: str, en: str, zh: str) -> None:
        super().__init__(f"{field}: {en}")
        self.field, self.zh = field, f"{field}：{zh}"


@dataclass(frozen=True)
class About:
    """Title and summary in English and Chinese (one of the titles is enough), and how it is found and used."""

    title: str
    title_zh: str = ""
    summary: str = ""
    summary_zh: str = ""
    tags: Sequence[str] = field(default_factory=tuple)
    goals: Sequence[int] = field(default_factory=tuple)
    licence: str = ""
    kind: str = "page"

    def cleaned(self) -> About:
        """The same without stray spaces, each tag and goal once. Raises BadAbout."""
        title = _line("title", self.title, 200) or _line("title_zh", self.title_zh, 200)
        if not title:
            raise BadAbout("title", "a title is needed", "需要标题")
        if self.kind not in KINDS:
            raise BadAbout("kind", f"one of {', '.join(KINDS)}", f"只能是 {'、'.join(KINDS)}")
        licence = self.licence.strip()
        if licence and not _LICENCE.fullmatch(licence):
            raise BadAbout("licence", "an SPDX identifier such as CC-BY-4.0", "须为 SPDX 标识，如 CC-BY-4.0")
        return About(
            title=title,
            title_zh=_line("title_zh", self.title_zh, 200),
            summary=_text("summary", self.summary, 2000),
            summary_zh=_text("summary_zh", self.summary_zh, 2000),
            tags=_tags(self.tags),
            goals=_goals(self.goals),
            licence=licence,
            kind=self.kind,
        )

    def fields(self) -> dict[str, Any]:
        """As the columns of a publication."""
        return {**asdict(self), "tags": list(self.tags), "goals": list(self.goals)}


def _line(name: str, value: str, most: int) -> str:
    line = " ".join(_text(name, value, most).split())
    return line


def _text(name: str, value: str, most: int) -> str:
    text = value.strip().replace("\r\n", "\n")
    if len(text) > most:
        raise BadAbout(name, f"at most {most} characters", f"最多 {most} 个字符")
    # Characters that turn the direction of what follows, or that no font shows, make a title look like another.
    if any(unicodedata.category(each) in ("Cc", "Cf", "Cs", "Co") for each in text if each not in "\n\t\u200d"):
        raise BadAbout(name, "characters that cannot be seen", "含有不可见字符")
    return text


def _tags(tags: Collection[str]) -> tuple[str, ...]:
    cleaned = [_line("tags", tag, 40).lower() for tag in tags]
    found = tuple(dict.fromkeys(tag for tag in cleaned if tag))
    if len(found) > MOST_TAGS:
        raise BadAbout("tags", f"at most {MOST_TAGS}", f"最多 {MOST_TAGS} 个")
    return found


def _goals(goals: Collection[int]) -> tuple[int, ...]:
    if any(goal not in GOALS for goal in goals):
        raise BadAbout("goals", "numbers of the 17 goals", "须为 17 项目标的编号")
    return tuple(sorted(set(goals)))


def slug(title: str, taken: Collection[str], fallback: str) -> str:
    """An address of up to 30 of a-z, 0-9 and - that is free: from a title's Latin words, else from `fallback`.

    `fallback` is letters and digits. A title of which hardly anything is left (Chinese, say) takes the fallback.
    """
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    made = ""
    for word in words:
        longer = f"{made}-{word}" if made else word
        if len(longer) > SLUG:
            break
        made = longer
    letters = sum(character.isalnum() for character in title)
    if len(made) < 3 or len("".join(words)) * 2 < letters or not re.search("[a-z]", made):
        made = f"n-{fallback[:8]}"
    if made not in taken and made not in RESERVED:
        return made
    for number in range(2, 10_000):
        end = f"-{number}"
        candidate = made[: SLUG - len(end)].rstrip("-") + end
        if candidate not in taken:
            return candidate
    raise BadAbout("title", "too many publications have this title", "同名发布过多")
