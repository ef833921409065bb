"""Observations as pages show them, against the store and against the three releases of UNSD."""

import math
from decimal import Decimal

import pytest

from regional_hub.sdg import query
from regional_hub.sdg.explorer.book import open_book
from regional_hub.sdg.explorer.points import last_changed, latest, points, position
from regional_hub.sdg.loading import Room
from tests.sdg.explorer import small
from tests.sdg.world import GLOBAL, KYRGYZ


@pytest.mark.parametrize("flow", [KYRGYZ, GLOBAL])
def test_points_are_the_rows_of_the_store(built, flow):
    book = open_book(Room(built), "en", flow)
    selection = book.selection(book.key(SERIES=["SH_STA_MORT", "SI_POV_DAY1"]))
    rows = [row for batch in query.run(book.store, selection).batches for row in batch.to_pylist()]

    found = points(book, selection)

    assert len(found) == len(rows) > 100
    for point, row in zip(found, rows, strict=True):
        assert point.codes == {part.id: row[part.id] for part in book.structure.dimensions}
        assert (point.time, point.text, point.status) == (row["TIME_PERIOD"], row["OBS_VALUE"], row["OBS_STATUS"])
        assert point.value == Decimal(row["OBS_VALUE"])
        assert (point.unit, point.multiplier, point.nature) == (row["UNIT_MEASURE"], row["UNIT_MULT"], row["NATURE"])
        assert point.source == (row["SOURCE_DETAIL"] or "")
        assert set(point.footnotes) <= {row[id] for id in ("COMMENT_OBS", "COMMENT_TS", "TIME_DETAIL", "TIME_COVERAGE")}


@pytest.mark.parametrize("text", ["NaN", "", "n/a", "Infinity", "-inf"])
def test_what_is_no_number_is_missing_and_keeps_its_text(tmp_path, text):
    room = Room(tmp_path)
    small.publish(room, small.structure(), [small.row("KG", "2019", text)], "r1")
    book = small.book(room)

    (point,) = points(book, book.selection())

    assert point.value is None and point.text == text
    assert latest([point]) == {}


@pytest.mark.parametrize("code", ["SI_POV_DAY1", "SG_GEN_PARL", "SL_TLF_UEM"])
def test_the_last_change_is_that_of_the_releases(built, code):
    """Oracle: the releases themselves, compared one after the other in Python."""
    book = open_book(Room(built), "en", GLOBAL)
    key = book.key(SERIES=code)
    before: dict[object, tuple[str, str]] = {}
    expected = {}
    for event in book.events:
        now = {}
        for batch in event.release.batches():
            for row in batch.to_pylist():
                if row["SERIES"] == code:
                    series = tuple(row[part.id] or "" for part in book.structure.dimensions)
                    now[series, row["TIME_PERIOD"]] = (row["OBS_VALUE"], repr(row))
        for key_of, (_value, whole) in now.items():
            if key_of not in before:
                expected[key_of] = (event.at, "")
            elif before[key_of][1] != whole:
                expected[key_of] = (event.at, before[key_of][0])
        expected = {each: said for each, said in expected.items() if each in now}
        before = now

    found = last_changed(book, [key])

    assert {each: (changed.at, changed.old) for each, changed in found.items()} == expected
    assert any(changed.old for changed in found.values())
    assert {point.key for point in points(book, book.selection(key))} == set(found)


def test_a_pinned_release_knows_nothing_of_later_changes(built):
    book = open_book(Room(built), "en", GLOBAL, "2019.Q1.G.03")

    found = last_changed(book, [book.key(SERIES="SI_POV_DAY1")])

    assert {changed.at for changed in found.values()} == {book.events[0].at}
    assert not any(changed.old for changed in found.values())


@pytest.mark.parametrize(
    ("period", "place"),
    [("2015", 2015), ("2015-S2", 2015 + 181 / 365), ("2016-Q2", 2016 + 91 / 366), ("2015-12-31", 2015 + 364 / 365)],
)
def test_periods_stand_where_they_begin(period, place):
    assert math.isclose(position(period), place)


def test_a_text_that_is_no_period_has_no_place():
    assert math.isnan(position("the nineties"))
