"""Series of SDMX-JSON for few observations, value by value: the same bytes as `write_json` makes column by column.

A function of Arrow takes as long for ten rows as for a thousand, and an answer with one series is ten rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from json.encoder import encode_basestring as quoted

import pyarrow as pa

from regional_hub.sdg.formats.write_json_structure import Index, numeric
from regional_hub.sdg.formats.writing import Plan
from regional_hub.sdg.structure import Component

MOST = 100  # rows from which on columns are quicker
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
Columns = Mapping[str, Sequence[str | None]]


class Few:
    """Writes whole series; `indexes` are those of the message, `lifted` and `own` the attributes of series and rows."""

    def __init__(
        self,
        plan: Plan,
        indexes: Mapping[str, Index],
        lifted: Sequence[Component],
        own: Sequence[Component],
        observations: bool,
    ) -> None:
        self._plan = plan
        self._indexes = indexes
        self._lifted = lifted
        self._own = own
        self._observations = observations
        self.wandering = False  # was there a series in which an attribute of series changes?

    def series(self, batch: pa.RecordBatch, first: bool) -> bytes:
        """All rows of a batch, which begins with a series of its own; `first` says that none stands before it."""
        columns: Columns = {name: batch.column(name).to_pylist() for name in self._plan.ids}
        keys = [columns[part.id] for part in self._plan.series]
        changing = [column for column in keys if column.count(column[0]) < len(column)]
        rows = range(batch.num_rows)
        starts = [row for row in rows if row == 0 or any(column[row] != column[row - 1] for column in changing)]
        ends = [*starts[1:], batch.num_rows]
        wanders = [self._wanders(columns, start, end) for start, end in zip(starts, ends, strict=True)]
        self.wandering = self.wandering or any(wanders)
        heads = self._heads(columns, starts, wanders)
        closing = "}}," if self._observations else "},"
        said = []
        rest = self._rows(columns, starts, ends, wanders) if self._observations else [""] * len(starts)
        for place, (head, inner) in enumerate(zip(heads, rest, strict=True)):
            said += ["" if first and place == 0 else closing, head, inner]
        return "".join(said).encode()

    def _wanders(self, columns: Columns, start: int, end: int) -> bool:
        """Whether an attribute of the series changes between two rows."""
        return any(
            columns[part.id][row] != columns[part.id][start] for part in self._lifted for row in range(start + 1, end)
        )

    def _heads(self, columns: Columns, starts: Sequence[int], wanders: Sequence[bool]) -> list[str]:
        """The key of each series and what it says before its observations."""

        def at_starts(parts: Sequence[Component], missing: str) -> list[tuple[str, ...]]:
            found = [self._cells(part, [columns[part.id][start] for start in starts], missing) for part in parts]
            return list(zip(*found, strict=True)) if found else [()] * len(starts)

        keys, attributes = at_starts(self._plan.series, ""), at_starts(self._lifted, "null")
        opening = '"observations":{' if self._observations else ""
        heads = []
        for key, shown, hidden in zip(keys, attributes, wanders, strict=True):
            head = f'"{":".join(key)}":{{'
            if self._lifted:
                listed = ",".join(["null"] * len(shown) if hidden else shown)
                head += f'"attributes":[{listed}]' + ("," if self._observations else "")
            heads.append(head + opening)
        return heads

    def _rows(self, columns: Columns, starts: Sequence[int], ends: Sequence[int], wanders: Sequence[bool]) -> list[str]:
        """The observations of each series."""
        keys = zip(*(self._cells(part, columns[part.id], "") for part in self._plan.observation), strict=True)
        own = (*self._plan.measures, *self._own)
        cells = list(zip(*(self._cells(part, columns[part.id], "null") for part in own), strict=True))
        if any(wanders):
            more = list(zip(*(self._cells(part, columns[part.id], "null") for part in self._lifted), strict=True))
            for start, end, wander in zip(starts, ends, wanders, strict=True):
                for row in range(start, end) if wander else ():
                    cells[row] += more[row]
        told = [f'"{":".join(key)}":[{",".join(row)}]' for key, row in zip(keys, cells or [()] * ends[-1], strict=True)]
        return [",".join(told[start:end]) for start, end in zip(starts, ends, strict=True)]

    def _cells(self, part: Component, values: Sequence[str | None], missing: str) -> list[str]:
        """Values as they stand in the message; a value that all rows have is looked at once."""
        index = self._indexes.get(part.id)
        if values.count(values[0]) == len(values):
            return [self._cell(part, index, values[0], missing)] * len(values)
        return [self._cell(part, index, value, missing) for value in values]

    @staticmethod
    def _cell(part: Component, index: Index | None, value: str | None, missing: str) -> str:
        if value is None:
            return missing
        if index is not None:
            return str(index.values.setdefault(value, len(index.values)))
        return value if numeric(part) and NUMBER.fullmatch(value) else quoted(value)
