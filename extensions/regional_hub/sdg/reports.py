"""The report of a draft's last validation, kept beside it: findings in Parquet, so that a page of many is quick.

The summary (`Report.to_dict` without the findings) travels in the same file, so that both are of one validation.
"""

# ruff: noqa: S608 - only names of this module become part of SQL; values are parameters

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from regional_hub.sdg import durable
from regional_hub.sdg.findings import Finding, Report

FILE = "report.parquet"
SUMMARY = b"summary"
COLUMNS = tuple(Finding.__dataclass_fields__)
SCHEMA = pa.schema([(name, pa.int64() if name == "line" else pa.string()) for name in COLUMNS])
LISTED = ", ".join(f'"{name}"' for name in COLUMNS)  # `column` is a word of SQL
# What a reader can choose findings by.
FILTERS = ("rule", "severity", "file")
BATCH = 10_000


@dataclass(frozen=True)
class Kept:
    """A report that was kept. `summary` is that of `Report.to_dict` without findings."""

    path: Path
    summary: Mapping[str, Any]

    def count(self, chosen: Mapping[str, str]) -> int:
        """How many kept findings there are of a rule, severity or file; an empty text chooses all."""
        (found,) = self._run("SELECT count(*) FROM read_parquet($path) WHERE {}", chosen).fetchall()
        return int(found[0])

    def page(self, chosen: Mapping[str, str], start: int, size: int) -> list[Finding]:
        """Findings in the order of their severity, rule, file and line, from the place `start` on."""
        order = "CASE severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, rule, file, line, key"
        query = f"SELECT {LISTED} FROM read_parquet($path) WHERE {{}} ORDER BY {order}"
        found = self._run(f"{query} LIMIT {int(size)} OFFSET {int(start)}", chosen)
        return [Finding(*row) for row in found.fetchall()]

    def all(self, chosen: Mapping[str, str]) -> Iterator[Finding]:
        """Every kept finding, as it was found."""
        found = self._run(f"SELECT {LISTED} FROM read_parquet($path) WHERE {{}}", chosen)
        while rows := found.fetchmany(BATCH):
            yield from (Finding(*row) for row in rows)

    def counts(self, by: str) -> list[tuple[str, int]]:
        """How many kept findings each rule, severity or file has, the most first."""
        if by not in FILTERS:
            raise ValueError(f"findings are counted by {', '.join(FILTERS)}, not by {by}")
        found = self._run(
            f"SELECT {by}, count(*) AS n FROM read_parquet($path) WHERE {{}} GROUP BY 1 ORDER BY n DESC, 1", {}
        )
        return found.fetchall()

    def _run(self, query: str, chosen: Mapping[str, str]) -> duckdb.DuckDBPyConnection:
        wanted = {name: chosen[name] for name in FILTERS if chosen.get(name)}
        where = " AND ".join(f"{name} = ${name}" for name in wanted) or "true"
        con = duckdb.connect(":memory:", config={"memory_limit": "512MB", "autoinstall_known_extensions": "false"})
        return con.execute(query.format(where), {"path": str(self.path), **wanted})


def keep(folder: Path, report: Report) -> None:
    """Keep a report in a draft's folder, in place of the one before."""
    facts = report.to_dict()
    del facts["findings"]
    rows = [asdict(finding) for finding in report.findings]
    table = pa.Table.from_pylist(rows, SCHEMA).replace_schema_metadata({SUMMARY: json.dumps(facts).encode()})
    temporary = folder / f".{FILE}.tmp"
    pq.write_table(table, temporary, compression="zstd")
    durable.sync(temporary)
    temporary.replace(folder / FILE)


def kept(folder: Path) -> Kept | None:
    """The report of a draft's folder; None where it was never validated."""
    path = folder / FILE
    if not path.is_file():
        return None
    metadata = pq.read_schema(path).metadata or {}
    return Kept(path, json.loads(metadata[SUMMARY]))
