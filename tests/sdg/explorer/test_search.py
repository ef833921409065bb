"""Search: what people type is found, mended where it has typos, and ranked as they mean it."""

import pytest

from regional_hub.sdg.explorer import search
from regional_hub.sdg.explorer.book import open_book
from regional_hub.sdg.metadata import MetadataSet, Reported
from tests.sdg import world


@pytest.fixture
def book(room):
    return open_book(room, "en", world.KYRGYZ)


def first(found: search.Found) -> search.Hit:
    return max((hit for hits in found.hits.values() for hit in hits), key=lambda hit: hit.score)


@pytest.mark.parametrize(
    ("question", "kind", "code"),
    [
        ("maternal mortality", "series", "SH_STA_MORT"),
        ("matenal mortality", "series", "SH_STA_MORT"),
        ("maternal mortalty ratio", "series", "SH_STA_MORT"),
        ("孕产妇死亡", "series", "SH_STA_MORT"),
        ("孕产妇死亡率", "indicator", "3.1.1"),
        ("SH_STA_MORT", "series", "SH_STA_MORT"),
        ("sh_sta_mort", "series", "SH_STA_MORT"),
        ("3.1.1", "indicator", "3.1.1"),
        ("Issyk-Kul", "area", "KG02"),
        ("isyk kul", "area", "KG02"),
        ("伊塞克湖", "area", "KG02"),
        ("Иссык-Куль", "area", "KG02"),
        ("KG02", "area", "KG02"),
        ("unemploymnt", "series", "SL_TLF_UEM"),
        ("失业率", "series", "SL_TLF_UEM"),
    ],
)
def test_what_people_type_is_found(book, question, kind, code):
    hits = search.find(book, question).hits[kind]

    assert code in [hit.code for hit in hits[:2]]


def test_a_code_is_before_everything_that_is_like_it(book):
    assert first(search.find(book, "SH_STA_MORT")).code == "SH_STA_MORT"
    assert first(search.find(book, "3.1.1")).code == "3.1.1"
    assert first(search.find(book, "KG02")).code == "KG02"


def test_a_question_with_typos_says_what_may_have_been_meant(book):
    assert search.find(book, "matenal mortality").meant == "maternal mortality"
    assert search.find(book, "Maternal mortality").meant == ""
    assert search.find(book, "孕产妇死亡").meant == ""


def test_a_target_finds_its_indicators(book):
    hits = [hit.code for hit in search.find(book, "3.1").hits["indicator"]]

    assert hits[:2] == ["3.1.1", "3.1.2"]


@pytest.mark.parametrize("question", ["", "   ", "xqzzt", "'; --", "%", "\x00", "。，", "a" * 5000])
def test_what_is_nowhere_finds_nothing_and_breaks_nothing(book, question):
    assert search.find(book, question).count == 0


def test_metadata_are_found_after_titles(own_room):
    book = open_book(own_room, "en", world.KYRGYZ)
    codelist = book.structure.component("SERIES").codelist_ref
    target = f"urn:sdmx:org.sdmx.infomodel.codelist.Code={codelist}.SH_STA_MORT"
    said = (Reported("RATIONALE", {"en": "Haemorrhage is a leading cause."}),)
    own_room.metadata.add([MetadataSet("KG_NSC", "M1", "1.0", targets=(target,), attributes=said)])

    found = search.find(book, "haemorrhage", own_room.metadata)

    assert [hit.code for hit in found.hits["series"]] == ["SH_STA_MORT"]
    assert search.find(book, "haemorrhage").count == 0
