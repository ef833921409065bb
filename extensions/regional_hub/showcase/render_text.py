"""Texts and code of a notebook as HTML: Markdown with tables, formulas and the files beside it; code with its colours.

Trust boundary: as in `render`; all that leaves went through `sanitise`, formulas through `maths`.
"""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from regional_hub.showcase import sanitise
from regional_hub.showcase.maths import mathml
from regional_hub.showcase.sanitise import Safe, note

MOST_SOURCE = 100_000
MOST_HIGHLIGHTED = 50_000
MOST_FORMULAS = 500
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
KINDS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}
LANGUAGES = {"python", "ipython", "r", "julia", "sql", "bash", "sh", "json", "yaml", "javascript"}
GENERIC_ALT = "Picture made by the notebook. 笔记本生成的图片。"


@dataclass(frozen=True)
class Heading:
    """An entry of the contents: its anchor on the page, its words, its level in the notebook from 1."""

    anchor: str
    text: str
    level: int


@dataclass(frozen=True)
class Beside:
    """The files beside a notebook: their names, how one is read, the notebook's own name, and their address."""

    names: Collection[str]
    read: Callable[[str], bytes]
    entry: str
    address: str

    def find(self, link: str) -> str:
        """The file that a relative link of the notebook means; empty where there is none."""
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
            return ""
        name = posixpath.normpath(posixpath.join(posixpath.dirname(self.entry), unquote(parts.path)))
        return name if name in self.names else ""


def markdown(
    source: str,
    number: int = 1,
    attachments: Mapping[str, Any] | None = None,
    beside: Beside | None = None,
) -> tuple[Safe, list[Heading]]:
    """Text of a cell; its headings go down a level, for the page has its own title."""
    parser = MarkdownIt("commonmark", {"html": True, "highlight": _fence}).enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    for rule in ("math_inline", "math_inline_double", "math_block", "math_block_label"):
        parser.add_render_rule(rule, _formula)
    parser.add_render_rule("image", _image)
    environment: dict[str, Any] = {"attachments": attachments or {}, "pictures": [], "formulas": [], "beside": beside}
    tokens = parser.parse(source[:MOST_SOURCE], environment)
    files = _linked(tokens, beside)
    headings = _anchored(tokens, number)
    made = parser.renderer.render(tokens, parser.options, environment)
    formulas: list[Safe] = environment["formulas"]
    marks = {f"formula-{place}" for place in range(len(formulas))}
    anchors = {each.anchor for each in headings}
    clean = sanitise.html(made, anchors, set(environment["pictures"]), files, marks)
    for place, formula in enumerate(formulas):
        # An element that passed the filter. Within an attribute its quotes would have been escaped.
        clean = Safe(clean.replace(f'<span class="formula-{place}"></span>', formula, 1))
    return Safe(clean + too_long(len(source) > MOST_SOURCE)), headings


def _linked(tokens: Sequence[Token], beside: Beside | None) -> set[str]:
    """Point relative links at the files of the bundle; returns the addresses of those."""
    found = set()
    for token in (each for block in tokens for each in block.children or []):
        name = beside.find(str(token.attrs.get("href", ""))) if beside and token.type == "link_open" else ""
        if beside and name:
            address = beside.address + quote(name)
            token.attrSet("href", address)
            found.add(address)
    return found


def _anchored(tokens: Sequence[Token], cell: int) -> list[Heading]:
    headings: list[Heading] = []
    for opening, inside in pairwise(tokens):
        if opening.type == "heading_open":
            level = int(opening.tag[1:])
            wanted = {"text", "code_inline", "math_inline"}
            words = "".join(each.content for each in inside.children or [] if each.type in wanted)
            headings.append(Heading(f"part-{cell}-{len(headings) + 1}", words[:200], level))
            opening.attrSet("id", headings[-1].anchor)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 1, 6)}"
    return headings


def _formula(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, environment: Any) -> str:
    """A mark in its place, for the filter lets no formula pass; the formula comes after it."""
    token = tokens[index]
    block = token.type != "math_inline"
    formulas = environment["formulas"]
    made = mathml(token.content, block=block) if len(formulas) < MOST_FORMULAS else None
    if made is None:
        return f"<code>{escape(token.content)}</code>"
    formulas.append(made)
    mark = f'<span class="formula-{len(formulas) - 1}"></span>'
    return f"<p>{mark}</p>" if token.type.startswith("math_block") else mark


def _image(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, environment: Any) -> str:
    """Pictures of the notebook or its bundle; others would tell their server who reads the page."""
    token = tokens[index]
    address = _held(str(token.attrs.get("src", "")), environment["attachments"], environment["beside"])
    if address and sum(map(len, environment["pictures"])) < sanitise.MOST_IMAGE:
        environment["pictures"].append(address)
        return f'<img src="{address}" alt="{escape(token.content or GENERIC_ALT)}">'
    return f"<em>[{escape(token.content or 'Picture not shown 图片未显示')}]</em>"


def _held(source: str, attachments: Mapping[str, Any], beside: Beside | None) -> str | None:
    bundle = attachments.get(source.removeprefix("attachment:"), {})
    for mime in PICTURES:
        if mime in bundle:
            data = bundle[mime]
            address = sanitise.picture(mime, "".join(map(str, data)) if isinstance(data, list) else str(data))
            if address:
                return address
    name = beside.find(source) if beside else ""
    kind = KINDS.get(posixpath.splitext(name)[1].lower())
    if not beside or not kind:
        return None
    content = beside.read(name)
    if len(content) > sanitise.MOST_IMAGE:
        return None
    text = content.decode("utf-8", "replace") if kind == "image/svg+xml" else base64.b64encode(content).decode()
    return sanitise.picture(kind, text)


def _fence(source: str, language: str, _attributes: str) -> str:
    return highlighted(source, language)


def highlighted(source: str, language: str) -> str:
    """Code as HTML with the classes of Pygments; plain where the language is not known or the code is long."""
    if language.lower() not in LANGUAGES or len(source) > MOST_HIGHLIGHTED:
        return escape(source)
    lexer = get_lexer_by_name(language.lower(), stripnl=False)
    return str(highlight(source, lexer, HtmlFormatter(nowrap=True)))


def too_long(is_cut: bool) -> Safe:
    """A remark where something was cut."""
    return note("Too long: the rest is not shown.", "内容过长，其余部分未显示。") if is_cut else Safe("")
