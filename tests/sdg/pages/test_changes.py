"""Pages about what changed: counts, lists, filters, the file, and what an embargo hides in all of them."""

import csv
import io
import time

import pytest

from regional_hub.sdg.explorer import news
from regional_hub.sdg.loading import Room

# The file is made for ASGI; the client of the tests reads it in one go, which Django remarks.
pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")]
Q2, Q3 = "2019.Q2.G.01", "2019.Q3.G.01"


def text(reply) -> str:
    return reply.content.decode()


def rows(reply) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(reply).decode())))


def test_all_releases_stand_in_a_list_newest_first(client, room):
    page = text(client.get("/sdg/changes/"))

    places = [page.index(f"/sdg/changes/{name}/") for name in ("kg-1", Q3, Q2, "2019.Q1.G.03", "np-1")]
    assert places == sorted(places)
    assert "1,170" in page and "15,078" in page and "First release" in page
    assert "ann" not in page.split("<main")[1].split("</main")[0].replace("annotated", "").split()
    assert "bob" not in page


def test_a_flow_can_be_chosen_and_an_unknown_one_is_named(client, room):
    page = text(client.get("/sdg/changes/?flow=KG_NSC:SDG"))
    wrong = client.get("/sdg/changes/?flow=KG_NSC:SGD")

    assert "kg-1" in page and Q3 not in page
    assert wrong.status_code == 404 and "KG_NSC:SDG" in text(wrong)


def test_a_release_shows_what_changed_by_series_area_and_row(client, room):
    by_series = text(client.get(f"/sdg/changes/{Q2}/"))
    by_area = text(client.get(f"/sdg/changes/{Q2}/?by=area"))
    lines = text(client.get(f"/sdg/changes/{Q2}/?by=rows&kind=revised"))

    assert "SI_POV_DAY1" in by_series and "281" in by_series
    assert "<code>100</code>" in by_area
    assert lines.count("is-revised") == 50 and "is-added" not in lines


def test_rows_have_the_value_before_and_after_with_their_difference(client, room):
    found = news.news(room.store, room.store.release(Q2))
    (row, *_more) = found.rows(news.Choice(kinds=("revised",)), first=("SERIES", "REF_AREA"), limit=1)

    page = text(client.get(f"/sdg/changes/{Q2}/?by=rows&kind=revised"))

    body = page.split("<tbody>")[1]
    assert row.old in body and row.new in body
    assert float(row.new) - float(row.old) == pytest.approx(float(row.difference))


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("?series=SH_DYN_MRT", 404, "SH_DYN_MORT"),
        ("?kind=lost", 400, "is not a kind of change"),
        ("?by=colour", 400, "not by “colour”"),
        ("?colour=red", 400, "There is no parameter “colour”"),
        ("?kind=added&kind=revised", 400, "said more than once"),
        ("?page=0", 400, "is not the number of a page"),
        ("?page=9999", 404, "9999"),
        ("?at=yesterday", 400, "is not a moment"),
        ("?goal=<script>alert(1)</script>", 404, "&lt;script&gt;"),
    ],
)
def test_what_means_nothing_is_named(client, room, query, status, words):
    reply = client.get(f"/sdg/changes/{Q2}/{query}")

    assert (reply.status_code, words in text(reply)) == (status, True)
    assert "<script>alert" not in text(reply)


def test_an_unknown_release_has_near_ones(client, room):
    reply = client.get("/sdg/changes/2019.Q2.G.02/")

    assert reply.status_code == 404 and Q2 in text(reply)


def test_the_file_holds_every_change_that_the_page_is_about(client, room):
    whole = rows(client.get(f"/sdg/changes/{Q2}/changes.csv"))
    one = rows(client.get(f"/sdg/changes/{Q2}/changes.csv?series=SI_POV_DAY1&kind=revised"))
    counts = news.news(room.store, room.store.release(Q2)).counts()

    assert len(whole) == counts.total
    assert {row["SERIES"] for row in one} == {"SI_POV_DAY1"} and {row["CHANGE"] for row in one} == {"revised"}
    for row in one:
        assert float(row["OBS_VALUE"]) - float(row["OBS_VALUE_BEFORE"]) == pytest.approx(float(row["DIFFERENCE"]))


def test_a_large_change_set_is_shown_quickly(client, room):
    client.get(f"/sdg/changes/{Q3}/")
    took = []
    for query in ("?by=series", "?by=area", "?by=rows", "?by=rows&page=400", "?by=rows&series=SH_DYN_MORT&area=100"):
        begin = time.perf_counter()
        assert client.get(f"/sdg/changes/{Q3}/{query}").status_code == 200
        took.append(time.perf_counter() - begin)

    assert max(took) < 1.0 and sorted(took)[2] < 0.3, took


def test_a_page_is_sent_again_only_when_something_changed(client, room):
    first = client.get(f"/sdg/changes/{Q2}/")

    assert client.get(f"/sdg/changes/{Q2}/", headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert client.get(f"/sdg/changes/{Q2}/?by=rows", headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_an_embargo_hides_its_series_from_every_page_and_file_at_once(client, own_room: Room):
    from datetime import UTC, datetime, timedelta

    page = f"/sdg/changes/{Q2}/"
    before = {way: client.get(f"{page}?by={way}") for way in ("series", "area", "rows")}
    assert "SI_POV_DAY1" in text(before["series"])
    until = datetime.now(UTC) + timedelta(days=1)
    made = own_room.store.embargo("IAEG-SDGs:SDG", {"SERIES": ["SI_POV_DAY1"]}, until, by="ann", reason="wrong")

    for way, old in before.items():
        reply = client.get(f"{page}?by={way}", headers={"If-None-Match": old["ETag"]})
        body = text(reply).split("<tbody>")[1] if "<tbody>" in text(reply) else ""
        assert reply.status_code == 200 and "POV" not in body and "poverty" not in body, way
    assert all("POV" not in str(row) for row in rows(client.get(f"{page}changes.csv")))
    assert "Nothing changed here" in text(client.get(f"{page}?series=SI_POV_DAY1"))
    total = own_room.store.release(Q3).counts["observations"]
    assert f"{total:,}" not in text(client.get("/sdg/releases/"))

    own_room.store.lift(made.id, by="ann", reason="right")
    assert "SI_POV_DAY1" in text(client.get(page)) and f"{total:,}" in text(client.get("/sdg/releases/"))


def test_releases_lead_to_the_database_as_it_was(client, room):
    page = text(client.get("/sdg/releases/"))

    assert f'/sdg/?release={Q2}"' in page and "40,954" in page and "IAEG-SDGs:SDG(1.4)" in page


@pytest.mark.parametrize("address", ["/sdg/changes/", f"/sdg/changes/{Q2}/", "/sdg/releases/"])
def test_pages_speak_chinese(client, room, address):
    page = text(client.get(address, headers={"Accept-Language": "zh-hans"}))

    assert 'lang="zh-hans"' in page and ("变化" in page or "版本" in page)


def test_an_empty_database_says_so(client, empty_room):
    for address in ("/sdg/changes/", "/sdg/releases/"):
        reply = client.get(address)
        assert reply.status_code == 200 and "There are no data yet" in text(reply)
    assert client.get("/sdg/changes/x/").status_code == 404
