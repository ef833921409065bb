"""Maps rows of the UN Statistics Division's layouts, with their own columns, labels and old codes, onto a structure.

What a column or code means stands in `unsd.toml`, not here. A code that cannot be mapped stays as it is, so that
validation names it with its line; a column that is not known is refused, because its values would be lost.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from regional_hub.sdg.formats import FormatError, Row
from regional_hub.sdg.structure import Structure

TABLE = Path(__file__).with_name("unsd.toml")
BOUNDS = {"LB": "LOWER_BOUND", "UB": "UPPER_BOUND"}
# Cells of wide files that differ by year: "[2000]: NA // [2005]: E".
BY_YEAR = re.compile(r"\[(\d{4})\]: ?")


@lru_cache(maxsize=1)
def table() -> Mapping[str, Any]:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def plain(name: str) -> str:
    """The name of a column without case, spaces, brackets, `_` and `-`."""
    return re.sub(r"[\W_]", "", name.lower())


@dataclass(frozen=True)
class Column:
    """Where a column goes: a component, or the year whose value it holds."""

    index: int
    component: str
    year: str = ""
    composite: str = ""


class Sheet:
    """The columns of one file, and its rows as rows of the structure."""

    def __init__(self, names: Sequence[str], structure: Structure | None, name: str, line: int = 1) -> None:
        if structure is None:
            raise FormatError(f"{name}: this layout says nothing of its structure; give it with --structure", name)
        self.structure = structure
        self.name = name
        self.count = len(names)
        self.bounds: int | None = None
        self.columns: list[Column] = []
        self._codes: dict[tuple[str, str], str] = {}
        self._labels: dict[str, dict[str, str]] = {}
        seen: dict[str, str] = {}
        for index, raw in enumerate(names):
            key = plain(raw)
            if key in seen:
                raise FormatError(f"{name}, line {line}: column {raw} is there twice", name, line)
            seen[key] = raw
            self._place(index, raw, key, line)
        self._check(seen, line)

    def _place(self, index: int, raw: str, key: str, line: int) -> None:
        known = table()
        if key == "bounds":
            self.bounds = index
        elif year := re.fullmatch(r"value(\d{4})", key):
            self.columns.append(Column(index, self.structure.measure.id, year[1]))
        elif key in known["columns"]:
            component = known["columns"][key]
            if component in self.structure.by_id:
                self.columns.append(Column(index, component, composite=known["composite"].get(key, "")))
            else:
                short = self.structure.short
                raise FormatError(
                    f"{self.name}, line {line}: column {raw} is {component}, which {short} does not have",
                    self.name,
                    line,
                )
        elif key and key not in known["repeated"]["names"]:
            raise FormatError(
                f"{self.name}, line {line}: the column {raw} is not known; say in {TABLE.name} what it means",
                self.name,
                line,
            )

    def _check(self, seen: Mapping[str, str], line: int) -> None:
        if "geoareacode" in seen and "geoareaname" in seen:  # the code says it better than the name
            label = list(seen).index("geoareaname")
            self.columns = [column for column in self.columns if column.index != label]
        needed = {self.structure.measure.id} | {id for id in ("SERIES", "REF_AREA") if id in self.structure.by_id}
        if self.structure.time and not self.wide:
            needed.add(self.structure.time.id)
        if missing := needed - {column.component for column in self.columns}:
            raise FormatError(
                f"{self.name}, line {line}: there is no column for {', '.join(sorted(missing))}", self.name
            )

    @cached_property
    def wide(self) -> bool:
        return any(column.year for column in self.columns)

    @cached_property
    def defaults(self) -> Row:
        known = table()
        found = {id: code for id, code in known["defaults"].items() if id in self.structure.by_id}
        total = known["total"]["code"]
        for dimension in self.structure.dimensions:
            if dimension.id not in found and dimension.codelist and total in dimension.codelist.codes:
                found[dimension.id] = total
        return found

    def rows(self, cells: Sequence[str], line: int) -> list[tuple[Row, str]]:
        """The observations of one row, each with its action: one per year in a wide file, else one.

        The lower and upper bounds that old files give as rows of their own become merges into the observation.
        """
        if len(cells) != self.count:
            raise FormatError(
                f"{self.name}, line {line}: {len(cells)} values for {self.count} columns; is the file cut off?",
                self.name,
                line,
            )
        row = dict(self.defaults)
        years: list[tuple[str, str]] = []
        varying: list[tuple[str, dict[str, str]]] = []
        for column in self.columns:
            cell = cells[column.index].strip()
            if cell == "":
                continue
            if column.year:
                years.append((column.year, cell))
            elif self.wide and BY_YEAR.match(cell):
                varying.append((column.component, _by_year(cell)))
            else:
                row[column.component] = self.code(column, cell)
        if self.wide:
            return [(self._of_year(row, year, value, varying), "I") for year, value in years]
        bound = cells[self.bounds].strip() if self.bounds is not None else ""
        if bound in BOUNDS:
            key = {id: row[id] for id in self.structure.key if id in row}
            return [({**key, BOUNDS[bound]: row.get(self.structure.measure.id, "")}, "M")]
        return [(row, "I")]

    def _of_year(self, row: Row, year: str, value: str, varying: list[tuple[str, dict[str, str]]]) -> Row:
        time = self.structure.time.id if self.structure.time else "TIME_PERIOD"
        said = {id: self._resolve(id, texts[year]) for id, texts in varying if texts.get(year)}
        return {**row, **said, time: year, self.structure.measure.id: value}

    def code(self, column: Column, cell: str) -> str:
        if column.composite:
            return self._resolve(column.component, f"{column.composite}: {cell}", cell)
        return self._resolve(column.component, cell)

    def _resolve(self, component: str, text: str, original: str = "") -> str:
        key = (component, text)
        if key not in self._codes:
            self._codes[key] = self._find(component, text, original or text)
        return self._codes[key]

    def _find(self, component: str, text: str, original: str) -> str:
        """A code by itself, by the table, by a pattern, by its label, or as a number without leading zeros."""
        codelist = self.structure.by_id[component].codelist
        if codelist is None:
            return text
        codes = codelist.codes
        for candidate in (original, original.split(":", 1)[0].strip()):  # "C: Country data"
            if candidate in codes:
                return candidate
        mapped = table()["codes"].get(component, {}).get(original)
        if mapped in codes:
            return str(mapped)
        for pattern in table()["patterns"].get(component, []):
            match = re.fullmatch(pattern["from"], original)
            if match and match.expand(pattern["to"]) in codes:
                return match.expand(pattern["to"])
        if component not in self._labels:
            self._labels[component] = {
                label.casefold(): code.id for code in reversed(list(codes.values())) for label in code.name.values()
            }
        if found := self._labels[component].get(text.casefold()):
            return found
        stripped = original.lstrip("0")
        return stripped if original.isdigit() and stripped in codes else original


def _by_year(cell: str) -> dict[str, str]:
    parts = BY_YEAR.split(cell)[1:]
    return {year: text.removesuffix(" // ").strip() for year, text in zip(parts[::2], parts[1::2], strict=True)}
