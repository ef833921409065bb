"""Labels in Chinese: every code and title that occurs in published data has one; the data's own words come first."""

import duckdb
import pytest

from regional_hub.sdg.explorer import outline, words
from regional_hub.sdg.explorer.book import open_book
from regional_hub.sdg.structure import Code, Codelist, Component
from tests.sdg import world

FLOWS = (world.KYRGYZ, world.NEPAL, world.GLOBAL)


def is_chinese(text: str) -> bool:
    return any("\u3400" <= sign <= "\u9fff" for sign in text) or text in ("pH 值",)


@pytest.mark.parametrize("flow", FLOWS)
def test_every_code_in_published_data_has_a_chinese_label(room, flow):
    book = open_book(room, "zh-hans", flow)
    bare = []

    for part in book.structure.components:
        if part.codelist_ref and part.id in book.release.layout.columns:
            rows = duckdb.execute(
                f'SELECT DISTINCT "{part.id}" FROM read_parquet(?)', [str(book.release.observations)]
            ).fetchall()
            codes = [code for (code,) in rows if code is not None]
            bare += [(part.id, code) for code in codes if not is_chinese(book.name(part.id, code).text)]

    assert bare == []


@pytest.mark.parametrize("flow", FLOWS)
def test_every_indicator_with_data_has_a_chinese_title(room, flow):
    contents = outline.of(open_book(room, "zh-hans", flow))

    assert [entry.id for entry in contents.indicators() if not is_chinese(entry.title.text)] == []
    assert all(is_chinese(goal.title.text) for goal in contents.goals) and len(contents.goals) == 17


def test_every_component_has_a_chinese_name(room):
    book = open_book(room, "zh-hans", world.KYRGYZ)

    dimensions = [part.id for part in book.structure.dimensions]
    assert [id for id in dimensions if not is_chinese(book.component_name(id).text)] == []


def test_the_words_of_the_data_come_before_ours():
    codelist = Codelist("XX", "CL_SEX", "1.0", codes={"F": Code("F", {"en": "Women", "zh": "妇女"})})
    component = Component("SEX", "dimension", codelist, codelist_ref="XX:CL_SEX(1.0)")

    assert words.of_code(component, "F", "zh-hans").text == "妇女"
    assert words.of_code(component, "M", "zh-hans").text == "男"
    assert words.of_code(component, "F", "en").text == "Women"


def test_the_text_on_a_goals_colour_can_be_read():
    def light(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for goal in words.goals("en"):
        high, low = sorted((light(goal.colour), light(goal.ink)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, goal.id
