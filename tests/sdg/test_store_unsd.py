"""Three consecutive releases of the UN Statistics Division, compared by the store and by nothing but dictionaries."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from regional_hub.sdg import changes, query, timeline
from regional_hub.sdg.availability import availability
from regional_hub.sdg.query import Selection
from regional_hub.sdg.structure import Component, Structure
from tests.sdg import stores

NAMES = ("2019.Q1.G.03", "2019.Q2.G.01", "2019.Q3.G.01")
COLUMNS = {"SERIES": "seriesCode", "REF_AREA": "geoAreaCode", "AGE": "ageCode", "SEX": "sexCode"}
UNITS = "UNIT_MEASURE"
STRUCTURE = Structure(
    "TEST",
    "UNSD",
    "1.0",
    components=(
        *(Component(name, "dimension") for name in COLUMNS),
        Component("TIME_PERIOD", "time"),
        Component("OBS_VALUE", "measure"),
        Component(UNITS, "attribute"),
    ),
)
FLOW = "TEST:UNSD"
KEY = (*COLUMNS, "TIME_PERIOD")

Key = tuple[str, ...]
Values = tuple[str, str | None]


def wide(path: Path) -> Iterator[tuple[Key, Values]]:
    """Every value of a wide file with its key and unit."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            codes = [(row.get(column) or "_T").strip() for column in COLUMNS.values()]
            for column, value in row.items():
                if column and value and re.fullmatch(r"value_\d{4}", column):
                    yield (*codes, column[6:]), (value, row["unitsCode"] or None)


def table(rows: dict[Key, Values], name: str) -> pa.RecordBatch:
    columns = [pa.array(column) for column in zip(*(key + values for key, values in rows.items()), strict=True)]
    origin = [pa.array([name] * len(rows)), pa.array(range(len(rows))), pa.array(["I"] * len(rows))]
    names = [*KEY, "OBS_VALUE", UNITS, "_file", "_line", "_action"]
    return pa.RecordBatch.from_arrays([*columns, *origin], names)


@pytest.fixture(scope="module")
def truth(published):
    """What each release says, by key."""
    said: list[dict[Key, Values]] = []
    for name in NAMES:
        files = sorted((published / "unsd_releases" / name).glob("*.csv"))
        pairs = [pair for path in files for pair in wide(path)]
        said.append(dict(pairs))
        assert len(said[-1]) == len(pairs) > 40_000
    return said


@pytest.fixture(scope="module")
def store(truth, tmp_path_factory):
    store = stores.store(tmp_path_factory.mktemp("unsd"))
    for name, rows in zip(NAMES, truth, strict=True):
        draft = store.start(STRUCTURE, by="ann", empty=True)
        draft.add([table(rows, name)], name=name, sha256=name, by="ann")
        draft.validate()
        store.publish(draft, by="bob", name=name)
    return store


def expected(
    before: dict[Key, Values], after: dict[Key, Values]
) -> dict[Key, tuple[str, Values | None, Values | None]]:
    """Action, old and new values of everything that differs."""
    return {
        key: (
            changes.ADDED if key not in before else changes.DELETED if key not in after else changes.CHANGED,
            before.get(key),
            after.get(key),
        )
        for key in before.keys() | after.keys()
        if before.get(key) != after.get(key)
    }


def rows(store, **options):
    answer = query.run(store, Selection(FLOW, **options))
    return [row for batch in answer.batches for row in batch.to_pylist()]


def key_of(row) -> Key:
    return tuple(row[name] for name in KEY)


def moments(store):
    return [event.at for event in store.timeline(FLOW).events]


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 2), (0, 2), (2, 0)])
def test_the_difference_of_two_releases_is_theirs(store, truth, before, after):
    layout = store.current(FLOW).layout
    found = {
        tuple(change.key.values()): (
            change.action,
            change.old and tuple(change.old.values()),
            change.new and tuple(change.new.values()),
        )
        for change in changes.rows(store.diff(NAMES[before], NAMES[after]), layout)
    }

    assert found == expected(truth[before], truth[after])


def test_the_change_sets_count_what_the_un_changed(store, truth):
    assert [len(said) for said in truth] == [40_674, 40_954, 42_124]
    counted = [store.release(name).counts for name in NAMES]
    assert [(found["added"], found["deleted"]) for found in counted] == [(40_674, 0), (281, 1), (1_170, 0)]
    values = [
        sum(old[key][0] != new[key][0] for key in old.keys() & new.keys()) for old, new in itertools.pairwise(truth)
    ]
    assert values == [163, 15_078]
    assert all(found["changed"] >= number for found, number in zip(counted[1:], values, strict=True))


@pytest.mark.parametrize("number", range(3))
def test_as_of_gives_each_release_back(store, truth, number):
    found = {key_of(row): (row["OBS_VALUE"], row[UNITS]) for row in rows(store, as_of=moments(store)[number])}

    assert found == truth[number]


@pytest.mark.parametrize("number", range(2))
def test_updated_after_is_the_difference_since(store, truth, number):
    found = {key_of(row): row for row in rows(store, updated_after=moments(store)[number])}

    # What the second release deleted and the third brought back, or changed and changed back, was updated as well.
    assert found.keys() >= expected(truth[number], truth[2]).keys()
    if number == 1:
        assert {key: row["_action"] for key, row in found.items()} == {
            key: action for key, (action, _, _) in expected(truth[1], truth[2]).items()
        }
    assert all(
        (row["OBS_VALUE"], row[UNITS]) == truth[2][key]
        for key, row in found.items()
        if row["_action"] != changes.DELETED
    )


def test_the_history_has_every_version_and_when_it_was_true(store, truth):
    at = [timeline.stamp(when) for when in moments(store)]
    found = sorted(
        (key_of(row), row["_valid_from"], row["_valid_to"], row["OBS_VALUE"], row[UNITS])
        for row in rows(store, include_history=True)
    )

    versions = []
    for key in set().union(*truth):
        said = [release.get(key) for release in truth]
        for number, values in enumerate(said):
            if values is not None and (number == 0 or said[number - 1] != values):
                ends = [at[later] for later in range(number + 1, 3) if said[later] != values]
                versions.append((key, at[number], ends[0] if ends else None, *values))
    assert [tuple(map(str, version)) for version in found] == sorted(tuple(map(str, version)) for version in versions)


def test_availability_counts_each_series(store, truth):
    there = availability(store, Selection(FLOW, keys=((("SH_DYN_MORT",), None, None, ("F",)),)))

    chosen = [key for key in truth[2] if key[0] == "SH_DYN_MORT" and key[3] == "F"]
    assert there.observations == len(chosen)
    assert there.series == len({key[:-1] for key in chosen})
    assert there.values["REF_AREA"] == sorted({key[1] for key in chosen})
    assert there.values["TIME_PERIOD"] == sorted({key[4] for key in chosen})
