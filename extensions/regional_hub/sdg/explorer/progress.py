"""Progress of an area to the targets of the 2030 Agenda, with everything that a reader needs to work it out by hand.

Method: UNSD, "SDG Progress Chart 2022: Technical Note", section II: the compound annual growth rate from the baseline
to the newest value, CAGR_a = (v_t / v_b)^(1 / (t - b)) - 1, by the rate that leads from the baseline to the target in
time, CAGR_r = (v* / v_b)^(1 / (T - b)) - 1 (b); without a numerical target CAGR_a alone, in the desired direction (a).
Numbers and targets are in `progress.toml`. What is not said there is not judged: `NotAssessed` gives the reason.
"""

from __future__ import annotations

import logging
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from regional_hub.sdg.explorer import keyseries
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.points import Point
from regional_hub.sdg.explorer.saying import say

MET, ON_TRACK, FAIR, LIMITED, DETERIORATION = "met", "on-track", "fair", "limited", "deterioration"
log = logging.getLogger(__name__)
SOURCE = "UNSD, SDG Progress Chart 2022: Technical Note, section II"
DIGITS = 40  # of the arithmetic; results are exact far beyond what is shown


class BadRules(ValueError):
    """`progress.toml` says what cannot be; the message names the file, the series and the word."""


@dataclass(frozen=True)
class Numbers:
    """The numbers of the method."""

    baseline: int
    earliest: int
    end: int
    zero: Decimal
    on_track: Decimal
    fair: Decimal
    limited: Decimal
    free_on_track: Decimal
    free_fair: Decimal
    free_limited: Decimal


@dataclass(frozen=True)
class Rule:
    """What a series is held against: `sign` is +1 where more is better. `target` and `factor` may both be None."""

    series: str
    sign: int
    target: Decimal | None
    factor: Fraction | None
    end: int
    units: tuple[str, ...]
    origin: str


@dataclass(frozen=True)
class Rules:
    """`broken` says that those of the institution cannot be read: then nothing is judged."""

    numbers: Numbers
    series: Mapping[str, Rule]
    broken: bool = False

    def missing(self) -> NotAssessed:
        """Why a series without a rule is not judged."""
        return NotAssessed("rules" if self.broken else "no-rule")


@dataclass(frozen=True)
class Progress:
    """How an area gets on. Rates are fractions a year (0.01 is one per cent); `ratio` is actual by required rate.

    `required`, `ratio` and `goal` are None without a numerical target; `ratio` also where the baseline had met it.
    `replaced` says that `calculated` stands for a target of zero. `bounds` are (category, its lower bound).
    """

    rule: Rule
    category: str
    baseline: Point
    latest: Point
    actual: Decimal
    required: Decimal | None
    ratio: Decimal | None
    goal: Decimal | None
    calculated: Decimal | None
    bounds: tuple[tuple[str, Decimal], ...]
    numbers: Numbers

    @property
    def assessed(self) -> bool:
        return True

    @property
    def years(self) -> int:
        return _year(self.latest) - _year(self.baseline)

    @property
    def span(self) -> int:
        """Years from the baseline to the target."""
        return self.rule.end - _year(self.baseline)

    @property
    def replaced(self) -> bool:
        return self.goal != self.calculated

    def measured(self) -> Decimal:
        """What is held against `bounds`."""
        if self.ratio is not None:
            return self.ratio
        return self.actual * self.rule.sign


@dataclass(frozen=True)
class NotAssessed:
    """Why nothing is said: `reason` is one of no-rule, rules, no-data, no-whole, one-year, unit, not-positive, past."""

    reason: str
    rule: Rule | None = None
    detail: str = ""

    @property
    def assessed(self) -> bool:
        return False

    def text(self, language: str) -> str:
        en, zh = _REASONS[self.reason]
        return say(language, en, zh).format(detail=self.detail)


_REASONS = {
    "no-rule": (
        "The 2030 Agenda names no target for this series, and none was set here.",
        "2030 年议程未对该序列规定目标，本站也未设定。",
    ),
    "rules": (
        "The targets that this hub set cannot be read. Its operator finds the reason in the log.",
        "无法读取本站设定的目标，运维人员可在日志中查看原因。",
    ),
    "no-data": ("There are no values for this area.", "该地区没有数据。"),
    "no-whole": (
        "Only parts of the population have values, not the whole.",
        "只有分组数据，没有总体数据。",
    ),
    "one-year": (
        "There is no second year to compare the baseline with (from {detail} on).",
        "{detail} 年以来只有一个年份的数据，无法比较。",
    ),
    "unit": (
        "The target is meant in another unit than that of the values ({detail}).",
        "目标的计量单位与数据的计量单位（{detail}）不同。",
    ),
    "not-positive": (
        "Rates of growth need values above zero; {detail} is not.",
        "计算增长率需要大于零的数值，而此处有 {detail}。",
    ),
    "past": (
        "The newest value is of {detail}, after the year of the target.",
        "最新数据为 {detail} 年，已过目标年份。",
    ),
}


def progress(book: Book, series: str, area: str) -> Progress | NotAssessed:
    """How an area gets on in a series, by its line for the whole population."""
    found = working_rules(book.store.folder)
    rule = found.series.get(series)
    if rule is None:
        return found.missing()
    line = keyseries.key_lines(book, area, [series]).get(series)
    if line is None:
        return NotAssessed("no-data", rule)
    if not line.whole:
        return NotAssessed("no-whole", rule)
    return assess(found.numbers, rule, keyseries.read(book, [line])[line.codes])


def assess(numbers: Numbers, rule: Rule, points: Sequence[Point]) -> Progress | NotAssessed:
    """The arithmetic, on the points of one line in order of time; only whole years count."""
    yearly = [point for point in points if point.value is not None and point.time.isascii() and point.time.isdigit()]
    if not yearly:
        return NotAssessed("no-data", rule)
    latest = yearly[-1]
    baseline = _baseline(numbers, yearly)
    if baseline is None:
        return NotAssessed("one-year", rule, str(numbers.earliest))
    wrong = [point for point in (baseline, latest) if rule.units and point.unit not in rule.units]
    scaled = [point for point in (baseline, latest) if point.multiplier not in ("", "0")]
    if rule.target is not None and (wrong or scaled):
        return NotAssessed("unit", rule, (wrong or scaled)[0].unit)
    if baseline.unit != latest.unit or baseline.multiplier != latest.multiplier:
        return NotAssessed("unit", rule, f"{baseline.unit} → {latest.unit}")
    with localcontext() as context:
        context.prec = DIGITS
        return _assess(numbers, rule, baseline, latest)


def _assess(numbers: Numbers, rule: Rule, baseline: Point, latest: Point) -> Progress | NotAssessed:
    old, new = _value(baseline), _value(latest)
    goal = _goal(rule, old)
    met = goal is not None and rule.sign * (new - goal) >= 0
    if old <= 0 or new < 0 or (new == 0 and not met):
        bad = baseline if old <= 0 else latest
        if not (met and old == 0 == new):
            return NotAssessed("not-positive", rule, bad.text)
    actual = Decimal(0) if old == new else _rate(old, new, _year(latest) - _year(baseline))
    if goal is None:
        bounds = ((ON_TRACK, numbers.free_on_track), (FAIR, numbers.free_fair), (LIMITED, numbers.free_limited))
        category = _free(actual * rule.sign, numbers)
        return Progress(rule, category, baseline, latest, actual, None, None, None, None, bounds, numbers)
    bounds = ((ON_TRACK, numbers.on_track), (FAIR, numbers.fair), (LIMITED, numbers.limited))
    calculated = goal if goal != 0 else numbers.zero
    if _year(latest) > rule.end and not met:
        return NotAssessed("past", rule, latest.time)
    required = ratio = None
    if old > 0 and rule.sign * (calculated - old) > 0:
        required = _rate(old, calculated, rule.end - _year(baseline))
        ratio = actual / required if actual else Decimal(0)
    category = MET if met else DETERIORATION if ratio is None else _bound(ratio, numbers)
    return Progress(rule, category, baseline, latest, actual, required, ratio, goal, calculated, bounds, numbers)


def _baseline(numbers: Numbers, yearly: Sequence[Point]) -> Point | None:
    """2015; else the first year after it that is not the newest; else the last before it."""
    before_newest = yearly[:-1]
    after = [point for point in before_newest if _year(point) >= numbers.baseline]
    before = [point for point in before_newest if numbers.earliest <= _year(point) < numbers.baseline]
    return after[0] if after else before[-1] if before else None


def _goal(rule: Rule, baseline: Decimal) -> Decimal | None:
    if rule.factor is not None:
        return baseline * rule.factor.numerator / rule.factor.denominator
    return rule.target


def _rate(old: Decimal, new: Decimal, years: int) -> Decimal:
    """The compound annual rate of growth; -1 where the new value is zero."""
    return (new / old) ** (Decimal(1) / years) - 1 if new else Decimal(-1)


def _bound(ratio: Decimal, numbers: Numbers) -> str:
    if ratio >= numbers.on_track:
        return ON_TRACK
    return FAIR if ratio >= numbers.fair else LIMITED if ratio >= numbers.limited else DETERIORATION


def _free(rate: Decimal, numbers: Numbers) -> str:
    if rate > numbers.free_on_track:
        return ON_TRACK
    return FAIR if rate > numbers.free_fair else LIMITED if rate >= numbers.free_limited else DETERIORATION


def _year(point: Point) -> int:
    return int(point.time)


def _value(point: Point) -> Decimal:
    assert point.value is not None
    return point.value


# -- the rules ---------------------------------------------------------------------------------------------------------


def rules(folder: Path) -> Rules:
    """The rules that come with the hub, and before them those of the institution in a database's folder.

    Raises BadRules.
    """
    return _rules(folder / "progress.toml", stamp(folder))


def stamp(folder: Path) -> int:
    """Another number says that the rules of a database may have changed."""
    own = folder / "progress.toml"
    return own.stat().st_mtime_ns if own.exists() else 0


def working_rules(folder: Path) -> Rules:
    """The rules for a page: where those of the institution cannot be read, the log says why, and nothing is judged."""
    try:
        return rules(folder)
    except BadRules as error:
        log.error("progress is not judged: %s", error)
        return Rules(rules(folder / "none").numbers, {}, broken=True)


@lru_cache(maxsize=8)
def _rules(own: Path, changed: int) -> Rules:
    ours = _read(Path(__file__).with_name("progress.toml"))
    theirs = _read(own) if changed else {}
    method = {**ours["method"], **theirs.get("method", {})}
    free = {**ours["method"]["without_target"], **theirs.get("method", {}).get("without_target", {})}
    place = str(own) if changed else "progress.toml"
    numbers = _numbers(place, method, free)
    tables = {**ours["series"], **theirs.get("series", {})}
    made = {code: _rule(place, code, facts, numbers) for code, facts in tables.items() if facts.get("assess", True)}
    return Rules(numbers, made)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRules(f"{path}: {error}") from error


def _numbers(place: str, method: Mapping[str, Any], free: Mapping[str, Any]) -> Numbers:
    try:
        return Numbers(
            baseline=int(method["baseline"]),
            earliest=int(method["earliest"]),
            end=int(method["end"]),
            zero=Decimal(method["zero"]),
            on_track=Decimal(method["on_track"]),
            fair=Decimal(method["fair"]),
            limited=Decimal(method["limited"]),
            free_on_track=Decimal(free["on_track"]),
            free_fair=Decimal(free["fair"]),
            free_limited=Decimal(free["limited"]),
        )
    except (KeyError, TypeError, ArithmeticError, ValueError) as error:
        raise BadRules(f"{place}, [method]: {error!r}") from error


_WORDS = frozenset({"direction", "target", "factor", "end", "units", "from", "assess"})


def _rule(place: str, code: str, facts: Mapping[str, Any], numbers: Numbers) -> Rule:
    where = f"{place}, [series.{code}]"
    if unknown := set(facts) - _WORDS:
        raise BadRules(f"{where}: {', '.join(sorted(unknown))} means nothing; there are {', '.join(sorted(_WORDS))}")
    if facts.get("direction") not in ("up", "down"):
        raise BadRules(f'{where}: direction is "up" or "down"')
    if "target" in facts and "factor" in facts:
        raise BadRules(f"{where}: a target or a factor, not both")
    try:
        target = Decimal(str(facts["target"])) if "target" in facts else None
        factor = Fraction(str(facts["factor"])) if "factor" in facts else None
        end = int(facts.get("end", numbers.end))
    except (ArithmeticError, ValueError) as error:
        raise BadRules(f"{where}: {error!r}") from error
    sign = 1 if facts["direction"] == "up" else -1
    return Rule(code, sign, target, factor, end, tuple(facts.get("units", ())), str(facts.get("from", "")))
