"""Charts: what they show, in words and as pictures, and what they do with texts that would be code."""

import json
from decimal import Decimal

import pytest
import vl_convert

from regional_hub.sdg.explorer import chart_kinds, charts, figure, look, summary, thin
from regional_hub.sdg.explorer.book import Book, open_book
from regional_hub.sdg.explorer.look import Look
from regional_hub.sdg.explorer.state import parse
from regional_hub.sdg.loading import Room
from tests.sdg.explorer import small
from tests.sdg.world import GLOBAL, KYRGYZ


@pytest.fixture(scope="module")
def kyrgyz(built) -> Book:
    return open_book(Room(built), "en", KYRGYZ)


def drawn(book: Book, series: str, kind: str = "line", **said: str) -> figure.Figure:
    state = parse(book, series, {name: [text] for name, text in said.items()}, charts.KINDS)
    return figure.draw(book, state, kind, site="Hub", link="https://hub.example/x")


def values(chart: dict) -> list[dict]:
    return chart["data"]["values"]


SHOWN = {
    "line": {"area": "KG+KG02"},
    "bar": {"area": "*"},
    "stacked": {"urbanisation": "U+R"},
    "slope": {"area": "*"},
    "small": {"area": "*"},
    "table": {},
    "scatter": {"against": "SH_DYN_MORT"},
}


def test_every_kind_is_tried_here():
    assert set(SHOWN) >= {kind for kind in charts.KINDS if kind != "map"}


@pytest.mark.parametrize("kind", SHOWN)
@pytest.mark.parametrize("shape", [Look(), Look("dark", narrow=True), Look(page=True)])
def test_every_kind_is_drawn_without_a_problem(built, kind, shape):
    book = open_book(Room(built), "en", GLOBAL if kind == "scatter" else KYRGYZ)
    shown = drawn(book, "SI_POV_DAY1" if kind == "scatter" else "SH_STA_MORT", kind, **SHOWN[kind])

    chart = charts.spec(shown, shape)

    assert charts.problem(shown) == ""
    assert values(chart) and json.loads(json.dumps(chart, allow_nan=False)) == chart
    # A page fills its own width; here it needs one.
    sized = chart | ({"width": 600} if chart.get("width") == "container" else {})
    assert b"mark-" in vl_convert.vegalite_to_svg(sized, allowed_base_urls=[]).encode()


@pytest.mark.parametrize("kind", ["line", "bar", "stacked", "slope", "small"])
def test_a_charts_values_are_those_of_the_store(kyrgyz, kind):
    shown = drawn(kyrgyz, "SH_STA_MORT", kind, **SHOWN[kind])
    there = {(line.name, point.time): point for line in shown.lines for point in line.points}

    rows = [row for row in values(charts.spec(shown, Look())) if row.get("t")]

    assert rows
    for row in rows:
        point = there[row["line"], row["t"]]
        assert row["text"] == point.text and Decimal(str(row["y"])) == point.value


def test_scatter_pairs_one_area_in_one_period(built):
    book = open_book(Room(built), "en", GLOBAL)
    shown = drawn(book, "SI_POV_DAY1", "scatter", against="SH_DYN_MORT")
    other = {(line.codes["REF_AREA"], p.time): p for line in shown.others for p in line.valued}

    pairs = chart_kinds.scatter_pairs(shown)

    assert len(pairs) > 50
    for line, mine, theirs in pairs:
        area = line.codes["REF_AREA"]
        assert theirs is other[area, mine.time]
        assert not any(p.position > mine.position and (area, p.time) in other for p in line.valued)


def test_a_missing_period_is_a_gap_and_never_zero(tmp_path):
    room = Room(tmp_path)
    rows = [
        small.row("KG", year, value) for year, value in (("2015", "3"), ("2016", "NaN"), ("2017", "4"), ("2020", "5"))
    ]
    small.publish(room, small.structure(), [row | {"COMMENT_OBS": "x"} for row in rows], "r1")

    found = [(row.get("t"), row["y"]) for row in chart_kinds.rows(drawn(small.book(room), "POV"))]

    assert found == [("2015", 3.0), ("2016", None), ("2017", 4.0), (None, None), ("2020", 5.0)]


def test_bounds_are_a_band(tmp_path):
    room = Room(tmp_path)
    rows = [small.row("KG", year, "5", LOWER_BOUND="4", UPPER_BOUND="7.5") for year in ("2015", "2016")]
    small.publish(room, small.structure(), rows, "r1")

    chart = charts.spec(drawn(small.book(room), "POV"), Look(page=True))

    assert chart["layer"][0]["mark"]["type"] == "area"
    assert {(row["low"], row["high"]) for row in values(chart)} == {(4.0, 7.5)}


def test_units_are_spelled_out_with_their_multiplier(tmp_path):
    made = small.structure(small.coded("UNIT_MULT", **{"6": "Millions"}), small.coded("UNIT_MEASURE", USD="US dollars"))
    room = Room(tmp_path)
    small.publish(room, made, [small.row("KG", "2019", "5", UNIT_MEASURE="USD", UNIT_MULT="6")], "r1")

    assert drawn(small.book(room), "POV").unit == "Millions of US dollars"
    assert drawn(small.book(room, "zh-hans"), "POV").unit == "US dollars（Millions）"


def test_a_picture_names_source_release_and_address(kyrgyz):
    svg = vl_convert.vegalite_to_svg(charts.spec(drawn(kyrgyz, "SH_STA_MORT", area="KG+KG02"), Look()))

    for text in ("Maternal mortality ratio", "live births", "Issyk-Kul", "release kg-1", "https://hub.example/x"):
        assert text in svg


def test_chinese_readers_get_chinese(built):
    shown = drawn(open_book(Room(built), "zh-hans", KYRGYZ), "SH_STA_MORT", sex="F")
    chart = json.dumps(charts.spec(shown, Look()), ensure_ascii=False)

    assert "版本 kg-1" in chart and "数值" in chart and "最高" in chart and "女" in chart


@pytest.mark.parametrize("kind", ["line", "bar", "small", "stacked"])
def test_texts_of_the_data_are_never_code(tmp_path, kind):
    made = small.structure(
        small.coded("SERIES", POV=small.EVIL), small.coded("REF_AREA", KG=small.EVIL, KZ="datum.x[0]}${1}")
    )
    room = Room(tmp_path)
    rows = [small.row(area, year, "5", COMMENT_OBS=small.EVIL, SOURCE_DETAIL=small.EVIL)
            for area in ("KG", "KZ") for year in ("2015", "2016")]  # fmt: skip
    small.publish(room, made, rows, "r1")

    svg = vl_convert.vegalite_to_svg(charts.spec(drawn(small.book(room), "POV", kind, area="*"), Look()))

    assert "<script" not in svg and "<img" not in svg
    assert "&lt;img src=x" in svg and "datum.x[0]}${1}" in svg


def test_the_words_are_right(kyrgyz):
    shown = drawn(kyrgyz, "SH_STA_MORT", area="KG+KG02")

    said = summary.sentences(shown)

    assert said[0].startswith("Kyrgyzstan: from 38.5 (2015) to 25.7 (2024), a change of −12.8 (−33.2 %)")
    assert "highest 42.4 (2020), lowest 24.8 (2019)" in said[0]
    assert said[2] == "In 2024, of 2, highest: Issyk-Kul (56.5); lowest: Kyrgyzstan (25.7)."


def test_colours_stand_out_from_their_ground():
    def light(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for theme, colours in (("light", look.LIGHT), ("dark", look.DARK)):
        for colour in colours:
            a, b = sorted((light(colour), light(look.GROUNDS[theme])))
            assert (b + 0.05) / (a + 0.05) >= 3, (theme, colour)


def test_lines_are_told_apart_without_colour():
    names = [f"line {number}" for number in range(40)]
    made = Look()
    told = zip(*(channel(names)["scale"]["range"] for channel in (made.by_line, made.dashes, made.shapes)), strict=True)

    assert len({json.dumps(each) for each in told}) == 40
    assert len({json.dumps(each) for each in list(zip(made.dashes(names[:5])["scale"]["range"], strict=True))}) == 5


def test_thinning_keeps_the_ends_and_the_peaks():
    line = [(float(place), Decimal(place % 7)) for place in range(10_000)]
    line[4321] = (4321.0, Decimal(10_000))

    kept = thin.lttb(line, 300)

    assert len(kept) == 300 and kept == sorted(set(kept)) and kept[0] == 0 and kept[-1] == 9_999
    assert 4321 in kept


def test_what_cannot_be_drawn_says_why_and_is_drawn_as_lines(tmp_path):
    room = Room(tmp_path)
    small.publish(room, small.structure(), [small.row("KG", "2015", "-1")], "r1")

    for kind, reason in (("stacked", "Negative"), ("slope", "two periods"), ("scatter", "second series")):
        shown = drawn(small.book(room), "POV", kind)

        assert reason in charts.problem(shown)
        assert charts.spec(shown, Look(page=True))["layer"]
