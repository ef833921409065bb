"""How fast observations become messages: our writers beside those of pysdmx and a plain COPY of DuckDB.

`PYTHONPATH=extensions python -m tests.benchmarks.sdmx_writers --rows 1000000`. The rows are the published ones of
Kyrgyzstan, repeated for as many areas as it takes. pysdmx writes a part of them (`--peer-rows`), because it holds
everything in memory and takes minutes; its time is scaled to the same number of rows. It writes no SDMX-JSON data.
"""

from __future__ import annotations

import argparse
import io
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

from regional_hub.sdg import structure as model
from regional_hub.sdg.formats import sdmx_ml, write_csv, write_json, write_ml, write_structure_ml
from regional_hub.sdg.formats.bundle import Bundle
from regional_hub.sdg.formats.writing import Options
from regional_hub.sdg.structure import Structure, Structures
from tests.benchmarks.report import Report, median

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "data" / "kyrgyzstan"
HEAD = 20_000  # bytes that are no observations yet
Write = Callable[[Iterator[pa.RecordBatch]], Iterator[bytes]]


def rows(structure: Structure, count: int) -> pa.Table:
    """So many observations in the order of the structure, each with a key of its own."""
    ids = [part.id for part in structure.components]
    parts = []
    for path in sorted((PUBLISHED / "data").glob("*.xml")):
        with path.open("rb") as file:
            found = list(sdmx_ml.message(file, str(path)).rows())
        parts.append(pa.table({id: pa.array([row.get(id) for row in found], pa.string()) for id in ids}))
    once = pa.concat_tables(parts)
    key = ", ".join(f'"{id}"' for id in structure.key)
    areas = pa.table({"area": sorted(structure.component("REF_AREA").codelist.codes)})  # type: ignore[union-attr]
    con = duckdb.connect()
    con.register("once", once)
    con.register("areas", areas)
    query = f"""
        SELECT once.* REPLACE (areas.area AS REF_AREA) FROM (SELECT DISTINCT ON ({key}) * FROM once) AS once, areas
        ORDER BY {key} LIMIT {count}"""
    return con.sql(query).to_arrow_table()


def ours(table: pa.Table, write: Write) -> tuple[float, float]:
    """Seconds to the last byte, and to the first observations (what comes before them is there at once)."""
    start = time.perf_counter()
    first, size = 0.0, 0
    for chunk in write(iter(table.to_batches(10_000))):
        size += len(chunk)
        if size > HEAD and not first:
            first = time.perf_counter() - start
    return time.perf_counter() - start, first


def peer(structures: Structures, table: pa.Table, layout: str) -> float:
    """Seconds that pysdmx takes."""
    from pysdmx.io import read_sdmx, write_sdmx
    from pysdmx.io.format import Format
    from pysdmx.io.pd import PandasDataset

    bundle = Bundle(structures.codelists, structures.concept_schemes, structures.structures)
    message = read_sdmx(io.BytesIO(write_structure_ml.write(bundle, Options())), validate=False)
    (found,) = (one for one in message.structures or () if type(one).__name__ == "DataStructureDefinition")
    schema = found.to_schema()  # type: ignore[union-attr]
    frame = table.to_pandas().fillna("")
    more: dict[str, Any] = {} if "CSV" in layout else {"dimension_at_observation": {schema.short_urn: "TIME_PERIOD"}}
    start = time.perf_counter()
    write_sdmx([PandasDataset(structure=schema, data=frame)], Format[layout], **more)
    return time.perf_counter() - start


def copy(table: pa.Table) -> float:
    """Seconds that DuckDB takes to copy the rows to a CSV file."""
    con = duckdb.connect()
    con.register("rows", table)
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        con.execute(f"COPY rows TO '{folder}/rows.csv' (HEADER)")
        return time.perf_counter() - start


def measure(count: int, peer_count: int, rounds: int) -> Report:
    report = Report("SDMX writers")
    structures = model.read(PUBLISHED / "SDG_DSD.KG_1.8.xml")
    structure = structures.structures[0]
    table = rows(structure, count)
    count = table.num_rows
    part = table.slice(0, peer_count)
    options = Options()
    layouts: dict[str, tuple[Write, str]] = {
        "SDMX-CSV 2.0": (lambda data: write_csv.write(data, structure, options), "DATA_SDMX_CSV_2_0_0"),
        "SDMX-ML 2.1 specific": (lambda data: write_ml.write(data, structure, options), "DATA_SDMX_ML_2_1_STR"),
        "SDMX-ML 2.1 generic": (
            lambda data: write_ml.write(data, structure, options, generic=True),
            "DATA_SDMX_ML_2_1_GEN",
        ),
        "SDMX-ML 3.0": (lambda data: write_ml.write(data, structure, options, "3.0"), "DATA_SDMX_ML_3_0"),
        "SDMX-JSON 2.0": (lambda data: write_json.write(data, structure, options), ""),
    }
    for name, (write, layout) in layouts.items():
        taken = [ours(table, write) for _ in range(rounds)]
        whole, first = median([one for one, _ in taken]), median([one for _, one in taken])
        report.samples[name] = [one for one, _ in taken]
        if layout:
            other = peer(structures, part, layout) * count / part.num_rows
            report.add(f"{name}, {count:,} rows", whole, "s", "pysdmx", other, 10)
        report.add(f"{name}, first observations", first * 1000, "ms", "limit", 100)
    csv = median(report.samples["SDMX-CSV 2.0"])
    report.add(
        f"SDMX-CSV 2.0, {count:,} rows", csv, "s", "DuckDB COPY", median([copy(table) for _ in range(rounds)]), 0.5
    )
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    measure(given.rows, given.peer_rows, given.rounds).show()


if __name__ == "__main__":
    main()
