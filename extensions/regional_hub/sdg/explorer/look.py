"""How charts look, light and dark: colours that colour-blind readers tell apart, each with its dashes and shape."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
# Each has a contrast of at least 3 : 1 to its ground (WCAG 2.2, 1.4.11); neighbours differ in lightness as well as hue.
LIGHT = ("#0072b2", "#c44e00", "#00795a", "#a3457f", "#7a6100", "#17222d", "#5b6fd6", "#b02a37")
DARK = ("#56b4e9", "#f5a15a", "#3fcb9f", "#e79ac4", "#e5c94b", "#dfe6ec", "#9db4ff", "#ff8f8f")
DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3), (12, 4))
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right")
FONT = "Noto Sans SC, Noto Sans, Segoe UI, Helvetica, Arial, sans-serif"
GROUNDS = {"light": "#ffffff", "dark": "#17202a"}


@dataclass(frozen=True)
class Look:
    """`narrow` is for phones. `page` fills the width that it is given and leaves title and source to the page."""

    theme: str = "light"
    narrow: bool = False
    page: bool = False

    @property
    def width(self) -> int:
        return 300 if self.narrow else 680

    @property
    def height(self) -> int:
        return 240 if self.narrow else 340

    @property
    def size(self) -> Json:
        return {"width": "container" if self.page else self.width, "height": self.height}

    @property
    def colours(self) -> tuple[str, ...]:
        return DARK if self.theme == "dark" else LIGHT

    @property
    def ink(self) -> str:
        return "#e4ebf1" if self.theme == "dark" else "#17222d"

    @property
    def muted(self) -> str:
        return "#aab7c3" if self.theme == "dark" else "#51606e"

    def config(self) -> Json:
        grid = "#34424f" if self.theme == "dark" else "#e3e9ee"
        axis = {"labelColor": self.muted, "titleColor": self.muted, "gridColor": grid, "domainColor": self.muted}
        axis |= {"tickColor": self.muted}
        words = {"labelColor": self.ink, "titleColor": self.muted, "labelLimit": 260 if self.narrow else 620}
        return {
            "background": GROUNDS[self.theme],
            "font": FONT,
            "axis": axis | {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"},
            "legend": words | {"labelFontSize": 12, "symbolStrokeWidth": 0, "symbolLimit": 60, "title": None},
            "header": {"labelColor": self.ink, "labelFontSize": 12, "title": None, "labelLimit": 220},
            "title": {"color": self.ink, "subtitleColor": self.muted, "fontSize": 16, "subtitleFontSize": 12.5,
                      "anchor": "start", "frame": "group", "offset": 14, "subtitlePadding": 6},
            "view": {"stroke": None},
            "line": {"strokeWidth": 2},
        }  # fmt: skip

    def by_line(self, names: list[str]) -> Json:
        """Colour of each line by name."""
        colours = [self.colours[place % len(self.colours)] for place in range(len(names))]
        return self._channel(names, colours)

    def dashes(self, names: list[str]) -> Json:
        dashes = [DASHES[(place // len(self.colours) + place) % len(DASHES)] for place in range(len(names))]
        # The legend shows colours and shapes; the dashes of a symbol's edge would only blur it.
        return self._channel(names, [list(dash) for dash in dashes]) | {"legend": None}

    def shapes(self, names: list[str]) -> Json:
        return self._channel(names, [SHAPES[place % len(SHAPES)] for place in range(len(names))])

    def _channel(self, names: list[str], values: list[Any]) -> Json:
        legend = {"orient": "bottom", "direction": "vertical", "columns": 1 if self.narrow else 2}
        return {
            "field": "line",
            "type": "nominal",
            "scale": {"domain": names, "range": values},
            "sort": None,
            "legend": legend if len(names) > 1 else None,
        }

    def wrapped(self, text: str, size: float = 16) -> list[str]:
        """A text in lines that fit; a wide character counts as two."""
        most = int((self.width + 40) / (size * 0.53))
        lines, line, used = [], "", 0
        for word in _words(text):
            length = sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in word)
            while length > most and word.isascii():  # an address: it may be cut anywhere
                lines.append((line + word[: most - used]).rstrip())
                word, line, used = word[most - used :], "", 0
                length = len(word)
            if line and used + length > most:
                lines.append(line.rstrip())
                line, used = "", 0
                word = word.lstrip()
            line, used = line + word, used + length
        return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _words(text: str) -> list[str]:
    """Pieces after which a line may end: words with the space before them, and each wide character."""
    pieces: list[str] = []
    for letter in text:
        wide = unicodedata.east_asian_width(letter) in "WF"
        if wide or letter.isspace() or not pieces or unicodedata.east_asian_width(pieces[-1][-1]) in "WF":
            pieces.append(letter)
        else:
            pieces[-1] += letter
    return pieces
