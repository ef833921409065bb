"""The state of a page in its address: what is parsed is said again, and what is not known is named."""

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from regional_hub.sdg import seriesindex
from regional_hub.sdg.explorer import charts
from regional_hub.sdg.explorer.book import Book, NotHere, open_book
from regional_hub.sdg.explorer.state import BadParameter, State, names, parse
from regional_hub.sdg.loading import Room
from tests.sdg.world import KYRGYZ

SERIES = "SH_STA_MORT"


@pytest.fixture(scope="module")
def book(built) -> Book:
    return open_book(Room(built), "en", KYRGYZ)


def lists(query: str) -> dict[str, list[str]]:
    from urllib.parse import parse_qs

    return parse_qs(query, keep_blank_values=True)


@some.composite
def states(draw, book: Book) -> State:
    index = seriesindex.of(book.release)
    chosen = {}
    for id in names(book):
        codes = draw(
            some.one_of(
                some.just([]),
                some.just(["*"]),
                some.lists(some.sampled_from(index.labels[id]), max_size=4, unique=True),
            )
        )
        if codes:
            chosen[id] = tuple(codes)
    years = sorted(draw(some.lists(some.integers(1950, 2100), min_size=2, max_size=2)))
    return State(
        draw(some.sampled_from(index.labels["SERIES"])),
        flow=draw(some.sampled_from(["", KYRGYZ])),
        release=draw(some.sampled_from(["", "kg-1"])),
        chosen=chosen,
        chart=draw(some.sampled_from(["", *(kind for kind in charts.KINDS if kind != "line")])),
        scale=draw(some.sampled_from(["", "log"])),
        against=draw(some.sampled_from(["", *index.labels["SERIES"]])),
        start=draw(some.sampled_from(["", str(years[0]), f"{years[0]}-Q1"])),
        end=draw(some.sampled_from(["", str(years[1])])),
        page=draw(some.integers(1, 1000)),
    )


def test_what_is_said_is_parsed_to_the_same(book):
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(state=states(book))
    def holds(state: State) -> None:
        again = parse(book, state.series, lists(state.to_query(book)), charts.KINDS)

        assert again == state
        assert again.to_query(book) == state.to_query(book)

    holds()


def test_garbage_is_an_error_of_ours_or_a_state(book):
    texts = some.text(string.printable + "中é\x00", max_size=12)
    words = some.sampled_from(
        [*names(book).values(), "chart", "scale", "start", "end", "page", "against", "auto", "add"]
    )

    @settings(max_examples=200, deadline=None)
    @given(said=some.dictionaries(some.one_of(words, texts), some.lists(texts, min_size=1, max_size=3), max_size=4))
    def holds(said: dict[str, list[str]]) -> None:
        try:
            state = parse(book, SERIES, said, charts.KINDS)
        except (BadParameter, NotHere) as error:
            assert str(error)
        else:
            assert parse(book, SERIES, lists(state.to_query(book)), charts.KINDS) == state

    holds()


def test_addresses_are_short_and_in_one_order(book):
    state = parse(book, SERIES, lists("sex=F&start=2015&area=KG+KG02&chart=line"), charts.KINDS)

    assert state.to_query(book) == "area=KG+KG02&sex=F&start=2015"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("areas=KG", "areas"),
        ("chart=pie", "pie"),
        ("scale=square", "square"),
        ("start=long+ago", "long ago"),
        ("start=2020&end=2010", "2010"),
        ("page=0", "page"),
        ("start=2010&start=2011", "start"),
        ("auto=colour:red", "auto"),
    ],
)
def test_a_faulty_parameter_is_named(book, query, named):
    with pytest.raises(BadParameter, match=named):
        parse(book, SERIES, lists(query), charts.KINDS)


def test_an_unknown_code_is_named_with_near_ones(book):
    with pytest.raises(NotHere) as error:
        parse(book, SERIES, lists("area=KG99"), charts.KINDS)

    assert error.value.asked == "KG99" and error.value.near

    with pytest.raises(NotHere) as error:
        parse(book, "SH_STA_MORTT", {}, charts.KINDS)

    assert SERIES in error.value.near


def test_an_area_is_added_by_name_by_code_and_by_both(book):
    for typed in ("Issyk-Kul", "issyk", "KG02", "Issyk-Kul (KG02)"):
        state = parse(book, SERIES, {"area": ["KG"], "add": [typed]}, charts.KINDS)

        assert state.chosen["REF_AREA"] == ("KG", "KG02")


def test_what_the_page_chose_itself_is_not_taken_for_a_choice(book):
    state = parse(book, SERIES, {"area": ["KG"], "sex": ["F"], "auto": ["area:KG", "sex:F"]}, charts.KINDS)

    assert state.chosen == {}
