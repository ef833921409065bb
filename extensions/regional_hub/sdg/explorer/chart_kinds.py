"""The kinds of charts themselves: lines, bars, stacked bars, slopes, scatter, small multiples.

Bounds are bands or whiskers; a period without a value is a gap. Every mark has a tooltip with what the data say of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from regional_hub.sdg.explorer.figure import Figure, Line, series_title, units
from regional_hub.sdg.explorer.look import Json, Look
from regional_hub.sdg.explorer.points import Point
from regional_hub.sdg.explorer.saying import say

Reason = tuple[str, str]
LONGEST_NOTE = 160
# How far apart, in years, two neighbouring periods of a frequency are at most (SDMX CL_FREQ).
STEPS = {"A": 1.0, "S": 0.5, "T": 1 / 3, "Q": 0.25, "M": 1 / 12, "W": 1 / 52, "D": 1 / 365}


# -- data --------------------------------------------------------------------------------------------------------------


def rows(figure: Figure, *, gaps: bool = True) -> list[Json]:
    """The points of all lines as rows of a chart, with rows without a value where periods are left out."""
    return [row for line in figure.lines for row in _of_line(figure, line, gaps)]


def _of_line(figure: Figure, line: Line, gaps: bool) -> Iterable[Json]:
    step = _step(figure, line)
    before: Point | None = None
    for point in line.points:
        if gaps and before is not None and point.position - before.position > 1.5 * step:
            yield {"line": line.name, "area": line.area, "x": before.position + step, "y": None}
        yield row(figure, line, point)
        before = point


def _step(figure: Figure, line: Line) -> float:
    frequency = line.codes.get(figure.book.roles.frequency or "", "")
    if frequency in STEPS:
        return STEPS[frequency]
    distances = [after.position - before.position for before, after in pairwise(line.points)]
    return min((distance for distance in distances if distance > 0), default=1.0)


def row(figure: Figure, line: Line, point: Point) -> Json:
    """One observation in a chart; `text` is the value as the data have it, `s` the number of its line."""
    book, roles = figure.book, figure.book.roles
    said: Json = {
        "s": figure.number[line.key],
        "line": line.name,
        "area": line.area,
        "t": point.time,
        "x": point.position,
        "y": float(point.value) if point.value is not None else None,
        "text": point.text,
    }
    if point.lower is not None and point.upper is not None:
        said |= {"low": float(point.lower), "high": float(point.upper)}
    if roles.status and point.status:
        said["status"] = book.name(roles.status, point.status).text
    if roles.nature and point.nature:
        said["nature"] = book.name(roles.nature, point.nature).text
    if point.footnotes:
        said["note"] = _short("; ".join(point.footnotes))
    if point.source:
        said["source"] = _short(point.source)
    return said


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NOTE else text[: LONGEST_NOTE - 1] + "…"


def names(figure: Figure) -> list[str]:
    return [line.name for line in figure.lines]


# -- parts of charts -------------------------------------------------------------------------------------------------


def tooltip(figure: Figure) -> list[Json]:
    """What is told of a point: only what some point has."""
    language = figure.language
    points = [point for line in figure.lines for point in line.points]
    fields = [("line", "Series", "序列"), ("t", "Period", "时期"), ("text", "Value", "数值")]
    if _bounded(figure):
        fields += [("low", "Lower bound", "下限"), ("high", "Upper bound", "上限")]
    fields += [("status", "Status", "状态")] if any(point.status for point in points) else []
    fields += [("nature", "Nature", "性质")] if any(point.nature for point in points) else []
    fields += [("note", "Footnote", "脚注")] if any(point.footnotes for point in points) else []
    fields += [("source", "Source", "来源")] if any(point.source for point in points) else []
    return [{"field": field, "type": "nominal", "title": say(language, en, zh)} for field, en, zh in fields]


def _bounded(figure: Figure) -> bool:
    return any(point.lower is not None and point.upper is not None for line in figure.lines for point in line.points)


def value_scale(figure: Figure, *, zero: bool | None = None) -> Json:
    """Logarithmic where it was asked for and all values are above zero; from zero where that hides little."""
    values = [point.value for line in figure.lines for point in line.valued if point.value is not None]
    if figure.state.scale == "log" and values and min(values) > 0:
        return {"type": "log", "nice": True}
    if zero is None:
        zero = not values or min(values) < 0 or min(values) <= max(values) / 2
    return {"zero": zero, "nice": True}


def time_axis(figure: Figure, look: Look) -> Json:
    positions = [point.position for line in figure.lines for point in line.points]
    span = max(positions, default=0) - min(positions, default=0)
    ticks = max(1, min(int(span), 5 if look.narrow else 10))
    axis = {"format": "d", "tickMinStep": 1, "tickCount": ticks, "grid": False, "title": None}
    return {"field": "x", "type": "quantitative", "scale": {"zero": False, "nice": False}, "axis": axis}


def value_axis(figure: Figure, **more: object) -> Json:
    return {
        "field": "y",
        "type": "quantitative",
        "scale": value_scale(figure),
        "axis": {"title": None, "tickCount": 6},
        **more,
    }


def _lines(figure: Figure, look: Look, called: Sequence[str]) -> list[Json]:
    """The layers of lines: bands of the bounds, the lines with their gaps, and the points."""
    colour = look.by_line(list(called))
    invalid = {"invalid": "break-paths-filter-domains"}
    layers: list[Json] = []
    if _bounded(figure):
        edges = {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}
        mark = {"type": "area", "opacity": 0.18, **invalid}
        layers.append({"mark": mark, "encoding": edges | {"color": colour | {"legend": None}}})
    dash = look.dashes(list(called))
    layers.append({"mark": {"type": "line", **invalid}, "encoding": {"color": colour, "strokeDash": dash}})
    many = sum(len(line.points) for line in figure.lines) > 600
    point = {"type": "point", "filled": True, "size": 18 if many else 46, "opacity": 1}
    shape = look.shapes(list(called))
    layers.append(
        {
            "transform": [{"filter": {"field": "y", "valid": True}}],
            "mark": point,
            "encoding": {"color": colour, "shape": shape, "tooltip": tooltip(figure)},
        }
    )
    return layers


# -- kinds -----------------------------------------------------------------------------------------------------------


def line(figure: Figure, look: Look) -> Json:
    encoding = {"x": time_axis(figure, look), "y": value_axis(figure)}
    return {**look.size, "encoding": encoding, "layer": _lines(figure, look, names(figure))}


def bar(figure: Figure, look: Look) -> Json:
    """The newest value of each line, the highest first."""
    newest = [(each, each.valued[-1]) for each in figure.lines if each.valued]
    newest.sort(key=lambda pair: -(pair[1].value or 0))
    called = [each.name for each, _ in newest]
    axis = {"title": None, "labelLimit": 120 if look.narrow else 260}
    y = {"field": "line", "type": "nominal", "sort": called, "axis": axis}
    x = value_axis(figure, scale={"zero": True, "nice": True})
    layers: list[Json] = [
        {"mark": {"type": "bar", "color": look.colours[0]}, "encoding": {"x": x, "tooltip": tooltip(figure)}},
        {
            "mark": {"type": "text", "align": "left", "dx": 4, "color": look.ink},
            "encoding": {"x": x, "text": {"field": "label", "type": "nominal"}},
        },
    ]
    if _bounded(figure):
        ends = {"x": {"field": "low", "type": "quantitative"}, "x2": {"field": "high"}}
        layers.insert(1, {"mark": {"type": "rule", "color": look.ink}, "encoding": ends})
    data = [row(figure, each, point) | {"label": f"{point.text} ({point.time})"} for each, point in newest]
    return {**look.size, "height": {"step": 22}, "encoding": {"y": y}, "layer": layers, "data": data}


def stacked(figure: Figure, look: Look) -> Json:
    colour = look.by_line(names(figure))
    x = {"field": "t", "type": "ordinal", "axis": {"title": None, "labelOverlap": True}}
    encoding = {"x": x, "y": value_axis(figure, stack="zero", scale={"zero": True}), "color": colour}
    mark = {"type": "bar", "stroke": "#fff" if look.theme == "light" else "#17202a", "strokeWidth": 1}
    return {
        **look.size,
        "mark": mark,
        "encoding": encoding | {"tooltip": tooltip(figure)},
        "data": rows(figure, gaps=False),
    }


def not_stackable(figure: Figure) -> Reason | None:
    if len({(point.unit, point.multiplier) for each in figure.lines for point in each.points}) > 1:
        return "Values of different units cannot be stacked.", "单位不同的数值不能堆叠。"
    if any(point.value is not None and point.value < 0 for each in figure.lines for point in each.points):
        return "Negative values cannot be stacked.", "负值不能堆叠。"
    return None


def slope(figure: Figure, look: Look) -> Json:
    """Two periods side by side: the first and the last that most lines have."""
    ends = slope_periods(figure)
    kept = [each for each in figure.lines if sum(point.time in ends for point in each.valued) == 2]
    called = [each.name for each in kept]
    data = [row(figure, each, point) for each in kept for point in each.valued if point.time in ends]
    axis = {"title": None, "labelAngle": 0, "grid": True}
    x = {"field": "t", "type": "ordinal", "sort": list(ends), "scale": {"padding": 0.3}, "axis": axis}
    colour, shape = look.by_line(called), look.shapes(called)
    layers = [
        {"mark": "line", "encoding": {"color": colour, "strokeDash": look.dashes(called)}},
        {
            "mark": {"type": "point", "filled": True, "size": 60, "opacity": 1},
            "encoding": {"color": colour, "shape": shape, "tooltip": tooltip(figure)},
        },
    ]
    return {**look.size, "encoding": {"x": x, "y": value_axis(figure)}, "layer": layers, "data": data}


def slope_periods(figure: Figure) -> tuple[str, ...]:
    counted = Counter(point.time for each in figure.lines for point in each.valued)
    if not counted:
        return ()
    most = max(counted.values())
    position = {point.time: point.position for each in figure.lines for point in each.valued}
    for least in (most, most / 2, 1):
        there = sorted((time for time, count in counted.items() if count >= least), key=lambda time: position[time])
        if len(there) > 1:
            return there[0], there[-1]
    return ()


def not_slope(figure: Figure) -> Reason | None:
    if len(slope_periods(figure)) < 2:
        return "A slope needs values of two periods.", "斜率图需要两个时期的数值。"
    return None


def scatter(figure: Figure, look: Look) -> Json:
    """A point for each pair of lines of one area, at the newest period that both have."""
    pairs = scatter_pairs(figure)
    data = [
        row(figure, each, mine)
        | {"o": figure.number[theirs.series], "other": float(theirs.value or 0), "other_text": theirs.text}
        for each, mine, theirs in pairs
    ]
    second = series_title(figure.book, figure.state.against).text

    def axis(text: str, unit: str, size: int) -> Json:
        return {"title": look.wrapped(f"{text} ({unit})" if unit else text, size), "tickCount": 6}

    x = value_axis(figure, axis=axis(figure.title.text, figure.unit, 15))
    y = {
        "field": "other",
        "type": "quantitative",
        "scale": {"zero": False, "nice": True},
        "axis": axis(second, units(figure.book, figure.others), 26),
    }
    other = {"field": "other_text", "type": "nominal", "title": second}
    mark = {"type": "point", "filled": True, "size": 60, "opacity": 0.8, "color": look.colours[0]}
    layers: list[Json] = [{"mark": mark, "encoding": {"tooltip": [*tooltip(figure), other]}}]
    if len(data) <= 30:
        label = {"type": "text", "align": "left", "dx": 7, "fontSize": 11, "color": look.ink}
        layers.append({"mark": label, "encoding": {"text": {"field": "line", "type": "nominal"}}})
    return {**look.size, "encoding": {"x": x, "y": y}, "layer": layers, "data": data}


def scatter_pairs(figure: Figure) -> list[tuple[Line, Point, Point]]:
    """Each line with its value and that of the second series in the newest period that has both."""
    area = figure.book.roles.area or ""
    there: dict[tuple[str, str], Point] = {}
    for other in figure.others:
        there |= {(other.codes.get(area, ""), point.time): point for point in other.valued}
    found = []
    for each in figure.lines:
        code = each.codes.get(area, "")
        mine = next((point for point in reversed(each.valued) if (code, point.time) in there), None)
        if mine is not None:
            found.append((each, mine, there[code, mine.time]))
    return found


def not_scatter(figure: Figure) -> Reason | None:
    if not figure.state.against:
        return "Choose a second series to compare with.", "请选择用于比较的第二个序列。"
    if not scatter_pairs(figure):
        return "No area has both series in one period.", "没有地区在同一时期同时有两个序列的数值。"
    return None


def small(figure: Figure, look: Look) -> Json:
    """A small chart for each area, all on one scale."""
    areas = list(dict.fromkeys(each.area for each in figure.lines))
    called = names(figure)
    columns = 1 if look.narrow else 3
    width = 260 if look.narrow else 190
    encoding = {"x": time_axis(figure, Look(look.theme, True)), "y": value_axis(figure)}
    only_area = len(called) == len(areas)
    layers = _lines(figure, look, called)
    for layer in layers if only_area or len(called) > 12 else []:
        layer["encoding"]["color"] = {"value": look.colours[0]} if only_area else layer["encoding"]["color"]
        for channel in ("strokeDash", "shape") if only_area else ():
            layer["encoding"].pop(channel, None)
    inner = {"width": width, "height": 120, "encoding": encoding, "layer": layers}
    facet = {"field": "area", "type": "nominal", "sort": areas, "header": {"title": None}}
    return {"facet": facet, "columns": columns, "spec": inner}
