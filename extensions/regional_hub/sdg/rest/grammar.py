"""The small words of SDMX REST URLs: parameters, lists, numbers, moments, component filters, sort orders.

Standard: SDMX REST 2.2.2 and 1.5.0 (github.com/sdmx-twg/sdmx-rest). A plus is an AND and never a space. Whatever is not
understood is a fault that names it; nothing is skipped.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

from regional_hub.sdg import periods
from regional_hub.sdg.rest.errors import SyntaxFault, TooLong
from regional_hub.sdg.rest.queries import ComponentFilter
from regional_hub.sdg.selection import Condition, Sort

URL_LIMIT = 8_000
FORMAT = ("format", "formatVersion")
COMPONENT_ID = r"[A-Za-z][A-Za-z\d_-]*"
FILTER = re.compile(rf"c\[({COMPONENT_ID})\]")
OPERATOR = re.compile(r"(eq|ne|lt|le|gt|ge|co|nc|sw|ew):(.*)", re.DOTALL)
# A plus between conditions, and not the one of a time zone: 2020-01-01T00:00:00+05:00.
AND = re.compile(r"\+(?!(?<=T\d\d:\d\d:\d\d\+)\d\d:\d\d(?![^,+]))")
COMBINATIONS = 1_000
MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?")


def decoded(text: str) -> str:
    """Percent-encoding undone. Raises SyntaxFault for what is no UTF-8 or holds a NUL."""
    try:
        plain = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise SyntaxFault(f"{text[:80]!r} is not UTF-8", f"{text[:80]!r} 不是 UTF-8 编码") from None
    if "\x00" in plain:
        raise SyntaxFault("the URL holds a NUL character", "网址含有空字符（NUL）")
    return plain


def segments(path: str) -> list[str]:
    """The parts of a path, without the empty one at its end."""
    parts = [decoded(part) for part in path.strip("/").split("/")] if path.strip("/") else []
    for part in parts:
        if part == "":
            raise SyntaxFault(f"an empty part in the path {path[:80]!r}", f"路径 {path[:80]!r} 中有空的部分")
    return parts


def check_length(path: str, query: str) -> None:
    if len(path) + len(query) + 1 > URL_LIMIT:
        raise TooLong(
            f"the URL has {len(path) + len(query) + 1} characters, at most {URL_LIMIT} are read; "
            "ask for whole dimensions with * or for several parts",
            f"网址有 {len(path) + len(query) + 1} 个字符，最多 {URL_LIMIT} 个；请用 * 选择整个维度，或分几次查询",
        )


class Parameters:
    """The query string. Each parameter may be read once; `finish` refuses those that nobody read."""

    def __init__(self, query: str) -> None:
        self._values: dict[str, str] = {}
        self._known: list[str] = []
        for part in filter(None, query.split("&")):
            name, equals, value = part.partition("=")
            name = decoded(name)
            if name in self._values:
                raise SyntaxFault(f"parameter {name!r} is given twice", f"参数 {name!r} 出现了两次")
            if not equals or value == "":
                raise SyntaxFault(f"parameter {name!r} has no value", f"参数 {name!r} 没有值")
            self._values[name] = decoded(value)

    def text(self, name: str, default: str = "") -> str:
        self._known.append(name)
        return self._values.pop(name, default)

    def word(self, name: str, words: Iterable[str], default: str) -> str:
        """One of some words."""
        value = self.text(name, default)
        if value not in words:
            raise SyntaxFault(
                f"{name} is {value!r}; it can be {', '.join(words)}", f"{name} 是 {value!r}；可以是 {', '.join(words)}"
            )
        return value

    def listed(self, name: str, default: tuple[str, ...]) -> tuple[str, ...]:
        value = self.text(name)
        return several(value, name) if value else default

    def number(self, name: str, least: int = 0) -> int | None:
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch(r"\d{1,18}", value, re.ASCII) or int(value) < least:
            raise SyntaxFault(
                f"{name} is {value!r}; it must be a whole number of at least {least}",
                f"{name} 是 {value!r}；必须是不小于 {least} 的整数",
            )
        return int(value)

    def truth(self, name: str) -> bool:
        return self.word(name, ("true", "false"), "false") == "true"

    def moment(self, name: str) -> datetime | None:
        """An xs:dateTime; one without a zone is UTC, which is the time of this service."""
        value = self.text(name)
        return moment(value, name) if value else None

    def period(self, name: str) -> str:
        value = self.text(name)
        if value:
            check_period(value, name)
        return value

    def components(self) -> tuple[ComponentFilter, ...]:
        """All `c[...]`."""
        self._known.append("c[COMPONENT]")
        named = [(name, match[1]) for name in self._values if (match := FILTER.fullmatch(name))]
        return tuple(component_filter(id, self._values.pop(name)) for name, id in named)

    def sort(self) -> tuple[Sort, ...]:
        value = self.text("sort")
        return tuple(_sort(part) for part in value.split("+")) if value else ()

    def start_day(self) -> str:
        value = self.text("reportingYearStartDay")
        if not value:
            return ""
        try:
            if not re.fullmatch(r"--\d\d-\d\d", value, re.ASCII):
                raise ValueError
            datetime.fromisoformat(f"2000-{value[2:]}")
        except ValueError:
            raise SyntaxFault(
                f"reportingYearStartDay is {value!r}; it must be a day like --07-01",
                f"reportingYearStartDay 是 {value!r}；必须是 --07-01 这样的日期",
            ) from None
        return value

    def finish(self) -> tuple[str, str]:
        """The format that the URL asks for. Raises SyntaxFault, naming it, for a parameter that nobody knows."""
        wanted = (self.text("format"), self.text("formatVersion"))
        for name in self._values:
            near = difflib.get_close_matches(name, self._known, 1, 0.6)
            known = ", ".join(self._known)
            raise SyntaxFault(
                f"unknown parameter {name!r}" + (f"; did you mean {near[0]}?" if near else f"; there are {known}"),
                f"未知参数 {name!r}" + (f"；是否想写 {near[0]}？" if near else f"；可用的有 {known}"),
            )
        return wanted


def several(text: str, what: str, separator: str = ",") -> tuple[str, ...]:
    """A list. Raises SyntaxFault for an empty entry."""
    parts = tuple(text.split(separator))
    if "" in parts:
        raise SyntaxFault(f"{what} {text!r} has an empty entry", f"{what} {text!r} 中有空的一项")
    return parts


def checked(values: tuple[str, ...], pattern: re.Pattern[str], what: str) -> tuple[str, ...]:
    for value in values:
        if not pattern.fullmatch(value):
            raise SyntaxFault(f"{value!r} is not {what}", f"{value!r} 不是合法的 {what}")
    return values


def moment(value: str, what: str) -> datetime:
    try:
        if not MOMENT.fullmatch(value):
            raise ValueError
        when = datetime.fromisoformat(value)
    except ValueError:
        raise SyntaxFault(
            f"{what} is {value!r}; it must be a date and time like 2026-01-31T09:00:00Z",
            f"{what} 是 {value!r}；必须是 2026-01-31T09:00:00Z 这样的日期和时间",
        ) from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def check_period(value: str, what: str) -> None:
    try:
        periods.span(value)
    except periods.PeriodError as error:
        raise SyntaxFault(f"{what}: {error}", f"{what}：{value!r} 不是合法的时期") from None


def component_filter(component: str, text: str) -> ComponentFilter:
    """`ge:2015+le:2020,eq:2022`: commas are OR and bind less than pluses, which are AND."""
    groups = []
    for group in several(text, f"c[{component}]"):
        parts = AND.split(group)
        if "" in parts:
            raise SyntaxFault(f"c[{component}]: empty side of + in {group!r}", f"c[{component}]：{group!r} 的 + 缺一边")
        groups.append(tuple(_condition(part, component) for part in parts))
    found = ComponentFilter(component, tuple(groups))
    if found.size > COMBINATIONS:
        raise SyntaxFault(
            f"c[{component}] combines , and + more than {COMBINATIONS} ways; ask in several requests",
            f"c[{component}] 中 , 与 + 的组合超过 {COMBINATIONS} 种；请分几次查询",
        )
    return found


def _condition(text: str, component: str) -> Condition:
    match = OPERATOR.fullmatch(text)
    if match and not match[2]:
        raise SyntaxFault(f"c[{component}]: nothing follows {text!r}", f"c[{component}]：{text!r} 之后没有值")
    return Condition(match[1], match[2]) if match else Condition("eq", text)


def _sort(text: str) -> Sort:
    component, _, direction = text.partition(":")
    if direction not in ("", "asc", "desc") or not re.fullmatch(r"\*|[A-Za-z\d_@$-]+", component):
        raise SyntaxFault(
            f"sort: {text!r} is not a component with :asc or :desc", f"sort：{text!r} 不是“组件:asc”或“组件:desc”"
        )
    return Sort(component, direction == "desc")
