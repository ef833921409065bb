"""What the gallery finds: words in two languages, filters, orders, pages; and a thousand publications are no burden."""

import itertools
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest

from regional_hub.showcase import gallery
from regional_hub.showcase.gallery import BadChoice, Choice, Item, Shelf

START = datetime(2026, 1, 1, tzinfo=UTC)


def item(pk, title="Water", title_zh="", **more):
    facts = {
        "slug": f"item-{pk}", "kind": "page", "summary": "", "summary_zh": "", "author": "Lin Mei", "tags": (),
        "goals": (), "licence": "", "featured": False, "revision": 1, "words": "",
    }  # fmt: skip
    at = START + timedelta(days=pk)
    return Item(
        pk=pk,
        title=title,
        title_zh=title_zh,
        at=at,
        first=at,
        picture=f"{pk}-{more.get('words', '')}",
        **(facts | more),
    )


def found(shelf, read=None, **choice):
    return [each.pk for each in shelf.find(Choice(**choice), read or {}).items]


@pytest.fixture
def shelf():
    return Shelf(
        [
            item(1, "Maternal mortality", "孕产妇死亡率", goals=(3,), tags=("health",), words="Bayesian splines"),
            item(2, "Ship traffic", "船舶交通密度", kind="app", goals=(9, 14), tags=("ais",), summary="Ports of call"),
            item(3, "Price index", "", kind="method", goals=(8,), tags=("prices",), author="Tomás Herrera"),
            item(4, "土地利用变化", "", goals=(15,), tags=("遥感",), summary="卫星影像"),
        ]
    )


# -- search ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("mortality", 1),
        ("MORTALITY", 1),
        ("mortalty", 1),  # a typo
        ("matern", 1),  # only begun
        ("splines", 1),  # the notebook's text
        ("health", 1),  # a tag
        ("ports", 2),  # the summary
        ("herrera", 3),  # the author
        ("tomas", 3),  # without the accent
        ("死亡率", 1),
        ("船舶", 2),
        ("交通密度", 2),
        ("土地利用", 4),
        ("遥感", 4),
        ("ｐｒｉｃｅ", 3),  # full-width letters
    ],
)
def test_words_are_found_wherever_they_are_said_in_both_languages(shelf, question, first):
    assert found(shelf, q=question)[:1] == [first]


def test_a_title_comes_before_a_text():
    shelf = Shelf([item(1, "Water"), item(2, "Rain", words="water"), item(3, "Rain", summary="water")])

    assert found(shelf, q="water") == [1, 3, 2]


def test_what_a_typo_meant_is_said(shelf):
    assert shelf.find(Choice(q="mortalty"), {}).meant == "mortality"
    assert shelf.find(Choice(q="mortality"), {}).meant == ""


@pytest.mark.parametrize("question", ["qqqq", "%", "'; DROP TABLE", "()[]*+?", "\u0000", "，"])
def test_a_question_about_nothing_finds_nothing(shelf, question):
    assert found(shelf, q=question) == []


# -- filters, orders, pages --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"kind": "app"}, [2]),
        ({"goal": 14}, [2]),
        ({"goal": 1}, []),
        ({"tag": "遥感"}, [4]),
        ({"written": "zh"}, [4, 2, 1]),
        ({"written": "en"}, [3, 2, 1]),
        ({"q": "mortality", "kind": "app"}, []),
        ({"q": "ship", "goal": 9}, [2]),
    ],
)
def test_filters_take_away_and_combine(shelf, choice, expected):
    assert found(shelf, **choice) == expected


def test_orders(shelf):
    assert found(shelf) == [4, 3, 2, 1]
    assert found(shelf, {1: 5, 3: 9}, order="read") == [3, 1, 4, 2]
    assert found(shelf, order="title") == [1, 3, 2, 4]
    assert found(shelf, q="mortality ship", order="newest") == [2, 1]


def test_featured_ones_stand_first_where_nothing_was_chosen():
    shelf = Shelf([item(1, featured=True, tags=("a",)), item(2, tags=("a",)), item(3)])

    assert found(shelf) == [1, 3, 2]
    assert found(shelf, tag="a") == [2, 1]
    assert found(shelf, order="title") == [3, 2, 1]


def test_pages_hold_all_and_one_after_the_last_is_the_last():
    shelf = Shelf([item(pk) for pk in range(1, 30)])
    pages = [shelf.find(Choice(page=number), {}) for number in (1, 2, 3, 9)]

    assert [each.pk for page in pages[:3] for each in page.items] == list(range(29, 0, -1))
    assert pages[3].page == pages[3].pages == 3 and pages[3].count == 29


# -- addresses ---------------------------------------------------------------------------------------------------------


def test_the_whole_state_is_in_the_address_and_comes_back():
    choice = Choice("水 & air", "app", 3, "a+b", "zh", "read", 4)

    address = choice.address(page=4)
    assert Choice.of(dict(parse_qsl(urlsplit(address).query))) == choice
    assert Choice().address() == "/showcase/"


def test_a_change_begins_at_the_first_page():
    assert Choice(q="x", page=3).address(goal=2) == "/showcase/?q=x&goal=2"
    assert Choice(q="x", page=3).address(page=4) == "/showcase/?q=x&page=4"


@pytest.mark.parametrize(
    ("name", "value"),
    [("kind", "book"), ("goal", "18"), ("goal", "x"), ("order", "price"), ("page", "0"), ("page", "-1"),
     ("page", "٣"), ("page", "99999999"), ("written", "fr")],
)  # fmt: skip
def test_what_means_nothing_is_named(name, value):
    with pytest.raises(BadChoice) as wrong:
        Choice.of({name: value})

    assert (wrong.value.name, wrong.value.value) == (name, value)


def test_parameters_of_others_and_endless_words_do_no_harm():
    assert Choice.of({"utm_source": "mail", "fbclid": "x"}) == Choice()
    assert len(Choice.of({"q": "w" * 10_000}).q) == 200


# -- a thousand --------------------------------------------------------------------------------------------------------


def test_a_thousand_publications_are_searched_in_a_moment():
    stock = ["".join(letters) for letters in itertools.product("bdgklm", "aeiou", "nrst", "aeiou", "xyzw")]
    items = [
        item(pk, f"{stock[pk]} study of {stock[pk * 2]}", "水资源与人口变化", words=" ".join(stock[pk : pk + 400]))
        for pk in range(1, 1001)
    ]
    began = time.perf_counter()
    shelf = Shelf(items)
    assert found(shelf, q="baney study")
    built = time.perf_counter() - began

    began = time.perf_counter()
    for question in ("banex", "studdy", "水资源", "study of baraz"):
        assert found(shelf, q=question)
    each = (time.perf_counter() - began) / 4

    assert built < 6, f"{built:.2f} s"
    assert each < 0.25, f"{each:.3f} s"  # on an idle core a tenth of that
    assert len(gallery._tokens) <= gallery.KEPT_TEXTS
