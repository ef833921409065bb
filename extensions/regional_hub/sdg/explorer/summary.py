"""A chart in words: first and last value, change, highest and lowest; also the description that the picture carries."""

from __future__ import annotations

from decimal import Decimal

from regional_hub.sdg.explorer.chart_kinds import scatter_pairs
from regional_hub.sdg.explorer.figure import Figure, Line, series_title
from regional_hub.sdg.explorer.points import Point
from regional_hub.sdg.explorer.saying import figure as number
from regional_hub.sdg.explorer.saying import say

MOST_LINES = 4


def sentences(figure: Figure) -> list[str]:
    """One sentence on each of the first lines, and one on the newest values of all."""
    language = figure.language
    if not figure.lines:
        return [say(language, "There are no data for these choices.", "所选条件没有数据。")]
    if figure.others and (pairs := len(scatter_pairs(figure))):
        second = series_title(figure.book, figure.state.against).text
        both = say(
            language,
            f"{pairs} areas have a value of “{second}” in the same period; each stands at its newest such period.",
            f"有 {pairs} 个地区在同一时期也有“{second}”的数值；各取最近的共同时期。",
        )
        return [both, _newest(figure)]
    said = [_of_line(line, language) for line in figure.lines[:MOST_LINES]]
    if len(figure.lines) > 1:
        said.append(_newest(figure))
    if (more := len(figure.lines) - MOST_LINES) > 0:
        said.append(say(language, f"{more} more are in the table.", f"另有 {more} 项见表格。"))
    return [sentence for sentence in said if sentence]


def text(figure: Figure) -> str:
    language = figure.language
    start = ", ".join(part for part in (figure.title.text, figure.constant, figure.unit) if part)
    dot, gap = say(language, ". ", "。"), say(language, " ", "")
    return start + dot + gap.join(sentences(figure))


def _of_line(line: Line, language: str) -> str:
    points = line.valued
    if not points:
        return say(language, f"{line.name}: no value.", f"{line.name}：无数值。")
    if len(points) == 1:
        return say(language, f"{line.name}: {_at(points[0], language)}.", f"{line.name}：{_at(points[0], language)}。")
    first, last = points[0], points[-1]
    high, low = max(points, key=_value), min(points, key=_value)
    return say(
        language,
        f"{line.name}: from {_at(first, language)} to {_at(last, language)}, {_change(first, last, language)}; "
        f"highest {_at(high, language)}, lowest {_at(low, language)}.",
        f"{line.name}：由 {_at(first, language)} 到 {_at(last, language)}，{_change(first, last, language)}；"
        f"最高 {_at(high, language)}，最低 {_at(low, language)}。",
    )


def _newest(figure: Figure) -> str:
    """The highest and lowest of the newest period that most lines have."""
    counts: dict[str, list[tuple[Line, Point]]] = {}
    for line in figure.lines:
        for point in line.valued:
            counts.setdefault(point.time, []).append((line, point))
    if not counts:
        return ""
    time = max(counts, key=lambda each: (len(counts[each]), counts[each][0][1].position))
    if len(counts[time]) < 2:
        return ""
    high = max(counts[time], key=lambda pair: _value(pair[1]))
    low = min(counts[time], key=lambda pair: _value(pair[1]))
    at_high, at_low = number(high[1].value), number(low[1].value)
    return say(
        figure.language,
        f"In {time}, of {len(counts[time])}, highest: {high[0].name} ({at_high}); lowest: {low[0].name} ({at_low}).",
        f"{time}：{len(counts[time])} 项中，最高：{high[0].name}（{at_high}）；最低：{low[0].name}（{at_low}）。",
    )


def _value(point: Point) -> Decimal:
    assert point.value is not None
    return point.value


def _at(point: Point, language: str) -> str:
    return say(language, f"{number(point.value)} ({point.time})", f"{number(point.value)}（{point.time}）")


def _change(first: Point, last: Point, language: str) -> str:
    """The difference, and in per cent where the first value is above zero."""
    difference = _value(last) - _value(first)
    sign = "+" if difference > 0 else ""
    text = f"{sign}{number(difference)}"
    if _value(first) > 0:
        share = (difference * 100 / _value(first)).quantize(Decimal("0.1"))
        text += say(language, f" ({sign}{number(share)} %)", f"（{sign}{number(share)}%）")
    return say(language, f"a change of {text}", f"变化 {text}")
