"""A small structure, observations of it in few words, and a store whose clock the test sets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from regional_hub.sdg.draft import Draft
from regional_hub.sdg.release import Release
from regional_hub.sdg.store import Store
from regional_hub.sdg.structure import Component, Structure

SMALL = Structure(
    "TEST",
    "SDG",
    "1.0",
    components=(
        Component("SERIES", "dimension"),
        Component("REF_AREA", "dimension"),
        Component("SEX", "dimension"),
        Component("TIME_PERIOD", "time"),
        Component("OBS_VALUE", "measure"),
        Component("OBS_STATUS", "attribute"),
        Component("COMMENT_OBS", "attribute"),
    ),
)
FLOW = "TEST:SDG"
COLUMNS = [component.id for component in SMALL.components]
START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """Moves a minute each time it is asked."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


def batch(*lines: str, file: str = "a.csv", action: str = "I") -> pa.RecordBatch:
    """Rows such as `"POV KG F 2019 12.5 A note"`; `-` is nothing, a leading `D:` is another action."""
    rows = []
    for number, line in enumerate(lines, start=2):
        mark, _, rest = line.rpartition(":")
        cells = [None if cell == "-" else cell for cell in rest.split(maxsplit=len(COLUMNS) - 1)]
        cells += [None] * (len(COLUMNS) - len(cells))
        row = dict(zip(COLUMNS, cells, strict=True))
        rows.append({**row, "_file": file, "_line": number, "_action": mark or action})
    schema = pa.schema([*((name, pa.string()) for name in COLUMNS), ("_file", pa.string()), ("_line", pa.int64())])
    return pa.RecordBatch.from_pylist(rows, schema.append(pa.field("_action", pa.string())))


def drafted(store: Store, *lines: str, empty: bool = False, by: str = "ann") -> Draft:
    draft = store.start(SMALL, by=by, empty=empty)
    draft.add([batch(*lines)], name="a.csv", sha256="0" * 64, by=by)
    return draft


def published(store: Store, *lines: str, empty: bool = False, name: str | None = None) -> Release:
    """A release by two people: ann loads, bob publishes."""
    draft = drafted(store, *lines, empty=empty)
    draft.validate()
    return store.publish(draft, by="bob", name=name)


def lines(release: Release) -> list[str]:
    """The observations of a release, as `batch` takes them."""
    table = pa.Table.from_batches(release.batches(), release.layout.schema)
    return [text(row) for row in table.to_pylist()]


def text(row: dict[str, str | None]) -> str:
    return " ".join(row[name] or "-" for name in COLUMNS).rstrip("- ").rstrip()


def store(tmp_path: Path, **options: object) -> Store:
    return Store(tmp_path / "sdg", clock=Clock(), **options)  # type: ignore[arg-type]


AREAS = [f"A{number:02}" for number in range(30)]


def uniform(number: int, areas: list[str] = AREAS) -> pa.RecordBatch:
    """Observations that all have one value: a mixture of two releases shows at once."""
    return batch(*(f"POV {area} F {year} {number}" for area in areas for year in range(2000, 2010)))
