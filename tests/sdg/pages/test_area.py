"""The page of an area, its printed twin, and progress with all that one needs to check it by hand."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.sdg import pdf_text

pytestmark = pytest.mark.django_db


def text(reply) -> str:
    return reply.content.decode()


def test_an_area_has_all_goals_on_one_page(client, room):
    page = text(client.get("/sdg/area/KG/"))

    assert page.count('class="sdg-section"') == 17 and page.count("<svg") > 100
    assert "Kyrgyzstan" in page and "KG_NSC:SDG" in page and "0.013853" in page
    assert re.search(r'role="img" aria-label="from 38.5 in 2015 to 25.7 in 2024"', page)
    assert "indicators without data" in page and "<style" not in page and " style=" not in page


def test_progress_shows_every_input(client, room):
    page = re.sub(r"\s+", " ", text(client.get("/sdg/area/417/?flow=IAEG-SDGs:SDG")))

    poverty = page.split("SI_POV_DAY1")[1].split("</tr>")[0]
    for said in (
        "2.5 (2015)",
        "1.5 (2017)",
        "−22.54 %",
        "(1.5 ÷ 2.5)<sup>1/2</sup>",
        "−40.64 %",
        "0.55",
        "Target: 0 by 2030",
    ):
        assert said in poverty, said
    assert "0.001 stands for a target of 0" in poverty and "≥ 0.95" in poverty and "target 1.1" in poverty


def test_another_area_can_stand_beside_it(client, room):
    page = text(client.get("/sdg/area/KG/?compare=KG02"))

    assert 'data-label="Issyk-Kul"' in page
    assert client.get("/sdg/area/KG/?compare=XX").status_code == 404


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [
        ("/sdg/area/KGZZZ/", 404, "KGZZZ"),
        ("/sdg/area/KG/?colour=red", 400, "colour"),
        ("/sdg/area/KG/?release=kg-9", 404, "kg-1"),
        ("/sdg/area/%3Cscript%3E/", 404, "&lt;script&gt;"),
        ("/sdg/area/KG/profile.pdf?language=fr", 400, "fr"),
        ("/sdg/area/KGZZZ/profile.pdf", 404, "KGZZZ"),
    ],
)
def test_what_is_not_there_is_named(client, room, address, status, words):
    reply = client.get(address)

    assert reply.status_code == status and words in text(reply)


def test_the_page_is_quick_and_sent_again_only_when_it_changed(client, room):
    first = client.get("/sdg/area/KG/")
    begin = time.perf_counter()
    client.get("/sdg/area/KG/")

    assert time.perf_counter() - begin < 0.3
    assert client.get("/sdg/area/KG/", headers={"If-None-Match": first["ETag"]}).status_code == 304


def test_new_targets_of_the_institution_are_seen_at_once(client, own_room):
    first = client.get("/sdg/area/417/?flow=IAEG-SDGs:SDG")
    (own_room.folder / "progress.toml").write_text(
        '[series.SH_DYN_MORT]\ndirection = "down"\ntarget = "5"\nfrom = "3.2"\n'
    )

    again = client.get("/sdg/area/417/?flow=IAEG-SDGs:SDG", headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 200 and "Target: 5 by 2030" in text(again) and "Target: 25 by" in text(first)


def test_an_embargoed_series_is_not_in_the_profile(client, own_room):
    until = datetime.now(UTC) + timedelta(days=1)
    own_room.store.embargo("IAEG-SDGs:SDG", {"SERIES": ["SI_POV_DAY1"]}, until, by="ann", reason="wrong")

    page = text(client.get("/sdg/area/417/?flow=IAEG-SDGs:SDG"))
    shown = pdf_text.text(client.get("/sdg/area/417/profile.pdf?flow=IAEG-SDGs:SDG").content)

    assert "/sdg/series/SI_POV_DAY1/" not in page and "/sdg/series/SH_DYN_MORT/" in page
    assert "poverty line" not in shown.replace("\n", " ") and "mortality" in shown


@pytest.mark.parametrize(("language", "words"), [("en", "Progress to 2030"), ("zh-hans", "2030 年进展")])
def test_the_printed_page_speaks_the_language_of_its_address(client, room, language, words):
    reply = client.get(f"/sdg/area/KG/profile.pdf?language={language}")

    assert (
        reply["Content-Type"] == "application/pdf"
        and f"sdg-profile-KG-kg-1-{language}.pdf" in reply["Content-Disposition"]
    )
    assert words in pdf_text.text(reply.content) and "release=kg-1" in pdf_text.text(reply.content)
    again = client.get(f"/sdg/area/KG/profile.pdf?language={language}", headers={"If-None-Match": reply["ETag"]})
    assert again.status_code == 304


def test_the_page_speaks_chinese(client, room):
    page = text(client.get("/sdg/area/KG/", headers={"Accept-Language": "zh-hans"}))

    assert "吉尔吉斯斯坦" in page and "无贫穷" in page and "实际年变化率" in page


def test_the_page_of_a_series_says_how_its_areas_get_on(client, room):
    page = text(client.get("/sdg/series/SH_DYN_MORT/?area=417&flow=IAEG-SDGs:SDG"))
    without = text(client.get("/sdg/series/SH_DYN_IMRT/?area=417+100&flow=IAEG-SDGs:SDG"))

    assert "Target: 25 by 2030" in page and "22.3 (2015)" in page and "Target met" in page
    assert without.count("names no target for this series") == 1
