"""Values of declared parameters, held to a small part of JSON Schema (2020-12), as a method is shared and as it runs.

Trust boundary: values come from strangers. What passes is a boolean, an integer, a number, a string, or an array of one
of these, within the limits of its schema; nothing else ever reaches a notebook. It knows only values, and no notebook.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

LARGEST = 2**53 - 1  # beyond it JSON readers disagree about integers (RFC 8259, section 6)
MOST_TEXT = 10_000
MOST_ITEMS = 1_000
_LINES = {"\n", "\t"}


class BadValue(ValueError):
    """A value that its schema does not allow; `zh` is the same in Chinese."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en, self.zh = en, zh


def checked(schema: Mapping[str, Any], value: Any) -> Any:
    """The value as the schema's type has it (2.0 is an integer, 2 a number). Raises BadValue."""
    made = _TYPES[schema["type"]](schema, value)
    if "enum" in schema and not any(made == one and type(made) is type(one) for one in schema["enum"]):
        shown = [str(one) for one in schema["enum"][:12]] + ["…"] * (len(schema["enum"]) > 12)
        raise BadValue(f"one of: {', '.join(shown)}", f"只能是：{'、'.join(shown)}")
    return made


def _boolean(_schema: Mapping[str, Any], value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadValue("true or false", "须为 true 或 false")
    return value


def _integer(schema: Mapping[str, Any], value: Any) -> int:
    is_whole = isinstance(value, float) and math.isfinite(value) and value.is_integer()
    if isinstance(value, bool) or not (isinstance(value, int) or is_whole):
        raise BadValue("a whole number", "须为整数")
    _within(schema, value)
    return int(value)


def _number(schema: Mapping[str, Any], value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadValue("a number", "须为数字")
    _within(schema, value)  # compares without a conversion: 10**400 is no float
    return float(value)


def _within(schema: Mapping[str, Any], value: float) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise BadValue("a finite number", "须为有限的数字")
    low, high = schema.get("minimum", -LARGEST), schema.get("maximum", LARGEST)
    if value < low:
        raise BadValue(f"at least {low}", f"不小于 {low}")
    if value > high:
        raise BadValue(f"at most {high}", f"不大于 {high}")


def _string(schema: Mapping[str, Any], value: Any) -> str:
    if not isinstance(value, str):
        raise BadValue("text", "须为文字")
    if len(value) > schema.get("maxLength", MOST_TEXT):
        most = schema.get("maxLength", MOST_TEXT)
        raise BadValue(f"at most {most} characters", f"最多 {most} 个字符")
    if len(value) < schema.get("minLength", 0):
        least = schema["minLength"]
        raise BadValue(f"at least {least} characters", f"至少 {least} 个字符")
    if any((ord(one) < 32 and one not in _LINES) or 0x7F <= ord(one) < 0xA0 or _is_half(one) for one in value):
        raise BadValue("text without control characters", "不能含有控制字符")
    return _day(value) if schema.get("format") == "date" else value


def _is_half(character: str) -> bool:
    """Half of a pair of UTF-16 is no character, and no file can hold it."""
    return 0xD800 <= ord(character) <= 0xDFFF


def _day(value: str) -> str:
    try:
        if len(value) == 10 and value.isascii():
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise BadValue("a day as YYYY-MM-DD", "须为 YYYY-MM-DD 形式的日期")


def _array(schema: Mapping[str, Any], value: Any) -> list[Any]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise BadValue("a list", "须为列表")
    least, most = schema.get("minItems", 0), schema.get("maxItems", MOST_ITEMS)
    if not least <= len(value) <= most:
        raise BadValue(f"a list of {least} to {most} values", f"列表须有 {least} 至 {most} 个值")
    made = []
    for number, one in enumerate(value, start=1):
        try:
            made.append(checked(schema["items"], one))
        except BadValue as bad:
            raise BadValue(f"value {number}: {bad.en}", f"第 {number} 个值：{bad.zh}") from None
    return made


_TYPES: dict[str, Callable[[Mapping[str, Any], Any], Any]] = {
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
    "string": _string,
    "array": _array,
}
