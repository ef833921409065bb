"""Disclosure control of published tables: small counts, totals with a dominating contribution, and what acro found.

Rules: the minimum frequency rule and the (1, k) dominance rule (Hundepool and others, Statistical Disclosure Control,
2012, chapters 4 and 5). It sees tables of outputs and CSV files; differences between tables, charts and
binary files it does not see, and says so.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from regional_hub.showcase.checks import tables
from regional_hub.showcase.checks.finding import Finding, Policy, Subject
from regional_hub.showcase.checks.tables import Table

_COUNT = re.compile(
    r"(?i)^(?:n|no|nr|count|counts|cnt|freq|frequency|obs|observations|num(?:ber)?[ _](?:of[ _])?\w+|n[ _]\w+|"
    r"(?:\w+[ _])?(?:count|persons?|people|households?|firms|enterprises|establishments|"
    r"respondents|cases|patients|deaths|births))$|^(?:"
    r".*(?:人数|户数|家数|个数|计数|频数|样本量|企业数|例数|件数))$"
)
_LARGEST = re.compile(r"(?i)^(?:.*[ _])?(?:max|maximum|largest|top[ _]?1|biggest)(?:[ _].*)?$|最大")
_TOTAL = re.compile(r"(?i)^(?:.*[ _])?(?:sum|total)(?:[ _].*)?$|合计|总计|总和")
_WHOLE = re.compile(r"\d{1,3}(?:,\d{3})+|\d+(?:\.0+)?")
_TIME = re.compile(r"(?i)year|date|month|day|period|index|年|月|日")
MOST_ROWS_OF_A_CROSS = 60


def check(subject: Subject, policy: Policy) -> list[Finding]:
    found: list[Finding] = []
    for table in tables.of(subject):
        found += _small_counts(table, policy.smallest_cell)
        found += _dominance(table, policy.dominance_percent)
    for name, read in subject.files.items():
        if PurePosixPath(name).name == "results.json":
            found += _acro(name, read(), subject)
    return found + _unseen(subject)


def number(text: str) -> float | None:
    """A number as tables print them; None for what is none."""
    try:
        return float(text.replace(",", "").replace("\u2212", "-").replace("\u202f", "").replace(" ", ""))
    except ValueError:
        return None


def _column(table: Table, place: int) -> list[str]:
    return [row[place].strip() for row in table.rows if place < len(row)]


def _small_counts(table: Table, smallest: int) -> Iterator[Finding]:
    if smallest < 2:
        return
    counted = [place for place, name in enumerate(table.columns) if _COUNT.match(name.strip())]
    for place in counted:
        if small := _small(_column(table, place), smallest):
            name = table.columns[place].strip()
            yield Finding(
                table.where,
                f"{small} counts from 1 to {smallest - 1} in the column “{name}”: combine or suppress them",
                f"“{name}”列有 {small} 个 1 至 {smallest - 1} 的计数：请合并或隐去",
                "severe",
            )
    if not counted and _is_cross(table):
        small = sum(_small(_column(table, place), smallest) for place in _numeric(table))
        if small:
            yield Finding(
                table.where,
                f"a table of whole numbers has {small} from 1 to {smallest - 1}: if they count people, combine them",
                f"一张整数表中有 {small} 个 1 至 {smallest - 1} 的值：若是人或企业的计数，请合并",
            )


def _small(values: Sequence[str], smallest: int) -> int:
    counts = [number(value) for value in values if _WHOLE.fullmatch(value)]
    return sum(1 for value in counts if value is not None and 0 < value < smallest)


def _numeric(table: Table) -> list[int]:
    """Columns of whole numbers which are no years, dates or running numbers."""
    found = []
    for place, name in enumerate(table.columns):
        values = [value for value in _column(table, place) if value not in ("", "NaN", "-", "…")]
        whole = bool(values) and all(_WHOLE.fullmatch(value) for value in values)
        running = [number(value) for value in values] in (list(range(len(values))), list(range(1, len(values) + 1)))
        if whole and not running and not _TIME.search(name):
            found.append(place)
    return found


def _is_cross(table: Table) -> bool:
    """A cross table: nothing but labels and at least two columns of whole numbers."""
    if not 2 <= len(table.rows) <= MOST_ROWS_OF_A_CROSS:
        return False
    places = _numeric(table)
    others = [place for place in range(len(table.columns)) if place not in places]
    return len(places) >= 2 and not any(
        number(value) is not None for place in others for value in _column(table, place)
    )


def _dominance(table: Table, percent: int) -> Iterator[Finding]:
    """Where a table has the largest contribution beside the total, whether it dominates."""
    largest = [place for place, name in enumerate(table.columns) if _LARGEST.search(name.strip())]
    totals = [place for place, name in enumerate(table.columns) if _TOTAL.search(name.strip())]
    for one in largest:
        for total in totals:
            rows = [row for row in table.rows if max(one, total) < len(row)]
            pairs = [(number(row[one]), number(row[total])) for row in rows]
            count = sum(1 for part, whole in pairs if part and whole and whole > 0 and part / whole > percent / 100)
            if count:
                name = table.columns[total].strip()
                yield Finding(
                    table.where,
                    f"in {count} rows one contribution is over {percent}% of “{name}”: the total tells its value",
                    f"{count} 行中单一贡献超过“{name}”的 {percent}%：可由合计推知其值",
                    "severe",
                )


# -- acro --------------------------------------------------------------------------------------------------------------


def _acro(name: str, data: bytes, subject: Subject) -> list[Finding]:
    """What acro (results.json of `ACRO.finalise`) says of its outputs: `fail` and `review` are passed on."""
    try:
        outputs = json.loads(data)["results"]
        listed = list(outputs.values())
        return [finding for output in listed for finding in _acro_output(name, output, subject)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [Finding(name, "results.json is not one of acro's, or damaged", "results.json 不是 acro 的结果或已损坏")]


def _acro_output(name: str, output: Mapping[str, Any], subject: Subject) -> Iterator[Finding]:
    title, status = str(output["uid"])[:80], str(output["status"])
    summary = str(output.get("summary", ""))[:200]
    if status == "fail":
        yield Finding(name, f"acro: {title} fails: {summary}", f"acro：{title} 未通过：{summary}", "severe")
    elif status != "pass":
        yield Finding(name, f"acro: {title} needs a look: {summary}", f"acro：{title} 需要查看：{summary}")
    folder = PurePosixPath(name).parent
    for file in output.get("files", []):
        place = str(folder / str(file["name"]))
        checksum = str(file.get("checksum") or "")
        if place in subject.files and checksum and hashlib.sha256(subject.files[place]()).hexdigest() != checksum:
            yield Finding(place, "changed since acro checked it", "在 acro 检查后被改动", "severe")


def _unseen(subject: Subject) -> list[Finding]:
    pictures = sum(
        any(kind.startswith("image/") or "vega" in kind or "plotly" in kind for kind in output.get("data", {}))
        for cell in subject.shown["cells"]
        for output in cell.get("outputs", [])
    )
    found = []
    if pictures:
        text = f"{pictures} charts or pictures: numbers in them are not seen by this check"
        found.append(Finding("", text, f"{pictures} 个图表或图片：本检查看不到其中的数字", "note"))
    binary = [
        name for name in subject.files if name.lower().endswith((".parquet", ".xlsx", ".xls", ".zip", ".gz", ".nc"))
    ]
    found += [
        Finding(name, "tables in it are not seen by this check", "本检查看不到其中的表格", "note") for name in binary
    ]
    return found
