"""What an entry of a catalog looks like inside: its first rows, or the shape of its cube.

Only the layouts that our own drivers open are looked into, by reading; no driver, template or file of a catalog is
executed. A preview is made once and kept in the data folder until the data change.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regional_hub.core.catalog import Entry, Facts

log = logging.getLogger(__name__)

ROWS = 8
VERSION = 1  # a change of what a preview shows raises it


@dataclass(frozen=True)
class Preview:
    """A small table. `total` is how many rows there are in all, None where that is not known without reading all."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    kind: str  # "rows" or "variables"
    total: int | None = None


def preview(entry: Entry, facts: Facts, cache: Path) -> Preview | None:
    """The preview of an entry, from the cache where the data are the same; None where there is none to show."""
    make = MAKERS.get(entry.driver.rpartition(".")[2])
    if make is None or not facts.paths:
        return None
    key = json.dumps(
        [VERSION, entry.driver, entry.urlpath, facts.size, facts.files, str(facts.made), str(facts.paths[0])]
    )
    place = cache / f"{entry.name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
    try:
        return Preview(**json.loads(place.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        pass
    try:
        made = make(facts.paths)
    except Exception as error:  # whatever is wrong with a file must not break the page that lists it
        log.warning("no preview of %s: %s", entry.name, error)
        return None
    _keep(made, place, entry.name)
    return made


def _keep(made: Preview, place: Path, name: str) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(made), ensure_ascii=False), encoding="utf-8")
        fresh.replace(place)
        for old in place.parent.glob(f"{name}-*.json"):
            if old != place and len(old.stem) == len(place.stem):
                old.unlink(missing_ok=True)
    except OSError as error:
        log.warning("the preview of %s was not kept: %s", name, error)


def _sdmx(paths: Sequence[Path]) -> Preview:
    from regional_hub.sdg.formats import open_message

    with open_message(paths[0]) as message:
        rows = list(itertools.islice(message.rows(), ROWS))
    columns = list(dict.fromkeys(column for row in rows for column in row))
    # A column that says the same for all and nothing of its own ("_T": total) only hides the others.
    told = [column for column in columns if {row.get(column, "") for row in rows} != {"_T"}]
    return Preview(told, [[row.get(column, "") for column in told] for row in rows], "rows")


def _parquet(paths: Sequence[Path]) -> Preview:
    import pyarrow.dataset

    dataset = pyarrow.dataset.dataset([str(path) for path in paths], format="parquet")
    head = dataset.head(ROWS).to_pylist()
    columns = dataset.schema.names
    return Preview(columns, [[str(row[column]) for column in columns] for row in head], "rows", dataset.count_rows())


def _zarr(paths: Sequence[Path]) -> Preview:
    rows = []
    for file in sorted(paths[0].glob("*/zarr.json")):
        array: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        dimensions = array.get("dimension_names") or [""] * len(array["shape"])
        extent = " × ".join(f"{name} {size}".strip() for name, size in zip(dimensions, array["shape"], strict=True))
        chunks = " × ".join(map(str, array["chunk_grid"]["configuration"]["chunk_shape"]))
        meaning = array.get("attributes", {}).get("long_name") or array.get("attributes", {}).get("standard_name", "")
        rows.append([file.parent.name, str(meaning), extent, chunks, str(array["data_type"])])
    if not rows:
        raise ValueError("no zarr.json of an array is there")
    return Preview(["variable", "meaning", "extent", "chunks", "type"], rows, "variables")


MAKERS: dict[str, Callable[[Sequence[Path]], Preview]] = {
    "SdmxFileSource": _sdmx,
    "ParquetSource": _parquet,
    "ZarrSource": _zarr,
}
