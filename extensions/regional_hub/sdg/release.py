"""A release of a data flow: immutable Parquet files, the manifest that proves them, and how they are written.

`observations.parquet` is sorted by the dimensions in the order of the DSD, then time; `series.parquet` has a row per
series with where its observations stand; `changes.parquet` is against the release before (`changes.py`).
"""


# ruff: noqa: S608 - only ids that `quote` lets through become part of SQL; values are parameters

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from regional_hub.sdg import durable

OBSERVATIONS, SERIES, CHANGES, REPORT, MANIFEST = (
    "observations.parquet",
    "series.parquet",
    "changes.parquet",
    "report.json",
    "manifest.json",
)
ROW_GROUP = 100_000
COMPONENT_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_@$-]*")
# Columns of series.parquet beside the dimensions: first row and number of rows, first and last time.
ROW, COUNT, FIRST, LAST = "_row", "_count", "_first", "_last"


class DamagedRelease(Exception):
    """Files of a release are not those that its manifest lists."""


class HasId(Protocol):
    @property
    def id(self) -> str: ...


class HasComponents(Protocol):
    """What a release takes from a `structure.Structure`."""

    @property
    def short(self) -> str: ...
    @property
    def dimensions(self) -> Sequence[HasId]: ...
    @property
    def time(self) -> HasId | None: ...
    @property
    def measures(self) -> Sequence[HasId]: ...
    @property
    def attributes(self) -> Sequence[HasId]: ...


@dataclass(frozen=True)
class Layout:
    """The columns of observations: dimensions without time, time, measures, attributes."""

    dimensions: tuple[str, ...]
    time: str | None
    measures: tuple[str, ...]
    attributes: tuple[str, ...]

    @classmethod
    def of(cls, structure: HasComponents) -> Layout:
        return cls(
            tuple(component.id for component in structure.dimensions),
            structure.time.id if structure.time else None,
            tuple(component.id for component in structure.measures),
            tuple(component.id for component in structure.attributes),
        )

    @classmethod
    def load(cls, facts: Mapping[str, Any]) -> Layout:
        names = (tuple(facts[part]) for part in ("dimensions", "measures", "attributes"))
        dimensions, measures, attributes = names
        return cls(dimensions, facts["time"], measures, attributes)

    @property
    def key(self) -> tuple[str, ...]:
        return (*self.dimensions, *([self.time] if self.time else []))

    @cached_property
    def schema(self) -> pa.Schema:
        """Observations as they leave a release."""
        return pa.schema([pa.field(name, pa.string()) for name in self.columns])

    @property
    def primary(self) -> str | None:
        """The measure that a conflict is about: OBS_VALUE, else the first."""
        return "OBS_VALUE" if "OBS_VALUE" in self.measures else next(iter(self.measures), None)

    @property
    def values(self) -> tuple[str, ...]:
        return (*self.measures, *self.attributes)

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.key, *self.values)


def quote(column: str) -> str:
    """A column's name in SQL. Names cannot be parameters, so only ids of SDMX components and our own pass."""
    if not COMPONENT_ID.fullmatch(column.removeprefix("old:")):
        raise ValueError(f"{column!r} is not the id of a component")
    return f'"{column}"'


def listed(columns: Sequence[str], prefix: str = "") -> str:
    return ", ".join(prefix + quote(column) for column in columns)


def project(columns: Sequence[str], there: Sequence[str]) -> str:
    """A select list that gives these columns, null where the source has none."""
    return ", ".join(quote(column) if column in there else f"NULL::VARCHAR AS {quote(column)}" for column in columns)


@dataclass(frozen=True)
class Release:
    """One release below `releases/`. What its manifest says never changes."""

    folder: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Release:
        return cls(folder, durable.read_json(folder / MANIFEST))

    @property
    def id(self) -> str:
        return str(self.manifest["id"])

    @property
    def flow(self) -> str:
        return str(self.manifest["flow"])

    @property
    def structure(self) -> str:
        """The DSD as `AGENCY:ID(VERSION)`."""
        return str(self.manifest["structure"])

    @property
    def parent(self) -> str | None:
        return self.manifest["parent"]

    @cached_property
    def layout(self) -> Layout:
        return Layout.load(self.manifest["layout"])

    @property
    def observations(self) -> Path:
        return self.folder / OBSERVATIONS

    @property
    def series(self) -> Path:
        return self.folder / SERIES

    @property
    def changes(self) -> Path | None:
        """The change set; the first release has none, all of it was added."""
        return self.folder / CHANGES if self.parent else None

    @property
    def change_columns(self) -> Sequence[str]:
        """The components that `changes` has: those of this release and those that the one before had beside them."""
        return self.manifest["change_columns"]

    @property
    def counts(self) -> Mapping[str, int]:
        return self.manifest["counts"]

    @property
    def times(self) -> Sequence[str]:
        """Every TIME_PERIOD that occurs."""
        return self.manifest["times"]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All observations in order, every column as text."""
        schema = self.layout.schema
        with pq.ParquetFile(self.observations) as file:
            for batch in file.iter_batches():
                yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)

    def verify(self) -> None:
        """Raises DamagedRelease naming each file that is missing or not what the manifest says."""
        verify(self.folder, self.manifest["files"])


def verify(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    wrong = [
        name
        for name, facts in files.items()
        if not (folder / name).is_file() or durable.sha256(folder / name) != facts["sha256"]
    ]
    if wrong:
        raise DamagedRelease(f"{folder.name}: {', '.join(wrong)} missing or changed since written; restore the folder")


def describe(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and hash of each file in a folder but its manifest."""
    return {
        path.name: {"bytes": path.stat().st_size, "sha256": durable.sha256(path)}
        for path in sorted(folder.iterdir())
        if path.name != MANIFEST
    }


def engine(spill: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB for one piece of work: 1 GB of memory, the rest on disk in `spill`; it loads nothing from anywhere."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": "1GB",
        "temp_directory": str(spill),
        "autoinstall_known_extensions": "false",
    }
    return duckdb.connect(":memory:", config=config)


def write(con: duckdb.DuckDBPyConnection, table: str, layout: Layout, folder: Path) -> dict[str, Any]:
    """Write a table or view of observations, sorted, and its series. Returns counts, times and the layout."""
    order = listed(layout.key)
    path = str(folder / OBSERVATIONS)
    con.execute(
        f"COPY (SELECT {listed(layout.columns)} FROM {quote(table)} ORDER BY {order})"
        f" TO $path (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})",
        {"path": path},
    )
    time = quote(layout.time) if layout.time else "NULL::VARCHAR"
    dimensions = listed(layout.dimensions)
    con.execute(
        f"COPY (SELECT {dimensions}, min(file_row_number) AS {ROW}, count(*) AS {COUNT},"
        f" min({time}) AS {FIRST}, max({time}) AS {LAST} FROM read_parquet($path, file_row_number = true)"
        f" GROUP BY {dimensions} ORDER BY {ROW}) TO $series (FORMAT parquet, COMPRESSION zstd)",
        {"path": path, "series": str(folder / SERIES)},
    )
    times = con.execute(f"SELECT DISTINCT {time} AS t FROM read_parquet($1) ORDER BY t", [path]).fetchall()
    return {
        "layout": asdict(layout),
        "times": [period for (period,) in times if period is not None],
        "counts": {
            "observations": pq.read_metadata(folder / OBSERVATIONS).num_rows,
            "series": pq.read_metadata(folder / SERIES).num_rows,
        },
    }
