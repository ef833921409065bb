"""Releases: two people, decisions on conflicts, actions of SDMX, roll back, differences; what a release never does."""

from __future__ import annotations

import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regional_hub.sdg import changes, durable, merge, release
from regional_hub.sdg.draft import DraftError, Undecided
from regional_hub.sdg.store import Outdated, PublishError, SamePerson, UnknownRelease
from tests.sdg import stores
from tests.sdg.stores import FLOW, SMALL, batch, drafted, lines, published


@pytest.fixture
def store(tmp_path):
    return stores.store(tmp_path)


def changed(store, before, after):
    first, last = store.release(before), store.release(after)
    layout = changes.merged(last.layout, first.layout)
    return {
        (
            change.action,
            ".".join(change.key.values()),
            change.old and change.old["OBS_VALUE"],
            change.new and change.new["OBS_VALUE"],
        )
        for change in changes.rows(store.diff(before, after), layout)
    }


def test_a_release_is_what_was_loaded_sorted_and_proved_by_its_manifest(store):
    made = published(store, "POV TJ F 2019 3.10", "POV KG M 2019 2", "POV KG F 2020 1.50 A", "POV KG F 2019 1.5")

    assert lines(made) == ["POV KG F 2019 1.5", "POV KG F 2020 1.50 A", "POV KG M 2019 2", "POV TJ F 2019 3.10"]
    assert store.current(FLOW).id == made.id
    assert made.counts == {"observations": 4, "series": 3, "added": 4, "changed": 0, "deleted": 0}
    assert made.times == ["2019", "2020"]
    assert made.structure == "TEST:SDG(1.0)"
    series = pq.read_table(made.series).to_pylist()
    assert [(row["REF_AREA"], row["_row"], row["_count"], row["_first"], row["_last"]) for row in series] == [
        ("KG", 0, 2, "2019", "2020"),
        ("KG", 2, 1, "2019", "2019"),
        ("TJ", 3, 1, "2019", "2019"),
    ]
    made.verify()


def test_a_changed_byte_in_a_release_is_noticed(store):
    made = published(store, "POV KG F 2019 1.5")
    content = bytearray(made.observations.read_bytes())
    content[100] ^= 1
    made.observations.write_bytes(content)

    with pytest.raises(release.DamagedRelease, match=r"observations\.parquet"):
        made.verify()


def test_who_loads_does_not_publish(store):
    draft = drafted(store, "POV KG F 2019 1.5", by="ann")
    draft.add([batch("POV KG F 2020 1")], name="b.csv", sha256="b", by="carl")
    draft.validate()

    for person in ("ann", "carl"):
        with pytest.raises(SamePerson, match=person):
            store.publish(draft, by=person)

    assert store.publish(draft, by="bob").counts["observations"] == 2


def test_who_decides_a_conflict_does_not_publish(store):
    draft = drafted(store, "POV KG F 2019 1.5", "POV KG F 2019 1.6")
    conflict = draft.conflicts()[0]
    draft.decide(conflict, conflict.statements[1], by="dora", reason="letter of 3 March")
    draft.validate()

    with pytest.raises(SamePerson, match="dora"):
        store.publish(draft, by="dora")


def test_force_needs_a_reason_and_is_logged_before_it_happens(tmp_path):
    log = []
    store = stores.store(tmp_path, log=lambda *entry: log.append((*entry, store.current(FLOW))))
    draft = drafted(store, "POV KG F 2019 1.5")
    draft.validate()

    with pytest.raises(SamePerson, match="reason"):
        store.publish(draft, by="ann", force=True)
    made = store.publish(draft, by="ann", force=True, reason="bob is ill")

    ((actor, verb, object_, detail, then_current),) = log
    assert (actor, verb, object_, detail["reason"], then_current) == (
        "ann",
        "force-release",
        made.id,
        "bob is ill",
        None,
    )


def test_what_cannot_be_logged_does_not_happen(tmp_path):
    def broken(*_entry):
        raise OSError("the log is full")

    store = stores.store(tmp_path, log=broken)
    draft = drafted(store, "POV KG F 2019 1.5")
    draft.validate()

    with pytest.raises(OSError, match="full"):
        store.publish(draft, by="bob")

    assert store.flows() == []


def test_a_draft_is_published_only_when_validated_and_only_once(store):
    draft = drafted(store, "POV KG F 2019 1.5")
    with pytest.raises(PublishError, match="not validated"):
        store.publish(draft, by="bob")
    draft.validate()
    draft.add([batch("POV KG F 2020 1")], name="b.csv", sha256="b", by="ann")
    with pytest.raises(PublishError, match="not validated"):
        store.publish(draft, by="bob")
    draft.validate()
    store.publish(draft, by="bob")

    with pytest.raises(PublishError, match="published already"):
        store.publish(draft, by="bob")
    with pytest.raises(DraftError, match="published"):
        draft.add([batch("POV KG F 2021 1")], name="c.csv", sha256="c", by="ann")


def test_what_the_checks_block_is_not_published(store):
    class Refused:
        blocking = True

        def to_dict(self):
            return {"errors": 1}

    seen = []
    draft = drafted(store, "POV KG F 2019 1.5")

    report = draft.validate(
        lambda rows, before: seen.append((pa.Table.from_batches(rows).num_rows, before)) or Refused()
    )

    assert report == {"errors": 1}
    assert seen == [(1, None)]
    with pytest.raises(PublishError, match="not validated"):
        store.publish(draft, by="bob")


def test_conflicts_block_until_decided_and_the_decision_is_kept(store):
    draft = store.start(SMALL, by="ann")
    draft.add([batch("POV KG F 2019 1.5", "POV TJ F 2019 2.0", file="a.csv")], name="a.csv", sha256="a", by="ann")
    draft.add([batch("POV KG F 2019 1.6 B", "POV TJ F 2019 2", file="b.csv")], name="b.csv", sha256="b", by="ann")

    with pytest.raises(
        Undecided, match=r"1 observations .* POV\.KG\.F\.2019 is 1\.5 \(a\.csv, line 2\), 1\.6 \(b\.csv, line 2\)"
    ):
        draft.validate()
    (conflict,) = draft.conflicts()
    with pytest.raises(DraftError, match="reason"):
        draft.decide(conflict, conflict.statements[0], by="ann", reason=" ")
    draft.decide(conflict, conflict.statements[0], by="ann", reason="the survey was revised")
    draft.validate()
    made = store.publish(draft, by="bob")

    assert lines(made) == ["POV KG F 2019 1.5", "POV TJ F 2019 2"]
    (decision,) = made.manifest["decisions"]
    assert (decision["keep"]["value"], decision["rejected"][0]["value"], decision["by"]) == ("1.5", "1.6", "ann")


def test_a_file_is_in_the_draft_whole_or_not_at_all(store):
    def breaks_off():
        yield batch("POV KG F 2019 1.5")
        raise ValueError("cut off")

    draft = store.start(SMALL, by="ann")
    with pytest.raises(ValueError, match="cut off"):
        draft.add(breaks_off(), name="a.csv", sha256="a", by="ann")

    assert draft.parts == []
    assert sorted(path.name for path in draft.folder.iterdir()) == ["draft.json", "lock"]


def test_unknown_columns_actions_and_files_loaded_twice_are_refused_by_name(store):
    draft = drafted(store, "POV KG F 2019 1.5")
    strange = batch("POV KG F 2019 1").append_column("COLOUR", pa.array(["red"]))

    with pytest.raises(DraftError, match="COLOUR"):
        draft.add([strange], name="b.csv", sha256="b", by="ann")
    with pytest.raises(DraftError, match=r"action.*'X'"):
        draft.add([batch("X:POV KG F 2019 1")], name="b.csv", sha256="b", by="ann")
    with pytest.raises(DraftError, match="already"):
        draft.add([batch("POV KG F 2019 1.5")], name="again.csv", sha256="0" * 64, by="ann")


def test_an_observation_without_a_dimension_is_refused_with_its_place(store):
    draft = drafted(store, "POV KG F 2019 1.5", "POV - F 2019 1.5")

    with pytest.raises(merge.IncompleteKey, match=r"a\.csv, line 3: no REF_AREA"):
        draft.validate()


@pytest.mark.parametrize(
    ("loaded", "expected"),
    [
        (["I:POV KG F 2019 2"], ["POV KG F 2019 2", "POV KG F 2020 7 A old", "POV KG M 2019 9"]),
        (["R:POV KG F 2020 - B"], ["POV KG F 2019 1", "POV KG F 2020 - B", "POV KG M 2019 9"]),
        (["M:POV KG F 2020 8"], ["POV KG F 2019 1", "POV KG F 2020 8 A old", "POV KG M 2019 9"]),
        (["A:POV KG F 2021 8"], ["POV KG F 2019 1", "POV KG F 2020 7 A old", "POV KG F 2021 8", "POV KG M 2019 9"]),
        (["D:POV KG F 2020"], ["POV KG F 2019 1", "POV KG M 2019 9"]),
        (["D:POV KG F 2020 - A"], ["POV KG F 2019 1", "POV KG F 2020 7 - old", "POV KG M 2019 9"]),
        (["D:POV KG F"], ["POV KG M 2019 9"]),
        (["D:- KG F"], ["POV KG M 2019 9"]),
        (["D:POV KG F", "I:POV KG F 2022 4"], ["POV KG F 2022 4", "POV KG M 2019 9"]),
        (["I:POV KG F 2022 4", "D:POV KG F"], ["POV KG M 2019 9"]),
        (["D:POV KG F 2020", "M:POV KG F 2020 - C"], ["POV KG F 2019 1", "POV KG F 2020 - C", "POV KG M 2019 9"]),
        (["M:POV KG F 2020 - C", "M:POV KG F 2020 8"], ["POV KG F 2019 1", "POV KG F 2020 8 C old", "POV KG M 2019 9"]),
        (["D:POV UZ"], ["POV KG F 2019 1", "POV KG F 2020 7 A old", "POV KG M 2019 9"]),
    ],
)
def test_actions_are_applied_in_order_to_what_is_published(store, loaded, expected):
    published(store, "POV KG F 2019 1", "POV KG F 2020 7 A old", "POV KG M 2019 9")

    draft = drafted(store, *loaded)
    draft.validate()

    assert lines(store.publish(draft, by="bob")) == expected


def test_an_empty_start_replaces_everything(store):
    first = published(store, "POV KG F 2019 1", "POV KG M 2019 9")
    second = published(store, "POV KG F 2019 2", empty=True)

    assert lines(second) == ["POV KG F 2019 2"]
    assert changed(store, first.id, second.id) == {
        ("changed", "POV.KG.F.2019", "1", "2"),
        ("deleted", "POV.KG.M.2019", "9", None),
    }


def test_a_change_of_an_attribute_alone_is_a_change(store):
    first = published(store, "POV KG F 2019 1 A", "POV KG M 2019 1 A")
    second = published(store, "POV KG F 2019 1 B")

    assert changed(store, first.id, second.id) == {("changed", "POV.KG.F.2019", "1", "1")}
    assert second.counts["changed"] == 1


def test_a_structure_that_gains_a_dimension_can_follow(store):
    from dataclasses import replace

    from regional_hub.sdg.structure import Component

    first = published(store, "POV KG F 2019 1")
    wider = replace(SMALL, version="1.1", components=(Component("AGE", "dimension"), *SMALL.components))
    draft = store.start(wider, by="ann", empty=True)
    draft.add([batch("POV KG F 2019 1").append_column("AGE", pa.array(["Y0"]))], name="a", sha256="a", by="ann")
    draft.validate()
    second = store.publish(draft, by="bob")

    kinds = sorted(change.action for change in changes.rows(store.diff(first.id, second.id), second.layout))
    assert kinds == ["added", "deleted"]


def test_rolling_back_publishes_the_earlier_content_as_a_release_of_its_own(store):
    first = published(store, "POV KG F 2019 1", "POV KG M 2019 9")
    second = published(store, "POV KG F 2019 2", "POV KG F 2020 3")

    back = store.rollback(FLOW, first.id, by="bob", reason="wrong file")

    assert store.current(FLOW).id == back.id
    assert lines(back) == lines(first)
    assert back.parent == second.id
    assert back.observations.samefile(first.observations)
    assert changed(store, second.id, back.id) == {
        ("changed", "POV.KG.F.2019", "2", "1"),
        ("deleted", "POV.KG.F.2020", "3", None),
    }
    assert back.counts | {"changed": 1, "deleted": 1, "added": 0} == back.counts
    back.verify()
    with pytest.raises(PublishError, match="reason"):
        store.rollback(FLOW, second.id, by="bob", reason="")
    with pytest.raises(PublishError, match="current already"):
        store.rollback(FLOW, back.id, by="bob", reason="again")
    with pytest.raises(UnknownRelease, match="2031"):
        store.rollback(FLOW, "2031", by="bob", reason="again")


def test_of_two_loads_at_once_the_later_is_validated_again_and_nothing_is_lost(store):
    published(store, "POV KG F 2019 1")
    one, other = drafted(store, "POV KG F 2020 2"), drafted(store, "POV KG F 2021 3", by="carl")
    one.validate()
    other.validate()
    store.publish(one, by="bob")

    with pytest.raises(Outdated, match="validate it again"):
        store.publish(other, by="bob")
    other.validate()
    made = store.publish(other, by="bob")

    assert lines(made) == ["POV KG F 2019 1", "POV KG F 2020 2", "POV KG F 2021 3"]
    assert made.counts["added"] == 1


def test_files_loaded_into_one_draft_at_once_are_all_there(store):
    draft = store.start(SMALL, by="ann")

    def load(number):
        rows = batch(*(f"POV K{number} F {year} {year}" for year in range(2000, 2020)))
        draft.add([rows], name=f"{number}.csv", sha256=str(number), by="ann")

    threads = [threading.Thread(target=load, args=[number]) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    draft.validate()

    assert store.publish(draft, by="bob").counts["observations"] == 160


def test_flows_are_released_apart(store):
    published(store, "POV KG F 2019 1")
    draft = store.start(SMALL, by="ann", flow="CBS-SDGs:SDG")
    draft.add([batch("POV NP F 2019 2")], name="a.csv", sha256="a", by="ann")
    draft.validate()
    made = store.publish(draft, by="bob")

    assert store.flows() == ["CBS-SDGs:SDG", FLOW]
    assert lines(store.current("CBS-SDGs:SDG")) == lines(made) == ["POV NP F 2019 2"]
    with pytest.raises(PublishError, match="nothing to compare"):
        list(store.diff(store.current(FLOW).id, made.id))


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "x" * 65, "a b"])
def test_a_release_cannot_be_named_out_of_its_folder(store, name):
    draft = drafted(store, "POV KG F 2019 1")
    draft.validate()

    if name:
        with pytest.raises(PublishError, match="name a release"):
            store.publish(draft, by="bob", name=name)
    assert lines(store.publish(draft, by="bob", name="2019.Q1.G.03")) == ["POV KG F 2019 1"]
    with pytest.raises(UnknownRelease):
        store.release(name)


def test_awkward_text_is_kept_to_the_last_character(store):
    note = "Кыргызстан 'quoted' \"double\"\nline; DROP TABLE x; \u00a0中文 \\ $1"
    rows = batch("POV KG F 2019 1").set_column(6, "COMMENT_OBS", pa.array([note]))
    draft = store.start(SMALL, by="ann")
    draft.add([rows], name="a'b.csv", sha256="a", by="ann")
    draft.validate()

    (row,) = [row for found in store.publish(draft, by="bob").batches() for row in found.to_pylist()]
    assert row["COMMENT_OBS"] == note


def test_a_file_that_is_replaced_is_always_younger(tmp_path):
    file, seen = tmp_path / "state.json", []

    for number in range(200):
        durable.write_json(file, number % 2)
        seen.append(file.stat().st_mtime_ns)

    assert seen == sorted(set(seen))
