"""Selections: keys, operators, periods, pages, what was public when, embargoes, availability."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pytest

from regional_hub.sdg import query, timeline
from regional_hub.sdg.availability import availability
from regional_hub.sdg.query import Condition, Filter, Selection, SelectionError, Sort
from regional_hub.sdg.store import UnknownRelease
from regional_hub.sdg.timeline import NothingYet, moment
from tests.sdg import stores
from tests.sdg.stores import FLOW, batch, drafted, published, text

ALL = Selection(FLOW)


@pytest.fixture
def store(tmp_path):
    return stores.store(tmp_path)


@pytest.fixture
def filled(store):
    published(
        store,
        "POV KG F 2018 10 A first note",
        "POV KG F 2019 9.5",
        "POV KG F 2020 - M",
        "POV KG M 2019 100 E",
        "POV TJ F 2019 3",
        "UEM KG F 2019 5.0",
        "UEM UZ F 2020 7",
    )
    return store


def read(store, selection):
    result = query.run(store, selection)
    table = pa.Table.from_batches(result.batches, result.schema)
    assert table.num_rows == query.run(store, selection).count()
    return table.to_pylist()


def answer(store, selection):
    """The same with and without the copies for small answers."""
    rows = read(store, selection)
    copies = store.points.rename(store.folder / "away")
    assert read(store, selection) == rows
    copies.rename(store.points)
    return rows


def found(store, selection=ALL):
    return [text({name: None for name in stores.COLUMNS} | row) for row in answer(store, selection)]


def where(component, *conditions, **options):
    return Selection(
        FLOW, filters=(Filter(component, tuple(Condition(*c.split(":", 1)) for c in conditions)),), **options
    )


def test_everything_comes_in_order_and_exact(filled):
    assert found(filled) == [
        "POV KG F 2018 10 A first note",
        "POV KG F 2019 9.5",
        "POV KG F 2020 - M",
        "POV KG M 2019 100 E",
        "POV TJ F 2019 3",
        "UEM KG F 2019 5.0",
        "UEM UZ F 2020 7",
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (((("POV",), ("KG",), None),), 4),
        (((("POV",), ("KG", "TJ"), ("F",)),), 4),
        (((("POV",), ("TJ",), None), (("UEM",), None, None)), 3),
        (((("NONE",), None, None),), 0),
        ((((), None, None),), 0),
        ((((*(f"C{number}" for number in range(150)), "UEM"), None, None),), 2),
        (((("POV' OR 1=1 --",), None, None),), 0),
    ],
)
def test_keys_choose_codes_per_dimension(filled, keys, expected):
    assert len(found(filled, Selection(FLOW, keys=keys))) == expected
    assert availability(filled, Selection(FLOW, keys=keys)).observations == expected


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (where("OBS_VALUE", "ge:9.5"), ["10", "9.5", "100"]),
        (where("OBS_VALUE", "lt:9.5"), ["3", "5.0", "7"]),
        (where("OBS_VALUE", "eq:5"), ["5.0"]),
        (where("OBS_VALUE", "ne:5"), ["10", "9.5", None, "100", "3", "7"]),
        (where("OBS_STATUS", "eq:A", "eq:E"), ["10", "100"]),
        (where("OBS_STATUS", "ne:A"), ["9.5", None, "100", "3", "5.0", "7"]),
        (where("COMMENT_OBS", "co:st no"), ["10"]),
        (where("COMMENT_OBS", "nc:note"), ["9.5", None, "100", "3", "5.0", "7"]),
        (where("COMMENT_OBS", "co:%"), []),
        (where("COMMENT_OBS", "sw:first"), ["10"]),
        (where("COMMENT_OBS", "ew:note"), ["10"]),
        (where("SERIES", "sw:U"), ["5.0", "7"]),
        (where("REF_AREA", "gt:KG"), ["3", "7"]),
        (where("REF_AREA", "nc:G"), ["3", "7"]),
        (where("TIME_PERIOD", "ge:2020"), [None, "7"]),
        (where("TIME_PERIOD", "le:2018"), ["10"]),
        (where("TIME_PERIOD", "ge:2019-02"), [None, "7"]),
        (where("TIME_PERIOD", "lt:2020", "gt:2019"), ["10", "9.5", None, "100", "3", "5.0", "7"]),
        (ALL.within("2019", "2019-12-31"), ["9.5", "100", "3", "5.0"]),
    ],
)
def test_filters_on_components(filled, selection, expected):
    assert [row["OBS_VALUE"] for row in answer(filled, selection)] == expected
    assert availability(filled, selection).observations == len(expected)


def test_several_filters_must_all_be_met(filled):
    both = (Filter("OBS_VALUE", (Condition("ge", "5"),)), Filter("OBS_VALUE", (Condition("lt", "10"),)))

    assert [row["OBS_VALUE"] for row in answer(filled, Selection(FLOW, filters=both))] == ["9.5", "5.0", "7"]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(FLOW, keys=((None, None),)), "2 dimensions, the structure 3: SERIES.REF_AREA.SEX"),
        (where("COLOUR", "eq:red"), "no component 'COLOUR'"),
        (where('x" OR 1=1; --', "eq:red"), "no component"),
        (where("SEX", "like:F"), "no operator 'like'"),
        (where("TIME_PERIOD", "co:19"), "no operator 'co'"),
        (where("TIME_PERIOD", "ge:2019-13"), "'2019-13' is not a time period"),
        (where("TIME_PERIOD", "ge:2019-02-30"), "'2019-02-30' is not a time period"),
        (Selection(FLOW, limit=-1), "limit is -1"),
        (Selection(FLOW, first_n=-1), "firstNObservations is -1"),
        (Selection(FLOW, attributes=("OBS_VALUE",)), "no attribute OBS_VALUE"),
        (Selection(FLOW, sort=(Sort("COLOUR"),)), "no component 'COLOUR'"),
    ],
)
def test_what_the_structure_does_not_have_is_named(filled, selection, message):
    for ask in (query.run, availability):
        with pytest.raises(SelectionError, match=message.replace("(", r"\(")):
            ask(filled, selection)


def test_first_and_last_observations_of_each_series(filled):
    pov = ((("POV",), ("KG",), ("F",)),)

    assert found(filled, Selection(FLOW, keys=pov, first_n=1)) == ["POV KG F 2018 10 A first note"]
    assert found(filled, Selection(FLOW, keys=pov, last_n=2)) == ["POV KG F 2019 9.5", "POV KG F 2020 - M"]
    assert len(found(filled, Selection(FLOW, keys=pov, first_n=1, last_n=1))) == 2
    assert len(found(filled, Selection(FLOW, last_n=1))) == 5
    assert availability(filled, Selection(FLOW, last_n=1)).observations == 5
    assert found(filled, Selection(FLOW, first_n=0)) == []


def test_pages_and_sorting(filled):
    assert found(filled, Selection(FLOW, offset=5, limit=1)) == ["UEM KG F 2019 5.0"]
    assert found(filled, Selection(FLOW, offset=7)) == []
    assert found(filled, Selection(FLOW, limit=0)) == []
    newest = Selection(FLOW, sort=(Sort("TIME_PERIOD", descending=True), Sort("REF_AREA")), limit=3)
    assert found(filled, newest) == ["POV KG F 2020 - M", "UEM UZ F 2020 7", "POV KG F 2019 9.5"]


def test_only_the_attributes_asked_for_are_returned(filled):
    assert list(answer(filled, Selection(FLOW, attributes=("COMMENT_OBS",)))[0]) == [
        "SERIES",
        "REF_AREA",
        "SEX",
        "TIME_PERIOD",
        "OBS_VALUE",
        "COMMENT_OBS",
    ]
    assert list(answer(filled, Selection(FLOW, measures=(), attributes=()))[0])[-1] == "TIME_PERIOD"


def test_a_flow_without_releases_is_named(store):
    with pytest.raises(UnknownRelease, match="XX:YY"):
        query.run(store, Selection("XX:YY"))


@pytest.fixture
def revised(store):
    """Three releases: 1 becomes 2, an observation comes, goes and comes again."""
    published(store, "POV KG F 2019 1", "POV KG M 2019 9", name="r1")
    published(store, "POV KG F 2019 2", "POV TJ F 2019 4", name="r2")
    published(store, "D:POV TJ F 2019", "POV KG F 2020 8", name="r3")
    published(store, "POV TJ F 2019 5", name="r4")
    return store


def times(store):
    return {event.release.id: event.at for event in store.timeline(FLOW).events}


def test_as_of_shows_what_was_public_then(revised):
    at = times(revised)

    assert found(revised, Selection(FLOW, as_of=at["r1"])) == ["POV KG F 2019 1", "POV KG M 2019 9"]
    assert found(revised, Selection(FLOW, as_of=at["r2"])) == ["POV KG F 2019 2", "POV KG M 2019 9", "POV TJ F 2019 4"]
    assert len(found(revised, Selection(FLOW, as_of=at["r3"]))) == 3
    assert query.run(revised, Selection(FLOW, as_of=at["r2"])).view.release.id == "r2"
    assert availability(revised, Selection(FLOW, as_of=at["r1"])).values["REF_AREA"] == ["KG"]
    with pytest.raises(NothingYet):
        query.run(revised, Selection(FLOW, as_of=stores.START))


def test_updated_after_gives_what_was_added_changed_and_deleted(revised):
    at = times(revised)

    def since(name):
        rows = answer(revised, Selection(FLOW, updated_after=at[name]))
        return [(row["_action"], row["REF_AREA"], row["TIME_PERIOD"], row["OBS_VALUE"]) for row in rows]

    assert since("r1") == [("changed", "KG", "2019", "2"), ("added", "KG", "2020", "8"), ("added", "TJ", "2019", "5")]
    assert since("r3") == [("added", "TJ", "2019", "5")]
    assert since("r4") == []
    deleted = answer(revised, Selection(FLOW, updated_after=at["r2"], as_of=at["r3"]))
    assert [(row["_action"], row["REF_AREA"], row["OBS_VALUE"]) for row in deleted] == [
        ("added", "KG", "8"),
        ("deleted", "TJ", None),
    ]


def test_the_history_has_every_version_with_its_time(revised):
    at = {name: timeline.stamp(when) for name, when in times(revised).items()}

    def versions(area, **options):
        selection = Selection(FLOW, keys=((None, (area,), ("F",)),), include_history=True, **options)
        return [(row["OBS_VALUE"], row["_valid_from"], row["_valid_to"]) for row in answer(revised, selection)]

    assert versions("KG") == [("1", at["r1"], at["r2"]), ("2", at["r2"], None), ("8", at["r3"], None)]
    assert versions("TJ") == [("4", at["r2"], at["r3"]), ("5", at["r4"], None)]
    assert versions("KG", as_of=moment(at["r2"])) == [("1", at["r1"], at["r2"]), ("2", at["r2"], None)]


def embargoed(store, *rows, until, where):
    draft = drafted(store, *rows)
    draft.embargo(where, until, by="ann")
    draft.validate()
    return store.publish(draft, by="bob")


def test_an_embargoed_series_is_as_it_was_before_until_its_moment(store):
    published(store, "POV KG F 2019 1", "UEM KG F 2019 5")
    embargoed(
        store,
        "POV KG F 2019 2",
        "UEM KG F 2019 6",
        "NEW KG F 2019 7",
        until="2026-02-01T09:00:00+06:00",
        where={"SERIES": ["UEM", "NEW"]},
    )
    release_day = moment("2026-02-01T03:00:00Z")

    before = query.run(store, ALL).view
    assert found(store) == ["POV KG F 2019 2", "UEM KG F 2019 5"]
    assert availability(store, ALL).values["SERIES"] == ["POV", "UEM"]
    assert before.changes_at == release_day
    assert [row["OBS_VALUE"] for row in answer(store, Selection(FLOW, include_history=True))] == ["1", "2", "5"]
    assert found(store, Selection(FLOW, as_of=moment("2030-01-01T00:00:00Z"))) == found(store)

    published(store, "POV KG F 2020 3")
    assert found(store) == ["POV KG F 2019 2", "POV KG F 2020 3", "UEM KG F 2019 5"]

    store.clock.now = release_day
    assert found(store) == ["NEW KG F 2019 7", "POV KG F 2019 2", "POV KG F 2020 3", "UEM KG F 2019 6"]
    assert query.run(store, ALL).view.etag != before.etag
    assert query.run(store, ALL).view.changes_at is None
    came = answer(store, Selection(FLOW, updated_after=moment("2026-01-31T00:00:00Z")))
    assert [(row["_action"], row["SERIES"], row["_action"]) for row in came] == [
        ("added", "NEW", "added"),
        ("changed", "UEM", "changed"),
    ]
    assert found(store, Selection(FLOW, as_of=moment("2026-01-31T00:00:00Z")))[-1] == "UEM KG F 2019 5"


def test_versions_that_an_embargo_held_are_seen_as_one(store):
    published(store, "POV KG F 2019 1")
    embargoed(store, "UEM KG F 2019 6", until="2026-02-01T00:00:00Z", where={"SERIES": ["UEM"]})
    published(store, "UEM KG F 2019 7")

    store.clock.now = moment("2026-03-01T00:00:00Z")

    rows = answer(store, Selection(FLOW, keys=((("UEM",), None, None),), include_history=True))
    assert [(row["_action"], row["OBS_VALUE"], row["_valid_from"]) for row in rows] == [
        ("added", "7", "2026-02-01T00:00:00.000000Z")
    ]


def test_series_that_are_public_can_be_hidden_and_shown_again(filled):
    hidden = filled.embargo(
        FLOW, {"SERIES": ["UEM"]}, moment("2026-06-01T00:00:00Z"), by="eve", reason="an error in the survey"
    )

    assert availability(filled, ALL).values["SERIES"] == ["POV"]
    assert {row["SERIES"] for row in answer(filled, ALL)} == {"POV"}
    assert {row["SERIES"] for row in answer(filled, Selection(FLOW, include_history=True))} == {"POV"}

    filled.lift(hidden.id, by="eve", reason="corrected")
    assert {row["SERIES"] for row in answer(filled, ALL)} == {"POV", "UEM"}


@pytest.mark.parametrize("until", ["2026-02-01", "2026-02-01T09:00:00", "soon"])
def test_an_embargo_needs_a_date_a_time_and_a_zone(store, until):
    draft = drafted(store, "POV KG F 2019 1")

    with pytest.raises(ValueError, match=until):
        draft.embargo({"SERIES": ["POV"]}, until, by="ann")


def test_availability_names_the_codes_that_have_data(filled):
    there = availability(filled, Selection(FLOW, keys=((("POV",), None, None),)))

    assert there.values == {
        "SERIES": ["POV"],
        "REF_AREA": ["KG", "TJ"],
        "SEX": ["F", "M"],
        "TIME_PERIOD": ["2018", "2019", "2020"],
    }
    assert (there.series, there.observations, there.first, there.last) == (3, 5, "2018", "2020")


def test_availability_in_other_codes_ignores_a_components_own_restriction(filled):
    there = availability(
        filled, Selection(FLOW, keys=((("POV",), ("TJ",), None),)), ["SERIES", "REF_AREA"], others=True
    )

    assert there.values == {"SERIES": ["POV"], "REF_AREA": ["KG", "TJ"]}
    with pytest.raises(SelectionError, match="OBS_VALUE"):
        availability(filled, ALL, ["OBS_VALUE"])


def test_an_embargo_in_availability_counts_the_old_series(store):
    published(store, "POV KG F 2019 1", "UEM KG F 2019 5")
    embargoed(store, "UEM KG F 2020 6", until="2026-02-01T00:00:00Z", where={"SERIES": ["UEM"]})

    there = availability(store, ALL)

    assert (there.observations, there.last) == (2, "2019")


def test_copies_for_small_answers_are_those_of_the_current_releases(store):
    first = published(store, "POV KG F 2019 1")
    second = published(store, "POV KG F 2019 2")

    def copies():
        return {path.stem for path in store.points.glob("*.arrow")}

    assert copies() == {second.id}
    back = store.rollback(FLOW, first.id, by="bob", reason="wrong")
    assert copies() == {back.id}
    shutil.rmtree(store.points)
    store.warm()
    assert copies() == {back.id}
    assert found(store) == ["POV KG F 2019 1"]


def test_a_full_disk_for_copies_does_not_undo_a_release(store):
    store.points.write_text("in the way")

    published(store, "POV KG F 2019 1")

    assert [row["OBS_VALUE"] for row in read(store, ALL)] == ["1"]


def test_an_answer_can_be_stopped(store):
    draft = store.start(stores.SMALL, by="ann")
    rows = (batch(*(f"S{n} A{a} F {y} {y}" for a in range(25) for y in range(1990, 2020))) for n in range(20))
    draft.add(rows, name="a", sha256="a", by="ann")
    draft.validate()
    store.publish(draft, by="bob")
    shutil.rmtree(store.points)

    for _ in range(2):
        slow = query.run(store, ALL)
        batches = slow.batches
        assert next(batches).num_rows < 15_000
        slow.stop()
        with pytest.raises(query.Stopped):
            list(batches)

    assert sum(part.num_rows for part in query.run(store, ALL).batches) == 15_000
