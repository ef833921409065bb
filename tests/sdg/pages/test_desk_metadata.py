"""Reference metadata at the stewards' desk: the form, its versions, and files."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from regional_hub.core.models import AuditEntry
from regional_hub.sdg import structure
from regional_hub.sdg.desk import sheet
from regional_hub.sdg.metadata import MetadataSet, Reported
from tests.sdg.pages.desk_world import DESK, sent, text

pytestmark = pytest.mark.django_db
MSD = "IAEG-SDGs:SDG_MSD(1.0)"
CODES = "IAEG-SDGs:SDG(1.4)"
EDIT = f"{DESK}metadata/edit/"


@pytest.fixture
def library(own_room, published):
    own_room.registry.add(structure.read(published / "msd" / "SDG_MSD_1.0.xml"))
    return own_room.metadata


@pytest.fixture
def steward(make_person, library):
    made = Client()
    made.force_login(make_person("ann", "stewards"), backend="allauth.account.auth_backends.AuthenticationBackend")
    return made


def answers(**more: object) -> dict[str, object]:
    return {
        "id": "POVERTY", "name_en": "Poverty", "name_zh": "贫困", "based_on": "", "msd": MSD, "structure": CODES,
        "t.SERIES": ["SI_POV_DAY1"], "t.REF_AREA": ["4"], "a.DATA_COMP.en": "Line one.\r\nLine two.",
        "a.DATA_COMP.zh": "按购买力平价计算。", **more,
    }  # fmt: skip


def test_the_form_is_made_from_the_metadata_structure(steward, library, own_room):
    shown = text(steward.get(f"{EDIT}?structure={CODES}"))

    made = own_room.registry.metadata_structure(MSD)
    named = re.findall(r'name="a\.(\w+)\.en"', shown)
    assert named == [
        each.id for each in made.attributes if not each.presentational and each.type not in ("GregorianDay",)
    ]
    assert 'type="date"' in shown and shown.count('lang="zh"') >= len(named)
    assert 'value="SI_POV_DAY1"' in shown and 'name="t.REPORTING_TYPE"' in shown


def test_a_set_is_written_and_served(steward, library, own_room):
    reply = steward.post(EDIT, answers(), follow=True)

    (kept,) = library.latest()
    assert "is saved" in text(reply)
    assert kept.short == "REGIONAL_HUB:POVERTY(1.0)" and kept.name == {"en": "Poverty", "zh": "贫困"}
    (said,) = kept.attributes
    assert (said.id, said.texts) == ("DATA_COMP", {"en": "Line one.\nLine two.", "zh": "按购买力平价计算。"})
    made = own_room.registry.structure(CODES)
    assert kept.about(made, {"SERIES": "SI_POV_DAY1", "REF_AREA": "4", "REPORTING_TYPE": "G"})
    assert AuditEntry.objects.get(verb="edit-metadata").object == kept.short


def test_a_change_is_a_new_version_with_its_difference(steward, library):
    steward.post(EDIT, answers())
    changed = answers(based_on="1.0", **{"a.DATA_COMP.en": "Line one.\nLine three."})

    steward.post(f"{EDIT}?set=REGIONAL_HUB:POVERTY", changed)
    shown = text(steward.get(f"{DESK}metadata/history/?set=REGIONAL_HUB:POVERTY"))

    assert library.names() == ["REGIONAL_HUB:POVERTY(1.0)", "REGIONAL_HUB:POVERTY(1.1)"]
    assert "<del>two</del><ins>three</ins>" in shown and "ann" in shown
    filled = text(steward.get(f"{EDIT}?set=REGIONAL_HUB:POVERTY"))
    assert "Line three." in filled and re.search(r'value="SI_POV_DAY1" selected', filled)


def test_two_who_write_at_once_lose_nothing(steward, library):
    steward.post(EDIT, answers())
    steward.post(f"{EDIT}?set=REGIONAL_HUB:POVERTY", answers(based_on="1.0", **{"a.DATA_COMP.en": "Bob's"}))

    reply = steward.post(f"{EDIT}?set=REGIONAL_HUB:POVERTY", answers(based_on="1.0", **{"a.DATA_COMP.en": "Ann's"}))

    shown = text(reply)
    assert reply.status_code == 400 and "Somebody saved REGIONAL_HUB:POVERTY(1.1)" in shown and "Ann&#x27;s" in shown
    assert library.get("REGIONAL_HUB:POVERTY(1.1)").attributes[0].texts["en"] == "Bob's"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"id": "../x"}, "The id begins with a letter"),
        ({"t.SERIES": [], "t.REF_AREA": []}, "Choose what it is about"),
        ({"t.SERIES": ["NO_SUCH"]}, "has no code"),
        ({"name_en": "", "name_zh": ""}, "Give it a title"),
        ({"a.DATA_COMP.en": "bell \x07"}, "control character"),
        ({"a.META_LAST_UPDATE.und": "yesterday"}, "not of the type"),
    ],
)
def test_faults_are_said_and_the_text_stays(steward, library, more, says):
    reply = steward.post(EDIT, answers(**more))

    shown = text(reply)
    assert reply.status_code == 400 and says in shown and "按购买力平价计算。" in shown
    assert library.names() == []


def test_markup_in_a_text_is_shown_as_text(steward, library):
    steward.post(EDIT, answers(**{"a.DATA_COMP.en": "<script>alert(1)</script>"}))
    steward.post(
        f"{EDIT}?set=REGIONAL_HUB:POVERTY", answers(based_on="1.0", **{"a.DATA_COMP.en": "<script>alert(2)</script>"})
    )

    for page in (f"{EDIT}?set=REGIONAL_HUB:POVERTY", f"{DESK}metadata/history/?set=REGIONAL_HUB:POVERTY"):
        assert "<script>alert" not in text(steward.get(page))


def message(version: str = "1.0", attribute: str = "DATA_COMP") -> str:
    item = {
        "id": "FILE", "agencyID": "XX", "version": version, "name": "From a file",
        "metadataflow": sheet.FLOW_URN.format(MSD),
        "targets": ["urn:sdmx:org.sdmx.infomodel.codelist.Code=IAEG-SDGs:CL_SERIES(1.4).SI_POV_DAY1"],
        "attributes": [{"id": attribute, "value": {"en": "x", "ru": "по-русски"}}],
    }  # fmt: skip
    return json.dumps({"meta": {"id": "T"}, "data": {"metadataSets": [item]}})


def bring(steward, content: str | bytes, name: str = "m.json"):
    return steward.post(f"{DESK}metadata/import/", {"file": sent(name, content)}, follow=True)


def test_a_file_is_imported_whole_or_not_at_all(steward, library):
    good = bring(steward, message())
    again = bring(steward, message())
    wrong = bring(steward, message("2.0", "DATA_CMP"))

    assert "New: XX:FILE(1.0)" in text(good) and "is here already" in text(again)
    assert "is DATA_COMP meant?" in text(wrong) and library.names() == ["XX:FILE(1.0)"]


@pytest.mark.parametrize("content", ["", "{", "<x/>", b"\xff\xfe\x00", '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_a_file_that_is_no_metadata_is_refused_by_name(steward, library, content):
    shown = text(bring(steward, content, "../odd.xml"))

    assert "alert-danger" in shown and library.names() == [] and "/tmp/metadata-" not in shown


def test_languages_and_values_that_the_form_does_not_show_stay(steward, library):
    bring(steward, message())
    edited = answers(based_on="1.0", **{"a.DATA_COMP.en": "y"})

    steward.post(f"{EDIT}?set=XX:FILE", edited)

    (said,) = library.get("XX:FILE(1.1)").attributes
    assert said.texts == {"en": "y", "zh": "按购买力平价计算。", "ru": "по-русски"}


@pytest.mark.parametrize(("given", "next"), [("1.0", "1.1"), ("1.9", "1.10"), ("2", "2.1"), ("1.2.3", "1.3.0")])
def test_versions_follow_one_another(given, next):
    assert sheet.next_version(given) == next


def test_differences_are_word_by_word_and_character_by_character():
    def of(**texts: str) -> MetadataSet:
        return MetadataSet("XX", "M", "1.0", attributes=(Reported("A", texts, (Reported("B", {"en": "same"}),)),))

    english, chinese = sheet.differences(of(en="one two", zh="一二三"), of(en="one three", zh="一四三"))

    assert english.pieces == (("same", "one "), ("gone", "two"), ("new", "three"))
    assert chinese.pieces == (("same", "一"), ("gone", "二"), ("new", "四"), ("same", "三"))


def test_very_long_texts_are_compared_at_once():
    assert [kind for kind, _ in sheet.words("a " * 30_000, "b " * 30_000)] == ["gone", "new"]


@pytest.mark.parametrize("name", ["../../x", "XX:NONE", "", "x" * 500])
def test_a_set_that_is_not_there_is_not_found(steward, name):
    assert steward.get(f"{DESK}metadata/history/", {"set": name}).status_code == 404
    if name:
        assert steward.get(EDIT, {"set": name}).status_code == 404
