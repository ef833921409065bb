"""A database of a few made-up observations, for what published data do not have: evil texts, bounds, many points."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from regional_hub.sdg.explorer.book import Book, open_book
from regional_hub.sdg.loading import Room
from regional_hub.sdg.store import Store
from regional_hub.sdg.structure import Code, Codelist, Component, Structure, Structures
from tests.sdg.stores import SMALL, Clock

EVIL = '<img src=x onerror="alert(1)"></script><script>alert(2)</script>'


def coded(id: str, **names: str) -> Codelist:
    codes = {code: Code(code, {"en": text}) for code, text in names.items()}
    return Codelist("TEST", id, "1.0", {}, codes)


def structure(*codelists: Codelist) -> Structure:
    """The small structure with bounds, a unit and a multiplier; a codelist stands at the component of its name."""
    more = ("LOWER_BOUND", "UPPER_BOUND", "UNIT_MEASURE", "UNIT_MULT", "SOURCE_DETAIL")
    parts = (*SMALL.components, *(Component(id, "attribute") for id in more))
    by_id = {codelist.id: codelist for codelist in codelists}
    return replace(
        SMALL,
        components=tuple(
            replace(part, codelist=by_id[part.id], codelist_ref=by_id[part.id].short) if part.id in by_id else part
            for part in parts
        ),
    )


def publish(room: Room, made: Structure, rows: list[dict[str, str | None]], name: str, *, whole: bool = False) -> None:
    """Release rows of component -> text; with `whole` they replace what there was."""
    room.registry.add(
        Structures(structures=(made,), codelists=tuple(p.codelist for p in made.components if p.codelist))
    )
    names = [part.id for part in made.components]
    full = [
        {**{id: row.get(id) for id in names}, "_file": "a.csv", "_line": number, "_action": "I"}
        for number, row in enumerate(rows, start=2)
    ]
    schema = pa.schema([*((id, pa.string()) for id in names), ("_file", pa.string()), ("_line", pa.int64())])
    schema = schema.append(pa.field("_action", pa.string()))
    store = Store(room.folder, clock=room_clock(room))
    draft = store.start(made, by="ann", empty=whole)
    draft.add([pa.RecordBatch.from_pylist(full, schema)], name="a.csv", sha256="0" * 64, by="ann")
    draft.validate()
    store.publish(draft, by="bob", name=name)


_CLOCKS: dict[Path, Clock] = {}


def room_clock(room: Room) -> Clock:
    clock = _CLOCKS.setdefault(room.folder, Clock())
    clock.now += timedelta(days=30)
    return clock


def row(area: str, time: str, value: str, **more: str) -> dict[str, str | None]:
    """An observation of POV, both sexes."""
    return {"SERIES": "POV", "REF_AREA": area, "SEX": "_T", "TIME_PERIOD": time, "OBS_VALUE": value, **more}


def book(room: Room, language: str = "en") -> Book:
    return open_book(room, language)
