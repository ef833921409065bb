"""The published files of the Kyrgyz Republic, from SDMX-ML to a release."""

from __future__ import annotations

import pytest

from regional_hub.sdg import durable, query, structure
from regional_hub.sdg.availability import availability
from regional_hub.sdg.formats import sdmx_ml
from regional_hub.sdg.query import Selection
from tests.sdg import stores

FLOW = "KG_NSC:SDG"


@pytest.fixture(scope="module")
def store(published, tmp_path_factory):
    """All files in a release, the two conflicts decided for the first of the files."""
    folder = published / "kyrgyzstan"
    (definition,) = structure.read(folder / "SDG_DSD.KG_1.8.xml").structures
    store = stores.store(tmp_path_factory.mktemp("kg"))
    draft = store.start(definition, by="ann")
    for path in sorted((folder / "data").glob("*.xml")):
        draft.add(sdmx_ml.read(path, definition, name=path.name), name=path.name, sha256=durable.sha256(path), by="ann")
    assert sum(part.rows for part in draft.parts) == 26_523
    for conflict in draft.conflicts():
        draft.decide(conflict, conflict.statements[0], by="ann", reason="1.5.1 is the source of the others")
    draft.validate()
    store.publish(draft, by="bob", name="kg")
    return store


def test_every_observation_is_there_once(store):
    made = store.release("kg")

    assert made.counts["observations"] == 25_349
    assert len(made.manifest["sources"]) == 195
    assert query.run(store, Selection(FLOW)).count() == 25_349
    assert availability(store, Selection(FLOW)).observations == 25_349


def test_the_two_conflicts_are_decided_with_both_values_on_record(store):
    decisions = store.release("kg").manifest["decisions"]

    said = [(d["key"]["SERIES"], d["key"]["REF_AREA"], d["key"]["TIME_PERIOD"]) for d in decisions]
    assert said == [("VC_DSR_MORT", "KG02", "2019")] * 2
    values = {(d["key"]["SEX"], d["keep"]["value"], *sorted({r["value"] for r in d["rejected"]})) for d in decisions}
    assert values == {("M", "4", "2"), ("_T", "7", "5")}
    for decision in decisions:
        key = tuple((decision["key"][name],) for name in store.release("kg").layout.dimensions)
        answer = query.run(store, Selection(FLOW, keys=(key,)).within("2019", "2019"))
        ((value,),) = [batch.column("OBS_VALUE").to_pylist() for batch in answer.batches]
        assert value == decision["keep"]["value"]


def test_one_area_of_one_series(store):
    names = store.release("kg").layout.dimensions
    key = tuple({"SERIES": ("VC_DSR_MORT",), "REF_AREA": ("KG02",)}.get(name) for name in names)
    there = availability(store, Selection(FLOW, keys=(key,)))

    rows = [row for batch in query.run(store, Selection(FLOW, keys=(key,))).batches for row in batch.to_pylist()]

    assert len(rows) == there.observations > 0
    assert {row["SEX"] for row in rows} == set(there.values["SEX"])
    assert there.values["REF_AREA"] == ["KG02"]
