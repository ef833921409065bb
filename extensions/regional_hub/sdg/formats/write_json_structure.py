"""The part of an SDMX-JSON data message that explains it: components, where they stand, and what their indexes mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from regional_hub.sdg import periods
from regional_hub.sdg.formats import write_text as text
from regional_hub.sdg.formats.writing import Options, Plan, best, moment
from regional_hub.sdg.structure import Component

ID = re.compile(r"[A-Za-z0-9_@$-]+")
NUMERIC = {"Double", "Float", "Decimal", "Integer", "BigInteger", "Long", "Short", "Count", "Numeric"}
Names = dict[str, Any]


def numeric(part: Component) -> bool:
    return part.codelist is None and part.type in NUMERIC


class Index:
    """The distinct values of a component in the order in which they were met."""

    def __init__(self) -> None:
        self.values: dict[str, int] = {}

    def of(self, column: pa.Array) -> pa.StringArray:
        """The position of each value, as text; what is missing stays missing."""
        encoded = column if isinstance(column, pa.DictionaryArray) else text.plain(column).dictionary_encode()
        values = self.values
        places = [
            None if value is None else str(values.setdefault(value, len(values))) for value in self._used(encoded)
        ]
        return pa.array(places, pa.string()).take(encoded.indices)

    @staticmethod
    def _used(encoded: pa.DictionaryArray) -> list[str | None]:
        """The dictionary, without the entries that no row has: they are not part of the message."""
        words = text.plain(encoded.dictionary).to_pylist()
        if len(words) <= 1:
            return words
        there = np.zeros(len(words), dtype=bool)
        there[encoded.indices.drop_null().to_numpy(zero_copy_only=False)] = True
        return [word if used else None for word, used in zip(words, there, strict=True)]


def described(
    plan: Plan,
    options: Options,
    version: str,
    indexes: Mapping[str, Index],
    lifted: Sequence[Component],
    at_observation: Sequence[Component],
) -> dict[str, object]:
    """The structure object of a message of which all observations are written."""
    make = _Describer(options, version, indexes)
    positions = {id: position for position, id in enumerate(plan.key)}
    reference = plan.reference
    found: dict[str, object] = {
        "links": [{"urn": reference.urn, "rel": reference.kind}],
        "name": best(reference.name, options.languages, reference.id),
        "dimensions": {
            "dataSet": [],
            "series": [make.dimension(part, positions[part.id]) for part in plan.series],
            "observation": [make.dimension(part, positions[part.id]) for part in plan.observation],
        },
        "attributes": {
            "dataSet": [],
            "series": [make.attribute(part, plan) for part in lifted],
            "observation": [make.attribute(part, plan) for part in at_observation],
        },
    }
    if version != "1.0":
        found["measures"] = {"observation": [make.measure(part) for part in plan.measures]}
    return found


class _Describer:
    def __init__(self, options: Options, version: str, indexes: Mapping[str, Index]) -> None:
        self._languages = options.languages
        self._old = version == "1.0"
        self._indexes = indexes

    def _named(self, names: Mapping[str, str], otherwise: str) -> Names:
        asked = {language: names[language] for language in self._languages if language in names}
        return {"name": best(names, self._languages, otherwise)} | ({"names": asked} if asked else {})

    def dimension(self, part: Component, position: int) -> Names:
        roles = {"roles": ["TIME_PERIOD"]} if part.role == "time" else {}
        said = {"id": part.id, **self._named(part.name, part.id), "keyPosition": position, **roles}
        return said | {"values": [self._value(part, value) for value in self._indexes[part.id].values]}

    def measure(self, part: Component) -> Names:
        return {"id": part.id, **self._named(part.name, part.id), "format": {"dataType": part.type}}

    def attribute(self, part: Component, plan: Plan) -> Names:
        said = {"id": part.id, **self._named(part.name, part.id), "relationship": self._relationship(part, plan)}
        if part.id not in self._indexes:
            return said | {"format": {"dataType": part.type}}
        values = [self._value(part, value) for value in self._indexes[part.id].values]
        return said | ({"values": values} if values or self._old else {})

    def _relationship(self, part: Component, plan: Plan) -> Names:
        if part.attached_to:
            return {"dimensions": list(part.attached_to)}
        if part.attachment == "dataset":
            return {"none" if self._old else "dataflow": {}}
        if self._old:
            return {"primaryMeasure": plan.measures[0].id if plan.measures else "OBS_VALUE"}
        return {"observation": {}}

    def _value(self, part: Component, value: str) -> Names:
        code = part.codelist.codes.get(value) if part.codelist else None
        if code is not None:
            above = {"parent": code.parent} if code.parent else {}
            return {"id": value, **self._named(code.name, value), **above}
        if part.role == "time":
            return self._period(value)
        if ID.fullmatch(value) and part.codelist is not None:
            return {"id": value, "name": value}
        return self._free(part, value)

    def _free(self, part: Component, value: str) -> Names:
        if not self._old:
            return {"value": value}
        return {"id": value, "name": value} if part.role == "dimension" else {"name": value}

    def _period(self, value: str) -> Names:
        ends = _ends(value)
        if self._old or ID.fullmatch(value):
            return {"id": value, "name": value, **ends}
        return {"value": value, **ends}


@lru_cache(maxsize=4096)
def _ends(period: str) -> Names:
    """The first and the last moment of a period; nothing for what is none."""
    try:
        first, after = periods.span(period)
    except periods.PeriodError:
        return {}
    return {"start": moment(first), "end": moment(max(first, after - timedelta(seconds=1)))}
