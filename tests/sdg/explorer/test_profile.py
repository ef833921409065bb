"""The profile of an area: which line stands for an indicator, what is missing or old, and the printed page."""

import re
import time
from dataclasses import replace
from datetime import UTC, datetime

import duckdb
import pytest

from regional_hub.sdg.explorer import keyseries, printed, profile
from regional_hub.sdg.explorer.book import NotHere, open_book
from regional_hub.sdg.explorer.points import Point, number, position
from regional_hub.sdg.explorer.printed import Sheet
from regional_hub.sdg.explorer.words import Label
from regional_hub.sdg.loading import Room
from tests.sdg import pdf_text

KYRGYZ = "KG_NSC:SDG"
WORDS = "kicker release goal with missing stale indicator series value year trend progress old single nothing gaps"


@pytest.fixture
def book(built):
    return open_book(Room(built), "en", KYRGYZ)


def sheet(**more: str) -> Sheet:
    words = {word: word.upper() for word in (*WORDS.split(), "method", "source")}
    names = {"met": "Met", "on-track": "On track", "fair": "Fair", "limited": "Limited", "deterioration": "Worse"}
    facts = {"language": "en", "site": "Hub", "flow": KYRGYZ, "release": "kg-1", "date": "4 June 2026"}
    return Sheet(
        **{**facts, "address": "http://127.0.0.1/sdg/area/KG/", **more},
        at=datetime(2026, 6, 4, tzinfo=UTC),
        words=words,
        categories=names,
    )


def points(**values: str) -> list[Point]:
    return [Point({}, name[1:], position(name[1:]), number(text), text) for name, text in values.items()]


def test_every_indicator_with_data_has_one_row_and_every_other_is_named(book, built):
    made = profile.of(book, "KG")
    file = built / "releases" / "kg-1" / "observations.parquet"
    ((there,),) = duckdb.sql(f"SELECT count(DISTINCT SERIES) FROM '{file}' WHERE REF_AREA = 'KG'").fetchall()

    shown = [row.indicator for row in made.rows]
    assert len(shown) == len(set(shown)) and 150 < len(shown) <= there
    missing = {id for section in made.sections for id, _title in section.missing}
    assert missing and not missing & set(shown)
    assert [section.goal.id for section in made.sections] == [str(number) for number in range(1, 18)]


def test_the_newest_value_is_that_of_the_whole_population(book, built):
    rows = {row.series: row for row in profile.of(book, "KG").rows}
    file = built / "releases" / "kg-1" / "observations.parquet"
    newest = duckdb.sql(
        f"SELECT OBS_VALUE, TIME_PERIOD FROM '{file}' WHERE SERIES = 'SL_TLF_UEM' AND REF_AREA = 'KG' AND SEX = '_T'"
        " AND AGE = '_T' AND URBANISATION = '_T' AND DISABILITY_STATUS = '_T' ORDER BY TIME_PERIOD DESC LIMIT 1"
    ).fetchall()

    row = rows["SL_TLF_UEM"]
    assert row.whole and [(row.latest.text, row.latest.time)] == newest


def test_a_series_that_has_only_parts_says_so(book):
    lines = keyseries.key_lines(book, "KG", ["SH_STA_STNT", "SI_POV_DAY1"])

    assert lines["SI_POV_DAY1"].whole and not lines["SH_STA_STNT"].whole


def test_old_values_are_marked_against_the_newest_year(built):
    made = profile.of(open_book(Room(built), "en", "CBS-SDGs:SDG"), "NP")

    assert made.newest == "2022"
    assert {row.latest.time for row in made.rows if row.stale} == {"2011"}
    assert made.stale == 3


def test_an_area_without_data_has_an_empty_profile_and_an_unknown_one_near_ones(book):
    empty = profile.of(book, "AF")

    assert empty.rows == [] and empty.missing > 200
    with pytest.raises(NotHere) as error:
        profile.of(book, "KG2")
    assert "KG" in " ".join(error.value.near)


def test_another_area_stands_beside_it_in_the_same_series(book):
    made = profile.of(book, "KG")
    there = profile.beside(book, made, "KG02")

    assert 40 < len(there) < len(made.rows)
    assert all(point.codes["REF_AREA"] == "KG02" for point in there.values())
    series = {row.indicator: row.series for row in made.rows}
    assert all(point.codes["SERIES"] == series[id] for id, point in there.items())


def test_a_profile_is_made_quickly(book):
    profile.of(book, "KG")
    profile._PROFILES.clear()

    begin = time.perf_counter()
    profile.of(book, "KG")

    assert time.perf_counter() - begin < 0.5


def test_a_trend_is_drawn_within_its_box():
    drawn = profile.spark(points(y2015="10", y2016="20", y2020="0"))
    flat = profile.spark(points(y2015="5", y2016="5"))

    assert drawn and drawn.line == "3.0,14.0 25.8,3.0 117.0,25.0" and (drawn.x, drawn.y) == (117.0, 25.0)
    assert flat and flat.y == profile.HEIGHT / 2
    assert profile.spark(points(y2015="5")) is None


# -- the printed page --------------------------------------------------------------------------------------------------

EVIL = [
    '#read("/etc/passwd")',
    '#include "/etc/passwd"',
    '#import "@preview/cetz:0.3.0"',
    "#sys.inputs.data",
    "$ x^2 $ *bold* _it_ `raw` <label> @cite \\ // /* */ = H",
    "]] #panic() [[",
    '"; #eval("1") "',
    "</svg><script>alert(1)</script>",
]


@pytest.mark.parametrize("label", EVIL)
def test_nothing_in_the_data_is_read_as_mark_up(book, label):
    made = profile.of(book, "KG")
    row = replace(made.rows[0], name=Label(label, "en"), unit=label, breakdown=(Label(label, "en"),))
    section = replace(made.sections[0], rows=(row,), missing=((label, Label(label, "en")),))
    evil = replace(made, name=Label(label, "en"), sections=(section,))

    shown = pdf_text.text(printed.pdf(evil, sheet(site=label, release=label)))

    def plain(text: str) -> str:
        return re.sub(r"\s", "", text)

    assert plain(shown).count(plain(label)) >= 4
    assert "root:x:0:0" not in shown


def test_the_template_reads_no_file_outside_its_folder(tmp_path, monkeypatch, book):
    import typst

    folder = tmp_path / "print"
    folder.mkdir()
    (folder / "profile.typ").write_text('#read("/etc/passwd") #read("../../etc/passwd")')
    monkeypatch.setattr(printed, "TEMPLATE", folder / "profile.typ")

    with pytest.raises(typst.TypstError, match=r"not found|access denied|escape"):
        printed.pdf(profile.of(book, "KG"), sheet())


@pytest.mark.parametrize(("language", "name"), [("en", "Kyrgyzstan"), ("zh-hans", "吉尔吉斯斯坦")])
def test_a_printed_page_has_the_values_of_the_page_in_both_languages(built, language, name):
    made = profile.of(open_book(Room(built), language, KYRGYZ), "KG")

    data = printed.pdf(made, sheet(language=language))
    shown = pdf_text.text(data)

    assert (data.startswith(b"%PDF-1.7") and b"/StructTreeRoot" in data) or b"ObjStm" in data
    assert name in shown and "25.7" in shown and "kg-1" in shown
    assert all(section.goal.title.text.split()[-1] in shown for section in made.sections)


def test_the_same_data_give_the_same_bytes(book):
    made = profile.of(book, "KG02")

    assert printed.pdf(made, sheet()) == printed.pdf(made, sheet())


def test_an_empty_profile_can_be_printed(book):
    assert "NOTHING" in pdf_text.text(printed.pdf(profile.of(book, "AF"), sheet()))
