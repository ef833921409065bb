"""Columns of text made into one text a row: what all writers of observations stand on.

Everything is done for a whole column of a batch at once, by Arrow's compute functions, and the bytes of a joined column
are sent as they lie in memory. These functions know Arrow and characters, and nothing of SDMX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ROWS = 8_192
FIRST_ROWS = 1_000
Change = Callable[[pa.Array], pa.Array]

# XML 1.0, section 2.2: of the characters below the space, only these may stand in a document, and in an attribute only
# as references, because a parser turns them into spaces otherwise (section 3.3.3).
XML_REFERENCES = (("\t", "&#9;"), ("\n", "&#10;"), ("\r", "&#13;"))
XML_ENTITIES = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"))
JSON_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
FORMULA = r"^[=+\-@\t\r]"
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


class Unwritable(ValueError):
    """A character that a layout has no way to say; the message names the component and the character."""


def slices(batches: Iterable[pa.RecordBatch], rows: int = ROWS) -> Iterator[pa.RecordBatch]:
    """The same rows in batches of at most `rows`, so that memory does not follow the size of what is asked for.

    The first is small, so that whoever waits sees something soon.
    """
    most = FIRST_ROWS
    for batch in batches:
        start = 0
        while start < batch.num_rows:
            yield batch.slice(start, most)
            start += most
            most = rows


def plain(column: pa.Array) -> pa.StringArray:
    """A column as text, whatever it is kept as."""
    if isinstance(column, pa.DictionaryArray):
        return plain(column.dictionary).take(column.indices)
    if pa.types.is_string(column.type):
        return column
    return column.cast(pa.string())


def changed(column: pa.Array, change: Change) -> pa.StringArray:
    """`change` applied to the distinct values where the column has them apart, else to each value."""
    if isinstance(column, pa.DictionaryArray):
        return change(plain(column.dictionary)).take(column.indices)
    return change(plain(column))


def content(column: pa.StringArray) -> bytes:
    """The bytes of a plain column, one value after another."""
    _, offsets, data = column.buffers()
    if len(column) == 0 or data is None:
        return b""
    ends = np.frombuffer(offsets, dtype=np.int32)
    first, last = int(ends[column.offset]), int(ends[column.offset + len(column)])
    return bytes(memoryview(data)[first:last])


def controls(data: bytes) -> list[str]:
    """The characters below the space that stand in UTF-8 text."""
    codes = np.frombuffer(data, dtype=np.uint8)
    return [chr(code) for code in np.unique(codes[codes < 0x20])]


def xml(column: pa.StringArray) -> pa.StringArray:
    """Values as they stand between the quotes of an XML attribute. Raises Unwritable for what XML cannot say."""
    data = content(column)
    found = controls(data)
    if refused := [character for character in found if character not in "\t\n\r"]:
        raise Unwritable(f"the control character U+{ord(refused[0]):04X} cannot be written in XML")
    if b"\xef\xbf\xbe" in data or b"\xef\xbf\xbf" in data:
        raise Unwritable("the character U+FFFE or U+FFFF cannot be written in XML")
    for character, entity in XML_ENTITIES:
        if character.encode() in data:
            column = pc.replace_substring(column, character, entity)
    for character, reference in XML_REFERENCES:
        if character in found:
            column = pc.replace_substring(column, character, reference)
    return column


def csv(column: pa.StringArray) -> pa.StringArray:
    """Values as cells of RFC 4180, quoted where they need it. Raises Unwritable for NUL."""
    data = content(column)
    if b"\x00" in data:
        raise Unwritable("the control character U+0000 cannot be written in CSV")
    if not any(mark in data for mark in (b",", b'"', b"\n", b"\r")):
        return column
    special = pc.match_substring_regex(column, '[,"\n\r]')
    doubled = pc.replace_substring(column, '"', '""') if b'"' in data else column
    return pc.if_else(special, around('"', doubled, '"'), column)


def spreadsheet(column: pa.StringArray) -> pa.StringArray:
    """Values that a spreadsheet would run as a formula, with an apostrophe before them; numbers are left alone."""
    runs = pc.and_(pc.match_substring_regex(column, FORMULA), pc.invert(pc.match_substring_regex(column, NUMBER)))
    return pc.if_else(runs, around("'", column, ""), column)


def json_inner(column: pa.StringArray) -> pa.StringArray:
    """Values as they stand between the quotes of a JSON string."""
    data = content(column)
    for character, escape in (("\\", "\\\\"), ('"', '\\"')):
        if character.encode() in data:
            column = pc.replace_substring(column, character, escape)
    for character in controls(data):
        column = pc.replace_substring(column, character, JSON_SHORT.get(character, f"\\u{ord(character):04x}"))
    return column


def json_text(column: pa.StringArray) -> pa.StringArray:
    """Values as JSON strings; what is missing stays missing."""
    return around('"', json_inner(column), '"')


def json_value(column: pa.StringArray) -> pa.StringArray:
    """Values as JSON numbers, with exactly the digits they have, where they are such numbers; as strings elsewhere."""
    numbers = pc.match_substring_regex(column, r"^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$")
    if pc.all(numbers, min_count=0).as_py():
        return column
    return pc.if_else(numbers, column, json_text(column))


def around(before: str, column: pa.StringArray, after: str) -> pa.StringArray:
    """Text before and after each value that is there."""
    return pc.binary_join_element_wise(pa.scalar(before), column, pa.scalar(after), pa.scalar(""))


def filled(column: pa.StringArray) -> pa.StringArray:
    """The same column with empty texts missing."""
    empty = pc.equal(column, "")
    return pc.if_else(empty, pa.scalar(None, pa.string()), column) if pc.any(empty, min_count=0).as_py() else column


class Line:
    """One text a row, put together from fixed text and columns from left to right."""

    def __init__(self) -> None:
        self._parts: list[pa.Array | str] = []

    def fixed(self, text: str) -> Line:
        if self._parts and isinstance(self._parts[-1], str):
            self._parts[-1] += text
        else:
            self._parts.append(text)
        return self

    def column(self, before: str, column: pa.StringArray, after: str = "") -> Line:
        """A column between two texts; a row without a value gets none of the three."""
        if column.null_count == 0:
            return self._with(before, column, after)
        if column.null_count < len(column):
            self._parts.append(around(before, column, after))
        return self

    def cell(self, column: pa.StringArray, missing: str = "") -> Line:
        """A column whose missing values have a text of their own."""
        if column.null_count == len(column):
            return self.fixed(missing)
        self._parts.append(pc.fill_null(column, missing) if missing and column.null_count else column)
        return self

    def _with(self, before: str, column: pa.StringArray, after: str) -> Line:
        self.fixed(before) if before else None
        self._parts.append(column)
        return self.fixed(after) if after else self

    def joined(self, rows: int) -> pa.StringArray:
        parts = [pa.scalar(part) if isinstance(part, str) else part for part in self._parts]
        if not any(isinstance(part, pa.Array) for part in parts):
            return pa.array(["".join(part.as_py() for part in parts)] * rows, pa.string())
        return pc.binary_join_element_wise(*parts, pa.scalar(""), null_handling="replace", null_replacement="")

    def bytes(self, rows: int) -> bytes:
        return content(self.joined(rows))


class Breaks:
    """Where a new group of rows begins, in a stream of batches: where any of some columns changes."""

    def __init__(self, ids: Sequence[str]) -> None:
        self._ids = list(ids)
        self._last: list[str | None] | None = None

    def of(self, batch: pa.RecordBatch) -> np.ndarray:
        """One truth a row of the batch: does a group begin here?"""
        starts = np.zeros(batch.num_rows, dtype=bool)
        columns = [batch.column(id) for id in self._ids]
        first = [column[0].as_py() for column in columns]
        starts[0] = first != self._last
        self._last = [column[-1].as_py() for column in columns]
        for column in columns:
            starts[1:] |= _differs(column)
        return starts


def _differs(column: pa.Array) -> np.ndarray:
    values = column.indices if isinstance(column, pa.DictionaryArray) else column
    later, earlier = values.slice(1), values.slice(0, len(values) - 1)
    unequal = pc.not_equal(later, earlier)
    if values.null_count:
        unequal = pc.if_else(pc.is_valid(unequal), unequal, pc.xor(pc.is_null(later), pc.is_null(earlier)))
    return unequal.to_numpy(zero_copy_only=False)


def scattered(texts: pa.StringArray, starts: np.ndarray) -> pa.StringArray:
    """One text for each row where something begins, as a column with nothing in the other rows."""
    index = np.cumsum(starts, dtype=np.int64) - 1
    return texts.take(pa.array(index, mask=~starts))
