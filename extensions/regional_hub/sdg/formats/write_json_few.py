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
        keys = list(zip(*(columns[part.id] for part in self._plan.series), strict=True))
        starts = [row for row in range(len(keys)) if row == 0 or keys[row] != keys[row - 1]]
        ends = [*starts[1:], len(keys)]
        wanders = [self._wanders(columns, start, end) for start, end in zip(starts, ends, strict=True)]
        self.wandering = self.wandering or any(wanders)
        heads = [self._head(columns, start, moves) for start, moves in zip(starts, wanders, strict=True)]
        closing = "}}," if self._observations else "},"
        said = []
        for place, head in enumerate(heads):
            said += ["" if first and place == 0 else closing, head]
            if self._observations:
                rows = range(starts[place], ends[place])
                said.append(",".join(self._observation(columns, row, wanders[place]) for row in rows))
        return "".join(said).encode()

    def _wanders(self, columns: Columns, start: int, end: int) -> bool:
        return any(
            columns[part.id][row] != columns[part.id][start] for part in self._lifted for row in range(start + 1, end)
        )

    def _head(self, columns: Columns, row: int, wanders: bool) -> str:
        said = f'"{self._key(self._plan.series, columns, row)}":{{'
        if self._lifted:
            shown = [self._attribute(part, columns[part.id][row]) for part in self._lifted]
            shown = ["null"] * len(shown) if wanders else shown
            said += f'"attributes":[{",".join(shown)}]' + ("," if self._observations else "")
        return said + ('"observations":{' if self._observations else "")

    def _observation(self, columns: Columns, row: int, wanders: bool) -> str:
        cells = [_value(part, columns[part.id][row]) for part in self._plan.measures]
        cells += [self._attribute(part, columns[part.id][row]) for part in self._own]
        if wanders:
            cells += [self._attribute(part, columns[part.id][row]) for part in self._lifted]
        return f'"{self._key(self._plan.observation, columns, row)}":[{",".join(cells)}]'

    def _key(self, parts: Sequence[Component], columns: Columns, row: int) -> str:
        return ":".join(self._place(part.id, columns[part.id][row], "") for part in parts)

    def _place(self, id: str, value: str | None, missing: str) -> str:
        if value is None:
            return missing
        values = self._indexes[id].values
        return str(values.setdefault(value, len(values)))

    def _attribute(self, part: Component, value: str | None) -> str:
        return self._place(part.id, value, "null") if part.id in self._indexes else _value(part, value)


def _value(part: Component, value: str | None) -> str:
    if value is None:
        return "null"
    return value if numeric(part) and NUMBER.fullmatch(value) else quoted(value)
