"""A service over a store with one release of awkward data, for tests of it from outside."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import httpx
import pyarrow as pa

from regional_hub.sdg.registry import Registry
from regional_hub.sdg.rest.app import Limits, application
from regional_hub.sdg.store import Store
from regional_hub.sdg.structure import (
    Constraint,
    Dataflow,
    MetadataAttribute,
    MetadataStructure,
    Region,
    Structures,
)
from tests.sdg import awkward

FLOW = "/sdmx/v2/data/dataflow/XX/DF"
CONSTRAINT = Constraint(
    "XX",
    "ONLY_ANNUAL",
    "1.0",
    {"en": "Annual & nothing else", "zh": "仅年度"},
    attached=("XX:DF(2.0)",),
    regions=(
        Region(True, {"FREQ": ("A",)}, bounds={"TIME_PERIOD": (("ge", "2000"), ("lt", "2030"))}),
        Region(False, {"AREA": ("UZ",)}, bounds={"TIME_PERIOD": (("gt", "1900"), ("le", "1999-12"))}),
    ),
    keys=(Region(False, {"FREQ": ("A",), "AREA": ("UZ",)}),),
)
CONCEPT = "XX:CS_META(1.0)."
MSD = MetadataStructure(
    "XX",
    "MSD",
    "1.0",
    {"en": "Metadata"},
    attributes=(
        MetadataAttribute("CONTACT", mandatory=True, presentational=True, concept_ref=f"{CONCEPT}CONTACT"),
        MetadataAttribute("EMAIL", parent="CONTACT", type="String", concept_ref=f"{CONCEPT}EMAIL"),
        MetadataAttribute("AREA", several=False, codelist_ref="XX:CL_AREA(1.0)", concept_ref=f"{CONCEPT}AREA"),
        MetadataAttribute("UPDATED", several=False, type="GregorianDay", concept_ref=f"{CONCEPT}UPDATED"),
    ),
)


def registry(tmp_path: Path) -> Registry:
    found = Registry(tmp_path / "structures")
    flow = Dataflow("XX", "DF", "2.0", {"en": "A flow"}, structure="XX:SMALL(1.0)")
    parts = Structures((awkward.structure(),), (flow,), constraints=(CONSTRAINT,), metadata_structures=(MSD,))
    found.add(parts)
    return found


def publish(store: Store, rows: list[awkward.Row], empty: bool = False, embargo: datetime | None = None) -> None:
    draft = store.start(awkward.structure(), by="ann", empty=empty)
    table = pa.Table.from_batches(awkward.batches(rows, size=1000))
    count = table.num_rows
    table = table.append_column("_file", pa.array(["a"] * count)).append_column("_line", pa.array(range(count)))
    draft.add(table.append_column("_action", pa.array(["I"] * count)).to_batches(), name="a", sha256="0" * 64, by="ann")
    if embargo:
        draft.embargo({"FREQ": ["A"]}, embargo.isoformat(), by="ann")
    draft.validate()
    store.publish(draft, by="bob")


def client(store: Store, registry: Registry, limits: Limits | None = None) -> httpx.AsyncClient:
    app = application(store, registry, limits, sender="XX")
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://hub")
