"""The pages of the documentation, taken apart: headings, tables, links, and what they say about `./hub`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^ *(```+).*?^ *\1 *$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[([^\]\n]*)\]\(([^)\s]+)\)")
# `./hub` as the first word of a command: not `../hub`, `./hub_config`, or a file in another folder.
_CALL = re.compile(r"(?<![\w./-])\./hub(?![\w/.-])([^\n`]*)")


def all_pages() -> list[Path]:
    return sorted([*ROOT.glob("README*.md"), *DOCS.rglob("*.md")])


def english_pages() -> list[Path]:
    return [page for page in all_pages() if not page.name.endswith(".zh.md")]


def twin(page: Path) -> Path:
    return page.with_name(page.name.removesuffix(".md") + ".zh.md")


def label(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(text: str) -> str:
    """The text without its code blocks and code spans."""
    return _SPAN.sub("", _FENCE.sub("", text))


def spans(text: str) -> list[str]:
    """What stands between single backticks, outside of code blocks."""
    return _SPAN.findall(_FENCE.sub("", text))


def links(text: str) -> list[tuple[str, str]]:
    """(shown text, target) of each link that stays on this machine."""
    return [(shown, to) for shown, to in _LINK.findall(prose(text)) if not re.match(r"[a-z]+:", to)]


def anchors(text: str) -> set[str]:
    """The fragments that headings can be linked by, as GitHub makes them."""
    titles = re.findall(r"^#+ +(.*)$", _FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it, up to the next heading."""

    title: str
    text: str

    def rows(self) -> list[list[str]]:
        """The cells of its table, without the head."""
        lines = [line for line in self.text.splitlines() if line.startswith("|")]
        return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def sections(page: Path) -> Iterator[Section]:
    parts = re.split(r"^#{1,6} +(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for title, text in zip(parts[1::2], parts[2::2], strict=True):
        yield Section(title, text)


def calls(text: str) -> list[str]:
    """What follows each `./hub` in code: fenced, indented, or between backticks."""
    return [found.strip() for found in _CALL.findall(text)]
