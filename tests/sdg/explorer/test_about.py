"""Reference metadata for readers: in the order of the structure, as text whatever markup they came with."""

import pytest

from regional_hub.sdg import structure
from regional_hub.sdg.explorer import about
from regional_hub.sdg.explorer.book import open_book
from regional_hub.sdg.metadata import MetadataSet, Reported
from tests.sdg import world


@pytest.fixture
def told(own_room, published):
    """Two headings about maternal mortality, in two languages, with markup as word processors make it."""
    own_room.registry.add(structure.read(published / "msd" / "SDG_MSD_1.0.xml"))
    codelist = open_book(own_room, "en", world.KYRGYZ).structure.component("SERIES").codelist_ref
    target = f"urn:sdmx:org.sdmx.infomodel.codelist.Code={codelist}.SH_STA_MORT"
    said = (
        Reported("SDG_CUSTODIAN_AGENCIES", {"en": "WHO"}),
        Reported("STAT_CONC_DEF", {"en": "<p>Deaths.</p><script>alert(1)</script><p>x &lt; y</p>", "zh": "死亡。"}),
        Reported("DATA_COMP", {"en": "Deaths over births, p < 0.05"}),
    )
    own_room.metadata.add(
        [MetadataSet("KG_NSC", "M1", "1.0", {"en": "Definition"}, targets=(target,), attributes=said)]
    )
    return own_room


def test_headings_are_named_in_the_readers_language_and_in_the_structures_order(told):
    made = about.about(told, open_book(told, "zh-hans", world.KYRGYZ), "SH_STA_MORT", ["KG02"])

    headings = [section.heading.text for section in made.reports[0].sections]
    assert headings == ["计算方法", "负责全球监测的组织", "定义和概念"]
    assert made.custodians == ["WHO"]


def test_markup_is_taken_off_and_scripts_say_nothing(told):
    made = about.about(told, open_book(told, "en", world.KYRGYZ), "SH_STA_MORT", ["KG02"])

    by_heading = {section.heading.text: list(section.paragraphs) for section in made.reports[0].sections}
    assert by_heading["Definition and concepts"] == ["Deaths.", "x < y"]
    assert by_heading["Method of computation"] == ["Deaths over births, p < 0.05"]


def test_the_status_of_an_area_counts_years_with_data(room):
    book = open_book(room, "en", world.KYRGYZ)

    made = about.about(room, book, "SH_STA_MORT", ["KG02", "KG21"])

    first = made.statuses[0]
    assert (first.code, first.years, first.of_years, first.first, first.last) == ("KG02", 10, 10, "2015", "2024")
    assert [entry.id for entry in made.related] == ["3.1.2"]


def test_an_area_without_data_has_none_rather_than_zero_years_of_something(room):
    made = about.about(room, open_book(room, "en", world.KYRGYZ), "SH_STA_MORT", ["417"])

    assert (made.statuses[0].observations, made.statuses[0].last) == (0, "")
