"""A notebook that makes a page's chart again: it reads the same selection of the same release and draws the same chart.

On a server of the hub the driver of the catalog reads it, which notes the release in the notebook; elsewhere the SDMX
service does. The notebook holds the queries, the chart without its values, and a few lines that put the two together.
What comes from the data stands in it as quoted text only, never as code.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from typing import Any

from regional_hub.sdg import timeline
from regional_hub.sdg.explorer import charts, cite
from regional_hub.sdg.explorer.choices import Choice
from regional_hub.sdg.explorer.cite import Citation
from regional_hub.sdg.explorer.figure import Figure
from regional_hub.sdg.explorer.look import Json, Look
from regional_hub.sdg.explorer.saying import say

# What a row of the chart takes from the data that the notebook reads.
VALUES = ("y", "text", "low", "high", "other", "other_text", "label")
LINE = 4_000

READ = """import json

import altair as alt
import pandas as pd

try:
    from regional_hub.sdg.release_source import ReleaseSource
except ImportError:  # not on a server of the hub
    parts = [pd.read_csv(public + query, dtype=str) for query in queries]
else:
    parts = [ReleaseSource(**one, numeric=False).read() for one in asked]
data = pd.concat(parts, ignore_index=True).fillna("")
data.head()"""

DRAW = """observations = {
    (*(row[name] for name in frame["dimensions"]), row.get(frame["time"], "")): row for row in data.to_dict("records")
}


def number(text):
    try:
        return float(text) if text not in ("", "NaN") else None
    except ValueError:
        return None


rows = []
for template in frame["rows"]:
    row = dict(template)
    if "s" in row:
        found = observations[(*frame["series"][row["s"]], row["t"])]
        row["text"], row["y"] = found[frame["value"]], number(found[frame["value"]])
        low, high = (number(found.get(name, "")) for name in frame["bounds"])
        if low is not None and high is not None:
            row["low"], row["high"] = low, high
        if "o" in row:
            other = observations[(*frame["series"][row["o"]], row["t"])]
            row["other_text"], row["other"] = other[frame["value"]], number(other[frame["value"]])
        row["label"] = f"{row['text']} ({row['t']})"
    rows.append(row)
chart["data"] = {"name": "points", "values": rows}
alt.renderers.enable("svg")  # drawn here: a browser would load its libraries from far away
alt.Chart.from_dict(chart)"""


def notebook(figure: Figure, base: str) -> Json:
    """The notebook as nbformat 4.5 has it; `base` is the public address of the site."""
    language = figure.language
    citation = cite.citation(figure, base)
    frame, chart = framed(figure)
    choices = (figure.choice, *([figure.other_choice] if figure.other_choice else []))
    queries = [cite.sdmx_url(choice, "") for choice in choices]
    queries = [f"{query}{'&' if '?' in query else '?'}format=csv" for query in queries]
    about = "\n\n".join([f"# {plain(figure.title.text)}", plain(figure.constant), cited(citation)])
    data = say(
        language,
        "The data, as of the release of the page.",
        "数据（按页面的版本读取）。",
    )
    same = say(
        language,
        "The same chart as on the page, with the values read above.",
        "与页面相同的图表，数值取自上面读取的数据。",
    )
    asked = f"asked = {json.dumps([driven(choice) for choice in choices], indent=4)}\n"
    asked += f"public = {base!r}\nqueries = {json.dumps(queries, indent=4)}\n"
    held = f"frame = json.loads({quoted(frame)})\nchart = json.loads({quoted(chart)})"
    cells = [
        _cell("markdown", about),
        _cell("markdown", data),
        _cell("code", asked + READ),
        _cell("markdown", same),
        _cell("code", held, {"jupyter": {"source_hidden": True}}),
        _cell("code", DRAW),
    ]
    for place, cell in enumerate(cells):
        cell["id"] = hashlib.sha256(f"{place}{cell['source']}".encode()).hexdigest()[:8]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}, "regional_hub": {"page": citation.link}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def framed(figure: Figure) -> tuple[Json, Json]:
    """The chart's rows without their values, with what finds them; and the specification without its data."""
    chart = charts.spec(figure, Look())
    values = chart.pop("data")["values"]
    rows = [{name: said for name, said in row.items() if name not in VALUES or "s" not in row} for row in values]
    roles = figure.book.roles
    frame = {
        "dimensions": [part.id for part in figure.book.structure.dimensions],
        "time": roles.time or "",
        "value": roles.value,
        "bounds": [roles.lower or "", roles.upper or ""],
        "series": [list(line.key) for line in (*figure.lines, *figure.others)],
        "rows": rows,
    }
    return frame, chart


def driven(choice: Choice) -> Json:
    """What the catalog's driver takes for exactly this selection."""
    book, (key,) = choice.book, choice.whole.keys
    codes = {part.id: list(some) for part, some in zip(book.structure.dimensions, key, strict=True) if some is not None}
    period = {"start": choice.state.start, "end": choice.state.end}
    bounds = {name: value for name, value in period.items() if value}
    return {"flow": book.flow, "where": codes, "as_of": timeline.stamp(cite.since(book)), **bounds}


def cited(citation: Citation) -> str:
    """A citation in Markdown; its link, which is an address of ours, stays one."""
    before, _, after = citation.text.partition(citation.link)
    return f"{plain(before)} <{citation.link}>{plain(after)}"


def quoted(value: object) -> str:
    """JSON as literals of Python, one below the other: nothing in it can end them."""
    text = json.dumps(value, ensure_ascii=True)
    parts = [text[start : start + LINE] for start in range(0, len(text), LINE)]
    return "\n" + "\n".join(f"    {part!r}" for part in parts) + "\n"


def plain(text: str) -> str:
    """Text in Markdown that stays text: no markup, no HTML, no address that is loaded."""
    escaped = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~$])", r"\\\1", escaped)


def _cell(kind: str, source: str, metadata: Json | None = None) -> Json:
    more: dict[str, Any] = {"execution_count": None, "outputs": []} if kind == "code" else {}
    return {"cell_type": kind, "metadata": metadata or {}, "source": source, **more}
