"""Rules that need one row only: codes, missing parts, types, periods, bounds, constraints.

Each column of a batch is looked at by its distinct values, so a million rows cost little more than a thousand.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from regional_hub.sdg import periods
from regional_hub.sdg.constraint_rules import denied
from regional_hub.sdg.findings import Report
from regional_hub.sdg.formats import write_text
from regional_hub.sdg.formats.observations import ACTION, FILE, LINE
from regional_hub.sdg.structure import Codelist, Component, Constraint, Structure

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?INF")
INTEGER = re.compile(r"[+-]?\d+")
COMMA = re.compile(r"[+-]?\d[\d.\u00a0\u202f ]*,\d+|[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
ABOUT = re.compile(r"\s*[<>\u2264\u2265~\u2248\uff1c\uff1e]\s*\d")  # "<5", ">95.0"
NUMERIC = {"Double", "Float", "Decimal"}
WHOLE = {"Integer", "BigInteger", "Long", "Short", "Count", "InclusiveValueRange"}
TIMES = {
    "ObservationalTimePeriod",
    "StandardTimePeriod",
    "BasicTimePeriod",
    "GregorianTimePeriod",
    "ReportingTimePeriod",
    "TimeRange",
}
PATTERNS = {
    "Boolean": (re.compile(r"true|false|0|1"), "true or false"),
    "Alpha": (re.compile(r"[A-Za-z]*"), "letters only"),
    "AlphaNumeric": (re.compile(r"[A-Za-z0-9]*"), "letters and digits only"),
    "Numeric": (re.compile(r"\d*"), "digits only"),
}
FREQUENCIES = {
    "A": re.compile(r"\d{4}(-A1)?"),
    "S": re.compile(r"\d{4}-S[12]"),
    "Q": re.compile(r"\d{4}-Q[1-4]"),
    "M": re.compile(r"\d{4}-(M?\d{2})"),
    "W": re.compile(r"\d{4}-W\d{2}"),
    "D": re.compile(r"\d{4}-\d{2}-\d{2}|\d{4}-D\d{3}"),
}


@dataclass(frozen=True)
class Fault:
    """What is wrong with a value of a column, in both languages."""

    rule: str
    detail: str = ""
    detail_zh: str | None = None


Test = Callable[[str], Fault | None]


class RowRules:
    """The rules for one structure; what is known of a value is remembered from batch to batch."""

    def __init__(self, structure: Structure, constraints: Sequence[Constraint], report: Report) -> None:
        self.structure = structure
        self.report = report
        self.constraints = [constraint for constraint in constraints if constraint.role.lower() == "allowed"]
        self._tests = {component.id: self._tests_of(component) for component in structure.components}
        self._known: dict[str, dict[str, Fault | None]] = {component.id: {} for component in structure.components}
        for short in structure.unresolved:
            for component in structure.components:
                if component.codelist_ref == short and component.codelist is None:
                    report.add("codelist", column=component.id, detail=short)

    def check(self, batch: pa.RecordBatch) -> None:
        """Report what is wrong in a batch. Lines that delete or merge may leave parts out."""
        whole = pc.invert(pc.is_in(batch.column(ACTION), pa.array(["D", "M", "A"])))
        keyed = self._stating(batch)
        for component in self.structure.components:
            column = batch.column(component.id)
            if component.role in ("dimension", "time"):
                self._missing(batch, column, keyed, component.id, "empty-key")
            elif component.mandatory and component.role == "attribute":
                self._missing(batch, column, whole, component.id, "mandatory")
            self._values(batch, column, component)
        self._frequency(batch)
        self._bounds(batch)
        self._ranges(batch)
        self._constraints(batch)

    # -- by column ------------------------------------------------------------------------------------------------

    def _missing(self, batch: pa.RecordBatch, column: pa.Array, where: pa.Array, id: str, rule: str) -> None:
        if column.null_count and self.report.policy.looks_at(rule):
            self._report(batch, pc.and_(pc.is_null(column), where), id, Fault(rule))

    def _values(self, batch: pa.RecordBatch, column: pa.Array, component: Component) -> None:
        tests, known = self._tests[component.id], self._known[component.id]
        if component.codelist is None and component.role == "attribute":
            self._controls(batch, column, component.id)
        if not tests:
            return
        coded = column.dictionary_encode()
        bad = []
        for index, value in enumerate(coded.dictionary.to_pylist()):
            if value is None:
                continue
            if value not in known:
                known[value] = next((fault for test in tests if (fault := test(value))), None)
            if known[value] is not None:
                bad.append((index, known[value]))
        if len(known) > 200_000:  # free text: what it was before does not help
            known.clear()
        for index, fault in bad:
            if fault is not None:
                self._report(batch, pc.equal(coded.indices, index), component.id, fault)

    def _controls(self, batch: pa.RecordBatch, column: pa.Array, id: str) -> None:
        """Characters that no XML message can say, as word processors leave them: looked for in the bytes first."""
        odd = set(write_text.controls(write_text.content(write_text.plain(column)))) - set("\t\n\r")
        for character in sorted(odd):
            named = f"U+{ord(character):04X}"
            fault = Fault("type", f"text without control characters: it holds {named}", f"不得含控制字符 {named}")
            self._report(batch, pc.match_substring(write_text.plain(column), character), id, fault)

    def _tests_of(self, component: Component) -> list[Test]:
        tests: list[Test] = []
        if component.codelist is not None:
            tests.append(_code_test(component))
        elif component.role == "time" or component.type in TIMES:
            tests.append(_period_test(component))
        else:
            tests += _type_tests(component)
        if component.role == "measure" and component.type not in NUMERIC | WHOLE and component.codelist is None:
            tests.append(_number_test)
        return tests

    def _report(self, batch: pa.RecordBatch, mask: pa.Array, column: str, fault: Fault) -> None:
        rows = pc.indices_nonzero(pc.fill_null(mask, False))
        if not len(rows):
            return
        spare = self.report.policy.most_findings - self.report.counts[fault.rule]
        for row in rows[: max(spare, 0)].to_pylist():
            self.report.add(
                fault.rule,
                file=batch.column(FILE)[row].as_py() or "",
                line=batch.column(LINE)[row].as_py(),
                key=self._key(batch, row),
                column=column,
                value=batch.column(column)[row].as_py() or "",
                detail=fault.detail,
                detail_zh=fault.detail_zh,
            )
        if self.report.policy.looks_at(fault.rule):
            self.report.counts[fault.rule] += max(len(rows) - max(spare, 0), 0)

    def _key(self, batch: pa.RecordBatch, row: int) -> str:
        return ".".join(batch.column(id)[row].as_py() or "" for id in self.structure.key)

    # -- by row ---------------------------------------------------------------------------------------------------

    def _frequency(self, batch: pa.RecordBatch) -> None:
        time = self.structure.time
        if time is None or "FREQ" not in self.structure.by_id or not self.report.policy.looks_at("frequency"):
            return
        pairs = pc.binary_join_element_wise(
            pc.fill_null(batch.column("FREQ"), ""), pc.fill_null(batch.column(time.id), ""), "\n"
        ).dictionary_encode()
        for index, pair in enumerate(pairs.dictionary.to_pylist()):
            frequency, _, period = pair.partition("\n")
            pattern = FREQUENCIES.get(frequency)
            if pattern and period and not pattern.fullmatch(period):
                self._report(batch, pc.equal(pairs.indices, index), time.id, Fault("frequency", frequency))

    def _bounds(self, batch: pa.RecordBatch) -> None:
        value, limits = self.structure.measure.id, self.report.policy.bounds
        if not self.report.policy.looks_at("bounds"):
            return
        for id, compare, said, said_zh in (
            (limits.lower, pc.less, "below its lower bound", "低于下限"),
            (limits.upper, pc.greater, "above its upper bound", "高于上限"),
        ):
            if id not in self.structure.by_id or batch.column(id).null_count == batch.num_rows:
                continue
            wrong = compare(_numbers(batch.column(value)), _numbers(batch.column(id)))
            self._report(batch, wrong, value, Fault("bounds", said, said_zh))

    def _ranges(self, batch: pa.RecordBatch) -> None:
        value = self.structure.measure.id
        for limits in self.report.policy.ranges:
            if limits.component not in self.structure.by_id or not self.report.policy.looks_at("bounds"):
                continue
            here = pc.is_in(batch.column(limits.component), pa.array(limits.codes, pa.string()))
            numbers = _numbers(batch.column(value))
            what = ", ".join(limits.codes)
            if limits.lowest is not None:
                wrong = pc.and_(here, pc.less(numbers, limits.lowest))
                fault = Fault("bounds", f"below {limits.lowest:g} in {what}", f"{what} 低于 {limits.lowest:g}")
                self._report(batch, wrong, value, fault)
            if limits.highest is not None:
                wrong = pc.and_(here, pc.greater(numbers, limits.highest))
                fault = Fault("bounds", f"above {limits.highest:g} in {what}", f"{what} 高于 {limits.highest:g}")
                self._report(batch, wrong, value, fault)

    def _constraints(self, batch: pa.RecordBatch) -> None:
        if not self.report.policy.looks_at("constraint"):
            return
        for constraint in self.constraints:
            one = constraint.regions[0] if len(constraint.regions) == 1 and not constraint.keys else None
            names = sorted({*one.values, *one.bounds}) if one and one.include else [""]
            for name in names:  # one region: each component speaks for itself
                part = constraint
                if one and name:
                    values = {name: one.values[name]} if name in one.values else {}
                    bounds = {name: one.bounds[name]} if name in one.bounds else {}
                    part = replace(constraint, regions=(replace(one, values=values, bounds=bounds),))
                mask = denied(batch, part)
                column = name if name in self.structure.by_id else self.structure.measure.id
                self._report(batch, pc.and_(mask, self._stating(batch)), column, Fault("constraint", constraint.short))

    def _stating(self, batch: pa.RecordBatch) -> pa.Array:
        return pc.not_equal(batch.column(ACTION), "D")


def _numbers(column: pa.Array) -> pa.Array:
    """Texts as numbers, null where they are none."""
    plain = pc.match_substring_regex(column, r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$")
    return pc.if_else(plain, column, pa.scalar(None, pa.string())).cast(pa.float64())


def _code_test(component: Component) -> Test:
    codelist = component.codelist
    assert codelist is not None
    codes = codelist.codes

    def test(value: str) -> Fault | None:
        listed = value.split(";") if component.several else [value]
        if all(code in codes for code in listed):
            return None
        near = _nearest(value, codelist)
        return Fault("code", f"; is {near} meant?", f"；是否应为 {near}？") if near else Fault("code")

    return test


def _nearest(value: str, codelist: Codelist) -> str:
    """The code that is most like a value, or whose name is; empty where none is near."""
    near = difflib.get_close_matches(value, codelist.codes, 1)
    near = near or [code for code in codelist.codes if code.casefold() == value.casefold()]
    if near:
        return near[0]
    named = {name.casefold(): code.id for code in codelist.codes.values() for name in code.name.values()}
    return next((named[name] for name in difflib.get_close_matches(value.casefold(), named, 1, 0.85)), "")


def _period_test(component: Component) -> Test:
    rule = "time" if component.role == "time" else "type"

    def test(value: str) -> Fault | None:
        try:
            periods.span(value)
        except periods.PeriodError:
            return Fault(rule, "a time period that exists", "应为有效的时间段")
        return None

    return test


def _number_test(value: str) -> Fault | None:
    if NUMBER.fullmatch(value):
        return None
    return Fault("number", *_number_hint(value))


def _number_hint(value: str) -> tuple[str, str]:
    if ABOUT.match(value):
        return "; give the number alone, and say the rest in a comment or bound", "；请只填数字，其余写入注释或上下限"
    if COMMA.fullmatch(value):
        return "; write it with a decimal point and without separators of thousands", "；请使用小数点，不用千位分隔符"
    return "", ""


def _type_tests(component: Component) -> Iterable[Test]:
    kind, facets = component.type, component.facets
    if kind in NUMERIC | WHOLE:
        yield _numeric_test(component)
    elif kind in PATTERNS:
        yield _pattern_test(*PATTERNS[kind])
    elif kind in ("DateTime", "GregorianDay", "Date"):
        yield _date_test
    if facets.pattern:
        yield _pattern_test(re.compile(facets.pattern), f"of the form {facets.pattern}")
    if facets.max_length is not None or facets.min_length is not None:
        yield _length_test(facets.min_length or 0, facets.max_length)


def _numeric_test(component: Component) -> Test:
    pattern = NUMBER if component.type in NUMERIC else INTEGER
    what, what_zh = ("a number", "应为数字") if component.type in NUMERIC else ("a whole number", "应为整数")
    low, high = component.facets.min_value, component.facets.max_value

    def test(value: str) -> Fault | None:
        if not pattern.fullmatch(value):
            hint, hint_zh = _number_hint(value)
            return Fault("type", what + hint, what_zh + hint_zh)
        if low is not None and float(value) < float(low):
            return Fault("type", f"{low} or more", f"应不小于 {low}")
        if high is not None and float(value) > float(high):
            return Fault("type", f"{high} or less", f"应不大于 {high}")
        return None

    return test


def _pattern_test(pattern: re.Pattern[str], what: str) -> Test:
    return lambda value: None if pattern.fullmatch(value) else Fault("type", what)


def _length_test(least: int, most: int | None) -> Test:
    what = f"of {least} to {most} characters" if most is not None else f"of {least} characters or more"

    def test(value: str) -> Fault | None:
        return None if least <= len(value) and (most is None or len(value) <= most) else Fault("type", what)

    return test


def _date_test(value: str) -> Fault | None:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        try:
            periods.span(value)
        except periods.PeriodError:
            return Fault("type", "a date that exists", "应为有效的日期")
    return None
