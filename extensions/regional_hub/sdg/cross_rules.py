"""Rules that need many rows: duplicates and conflicts within and across files, totals and their parts, what was before.

Rows are gathered in DuckDB, which spills to disk, so memory stays flat. Only ids that `quote` lets through become part
of SQL; values are parameters.
"""

# ruff: noqa: S608 - see above

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from regional_hub.sdg.findings import Aggregate, Conflict, Report
from regional_hub.sdg.formats.observations import ACTION, FILE, LINE
from regional_hub.sdg.release import listed, quote
from regional_hub.sdg.structure import Structure

STATES = f"{ACTION} IN ('I', 'R', 'A', 'M')"
MEMORY = "512MB"


class Before(Protocol):
    """What was published before (`release.Release`)."""

    @property
    def id(self) -> str: ...
    @property
    def observations(self) -> Path: ...


class CrossRules:
    """Gathers rows with `add`, and looks at them together in `check`. Use it in a `with`."""

    def __init__(self, structure: Structure, report: Report, spill: Path) -> None:
        self.structure = structure
        self.report = report
        self.value = structure.measure.id
        self.key = structure.key
        spill.mkdir(parents=True, exist_ok=True)
        self.con = duckdb.connect(":memory:")
        self.con.execute("SET memory_limit = ?", [MEMORY])
        self.con.execute("SET temp_directory = ?", [str(spill / "tmp")])
        self._counted = 0
        self.con.execute("SET preserve_insertion_order = false")
        others = report.policy.additive.component
        self.columns = [
            *self.key,
            self.value,
            *([others] if others in structure.by_id and others not in self.key else []),
        ]
        self.attributes = [component.id for component in structure.attributes]
        columns = ", ".join(f"{quote(column)} VARCHAR" for column in self.columns)
        self.con.execute(
            f"CREATE TABLE stated ({columns}, attributes UBIGINT, {FILE} VARCHAR, {LINE} BIGINT, {ACTION} VARCHAR)"
        )

    def __enter__(self) -> CrossRules:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.con.close()

    def begin(self) -> None:
        """From here on rows count only when `commit` follows."""
        self.con.begin()
        self._counted = self.report.observations

    def commit(self) -> None:
        self.con.commit()

    def rollback(self) -> None:
        self.con.rollback()
        self.report.observations = self._counted

    def add(self, batches: Sequence[pa.RecordBatch]) -> None:
        """Take rows in; several batches at once are quicker."""
        if not batches:
            return
        rows = pa.Table.from_batches(batches)
        self.con.register("rows", rows)
        marked = f"hash({listed(self.attributes)})" if self.attributes else "0"
        self.con.execute(
            f"INSERT INTO stated SELECT {listed(self.columns)}, {marked}, {FILE}, {LINE}, {ACTION} FROM rows"
        )
        self.con.unregister("rows")
        self.report.observations += rows.num_rows

    def check(self, before: Before | None, *, whole: bool) -> None:
        """`whole`: the rows are all there will be, so a series that is not among them has vanished."""
        self._count()
        self._repeated()
        if self.report.policy.looks_at("aggregate"):
            for aggregate in self.report.policy.aggregates:
                if aggregate.component in {dimension.id for dimension in self.structure.dimensions}:
                    self._aggregate(aggregate)
        if before is not None:
            self.con.read_parquet(str(before.observations)).create_view("before")
            there = {name for name, *_ in self.con.execute("DESCRIBE before").fetchall()}
            if {*self.key, self.value} <= there:
                self._jumps(before)
                if whole:
                    self._vanished(before)

    # -- the same observation again -------------------------------------------------------------------------------

    def _count(self) -> None:
        stating = f"SELECT count(*) FROM (SELECT 1 FROM stated WHERE {STATES} GROUP BY {listed(self.key)}"
        self.report.unique_keys = self._one(f"{stating})")
        self.con.execute(
            f"CREATE TABLE many AS SELECT {listed(self.key)} FROM stated WHERE {STATES} "
            f"GROUP BY {listed(self.key)} HAVING count(*) > 1"
        )
        stated = self._one(f"SELECT count(*) FROM stated WHERE {STATES}")
        self.report.duplicate_keys = stated - self.report.unique_keys

    def _one(self, query: str) -> int:
        return int(self.con.execute(query).fetchall()[0][0])

    def _repeated(self) -> None:
        same = " AND ".join(f"s.{quote(id)} IS NOT DISTINCT FROM m.{quote(id)}" for id in self.key)
        key = listed(self.key, "s.")
        query = (
            f"SELECT {key}, list({{'value': s.{quote(self.value)}, 'file': s.{FILE}, 'line': s.{LINE}, "
            f"'attributes': s.attributes, 'action': s.{ACTION}}} ORDER BY s.{FILE}, s.{LINE}) "
            f"FROM stated s JOIN many m ON {same} WHERE s.{STATES} GROUP BY {key} ORDER BY {key}"
        )
        for *codes, places in self._rows(query):
            text = _key(codes)
            stated = [p for p in places if p["action"] in "IR" or p["value"] is not None]
            if len({_number(place["value"]) for place in stated}) > 1:
                self._conflict(text, stated)
            elif len(stated) > 1:
                rule = "duplicate" if len({place["attributes"] for place in stated}) == 1 else "attributes"
                for place in stated[1:]:
                    self._finding(rule, text, place, _place(stated[0]), _place(stated[0], True))

    def _conflict(self, key: str, places: list[dict[str, Any]]) -> None:
        self.report.conflicting_keys += 1
        kept = tuple({"value": p["value"], "file": p["file"], "line": p["line"]} for p in places)
        self.report.conflicts.append(Conflict(key, kept))
        first = places[0]
        for place in places[1:]:
            if _number(place["value"]) != _number(first["value"]):
                detail = f"{first['value']} in {_place(first)}"
                self._finding("conflict", key, place, detail, f"{_place(first, True)} 为 {first['value']}")

    def _finding(self, rule: str, key: str, place: dict[str, Any], detail: str, detail_zh: str) -> None:
        self.report.add(
            rule,
            file=place["file"],
            line=place["line"],
            key=key,
            column=self.value,
            value=place["value"] or "",
            detail=detail,
            detail_zh=detail_zh,
        )

    def _rows(self, query: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        cursor = self.con.cursor()
        cursor.execute(query, list(parameters))
        while rows := cursor.fetchmany(1000):
            yield from rows

    # -- totals and parts -----------------------------------------------------------------------------------------

    def _aggregate(self, rule: Aggregate) -> None:
        """Totals against parts, for keys that have all of them and one value each."""
        policy = self.report.policy.additive
        if policy.component not in self.columns:
            return
        parameters = {
            "total": rule.total,
            "parts": rule.parts,
            "first": rule.parts[0],
            "count": len(rule.parts) + 1,
            "additive": policy.codes,
            "between": policy.between,
            "tolerance": policy.tolerance,
        }
        place = self.key.index(rule.component)
        found = self.con.cursor().execute(self._aggregate_query(rule.component), parameters).fetchall()
        for *codes, total, parts, least, most, file, line, adds in found:
            said = f"is not the sum of its parts, {parts:g}"
            said_zh = f"分项之和为 {parts:g}"
            if not adds:
                said = f"is not between its parts, {least:g} to {most:g}"
                said_zh = f"分项介于 {least:g} 与 {most:g} 之间"
            key = _key([*codes[:place], rule.total, *codes[place:]])
            where = {"file": file, "line": line, "key": key, "column": rule.component, "value": f"{total:g}"}
            self.report.add("aggregate", **where, detail=said, detail_zh=said_zh)

    def _aggregate_query(self, component: str) -> str:
        """Keys without the component whose total and parts do not fit; only those with a first part are looked at."""
        rest = [id for id in self.key if id != component]
        unit, value = quote(self.report.policy.additive.component), f"TRY_CAST({quote(self.value)} AS DOUBLE)"
        part = quote(component)
        grouped = (
            f"SELECT {listed(rest)}, any_value({unit}) AS unit, "
            f"any_value({value}) FILTER ({part} = $total) AS total, sum({value}) FILTER ({part} <> $total) AS parts, "
            f"min({value}) FILTER ({part} <> $total) AS least, max({value}) FILTER ({part} <> $total) AS most, "
            f"any_value({FILE}) FILTER ({part} = $total) AS file, min({LINE}) FILTER ({part} = $total) AS line "
            f"FROM stated WHERE {STATES} AND ({part} = $total OR list_contains($parts, {part})) "
            f"AND hash({listed(rest)}) IN (SELECT hash({listed(rest)}) FROM stated WHERE {part} = $first) "
            f"GROUP BY {listed(rest)} HAVING count({value}) = $count AND count(DISTINCT {part}) = $count "
            f"AND count(DISTINCT {unit}) = 1"
        )
        return (
            f"SELECT {listed(rest)}, total, parts, least, most, file, line, list_contains($additive, unit) "
            f"FROM ({grouped})"
            " WHERE (list_contains($additive, unit) AND abs(total - parts) > $tolerance * greatest(abs(total), 1))"
            " OR (list_contains($between, unit) AND (total < least - $tolerance * greatest(abs(least), 1)"
            " OR total > most + $tolerance * greatest(abs(most), 1)))"
        )

    # -- against what was published before ------------------------------------------------------------------------

    def _jumps(self, before: Before) -> None:
        if not self.report.policy.looks_at("jump"):
            return
        value, factor = quote(self.value), self.report.policy.jump.factor
        same = " AND ".join(f"s.{quote(id)} = b.{quote(id)}" for id in self.key)
        query = (
            f"SELECT {listed(self.key, 's.')}, s.{value}, b.{value}, s.{FILE}, s.{LINE} FROM stated s "
            f"JOIN before b ON {same} WHERE s.{STATES} AND s.{value} <> b.{value} AND "
            f"(abs(TRY_CAST(s.{value} AS DOUBLE)) > ? * abs(TRY_CAST(b.{value} AS DOUBLE)) OR "
            f"abs(TRY_CAST(s.{value} AS DOUBLE)) * ? < abs(TRY_CAST(b.{value} AS DOUBLE)))"
        )
        for *codes, now, then, file, line in self._rows(query, [factor, factor]):
            place = {"file": file, "line": line, "value": now}
            self._finding("jump", _key(codes), place, f"{then} (release {before.id})", f"{then}（版本 {before.id}）")

    def _vanished(self, before: Before) -> None:
        series = listed([dimension.id for dimension in self.structure.dimensions])
        query = (
            f"SELECT {series}, count(*) FROM before ANTI JOIN (SELECT DISTINCT {series} FROM stated WHERE {STATES}) "
            f"USING ({series}) GROUP BY {series} ORDER BY {series}"
        )
        for *codes, count in self._rows(query):
            detail = f"{count} observations in release {before.id}"
            self.report.add(
                "vanished", key=_key(codes), detail=detail, detail_zh=f"版本 {before.id} 中有 {count} 个观测值"
            )


def _key(codes: Sequence[str | None]) -> str:
    return ".".join(code or "" for code in codes)


def _place(place: dict[str, Any], chinese: bool = False) -> str:
    if place["line"] is None:
        return str(place["file"])
    return f"{place['file']} 第 {place['line']} 行" if chinese else f"{place['file']}, line {place['line']}"


def _number(value: str | None) -> Decimal | str | None:
    """2.0 and 2 are the same value."""
    try:
        return Decimal(value) if value is not None else None
    except InvalidOperation:
        return value
