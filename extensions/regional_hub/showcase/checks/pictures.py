"""Whether pictures have texts for those who cannot see them (WCAG 2.2, success criterion 1.1.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from regional_hub.showcase.checks.finding import Finding, Subject

_LINE = re.compile(r"(?m)^#\|\s*(?:fig-)?alt:\s*\S")
SHORTEST = 3


def check(subject: Subject) -> list[Finding]:
    found: list[Finding] = []
    for cell in subject.shown["cells"]:
        if cell["cell_type"] == "markdown":
            found += _in_markdown(cell["id"], cell["source"])
        for output in cell.get("outputs", []):
            if not _has_text(cell, output):
                found.append(_finding(f"{cell['id']} output"))
            markup = output.get("data", {}).get("text/html", "")
            found += _in_html(f"{cell['id']} output", markup if isinstance(markup, str) else "")
    return found


def _finding(where: str) -> Finding:
    return Finding(where, "a picture without a text", "图片没有替代文字", "severe")


def _in_markdown(where: str, source: str) -> Iterator[Finding]:
    for token in _flat(MarkdownIt("commonmark", {"html": True}).parse(source)):
        if token.type == "image" and len(token.content.strip()) < SHORTEST:
            yield _finding(where)
        elif token.type in ("html_inline", "html_block"):
            yield from _in_html(where, token.content)


def _flat(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _flat(token.children or [])


class _Images(HTMLParser):
    bare = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        decorative = facts.get("role") in ("presentation", "none") or facts.get("aria-hidden") == "true"
        if tag == "img" and not decorative and len((facts.get("alt") or "").strip()) < SHORTEST:
            self.bare += 1


def _in_html(where: str, markup: str) -> list[Finding]:
    parser = _Images()
    parser.feed(markup[:1_000_000])
    return [_finding(where)] if parser.bare else []


def _has_text(cell: Mapping[str, Any], output: Mapping[str, Any]) -> bool:
    """Whether an output needs no text, or has one: from the cell's code or metadata, its own metadata, or a chart's."""
    data = output.get("data", {})
    kinds = [kind for kind in data if kind.startswith("image/") or "vegalite" in kind or "vega.v" in kind]
    if not kinds or _LINE.search(cell["source"]) or _said(cell.get("metadata", {})):
        return True
    metadata = output.get("metadata", {})
    if _said(metadata) or any(_said(metadata.get(kind)) for kind in kinds):
        return True
    return any(isinstance(data[kind], Mapping) and _long(data[kind].get("description")) for kind in kinds)


def _said(metadata: Any) -> bool:
    return isinstance(metadata, Mapping) and _long(metadata.get("alt"))


def _long(text: Any) -> bool:
    return isinstance(text, str) and len(text.strip()) >= SHORTEST
