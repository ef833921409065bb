"""Time periods of SDMX as spans of time, so that years, quarters and days compare with one another.

Standard: SDMX 3.x Technical Notes, section 4.3 (observational time period): Gregorian and reporting periods,
date-times, ranges. A reporting year is taken to begin on 1 January.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

GREGORIAN = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:Z|[+-]\d\d:\d\d)?")
REPORTING = re.compile(r"(\d{4})-([ASTQMWD])(\d{1,3})")
DURATION = re.compile(r"P(?=.)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
MONTHS = {"A": 12, "S": 6, "T": 4, "Q": 3, "M": 1}


class PeriodError(ValueError):
    """Not a time period of SDMX, or a date that does not exist."""


@lru_cache(maxsize=10_000)
def span(text: str) -> tuple[datetime, datetime]:
    """First moment of a period and the first one after it. Raises PeriodError."""
    try:
        return _span(text)
    except (ValueError, OverflowError):
        raise PeriodError(
            f"{text!r} is not a time period: 2019, 2019-05, 2019-05-31, 2019-Q2, 2019-W05 or 2019-05-31T10:00:00 are"
        ) from None


def _span(text: str) -> tuple[datetime, datetime]:
    if match := GREGORIAN.fullmatch(text):
        year, month, day = (int(part) if part else None for part in match.groups())
        start = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
        if day:
            return start, start + timedelta(days=1)
        return start, _later(start, 1 if month else 12)
    if match := REPORTING.fullmatch(text):
        return _reporting(int(match[1]), match[2], int(match[3]))
    if "/" in text:
        first, _, length = text.partition("/")
        start, _ = _span(first)
        return start, _plus(start, length)
    start = datetime.fromisoformat(text)
    start = start.astimezone(UTC) if start.tzinfo else start.replace(tzinfo=UTC)
    return start, start + timedelta(microseconds=1)


def _reporting(year: int, unit: str, number: int) -> tuple[datetime, datetime]:
    first = datetime(year, 1, 1, tzinfo=UTC)
    if unit == "W":
        start = datetime.fromisocalendar(year, number, 1).replace(tzinfo=UTC)
        return start, start + timedelta(days=7)
    if unit == "D":
        start = first + timedelta(days=number - 1)
        if number < 1 or start.year != year:
            raise ValueError(number)
        return start, start + timedelta(days=1)
    months = MONTHS[unit]
    if not 1 <= number <= 12 // months:
        raise ValueError(number)
    return _later(first, months * (number - 1)), _later(first, months * number)


def _later(start: datetime, months: int) -> datetime:
    years, month = divmod(start.month - 1 + months, 12)
    return start.replace(year=start.year + years, month=month + 1)


def _plus(start: datetime, duration: str) -> datetime:
    match = DURATION.fullmatch(duration)
    if not match:
        raise ValueError(duration)
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return _later(start, 12 * years + months) + length


def holds(period: str, operator: str, bound: str) -> bool:
    """Whether a period of the data meets a condition, e.g. ("2019-Q2", "ge", "2019"). Raises PeriodError for the bound.

    `ge` is starts not before the bound does, `le` ends not after it does, `gt` begins after its end, `lt` ends before
    its start. A period of the data that is none is compared as text.
    """
    start, end = span(bound)
    try:
        begins, ends = span(period)
    except PeriodError:
        return {
            "eq": period == bound,
            "ne": period != bound,
            "lt": period < bound,
            "le": period <= bound,
            "gt": period > bound,
            "ge": period >= bound,
        }[operator]
    return {
        "eq": (begins, ends) == (start, end),
        "ne": (begins, ends) != (start, end),
        "lt": ends <= start,
        "le": ends <= end,
        "gt": begins >= end,
        "ge": begins >= start,
    }[operator]
