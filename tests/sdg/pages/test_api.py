"""The JSON API: the figures that the pages show, tags, and errors that name the parameter in both languages."""

import pytest

pytestmark = pytest.mark.django_db
KG = "flow=KG_NSC:SDG"


def ask(client, what: str, status: int = 200):
    reply = client.get(f"/sdg/api/{what}")
    assert reply.status_code == status, reply.content
    return reply.json()


def test_releases_of_all_data_sets_are_listed_newest_first(client, room):
    flows = {flow["flow"]: flow for flow in ask(client, "releases")}

    assert flows["IAEG-SDGs:SDG"]["releases"][0]["release"] == "2019.Q3.G.01"
    assert flows["KG_NSC:SDG"]["observations"] == 25_349


def test_the_outline_has_all_goals_and_titles_in_the_language_asked_for(client, room):
    outline = ask(client, f"outline?{KG}&language=zh-hans")

    assert len(outline["goals"]) == 17 and outline["release"] == "kg-1"
    third = outline["goals"][2]
    assert third["title"] == "良好健康与福祉" and third["indicators"][0]["title"] == "孕产妇死亡率"


def test_points_are_the_very_texts_of_the_data_with_their_unit(client, room):
    told = ask(client, f"points/SH_STA_MORT?{KG}&area=KG&start=2024")

    assert told["total"] == len(told["points"]) > 0
    point = told["points"][0]
    assert point["time"] == "2024" and point["value"] == "25.7" and point["unit"] == "PER_100000_LIVE_BIRTHS"


def test_search_gives_addresses_of_pages(client, room):
    hits = ask(client, f"search?q=孕产妇死亡&{KG}")["hits"]

    assert {"indicator", "series"} <= {hit["kind"] for hit in hits}
    assert hits[0]["url"] in ("/sdg/indicator/3.1.1/?flow=KG_NSC:SDG", "/sdg/series/SH_STA_MORT/?flow=KG_NSC:SDG")


def test_areas_and_availability(client, room):
    roots = ask(client, f"areas?{KG}")
    heat = ask(client, f"availability?{KG}&series=SH_STA_MORT")

    assert {root["code"] for root in roots} == {"KG", "417"}
    assert heat["counts"] == "observations" and len(heat["rows"][0]["counts"]) == len(heat["years"])


@pytest.mark.parametrize(
    ("what", "status", "parameter"),
    [
        ("search?q=a&limt=3", 400, "limt"),
        ("search", 422, "q"),
        ("search?q=a&limit=0", 400, "limit"),
        ("search?q=a&limit=x", 422, "limit"),
        ("outline?language=fr", 400, "language"),
        ("outline?flow=XX:SDG", 404, "flow"),
        ("outline?release=kg-9", 404, "release"),
        ("series/SH_STA_MOR?flow=KG_NSC:SDG", 404, "SERIES"),
        ("series/SH_STA_MORT?code=x", 400, "code"),
        ("points/SH_STA_MORT?flow=KG_NSC:SDG&colour=red", 400, "colour"),
        ("points/SH_STA_MORT?flow=KG_NSC:SDG&sex=X", 404, "SEX"),
        ("availability?goal=99", 404, "goal"),
    ],
)
def test_errors_name_the_parameter_in_both_languages(client, room, what, status, parameter):
    error = ask(client, what, status)["error"]

    assert error["parameter"] == parameter and error["en"] and error["zh"]
    assert any("\u3400" <= sign <= "\u9fff" for sign in error["zh"])


def test_an_answer_is_sent_again_only_when_it_changed(client, room):
    first = client.get(f"/sdg/api/outline?{KG}")

    again = client.get(f"/sdg/api/outline?{KG}", headers={"If-None-Match": first["ETag"]})
    other = client.get("/sdg/api/outline?flow=CBS-SDGs:SDG", headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 304 and not again.content and other.status_code == 200


def test_the_description_lists_what_there_is_to_ask_and_the_page_shows_it(client, room):
    described = ask(client, "openapi.json")["paths"]
    page = client.get("/sdg/api/docs").content.decode()

    assert {"/sdg/api/outline", "/sdg/api/search", "/sdg/api/points/{code}"} <= set(described)
    assert all(path in page for path in described)
    names = {one["name"] for one in described["/sdg/api/search"]["get"]["parameters"]}
    assert names == {"q", "limit", "flow", "release", "language"}


def test_nothing_can_be_changed_by_it(client, room):
    assert client.post("/sdg/api/outline").status_code == 405
