"""A Selection: which observations of a flow somebody wants, and as what SQL condition that is.

The words are those of SDMX REST 2.2; how a URL or a page spells them is not known here.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from regional_hub.sdg import periods
from regional_hub.sdg.release import Layout, quote
from regional_hub.sdg.timeline import Embargo

# Accepted codes per dimension in the order of the DSD; None accepts all.
Key = tuple[tuple[str, ...] | None, ...]

ORDER = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}
TEXT = {"co": "contains", "nc": "NOT contains", "sw": "starts_with", "ew": "ends_with"}


class SelectionError(ValueError):
    """A selection that asks for what the structure does not have; the message names it."""


@dataclass(frozen=True)
class Condition:
    """`operator` is one of eq ne lt le gt ge co nc sw ew."""

    operator: str
    value: str


@dataclass(frozen=True)
class Filter:
    """A component meets any of these conditions (`,` in a URL); of several filters each must be met (`+`)."""

    component: str
    any_of: tuple[Condition, ...]


@dataclass(frozen=True)
class Sort:
    component: str
    descending: bool = False


@dataclass(frozen=True)
class Selection:
    """Observations of a flow. `keys` are joined by or, `filters` by and; the rest is as in SDMX REST.

    `measures` and `attributes` name those to return, None all. `as_of` and `updated_after` are moments with a zone.
    """

    flow: str
    keys: tuple[Key, ...] = ()
    filters: tuple[Filter, ...] = ()
    first_n: int | None = None
    last_n: int | None = None
    offset: int = 0
    limit: int | None = None
    sort: tuple[Sort, ...] = ()
    as_of: datetime | None = None
    updated_after: datetime | None = None
    include_history: bool = False
    measures: tuple[str, ...] | None = None
    attributes: tuple[str, ...] | None = None

    def within(self, start: str | None = None, end: str | None = None, time: str = "TIME_PERIOD") -> Selection:
        """The same, between two periods, both included (`startPeriod`, `endPeriod`)."""
        bounds = [("ge", start), ("le", end)]
        more = [Filter(time, (Condition(operator, value),)) for operator, value in bounds if value]
        return replace(self, filters=(*self.filters, *more))

    def check(self, layout: Layout) -> None:
        """Raises SelectionError, naming the first part that does not fit the structure."""
        for key in self.keys:
            if len(key) != len(layout.dimensions):
                named = ".".join(layout.dimensions)
                raise SelectionError(
                    f"the key has {len(key)} dimensions, the structure {len(layout.dimensions)}: {named}"
                )
        for component in (*(f.component for f in self.filters), *(s.component for s in self.sort)):
            if component not in layout.columns:
                raise SelectionError(f"no component {component!r}; there are {', '.join(layout.columns)}")
        for kind, asked, there in (
            ("measure", self.measures, layout.measures),
            ("attribute", self.attributes, layout.attributes),
        ):
            if unknown := [name for name in asked or () if name not in there]:
                raise SelectionError(f"no {kind} {', '.join(unknown)}; there are {', '.join(there)}")
        numbers = {"firstNObservations": self.first_n, "lastNObservations": self.last_n}
        numbers |= {"offset": self.offset, "limit": self.limit}
        for name, number in numbers.items():
            if number is not None and number < 0:
                raise SelectionError(f"{name} is {number}, it cannot be negative")
        for chosen in self.filters:
            _check_filter(chosen, layout)

    def columns(self, layout: Layout) -> tuple[str, ...]:
        """What is returned: the key, and the measures and attributes asked for in the order of the structure."""
        measures = layout.measures if self.measures is None else self.measures
        attributes = layout.attributes if self.attributes is None else self.attributes
        return (*layout.key, *(name for name in layout.values if name in measures or name in attributes))


def _check_filter(chosen: Filter, layout: Layout) -> None:
    allowed = ORDER if chosen.component == layout.time else ORDER | TEXT
    for condition in chosen.any_of:
        if condition.operator not in allowed:
            raise SelectionError(
                f"{chosen.component} has no operator {condition.operator!r}; it has {', '.join(allowed)}"
            )
        if chosen.component == layout.time:
            try:
                periods.span(condition.value)
            except periods.PeriodError as error:
                raise SelectionError(str(error)) from None


@dataclass
class Clause:
    """A condition in SQL under construction: its text, and the values of its parameters by name."""

    values: dict[str, Any] = field(default_factory=dict)

    def put(self, value: Any) -> str:
        """A parameter that holds a value."""
        name = f"p{len(self.values)}"
        self.values[name] = value
        return f"${name}"

    def among(self, column: str, codes: Sequence[str]) -> str:
        """The column holds one of these; nothing does where there are none."""
        if not codes:
            return "false"
        if len(codes) == 1:
            return f"{quote(column)} = {self.put(codes[0])}"
        if len(codes) > 100:
            return f"list_contains({self.put(list(codes))}, {quote(column)})"
        return f"{quote(column)} IN ({', '.join(map(self.put, codes))})"

    def keys(self, keys: Iterable[Key], layout: Layout) -> str:
        """One of the keys fits."""
        fits = [
            _all(
                self.among(name, codes) for name, codes in zip(layout.dimensions, key, strict=True) if codes is not None
            )
            for key in keys
        ]
        return _any(fits) if fits else "true"

    def filters(self, filters: Iterable[Filter], layout: Layout, times: Sequence[str]) -> str:
        """Every filter is met; periods are compared by span, among the `times` that there are."""
        met = []
        for chosen in filters:
            if chosen.component == layout.time:
                met.append(self.among(chosen.component, accepted_times(chosen, times)))
            else:
                met.append(_any([self._condition(chosen.component, c, layout) for c in chosen.any_of]))
        return _all(met)

    def _condition(self, component: str, condition: Condition, layout: Layout) -> str:
        """Numbers are compared as numbers, but for codes; what is missing is only not equal, or not in there."""
        column = quote(component)
        absent = str(condition.operator in ("ne", "nc")).lower()
        if condition.operator in TEXT:
            return f"coalesce({TEXT[condition.operator]}({column}, {self.put(condition.value)}), {absent})"
        sign = ORDER[condition.operator]
        compared = f"{column} {sign} {self.put(condition.value)}"
        if component not in layout.dimensions and _is_number(condition.value):
            compared = f"coalesce(TRY_CAST({column} AS DOUBLE) {sign} {self.put(float(condition.value))}, {compared})"
        return f"coalesce({compared}, {absent})"

    def embargoed(self, embargoes: Iterable[Embargo]) -> str:
        """The series is among those of one of the embargoes."""
        return _any([_all(self.among(name, codes) for name, codes in e.where.items()) for e in embargoes])


MEETS: dict[str, Callable[[str, str], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
    "co": operator.contains,
    "nc": lambda text, part: part not in text,
    "sw": str.startswith,
    "ew": str.endswith,
}


def accepted_codes(chosen: Filter, codes: Sequence[str]) -> list[str]:
    """The codes of a dimension that meet a filter: what `Clause.filters` says in SQL."""
    return [code for code in codes if any(MEETS[c.operator](code, c.value) for c in chosen.any_of)]


def accepted_times(chosen: Filter, times: Sequence[str]) -> list[str]:
    return [time for time in times if any(periods.holds(time, c.operator, c.value) for c in chosen.any_of)]


def _all(parts: Iterable[str]) -> str:
    return "(" + (" AND ".join(parts) or "true") + ")"


def _any(parts: Sequence[str]) -> str:
    return "(" + (" OR ".join(parts) or "false") + ")"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
