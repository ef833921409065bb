"""The pieces of a page (HTML that `sanitise` let pass) as a tree of plain elements for a typesetter."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from regional_hub.showcase.render import Page

MOST_NODES = 60_000
MOST_ROWS = 400
MOST_COLUMNS = 40
VOID = {"br", "hr", "img", "wbr", "mspace", "mprescripts"}
KEPT = {"alt", "start", "href", "colspan", "rowspan", "class", "display"}


@dataclass
class Tree:
    """`nodes` are texts or {"tag", "kids", and attributes}; `pictures` their `data:` addresses, named by number."""

    nodes: list[Any] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    is_cut: bool = False


def tree(page: Page) -> Tree:
    """All cells, one after the other."""
    found = Tree()
    reader = _Reader(found)
    for cell in page.cells:
        for piece in (cell.html, *cell.outputs):
            reader.read(piece)
    reader.read(page.note)
    return found


class _Reader(HTMLParser):
    def __init__(self, found: Tree) -> None:
        super().__init__(convert_charrefs=True)
        self.found, self.count = found, 0
        self.open: list[dict[str, Any]] = []

    def read(self, html: str) -> None:
        self.open = []
        self.feed(html)
        self.close()
        self.reset()

    def _add(self, node: Any) -> None:
        self.count += 1
        if self.count > MOST_NODES:
            self.found.is_cut = True
            return
        (self.open[-1]["kids"] if self.open else self.found.nodes).append(node)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs if name in KEPT}
        node: dict[str, Any] = {"tag": tag, "kids": [], **given}
        if tag == "img":
            source = dict(attrs).get("src") or ""
            if not source.startswith("data:image/"):
                return
            node["picture"] = len(self.found.pictures)
            self.found.pictures.append(source)
        self._add(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self.open) - 1, -1, -1):
            if self.open[place]["tag"] == tag:
                if tag == "table":
                    _squared(self.open[place], self.found)
                del self.open[place:]
                return

    def handle_data(self, data: str) -> None:
        self._add(data)


def _squared(table: dict[str, Any], found: Tree) -> None:
    """Rows of one length with their cells only: what spans several is written once and its other places are empty."""
    rows: list[list[Any]] = []
    heads = 0
    for row, is_head in _rows(table, False):
        cells = [each for each in row["kids"] if isinstance(each, dict) and each["tag"] in {"td", "th"}]
        made: list[Any] = []
        for cell in cells:
            across = min(max(int(cell.get("colspan") or 1), 1), MOST_COLUMNS)
            made += [{"tag": cell["tag"], "kids": cell["kids"]}, *({"tag": cell["tag"], "kids": []},) * (across - 1)]
        heads += is_head and heads == len(rows)
        rows.append(made)
    found.is_cut |= len(rows) > MOST_ROWS or any(len(row) > MOST_COLUMNS for row in rows)
    width = min(max((len(row) for row in rows), default=0), MOST_COLUMNS)
    blank = {"tag": "td", "kids": []}
    table["rows"] = [(row + [blank] * width)[:width] for row in rows[:MOST_ROWS]]
    table["heads"], table["columns"], table["kids"] = min(heads, MOST_ROWS), width, []


def _rows(node: dict[str, Any], in_head: bool) -> Any:
    for kid in node["kids"]:
        if isinstance(kid, dict):
            if kid["tag"] == "tr":
                yield kid, in_head
            else:
                yield from _rows(kid, in_head or kid["tag"] == "thead")
