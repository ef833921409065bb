"""What a page chooses where nothing is said, and what it offers."""

import pytest

from regional_hub.sdg import availability
from regional_hub.sdg.explorer import charts
from regional_hub.sdg.explorer.book import Book, NotHere, open_book
from regional_hub.sdg.explorer.choices import choose
from regional_hub.sdg.explorer.points import points
from regional_hub.sdg.explorer.state import parse
from regional_hub.sdg.loading import Room
from tests.sdg.explorer import small
from tests.sdg.world import GLOBAL, KYRGYZ


@pytest.fixture(scope="module")
def kyrgyz(built) -> Book:
    return open_book(Room(built), "en", KYRGYZ)


def chosen(book: Book, series: str, **said: str):
    return choose(book, parse(book, series, {name: [text] for name, text in said.items()}, charts.KINDS))


def test_totals_and_the_country_are_chosen_where_nothing_is_said(kyrgyz):
    choice = chosen(kyrgyz, "SH_STA_MORT")

    assert choice.codes["REF_AREA"] == ("KG",) and choice.codes["URBANISATION"] == ("_T",)
    assert choice.codes["SEX"] == ("F",)  # there is no total
    assert choice.total_series == 1


def test_every_series_of_the_data_has_something_to_show(built):
    for flow in (KYRGYZ, GLOBAL):
        book = open_book(Room(built), "en", flow)
        codes = availability.availability(book.store, book.selection(), ["SERIES"]).values["SERIES"]
        assert len(codes) > 5
        for code in codes:
            assert points(book, choose(book, parse(book, code, {}, charts.KINDS)).whole), code


def test_offers_are_what_finds_data_with_the_other_choices(kyrgyz):
    choice = chosen(kyrgyz, "SH_STA_MORT", area="KG02")

    key = kyrgyz.key(SERIES="SH_STA_MORT", REF_AREA="KG02")
    there = availability.availability(kyrgyz.store, kyrgyz.selection(key), others=True).values

    offered = {part.id: sorted(option.code for option in part.options) for part in choice.parts}
    assert offered["REF_AREA"] == there["REF_AREA"] and len(there["REF_AREA"]) == 10
    assert "URBANISATION" not in offered and there["URBANISATION"] == ["_T"]


def test_contradictory_choices_say_what_to_give_up(kyrgyz):
    choice = chosen(kyrgyz, "SH_STA_MORT", area="KG02", urbanisation="R")

    assert not choice.found.any()
    assert {each.dimensions for each in choice.relaxations} == {("REF_AREA",), ("URBANISATION",)}
    for each in choice.relaxations:
        assert choose(kyrgyz, each.state).found.any()


def test_where_no_single_choice_helps_all_are_given_up(kyrgyz):
    choice = chosen(kyrgyz, "SH_STA_MORT", area="KG02", urbanisation="R", sex="M")

    assert [each.state.chosen for each in choice.relaxations] == [{}]


def test_the_explicit_state_shows_the_same(kyrgyz):
    choice = chosen(kyrgyz, "SH_STA_MORT", area="KG+KG02")

    again = choose(kyrgyz, choice.explicit)

    assert again.codes == choice.codes and again.auto <= choice.auto


def test_a_series_without_data_is_not_here_with_near_ones(tmp_path):
    made = small.structure(small.coded("SERIES", POV="Poverty", POVX="Poverty, other"))
    room = Room(tmp_path)
    small.publish(room, made, [small.row("KG", "2019", "1")], "r1")

    with pytest.raises(NotHere) as error:
        chosen(small.book(room), "POVX")

    assert error.value.near == ("POV",)
