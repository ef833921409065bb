"""How fast observations become messages: our writers beside those of pysdmx and sdmx1, and a plain COPY of DuckDB.

`python -m tests.benchmarks.sdmx_writers --rows 1000000`. The rows are the published ones of Kyrgyzstan, told again of
more countries, read from Parquet by ours and by DuckDB. Each writer works in a process of its own. pysdmx and sdmx1
have everything in memory before and take minutes: they write a part (`--peer-rows`, `--small-peer-rows`), and their
time is scaled to all rows, fixed costs too; CSV of up to a million rows pysdmx writes whole.
Seconds beside these two are the processor's. Neither writes SDMX-JSON data.
"""

from __future__ import annotations

import argparse
import io
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from regional_hub.sdg.formats import write_csv, write_json, write_ml, write_structure_ml
from regional_hub.sdg.formats.bundle import Bundle
from regional_hub.sdg.formats.writing import Options
from tests.benchmarks import sdg_child, sdg_data, world
from tests.benchmarks.report import Report, median

HEAD = 20_000  # bytes that are no observations yet
MEMORY, FIRST = 300.0, 100.0  # MB; ms
HERE = "tests.benchmarks.sdmx_writers"
WHOLE = 1_000_000  # rows that pysdmx writes as CSV, in seconds and 2 GB: scaling a part would multiply fixed costs
SMALL_PEER = ("SDMX-CSV 2.0", "SDMX-ML 2.1 specific")  # what sdmx1 writes of data
Write = Callable[[Iterator[pa.RecordBatch], Any, Options], Iterator[bytes]]
LAYOUTS: dict[str, tuple[Write, str]] = {
    "SDMX-CSV 2.0": (write_csv.write, "DATA_SDMX_CSV_2_0_0"),
    "SDMX-ML 2.1 specific": (write_ml.write, "DATA_SDMX_ML_2_1_STR"),
    "SDMX-ML 2.1 generic": (lambda *given: write_ml.write(*given, generic=True), "DATA_SDMX_ML_2_1_GEN"),
    "SDMX-ML 3.0": (lambda *given: write_ml.write(*given, "3.0"), "DATA_SDMX_ML_3_0"),
    "SDMX-JSON 2.0": (write_json.write, ""),
}


# -- what the processes do ---------------------------------------------------------------------------------------------


def ours(kept: str, name: str) -> dict[str, float]:
    """Seconds to the last byte, and to the first observations (what comes before them is there at once)."""
    data, write = sdg_data.kept(kept), LAYOUTS[name][0]
    for _ in write(iter([next(data.batches(1000))]), data.structure, Options()):
        pass  # what a service that runs has behind it
    start, worked = time.perf_counter(), time.process_time()
    first, size = 0.0, 0
    for chunk in write(data.batches(), data.structure, Options()):
        size += len(chunk)
        if size > HEAD and not first:
            first = time.perf_counter() - start
    seconds, processor = time.perf_counter() - start, time.process_time() - worked
    return {"seconds": seconds, "processor": processor, "first": first, "bytes": size}


def pysdmx(kept: str, layout: str, rows: int) -> dict[str, float]:
    """Seconds that pysdmx takes for the first rows, which it has as a frame already."""
    from pysdmx.io import read_sdmx, write_sdmx
    from pysdmx.io.format import Format
    from pysdmx.io.pd import PandasDataset

    data = sdg_data.kept(kept)
    structures = data.structures
    bundle = Bundle(structures.codelists, structures.concept_schemes, structures.structures)
    message = read_sdmx(io.BytesIO(write_structure_ml.write(bundle, Options())), validate=False)
    (found,) = (one for one in message.structures or () if type(one).__name__ == "DataStructureDefinition")
    schema = found.to_schema()  # type: ignore[union-attr]
    frame = part(data, rows).to_pandas().fillna("")
    more: dict[str, Any] = {} if "CSV" in layout else {"dimension_at_observation": {schema.short_urn: "TIME_PERIOD"}}
    start = time.process_time()
    write_sdmx([PandasDataset(structure=schema, data=frame)], Format[layout], **more)
    return {"processor": time.process_time() - start, "rows": len(frame)}


def sdmx1(kept: str, layout: str, rows: int) -> dict[str, float]:
    """Seconds that sdmx1 takes for the first rows, which it has as objects already."""
    import sdmx

    data = sdg_data.kept(kept)
    structures = data.structures
    bundle = Bundle(structures.codelists, structures.concept_schemes, structures.structures)
    defined = sdmx.read_sdmx(io.BytesIO(write_structure_ml.write(bundle, Options())))
    table = part(data, rows)
    text = b"".join(write_ml.write(iter(table.to_batches()), data.structure, Options()))
    (structure,) = defined.structure.values()
    message = sdmx.read_sdmx(io.BytesIO(text), structure=structure)
    start = time.process_time()
    if "CSV" in layout:
        flow = sdmx.model.v21.DataflowDefinition(
            id="F", maintainer=structure.maintainer, version="1.0", structure=structure
        )
        message.data[0].described_by = flow
        sdmx.to_csv(message.data[0], rtype=str)
    else:
        sdmx.to_xml(message)
    return {"processor": time.process_time() - start, "rows": table.num_rows}


def part(data: sdg_data.Data, rows: int) -> pa.Table:
    return pa.Table.from_batches(data.batches()).slice(0, rows)


def copy(kept: str, options: str) -> dict[str, float]:
    """Seconds that DuckDB takes to copy the rows to a file."""
    data = sdg_data.kept(kept)
    con = duckdb.connect()
    target = data.path.with_suffix(".copy")
    start, worked = time.perf_counter(), time.process_time()
    con.execute(f"COPY (SELECT * FROM read_parquet('{data.path}')) TO '{target}' ({options})")
    taken = {"seconds": time.perf_counter() - start, "processor": time.process_time() - worked}
    target.unlink()
    return taken


# -- the figures -------------------------------------------------------------------------------------------------------


def measure(rows: int, peer_rows: int, small_peer_rows: int, rounds: int, folder: Path) -> Report:
    report = Report("SDMX writers")
    data = sdg_data.make(folder, rows)
    kept = data.keep()
    for name, (_, layout) in LAYOUTS.items():
        world.calm(longest=30)
        taken = [sdg_child.call(f"{HERE}.ours", kept, name) for _ in range(rounds)]
        worked = median([seen["processor"] for seen, _ in taken])
        for kind in ("seconds", "processor", "bytes"):
            report.samples[f"{name}, {kind}"] = [seen[kind] for seen, _ in taken]
        peers = [("pysdmx", peer_rows), ("sdmx1", small_peer_rows)] if layout else []
        for peer, count in peers:
            if peer == "sdmx1" and name not in SMALL_PEER:
                continue
            whole = peer == "pysdmx" and "CSV" in layout and rows <= WHOLE
            seen, _ = sdg_child.call(f"{HERE}.{peer}", kept, layout, rows if whole else min(count, rows))
            scaled = seen["processor"] * data.rows / seen["rows"]
            report.add(f"{name}, {data.rows:,} rows", worked, "s", f"{peer}, by {seen['rows']:,.0f}", scaled, 10)
        report.add(f"{name}, first observations", median([s["first"] for s, _ in taken]) * 1000, "ms", "limit", FIRST)
        report.add(f"{name}, memory at most", max(peak for _, peak in taken), "MB", "limit", MEMORY)
    for name, options in (("SDMX-CSV 2.0", "HEADER"), ("SDMX-JSON 2.0", "FORMAT json")):
        world.calm(longest=30)
        plain = [sdg_child.call(f"{HERE}.copy", kept, options)[0] for _ in range(rounds)]
        for kind, said in (("seconds", ""), ("processor", ", processor")):
            ours_, other = median(report.samples[f"{name}, {kind}"]), median([one[kind] for one in plain])
            report.add(f"{name}, {data.rows:,} rows{said}", ours_, "s", "DuckDB COPY, two threads", other, 0.5)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer-rows", type=int, default=50_000)
    parser.add_argument("--small-peer-rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    with world.folder() as folder:
        measure(given.rows, given.peer_rows, given.small_peer_rows, given.rounds, folder).show()


if __name__ == "__main__":
    main()
