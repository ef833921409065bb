"""Large data for benchmarks of the SDG database: the observations of Kyrgyzstan, told again of more countries.

Country 7 is `X007` with its regions `X00702` …, in codelists that are extended for it; its values are the real ones
times a factor of its own, with as many decimals. The same size and seed make the same bytes.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from regional_hub.sdg import structure as model
from regional_hub.sdg.draft import Draft
from regional_hub.sdg.formats import sdmx_ml
from regional_hub.sdg.loading import Room
from regional_hub.sdg.release import Release, listed
from regional_hub.sdg.structure import Code, Structure, Structures

PUBLISHED = Path(__file__).resolve().parents[3] / "shared" / "data" / "kyrgyzstan"
COUNTRY, WORLD = "KG", "417"  # the areas of the real data: the country with its regions, and its M49 code
BATCH = 10_000  # as answers of the service come


@dataclass(frozen=True)
class Data:
    """`path` is Parquet with a column of text per component, in the order of the key."""

    structures: Structures
    path: Path
    rows: int

    @property
    def structure(self) -> Structure:
        return self.structures.structures[0]

    @property
    def flow(self) -> str:
        return self.structure.short.split("(")[0]

    def keep(self) -> Path:
        """A file from which another process reads the same (`kept`)."""
        place = self.path.with_suffix(".pickle")
        place.write_bytes(pickle.dumps(self))
        return place

    def batches(self, size: int = BATCH) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(size)


def kept(place: str) -> Data:
    """What `Data.keep` wrote a moment ago."""
    found: Data = pickle.loads(Path(place).read_bytes())
    return found


def area(country: int) -> str:
    return f"X{country:03}"


def make(folder: Path, size: int, seed: int = 3) -> Data:
    """So many observations, each with a key of its own."""
    real = real_rows()
    found = model.read(PUBLISHED / "SDG_DSD.KG_1.8.xml")
    once = len(real)
    countries = -(-size // once)
    structures = extended(found, set(real["REF_AREA"].to_pylist()), countries)
    path = folder / f"made-{size}.parquet"
    rows = _multiplied(real, structures.structures[0], countries, size, seed, path)
    return Data(structures, path, rows)


def real_rows() -> pa.Table:
    """The published observations, the first of each key, as text."""
    structure = model.read(PUBLISHED / "SDG_DSD.KG_1.8.xml").structures[0]
    seen: dict[tuple[str | None, ...], dict[str, str]] = {}
    for path in sorted((PUBLISHED / "data").glob("*.xml")):
        with path.open("rb") as file:
            for row in sdmx_ml.message(file, str(path)).rows():
                if row.get(structure.measure.id) == "NaN":
                    del row[structure.measure.id]
                seen.setdefault(tuple(row.get(id) for id in structure.key), row)
    ids = [part.id for part in structure.components]
    return pa.table({id: pa.array([row.get(id) for row in seen.values()], pa.string()) for id in ids})


def extended(found: Structures, areas: Iterable[str], countries: int) -> Structures:
    """The structures with the areas of so many countries in their codelist."""
    (structure,) = found.structures
    part = structure.component("REF_AREA")
    assert part.codelist is not None
    names = [_moved(code, number) for code in areas for number in range(countries)]
    more = {id: Code(id, {"en": f"Area {id}"}) for id in sorted(names)}
    wider = replace(part.codelist, codes={**part.codelist.codes, **more})
    components = tuple(replace(one, codelist=wider) if one is part else one for one in structure.components)
    lists = tuple(wider if one.short == wider.short else one for one in found.codelists)
    return replace(found, structures=(replace(structure, components=components),), codelists=lists)


def _moved(code: str, country: int) -> str:
    return f"N{country:03}" if code == WORLD else code.replace(COUNTRY, area(country), 1)


def _multiplied(real: pa.Table, structure: Structure, countries: int, size: int, seed: int, path: Path) -> int:
    """Write the rows of all countries; the last of them has what is left."""
    factors = np.random.default_rng(seed).uniform(0.4, 1.0, countries)
    numbers = pa.table({"number": range(countries), "factor": factors})
    value = structure.measure.id
    con = duckdb.connect(config={"memory_limit": "2GB", "temp_directory": str(path.with_suffix(".spill"))})
    con.register("real", real.append_column("_place", pa.array(range(len(real)))))
    con.register("countries", numbers)
    con.execute(
        f"""COPY (
            SELECT {listed([part.id for part in structure.components])} FROM (
                SELECT * REPLACE (
                    CASE WHEN REF_AREA = '{WORLD}' THEN printf('N%03d', number)
                        ELSE printf('X%03d', number) || substr(REF_AREA, {len(COUNTRY) + 1}) END AS REF_AREA,
                    CASE WHEN contains("{value}", '.')
                        THEN format('{{:.{{}}f}}', CAST("{value}" AS DOUBLE) * factor,
                            CAST(length("{value}") - instr("{value}", '.') AS INTEGER))
                        ELSE CAST(CAST(CAST("{value}" AS DOUBLE) * factor AS BIGINT) AS VARCHAR) END AS "{value}")
                FROM real, countries WHERE number * {len(real)} + _place < {size})
            ORDER BY {listed(structure.key)}
        ) TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 100000)"""
    )
    con.close()
    return pq.read_metadata(path).num_rows


def told(batches: Iterable[pa.RecordBatch], name: str, action: str = "I") -> Iterator[pa.RecordBatch]:
    """The rows with where they come from, as readers of files give them."""
    line = 1
    for batch in batches:
        count = batch.num_rows
        origin = {
            "_file": pa.array([name] * count, pa.string()),
            "_line": pa.array(range(line, line + count), pa.int64()),
            "_action": pa.array([action] * count, pa.string()),
        }
        line += count
        yield pa.RecordBatch.from_arrays([*batch.columns, *origin.values()], [*batch.schema.names, *origin])


def room(folder: Path, data: Data) -> Room:
    """A database with the structures and no release."""
    made = Room(folder)
    made.registry.add(data.structures)
    return made


def publish(made: Room, data: Data, batches: Iterable[pa.RecordBatch], name: str) -> Release:
    """One release more, loaded by one person and published by another."""
    draft: Draft = made.store.start(data.structure, by="ann")
    draft.add(told(batches, name), name=name, sha256=name.rjust(64, "0"), by="ann")
    draft.validate()
    return made.store.publish(draft, by="bob")


__all__ = ["Data", "area", "kept", "make", "publish", "room", "told"]
