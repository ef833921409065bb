"""Charts as Vega-Lite specifications: one function per kind, from a figure and a look to plain data.

The same specification is drawn by pages (vega-embed), notebooks (Altair) and pictures (vl-convert). Data are text in
it, never part of an expression. A kind of chart is added with one entry in KINDS.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from regional_hub.sdg.explorer import chart_kinds as kinds
from regional_hub.sdg.explorer import maps, summary
from regional_hub.sdg.explorer.figure import Figure
from regional_hub.sdg.explorer.look import SCHEMA, Json, Look
from regional_hub.sdg.explorer.saying import say

Build = Callable[[Figure, Look], Json]


@dataclass(frozen=True)
class Kind:
    """A kind of chart: its names, how it is built, and why it cannot show a figure (None: it can)."""

    id: str
    en: str
    zh: str
    build: Build
    problem: Callable[[Figure], tuple[str, str] | None] = lambda figure: None

    def name(self, language: str) -> str:
        return say(language, self.en, self.zh)


KINDS: dict[str, Kind] = {
    kind.id: kind
    for kind in (
        Kind("line", "Lines", "折线图", kinds.line),
        Kind("bar", "Bars", "条形图", kinds.bar),
        Kind("stacked", "Stacked", "堆叠图", kinds.stacked, kinds.not_stackable),
        Kind("slope", "Slope", "斜率图", kinds.slope, kinds.not_slope),
        Kind("scatter", "Scatter", "散点图", kinds.scatter, kinds.not_scatter),
        Kind("small", "By area", "按地区分图", kinds.small),
        Kind("map", "Map", "地图", maps.build, maps.not_map),
        Kind("table", "Table", "表格", kinds.line),
    )
}


def kind_of(figure: Figure) -> Kind:
    """The kind that is drawn; lines where none is asked for."""
    return KINDS.get(figure.kind, KINDS["line"])


def problem(figure: Figure) -> str:
    """Why the kind asked for cannot show this, in the reader's language; "" where it can."""
    found = kind_of(figure).problem(figure)
    return say(figure.language, *found) if found else ""


def spec(figure: Figure, look: Look) -> Json:
    """The specification. What cannot be drawn as asked is drawn as lines; the page says why."""
    kind = kind_of(figure)
    build = KINDS["line"].build if kind.problem(figure) else kind.build
    chart = build(figure, look)
    top = {
        "$schema": SCHEMA,
        "description": summary.text(figure),
        "data": {"name": "points", "values": kinds.rows(figure) if "data" not in chart else chart.pop("data")},
        "config": look.config(),
    }
    if look.page:
        fits = {} if "facet" in chart else {"autosize": {"type": "fit-x", "contains": "padding"}}
        return _finite(top | chart | fits)
    # The legend belongs to the chart, not to the chart and its footer together.
    own = {"legend": {"color": "independent", "shape": "independent", "strokeDash": "independent"}}
    parts = [chart | {"title": title(figure, look)}, _footer(figure, look)]
    return _finite(top | {"padding": 16, "spacing": 12, "vconcat": parts, "resolve": own})


def title(figure: Figure, look: Look) -> Json:
    below = " · ".join(part for part in (figure.unit, figure.constant) if part)
    return {"text": look.wrapped(figure.title.text), "subtitle": look.wrapped(below, 12.5) if below else ""}


def _footer(figure: Figure, look: Look) -> Json:
    """Where the figures are from: source, release, address. It is part of the picture, so that it travels with it."""
    lines = [line for text in footer(figure) for line in look.wrapped(text, 11)]
    mark = {"type": "text", "align": "left", "baseline": "top", "x": 0, "y": 0, "fontSize": 11, "lineHeight": 15}
    return {
        "data": {"values": [{}]},
        "width": look.width,
        "height": 15 * len(lines),
        "mark": mark | {"text": lines, "color": look.muted},
    }


def footer(figure: Figure) -> list[str]:
    """The lines below a picture, in the reader's language."""
    book = figure.book
    release = book.release.id
    sources = "; ".join(figure.sources[:2])
    sources = sources if len(sources) <= 200 else sources[:199] + "…"
    said = [say(figure.language, f"Source: {sources}", f"来源：{sources}")] if sources else []
    said.append(
        say(
            figure.language,
            f"{book.flow}, release {release} · {figure.site}",
            f"{book.flow}，版本 {release} · {figure.site}",
        )
    )
    if figure.thinned:
        said.append(shown_of(figure))
    if about := maps.disclaimer(figure):
        said.append(about)
    return [*said, figure.link] if figure.link else said


def shown_of(figure: Figure) -> str:
    return say(
        figure.language,
        f"Shown: {figure.shown:,} of {figure.total:,} points; the download has all.",
        f"显示 {figure.total:,} 个数据点中的 {figure.shown:,} 个；下载文件包含全部。",
    )


def offered(figure: Figure) -> Iterable[Kind]:
    return KINDS.values()


def _finite(value: object) -> Json:
    """JSON has no NaN: what is not finite is missing."""

    def clean(part: object) -> object:
        if isinstance(part, dict):
            return {key: clean(each) for key, each in part.items()}
        if isinstance(part, list | tuple):
            return [clean(each) for each in part]
        return None if isinstance(part, float) and not math.isfinite(part) else part

    cleaned = clean(value)
    assert isinstance(cleaned, dict)
    return cleaned
