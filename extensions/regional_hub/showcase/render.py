"""A notebook as pieces of a static page: for visitors, without a kernel and without scripts.

Trust boundary: the notebook is a stranger's. It was held to the schema when it was sent (bundle_notebook.check); still
every text goes through `sanitise`, and sizes are bounded here, whatever the notebook holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

from regional_hub.showcase import sanitise
from regional_hub.showcase.sanitise import Safe, note

MOST_CELLS = 2000
MOST_OUTPUTS = 100
MOST_SOURCE = 100_000
MOST_HIGHLIGHTED = 50_000
MOST_HTML_OF_A_PAGE = 30_000_000
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
LANGUAGES = {"python", "ipython", "r", "julia", "sql", "bash", "sh", "json", "yaml", "javascript"}
GENERIC_ALT = "Picture made by the notebook. 笔记本生成的图片。"


@dataclass(frozen=True)
class Heading:
    """An entry of the contents: its anchor on the page, its words, its level in the notebook from 1."""

    anchor: str
    text: str
    level: int


@dataclass(frozen=True)
class Cell:
    """A cell as shown; `kind` is markdown, code or raw, `anchor` the id of its element."""

    id: str
    number: int
    kind: str
    html: Safe
    outputs: list[Safe] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        return f"cell-{self.id}"


@dataclass(frozen=True)
class Page:
    cells: list[Cell]
    contents: list[Heading]
    note: str = ""


def render(notebook: Mapping[str, Any]) -> Page:
    """The cells of a notebook of format 4 with ids, in order, as far as the limits of a page go."""
    cells: list[Cell] = []
    contents: list[Heading] = []
    language = _language(notebook.get("metadata", {}))
    size = 0
    for number, cell in enumerate(notebook["cells"], start=1):
        if number > MOST_CELLS or size > MOST_HTML_OF_A_PAGE:
            rest = note("The rest of the notebook is not shown: it is too long.", "笔记本过长，其余部分未显示。")
            return Page(cells, contents, rest)
        made = _cell(cell, number, language, contents, MOST_HTML_OF_A_PAGE - size)
        size += len(made.html) + sum(map(len, made.outputs))
        cells.append(made)
    return Page(cells, contents)


def _cell(cell: Mapping[str, Any], number: int, language: str, contents: list[Heading], room: int) -> Cell:
    kind, source = str(cell["cell_type"]), _text(cell["source"])
    if kind == "markdown":
        made, headings = markdown(source, number, cell.get("attachments") or {})
        contents += headings
        return Cell(str(cell["id"]), number, kind, made)
    shown = code(source, language if kind == "code" else "")
    return Cell(str(cell["id"]), number, kind, shown, _outputs(cell, room))


def markdown(source: str, number: int = 1, attachments: Mapping[str, Any] | None = None) -> tuple[Safe, list[Heading]]:
    """Text of a cell; its headings go down a level, for the page has its own title."""
    parser = MarkdownIt("commonmark", {"html": True, "highlight": _fence}).enable(["table", "strikethrough"])
    parser.add_render_rule("image", _image)
    pictures: list[str] = []
    environment = {"attachments": attachments or {}, "pictures": pictures}
    tokens = parser.parse(source[:MOST_SOURCE], environment)
    headings = _anchored(tokens, number)
    made = parser.renderer.render(tokens, parser.options, environment)
    clean = sanitise.html(made, {each.anchor for each in headings}, set(pictures))
    return Safe(clean + _too_long(len(source) > MOST_SOURCE)), headings


def _anchored(tokens: Sequence[Token], cell: int) -> list[Heading]:
    headings: list[Heading] = []
    for opening, inside in pairwise(tokens):
        if opening.type == "heading_open":
            level = int(opening.tag[1:])
            words = "".join(each.content for each in inside.children or [] if each.type in {"text", "code_inline"})
            headings.append(Heading(f"part-{cell}-{len(headings) + 1}", words[:200], level))
            opening.attrSet("id", headings[-1].anchor)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + 1, 6)}"
    return headings


def _image(_renderer: Any, tokens: Sequence[Token], index: int, _options: Any, environment: Any) -> str:
    """Pictures that the notebook itself holds; others would tell their server who reads the page."""
    token = tokens[index]
    name = str(token.attrs.get("src", "")).removeprefix("attachment:")
    bundle = environment["attachments"].get(name, {})
    for mime in PICTURES:
        address = sanitise.picture(mime, _text(bundle[mime])) if mime in bundle else None
        if address and sum(map(len, environment["pictures"])) < sanitise.MOST_IMAGE:
            environment["pictures"].append(address)
            return f'<img src="{address}" alt="{escape(token.content or GENERIC_ALT)}">'
    return f"<em>[{escape(token.content or 'Picture not shown 图片未显示')}]</em>"


def _fence(source: str, language: str, _attributes: str) -> str:
    return _highlighted(source, language)


def code(source: str, language: str) -> Safe:
    """Code with the classes of Pygments (static/showcase/notebook.css gives them colours)."""
    shown = _highlighted(source[:MOST_SOURCE], language)
    cut = _too_long(len(source) > MOST_SOURCE)
    return Safe(f'<pre class="notebook-source" tabindex="0"><code>{shown}</code></pre>{cut}')


def _highlighted(source: str, language: str) -> str:
    if language.lower() not in LANGUAGES or len(source) > MOST_HIGHLIGHTED:
        return escape(source)
    lexer = get_lexer_by_name(language.lower(), stripnl=False)
    return str(highlight(source, lexer, HtmlFormatter(nowrap=True)))


def _language(metadata: Mapping[str, Any]) -> str:
    named = (metadata.get("language_info") or {}).get("name") or (metadata.get("kernelspec") or {}).get("language")
    return str(named or "python")


def _outputs(cell: Mapping[str, Any], room: int) -> list[Safe]:
    made: list[Safe] = []
    outputs = cell.get("outputs") or []
    for output in outputs[:MOST_OUTPUTS]:
        made.append(_output(output, cell.get("metadata") or {}))
        room -= len(made[-1])
        if room < 0:
            made[-1] = _too_long(True)
            return made
    if len(outputs) > MOST_OUTPUTS:
        made.append(_too_long(True))
    return made


def _output(output: Mapping[str, Any], of_cell: Mapping[str, Any]) -> Safe:
    kind = output["output_type"]
    if kind == "stream":
        return _printed(_text(output["text"]))
    if kind == "error":
        said = f"{output.get('ename', '')}: {output.get('evalue', '')}"
        return _printed(said, "notebook-output notebook-error")
    data = output.get("data") or {}
    alt = (output.get("metadata") or {}).get("alt") or of_cell.get("alt") or GENERIC_ALT
    return _picture(data, str(alt)[:2000]) or _html(data) or _words(data) or _not_shown(data)


def _picture(data: Mapping[str, Any], alt: str) -> Safe | None:
    for mime in PICTURES:
        address = sanitise.picture(mime, _text(data[mime])) if mime in data else None
        if address:
            return Safe(f'<img class="notebook-picture" src="{address}" alt="{escape(alt)}" loading="lazy">')
    return None


def _html(data: Mapping[str, Any]) -> Safe | None:
    """Tables and text; None where only a script would have drawn something."""
    text = _text(data.get("text/html", ""))
    if not text or len(text) > sanitise.MOST_HTML:
        return None
    clean = sanitise.html(text)
    if not re.sub(r"<[^>]*>|\s", "", clean):
        return None
    return Safe(f'<div class="notebook-html" tabindex="0">{clean}</div>')


def _words(data: Mapping[str, Any]) -> Safe | None:
    if "text/markdown" in data:
        return Safe(f'<div class="notebook-html">{markdown(_text(data["text/markdown"]))[0]}</div>')
    return _printed(_text(data["text/plain"])) if "text/plain" in data else None


def _not_shown(data: Mapping[str, Any]) -> Safe:
    kind = ", ".join(sorted(map(str, data)))[:200] or "?"
    return note(f"This result ({kind}) cannot be shown here.", f"此处无法显示该结果（{kind}）。")


def _printed(text: str, classes: str = "notebook-output") -> Safe:
    shown, cut = sanitise.plain(text)
    return Safe(f'<pre class="{classes}" tabindex="0">{escape(shown)}</pre>{_too_long(cut)}')


def _too_long(is_cut: bool) -> Safe:
    return note("Too long: the rest is not shown.", "内容过长，其余部分未显示。") if is_cut else Safe("")


def _text(value: Any) -> str:
    """Texts in notebooks are strings or lists of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)
