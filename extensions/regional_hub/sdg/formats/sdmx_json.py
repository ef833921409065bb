"""Reads SDMX-JSON data messages, 1.0 and 2.x.

Standard: SDMX-JSON Data Message (github.com/sdmx-twg/sdmx-json). The codes that observations point to may stand after
them, so the message is held in memory and its size is limited. Numbers keep the text that the file has. JSON has no
lines to speak of: errors name the observation by its key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from regional_hub.sdg.formats import Batch, FormatError, Header, Message, Row, action_code, observations
from regional_hub.sdg.structure import SHORT, Structure

Json = dict[str, Any]
Groups = dict[tuple[int, ...], dict[tuple[str, ...], Row]]
BATCH_ROWS = 4096
LARGEST = 512 << 20  # bytes


def read(source: Path | BinaryIO, structure: Structure, *, name: str = "") -> Iterator[pa.RecordBatch]:
    """The observations as Arrow batches in the layout of `observations`; raises FormatError naming file and key."""
    return observations.read(message, source, structure, name)


def message(file: BinaryIO, name: str, structure: Structure | None = None) -> Message:
    """Read the message now; its observations are put together as they are asked for.

    Raises FormatError, here or while iterating, for what is not an SDMX-JSON data message.
    """
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise FormatError(
            f"{name}: SDMX-JSON of over {LARGEST >> 20} MiB is not read: get the data as SDMX-CSV or SDMX-ML", name
        )
    try:
        whole = json.loads(data, parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{name}: not JSON, or cut off in the middle: {error}", name) from None
    if not isinstance(whole, dict):
        raise FormatError(f"{name}: not SDMX-JSON: the outermost value is no object", name)
    body: Json = whole["data"] if isinstance(whole.get("data"), dict) else whole
    if "dataSets" not in body:
        raise FormatError(f"{name}: not an SDMX-JSON data message: there are no dataSets", name)
    about = whole.get("meta") or whole.get("header") or {}
    header = Header(
        layout="SDMX-JSON 2.0" if "structures" in body else "SDMX-JSON 1.0",
        id=str(about.get("id", "")),
        prepared=str(about.get("prepared", "")),
        sender=str((about.get("sender") or {}).get("id", "")),
        test=about.get("test") is True,
    )
    return Message(header, _guarded(body, header, name))


def _once(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} is there twice in one object")
    return found


def _guarded(body: Json, header: Header, name: str) -> Iterator[Batch]:
    try:
        structures = body.get("structures") or [body.get("structure")]
        for structure in structures:
            for link in (structure or {}).get("links", []):
                urn = link.get("urn") or ""
                match = SHORT.search(urn.rpartition("=")[2])
                if match and match[0] not in header.structures:
                    header.structures.append(match[0])
                    header.usages |= {match[0]} if "DataStructure=" not in urn else set()
        for dataset in body["dataSets"]:
            index = int(dataset.get("structure", 0))
            if index >= len(structures) or structures[index] is None:
                raise FormatError(f"{name}: a data set names structure {index}, which is not in the message", name)
            yield from _DataSet(structures[index], dataset, header.layout.endswith("2.0"), name).batches()
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{name}: not as SDMX-JSON says: {type(error).__name__} {error}", name) from error


@dataclass(frozen=True)
class _Part:
    """A component as the message lists it: the codes that indexes point to (None: values stand as they are)."""

    id: str
    values: list[str] | None
    default: str | None

    @staticmethod
    def of(item: Json) -> _Part:
        values = item.get("values")
        listed = [_value_id(value) for value in values] if values else None
        default = item.get("default")
        return _Part(str(item["id"]), listed, None if default is None else str(default))


def _value_id(value: Any) -> str:
    if not isinstance(value, dict):
        return _text(value)
    for key in ("id", "value", "name", "ids", "values"):
        if value.get(key) is not None:
            return _text(value[key])
    return ""


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ";".join(_text(part) for part in value)
    if isinstance(value, dict):  # a text by language
        return _text(value.get("en") or next(iter(value.values()), ""))
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


class _DataSet:
    def __init__(self, structure: Json, dataset: Json, second: bool, name: str) -> None:
        self.name = name
        self.dataset = dataset
        self.second = second
        self.action = action_code(dataset.get("action") or "Information")
        dimensions, attributes = structure["dimensions"], structure.get("attributes", {})
        self.fixed = [_Part.of(item) for item in dimensions.get("dataSet") or dimensions.get("dataset") or []]
        self.series = [_Part.of(item) for item in dimensions.get("series", [])]
        self.observation = [_Part.of(item) for item in dimensions.get("observation", [])]
        measures = (structure.get("measures") or {}).get("observation") or [{"id": "OBS_VALUE"}]
        self.measures = [_Part.of(item) for item in measures]
        self.of_dataset = [_Part.of(item) for item in attributes.get("dataSet") or attributes.get("dataset") or []]
        self.of_group = [_Part.of(item) for item in attributes.get("dimensionGroup", [])]
        self.of_series = [_Part.of(item) for item in attributes.get("series", [])]
        self.of_observation = [_Part.of(item) for item in attributes.get("observation", [])]

    def batches(self) -> Iterator[Batch]:
        rows: list[Row] = []
        for row in self._rows():
            rows.append(row)
            if len(rows) == BATCH_ROWS:
                yield Batch(rows, [0] * len(rows), self.action)
                rows = []
        if rows:
            yield Batch(rows, [0] * len(rows), self.action)

    def _rows(self) -> Iterator[Row]:
        base: Row = {part.id: part.values[0] for part in self.fixed if part.values}
        base |= self._attributes(self.of_dataset, self.dataset.get("attributes") or [], "the data set")
        groups = self._groups()
        for key, series in (self.dataset.get("series") or {}).items():
            indexes = self._key(key, self.series)
            row = base | self._codes(indexes, self.series, key)
            row |= self._attributes(self.of_series, series.get("attributes") or [], key)
            for inner, values in (series.get("observations") or {}).items():
                yield self._observation(row, f"{key}:{inner}" if key else inner, inner, values, groups)
        for inner, values in (self.dataset.get("observations") or {}).items():
            yield self._observation(base, inner, inner, values, groups)

    def _groups(self) -> Groups:
        """What 2.x says once for all series that share some dimensions: positions, indexes, attributes."""
        found: Groups = {}
        for key, values in (self.dataset.get("dimensionGroupAttributes") or {}).items():
            shared = tuple((at, part) for at, part in enumerate(key.split(":")) if part != "")
            said = found.setdefault(tuple(at for at, _ in shared), {})
            said[tuple(part for _, part in shared)] = self._attributes(self.of_group, values, key)
        return found

    def _observation(self, base: Row, whole: str, inner: str, values: list[Any], groups: Groups) -> Row:
        row = base | self._codes(self._key(inner, self.observation), self.observation, inner)
        if groups:
            own = whole.split(":")
            for positions, said in groups.items():
                row |= said.get(tuple(own[at] for at in positions if at < len(own)), {})
        count = len(self.measures)
        row |= self._attributes(self.measures, values[:count], whole, values_stand=True)
        row |= self._attributes(self.of_observation, values[count:], whole)
        return row

    def _key(self, key: str, parts: list[_Part]) -> list[int]:
        indexes = [int(index) for index in key.split(":")] if key else []
        if len(indexes) != len(parts):
            raise FormatError(
                f"{self.name}: the key {key!r} has {len(indexes)} dimensions, the message lists {len(parts)}", self.name
            )
        return indexes

    def _codes(self, indexes: list[int], parts: list[_Part], key: str) -> Row:
        return {part.id: self._at(part, index, key) for part, index in zip(parts, indexes, strict=True)}

    def _at(self, part: _Part, index: int, key: str) -> str:
        if part.values is None or not 0 <= index < len(part.values):
            count = len(part.values or [])
            raise FormatError(
                f"{self.name}: {key!r} points to value {index} of {part.id}, which has {count} (counted from 0)",
                self.name,
            )
        return part.values[index]

    def _attributes(self, parts: list[_Part], values: list[Any], key: str, values_stand: bool = False) -> Row:
        row = {}
        # Only trailing values may be left out; what follows the attributes are indexes of annotations.
        for at, part in enumerate(parts):
            value = values[at] if at < len(values) else None
            if value is None:
                if part.default is not None:
                    row[part.id] = part.default
            elif part.values is not None and not values_stand:
                listed = value if isinstance(value, list) else [value]
                row[part.id] = ";".join(self._at(part, int(index), key) for index in listed)
            elif part.values is not None and self.second:
                row[part.id] = self._at(part, int(value), key)
            else:
                row[part.id] = _text(value)
        return row
