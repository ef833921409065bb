"""Goals, indicators, series, areas, and where data are: counted as the observations themselves would be."""

import duckdb
import pytest

from regional_hub.sdg.explorer import areas, availability_map, holdings, outline, shelf
from regional_hub.sdg.explorer.book import NotHere, open_book
from regional_hub.sdg.structure import Code
from tests.sdg import world


def asked(book, sql: str) -> list[tuple]:
    return duckdb.execute(sql.format(f"read_parquet('{book.release.observations}')")).fetchall()


@pytest.mark.parametrize("flow", [world.KYRGYZ, world.NEPAL, world.GLOBAL])
def test_the_extent_of_each_series_is_what_its_observations_say(room, flow):
    book = open_book(room, "en", flow)

    counted = asked(
        book,
        "SELECT SERIES, count(*), count(DISTINCT REF_AREA), min(TIME_PERIOD), max(TIME_PERIOD) FROM {} GROUP BY SERIES",
    )

    found = outline.of(book).series()
    assert {
        code: (e.extent.observations, e.extent.areas, e.extent.first, e.extent.last) for code, e in found.items()
    } == {row[0]: row[1:] for row in counted}


def test_a_series_of_several_indicators_stands_below_each():
    assert outline.indicators_of(Code("X", annotations={"Indicator": "3.2.1, 3.2.2"})) == ("3.2.1", "3.2.2")
    assert outline.indicators_of(Code("X", annotations={"Indicator": "1.3.1.a"})) == ("1.3.1.a",)
    assert outline.indicators_of(Code("X")) == ()


def test_indicators_are_in_the_order_of_their_numbers():
    ids = ["2.10.1", "2.a.1", "2.9.1", "10.1.1", "2.9.1.a"]

    assert sorted(ids, key=outline.order) == ["2.9.1", "2.9.1.a", "2.10.1", "2.a.1", "10.1.1"]


def test_titles_lose_the_number_that_pages_show_beside_them_and_misread_signs_are_mended():
    assert outline.clean("Maternal mortality ratio [3.1.1]") == "Maternal mortality ratio"
    assert outline.clean("1.3.1.a Proportion of population") == "Proportion of population"
    assert outline.clean("UnderÂ\u00ad5 âB women’s") == "UnderÂ\u00ad5 âB women’s"
    assert outline.clean("womenâ€™s rights") == "women’s rights"


def test_an_indicator_without_data_names_those_of_its_target(room):
    contents = outline.of(open_book(room, "en", world.KYRGYZ))

    with pytest.raises(NotHere) as missing:
        contents.indicator("3.1.9")

    assert missing.value.near == ("3.1.1", "3.1.2")


def test_areas_of_a_national_structure_without_parents_nest_by_their_codes(room):
    roots = areas.tree(open_book(room, "en", world.KYRGYZ))

    country = next(root for root in roots if root.code == "KG")
    assert [area.label.text for area in country.below][:3] == ["Batken", "Bishkek (city)", "Chui"]
    assert areas.path(open_book(room, "en", world.GLOBAL), "417") == ["1", "142", "143", "417"]


def test_parents_that_go_in_a_circle_do_not_hang_a_page():
    codes = {"A": Code("A", parent="B"), "B": Code("B", parent="A")}

    assert areas.parent(codes, "A") is None


def test_what_a_data_set_is_about_is_said_by_its_areas(room):
    titles = {flow.id: flow.title.text for flow in shelf.flows(room, "en")}

    assert titles == {world.KYRGYZ: "Kyrgyzstan", world.NEPAL: "Nepal", world.GLOBAL: "World"}


def test_the_map_of_a_series_counts_observations_by_area_and_year(room):
    book = open_book(room, "en", world.KYRGYZ)
    counted = asked(
        book,
        "SELECT REF_AREA, left(TIME_PERIOD, 4), count(*) FROM {} WHERE SERIES = 'SH_STA_MORT' GROUP BY ALL",
    )

    made = availability_map.make(book, series="SH_STA_MORT")

    found = {(row.area.code, year): n for row in made.rows for year, n in zip(made.years, row.counts, strict=True) if n}
    assert found == {(area, year): n for area, year, n in counted} and not made.counts_series


def test_the_map_of_a_goal_counts_series(room):
    book = open_book(room, "en", world.GLOBAL)
    counted = asked(
        book,
        "SELECT REF_AREA, left(TIME_PERIOD, 4), count(DISTINCT SERIES) FROM {} "
        "WHERE SERIES IN ('SH_DYN_IMRT', 'SH_DYN_MORT') GROUP BY ALL",
    )

    made = availability_map.make(book, goal="3")

    found = {(row.area.code, year): n for row in made.rows for year, n in zip(made.years, row.counts, strict=True) if n}
    assert found == {(area, year): n for area, year, n in counted} and made.most == 2


def test_series_under_embargo_are_not_counted(own_room):
    from datetime import UTC, datetime

    store = own_room.store
    before = holdings.of(open_book(own_room, "en", world.KYRGYZ)).by_series
    store.embargo(
        world.KYRGYZ, {"SERIES": ["SH_STA_MORT"]}, datetime(2200, 1, 1, tzinfo=UTC), by="ann", reason="not yet"
    )

    after = outline.of(open_book(own_room, "en", world.KYRGYZ)).series()

    assert "SH_STA_MORT" in before and "SH_STA_MORT" not in after and len(after) == len(before) - 1
