"""A notebook as pieces of a static page: for visitors, without a kernel and without scripts.

Trust boundary: the notebook is a stranger's. It was held to the schema when it was sent (bundle_notebook.check); still
every text goes through `sanitise`, and sizes are bounded here, whatever the notebook holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

from regional_hub.showcase import sanitise
from regional_hub.showcase.render_text import (
    GENERIC_ALT,
    MOST_SOURCE,
    PICTURES,
    Beside,
    Heading,
    highlighted,
    markdown,
    too_long,
)
from regional_hub.showcase.sanitise import Safe, note

__all__ = ["GENERIC_ALT", "Beside", "Cell", "Heading", "Page", "code", "markdown", "render"]

MOST_CELLS = 2000
MOST_OUTPUTS = 100
MOST_HTML_OF_A_PAGE = 30_000_000
CHART = re.compile(r"application/vnd\.vega(lite)?\.v[2-9](\.[0-9]+)*\+json")
MOST_CHARTS = 40
# Raised when the same notebook makes another page: what is kept of the old look is made anew.
RENDERER = 2


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


# A specification of a chart (Vega or Vega-Lite) as SVG, or None where it cannot be drawn.
Drawer = Callable[[Mapping[str, Any]], str | None]


def render(notebook: Mapping[str, Any], beside: Beside | None = None, draw: Drawer | None = None) -> Page:
    """The cells of a notebook of format 4 with ids, in order, as far as the limits of a page go.

    `beside` gives the files that its texts name, `draw` pictures of its charts; without them those are not shown.
    """
    cells: list[Cell] = []
    contents: list[Heading] = []
    maker = _Maker(_language(notebook.get("metadata", {})), beside, draw)
    size = 0
    for number, cell in enumerate(notebook["cells"], start=1):
        if number > MOST_CELLS or size > MOST_HTML_OF_A_PAGE:
            rest = note("The rest of the notebook is not shown: it is too long.", "笔记本过长，其余部分未显示。")
            return Page(cells, contents, rest)
        made = maker.cell(cell, number, contents, MOST_HTML_OF_A_PAGE - size)
        size += len(made.html) + sum(map(len, made.outputs))
        cells.append(made)
    return Page(cells, contents)


@dataclass
class _Maker:
    language: str
    beside: Beside | None
    draw: Drawer | None
    charts: int = 0

    def cell(self, cell: Mapping[str, Any], number: int, contents: list[Heading], room: int) -> Cell:
        kind, source = str(cell["cell_type"]), _text(cell["source"])
        if kind == "markdown":
            made, headings = markdown(source, number, cell.get("attachments") or {}, self.beside)
            contents += headings
            return Cell(str(cell["id"]), number, kind, made)
        shown = code(source, self.language if kind == "code" else "")
        return Cell(str(cell["id"]), number, kind, shown, self.outputs(cell, room))

    def outputs(self, cell: Mapping[str, Any], room: int) -> list[Safe]:
        made: list[Safe] = []
        outputs = cell.get("outputs") or []
        for output in outputs[:MOST_OUTPUTS]:
            made.append(self.output(output, cell.get("metadata") or {}))
            room -= len(made[-1])
            if room < 0:
                made[-1] = too_long(True)
                return made
        if len(outputs) > MOST_OUTPUTS:
            made.append(too_long(True))
        return made

    def output(self, output: Mapping[str, Any], of_cell: Mapping[str, Any]) -> Safe:
        kind = output["output_type"]
        if kind == "stream":
            return _printed(_text(output["text"]))
        if kind == "error":
            said = f"{output.get('ename', '')}: {output.get('evalue', '')}"
            return _printed(said, "notebook-output notebook-error")
        data = output.get("data") or {}
        alt = str((output.get("metadata") or {}).get("alt") or of_cell.get("alt") or "")[:2000]
        return _picture(data, alt) or self.chart(data, alt) or _html(data) or _words(data) or _not_shown(data)

    def chart(self, data: Mapping[str, Any], alt: str) -> Safe | None:
        spec = next((data[mime] for mime in data if CHART.fullmatch(str(mime))), None)
        if not isinstance(spec, Mapping) or self.draw is None or self.charts >= MOST_CHARTS:
            return None
        self.charts += 1
        made = self.draw(spec)
        return _picture({"image/svg+xml": made}, alt or _described(spec)) if made else None


def _described(spec: Mapping[str, Any]) -> str:
    """What a chart says of itself: its description, else its title."""
    title = spec.get("title", "")
    words = spec.get("description") or (title.get("text", "") if isinstance(title, Mapping) else title)
    return _text(words)[:2000] if isinstance(words, str | list) else ""


def code(source: str, language: str) -> Safe:
    """Code with the classes of Pygments (static/showcase/notebook.css gives them colours)."""
    shown = highlighted(source[:MOST_SOURCE], language)
    cut = too_long(len(source) > MOST_SOURCE)
    return Safe(f'<pre class="notebook-source" tabindex="0"><code>{shown}</code></pre>{cut}')


def _language(metadata: Mapping[str, Any]) -> str:
    named = (metadata.get("language_info") or {}).get("name") or (metadata.get("kernelspec") or {}).get("language")
    return str(named or "python")


def _picture(data: Mapping[str, Any], alt: str) -> Safe | None:
    for mime in PICTURES:
        address = sanitise.picture(mime, _text(data[mime])) if mime in data else None
        if address:
            return Safe(f'<img class="notebook-picture" src="{address}" alt="{escape(alt or GENERIC_ALT)}">')
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
    return Safe(f'<pre class="{classes}" tabindex="0">{escape(shown)}</pre>{too_long(cut)}')


def _text(value: Any) -> str:
    """Texts in notebooks are strings or lists of lines."""
    return "".join(map(str, value)) if isinstance(value, list) else str(value)
