"""Maps: the newest value of each area, on boundaries that the operator set, else on a grid of equal tiles.

The tiles take no side on borders: every country and area of M49 is one cell (`tiles.toml`). Areas below countries are
laid out in a grid of their own, with their names. What has no value is grey, never the colour of zero.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from regional_hub.sdg.explorer import chart_kinds as kinds
from regional_hub.sdg.explorer.boundaries import Boundaries, BoundaryError
from regional_hub.sdg.explorer.figure import Figure, Line
from regional_hub.sdg.explorer.look import Json, Look
from regional_hub.sdg.explorer.saying import say

# Set by the site when it starts: what the operator's settings name, None where they name nothing.
source: Callable[[], Boundaries | None] = lambda: None  # noqa: E731 - replaced as a whole
ADDRESS = "/sdg/boundaries.json"
WIDEST = 4  # columns of a grid of areas below countries
RAMPS = {"light": ("#deeefa", "#4f9bd0"), "dark": ("#17364c", "#2f76b4")}
MISSING = {"light": "#d3d6d9", "dark": "#3a434b"}
INKS = {"light": "#10233a", "dark": "#ffffff"}


@dataclass(frozen=True)
class Tile:
    """A cell of the map; `letters` are written in it."""

    code: str
    column: int
    row: int
    letters: str


@cache
def tiles() -> Mapping[str, Tile]:
    """The world's tiles by M49 code."""
    table = tomllib.loads(Path(__file__).with_name("tiles.toml").read_text(encoding="utf-8"))
    return {code: Tile(code, said["at"][0], said["at"][1], said["letters"]) for code, said in table.items()}


@cache
def _by_letters() -> Mapping[str, Tile]:
    return {tile.letters: tile for tile in tiles().values()}


def boundaries() -> Boundaries | None:
    """The operator's boundaries; None where there are none or they cannot be used (`./hub doctor` says why)."""
    try:
        return source()
    except BoundaryError:
        return None


def disclaimer(figure: Figure) -> str:
    """What the operator says of the boundaries that a map shows; empty where it shows tiles."""
    given = boundaries() if figure.kind == "map" else None
    return given.disclaimer(figure.language) if given and given.codes & set(_values(figure)) else ""


def build(figure: Figure, look: Look) -> Json:
    """The specification of a map of the figure's newest values."""
    given = boundaries()
    areas = _values(figure)
    if given and given.codes & set(areas):
        return _drawn(figure, look, given, areas)
    placed = {code: tile for code in areas if (tile := tiles().get(code) or _by_letters().get(code))}
    if len(placed) > 1 or len(areas) == len(placed):
        return _world(figure, look, areas, placed)
    return _grid(figure, look, areas)


def not_map(figure: Figure) -> tuple[str, str] | None:
    """Why a map cannot show the figure."""
    area = figure.book.roles.area
    if area is None:
        return "These data have no areas.", "这些数据没有地区。"
    codes = [line.codes[area] for line in figure.lines if line.valued]
    if len(codes) != len(set(codes)):
        return (
            "A map shows one value for each area: choose one code of each breakdown.",
            "地图上每个地区只显示一个数值：请在每个分组中只选一项。",
        )
    return None


def _values(figure: Figure) -> dict[str, Line]:
    """The line of each area, in the figure's order."""
    area = figure.book.roles.area or ""
    return {line.codes.get(area, ""): line for line in reversed(figure.lines)}


def _row(figure: Figure, line: Line) -> Json:
    if not line.valued:
        return {"line": line.name, "area": line.area, "y": None}
    return kinds.row(figure, line, line.valued[-1]) | {"line": line.area or line.name}


def _colour(figure: Figure, look: Look) -> Json:
    """From pale to full by value; grey where there is none, which the legend says."""
    grey = say(figure.language, "grey: no value", "灰色：无数值")
    legend = {
        "orient": "bottom",
        "direction": "horizontal",
        "gradientLength": 200 if look.narrow else 280,
        "title": f"{figure.unit} ({grey})" if figure.unit else grey,
        "titleLimit": 280 if look.narrow else 600,
    }
    scale = kinds.value_scale(figure, zero=False) | {"range": list(RAMPS[look.theme])}
    value = {"field": "y", "type": "quantitative", "scale": scale, "legend": legend}
    return {"condition": {"test": {"field": "y", "valid": True}, **value}, "value": MISSING[look.theme]}


def _world(figure: Figure, look: Look, areas: Mapping[str, Line], placed: Mapping[str, Tile]) -> Json:
    """All tiles within the part of the world that has data; areas without a tile in rows below."""
    shown = list(placed.values()) or list(tiles().values())
    left, right = min(t.column for t in shown), max(t.column for t in shown)
    top, bottom = min(t.row for t in shown), max(t.row for t in shown)
    used = {tile.code: code for code, tile in placed.items()}
    data = []
    for tile in tiles().values():
        if left <= tile.column <= right and top <= tile.row <= bottom:
            said = (
                _row(figure, areas[used[tile.code]]) if tile.code in used else {"line": _name(figure, tile), "y": None}
            )
            data.append({**said, "c": tile.column, "r": tile.row, "letters": tile.letters})
    columns = right - left + 1
    for number, code in enumerate(code for code in areas if code not in placed and _is_country(figure, code)):
        place = {"c": left + number % columns, "r": bottom + 2 + number // columns, "letters": code[:4]}
        data.append(_row(figure, areas[code]) | place)
    rows = max(row["r"] for row in data) - top + 1
    letters = [] if look.narrow and columns > 14 else [_text(look, "letters", 10 if columns > 20 else 12)]
    return _cells(figure, look, data, (left, left + columns), (top, top + rows), letters, 24 if columns > 20 else 34)


def _name(figure: Figure, tile: Tile) -> str:
    area = figure.book.roles.area or ""
    known = tile.code if tile.code in figure.book.codes(area) else tile.letters
    return figure.book.name(area, known).text


def _is_country(figure: Figure, code: str) -> bool:
    """Whether an area without a tile is one beside the countries, not a region that holds some of them."""
    codelist = figure.book.structure.component(figure.book.roles.area or "").codelist
    return not any(other.parent == code for other in codelist.codes.values()) if codelist else True


def _grid(figure: Figure, look: Look, areas: Mapping[str, Line]) -> Json:
    """Areas below countries: a grid in the order of the figure, with names and values written in the cells."""
    columns = 2 if look.narrow else min(WIDEST, max(1, math.ceil(math.sqrt(len(areas)))))
    data = []
    for number, line in enumerate(reversed(list(areas.values()))):
        data.append(_row(figure, line) | {"c": number % columns, "r": number // columns})
    size = 11 if look.narrow else 13
    name = _text(look, "line", size, dy=-9, limit=(look.width - 40) // columns)
    value = _text(look, "said", size + 2, dy=10, weight="bold")
    for row in data:
        row["said"] = f"{row['text']} ({row['t']})" if row.get("text") else say(figure.language, "no value", "无数值")
    rows = math.ceil(len(data) / columns) or 1
    return _cells(figure, look, data, (0, columns), (0, rows), [name, value], 62)


def _text(look: Look, field: str, size: int, **more: object) -> Json:
    mark = {"type": "text", "fontSize": size, "color": INKS[look.theme], **more}
    return {"mark": mark, "encoding": {"text": {"field": field, "type": "nominal"}}}


def _cells(
    figure: Figure,
    look: Look,
    data: Sequence[Json],
    wide: tuple[int, int],
    high: tuple[int, int],
    over: list[Json],
    side: int,
) -> Json:
    """Rectangles in a grid with something written over them; `wide` and `high` are ranges of columns and rows."""

    def axis(field: str, span: tuple[int, int]) -> Json:
        scale = {"domain": list(range(*span)), "padding": 0.04}
        return {"field": field, "type": "ordinal", "axis": None, "scale": scale}

    cell = {
        "mark": {"type": "rect", "cornerRadius": 3, "invalid": None},
        "encoding": {"color": _colour(figure, look), "tooltip": kinds.tooltip(figure)},
    }
    height = (high[1] - high[0]) * (side if not look.narrow or side > 40 else max(10, 300 // (wide[1] - wide[0])))
    encoding = {"x": axis("c", wide), "y": axis("r", high)}
    return {**look.size, "height": height, "encoding": encoding, "layer": [cell, *over], "data": list(data)}


def _drawn(figure: Figure, look: Look, given: Boundaries, areas: Mapping[str, Line]) -> Json:
    """The operator's shapes: all of them grey, those with a value coloured."""
    shapes: Json = (
        {"format": {"type": "topojson", "feature": given.object}}
        if given.object
        else {"format": {"type": "json", "property": "features"}}
    )
    shapes |= {"url": f"{ADDRESS}?v={given.tag}"} if look.page else {"values": given.content}
    data = [_row(figure, line) | {"code": code} for code, line in areas.items() if code in given.codes]
    stroke = {"stroke": "#ffffff" if look.theme == "light" else "#17202a", "strokeWidth": 0.5}
    ground = {"data": shapes, "mark": {"type": "geoshape", "fill": MISSING[look.theme], **stroke}}
    looked_up = {"lookup": "code", "from": {"data": shapes, "key": "properties.code"}, "as": "shape"}
    coloured = {
        "transform": [looked_up],
        "mark": {"type": "geoshape", **stroke},
        "encoding": {
            "shape": {"field": "shape", "type": "geojson"},
            "color": _colour(figure, look),
            "tooltip": kinds.tooltip(figure),
        },
    }
    return {**look.size, "projection": {"type": "equalEarth"}, "layer": [ground, coloured], "data": data}
