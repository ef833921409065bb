"""The page of a series and the files below it, over published data."""

import csv
import io
import json
import re
import time

import openpyxl
import pyarrow.parquet as pq
import pytest

from regional_hub.core import pictures
from regional_hub.sdg.explorer import downloads
from regional_hub.sdg.formats import open_message
from regional_hub.sdg.loading import Room
from tests.sdg.explorer import small
from tests.sdg.pages.conftest import _shown

pytestmark = pytest.mark.django_db
MORT = "/sdg/series/SH_STA_MORT/"
KG = "flow=KG_NSC:SDG"
TWO = f"{KG}&area=KG+KG02"


def body(reply) -> bytes:
    if not reply.streaming:
        return reply.content
    if reply.is_async:
        import asyncio

        async def read() -> bytes:
            return b"".join([piece async for piece in reply.streaming_content])

        return asyncio.run(read())
    return b"".join(reply.streaming_content)


def stored(room: Room, areas: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """Values of the series' totals in the store by area and year, read without the explorer."""
    from regional_hub.sdg import query
    from regional_hub.sdg.selection import Selection

    answer = query.run(room.store, Selection("KG_NSC:SDG"))
    rows = (row for batch in answer.batches for row in batch.to_pylist())
    return {
        (row["REF_AREA"], row["TIME_PERIOD"]): row["OBS_VALUE"]
        for row in rows
        if row["SERIES"] == "SH_STA_MORT" and row["REF_AREA"] in areas and row["URBANISATION"] == "_T"
    }


# -- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_has_words_picture_and_every_value(client, room):
    reply = client.get(f"{MORT}?{TWO}")
    html = reply.content.decode()

    assert reply.status_code == 200
    assert "Maternal mortality ratio" in html and "Per 100,000 live births" in html
    assert 'src="/sdg/series/SH_STA_MORT/chart.svg?area=KG+KG02&amp;flow=KG_NSC:SDG"' in html
    assert "Kyrgyzstan: from 38.5 (2015) to 25.7 (2024)" in html
    assert sorted(re.findall(r'<data value="([^"]+)"', html)) == sorted(stored(room, ("KG", "KG02")).values())


def test_the_page_is_in_chinese_for_chinese_readers(client, room):
    html = client.get(f"{MORT}?{TWO}", headers={"Accept-Language": "zh-hans"}).content.decode()

    assert "选择显示内容" in html and "吉尔吉斯斯坦" in html and "最高" in html
    assert "Choose what is shown" not in html


def test_a_form_without_script_leads_to_the_short_address(client, room):
    form = f"{KG}&chart=line&area=KG&area=KG02&sex=F&auto=sex:F&start=2016&end=&add="

    reply = client.get(f"{MORT}?{form}")

    assert reply.status_code == 302
    assert reply["Location"] == f"{MORT}?area=KG+KG02&flow=KG_NSC:SDG&start=2016"


def test_a_series_of_another_flow_is_found_where_no_flow_is_said(client, room):
    address = "/sdg/series/VC_DSR_MORT/"
    assert client.get(f"{address}?flow=CBS-SDGs:SDG").status_code == 404

    reply = client.get(f"{address}?area=KG02")

    assert reply.status_code == 302 and reply["Location"] == f"{address}?area=KG02&flow=KG_NSC:SDG"


def test_a_part_for_htmx_pushes_the_address_of_the_page(client, room):
    reply = client.get(f"{MORT}part/?{KG}&chart=bar&area=*&auto=sex:F&sex=F", headers={"HX-Request": "true"})

    assert reply.status_code == 200 and "<html" not in reply.content.decode()
    assert reply["HX-Push-Url"] == f"{MORT}?area=*&flow=KG_NSC:SDG&chart=bar"


@pytest.mark.parametrize(
    ("address", "status", "named"),
    [
        (f"{MORT}?{KG}&colour=red", 400, "colour"),
        (f"{MORT}?{KG}&chart=pie", 400, "pie"),
        (f"{MORT}?{KG}&start=yesterday", 400, "yesterday"),
        (f"{MORT}chart.svg?{KG}&theme=pink", 400, "pink"),
        (f"{MORT}?{KG}&area=KG99", 404, "Is one of these meant?"),
        ("/sdg/series/SH_STA_MORTT/?" + KG, 404, "SH_STA_MORT"),
        (f"{MORT}?{KG}&release=kg-2", 404, "kg-1"),
        (f"{MORT}?{KG}&area=%3Cscript%3E", 404, "&lt;script&gt;"),
    ],
)
def test_bad_addresses_say_what_is_wrong(client, room, address, status, named):
    reply = client.get(address)

    assert reply.status_code == status
    assert named in reply.content.decode() and "<script>" not in reply.content.decode().split("<main")[1]


def test_contradictory_choices_are_explained(client, room):
    html = client.get(f"{MORT}?{KG}&area=KG02&urbanisation=R").content.decode()

    assert "No data meet all of these choices" in html
    assert 'href="/sdg/series/SH_STA_MORT/?urbanisation=R&amp;flow=KG_NSC:SDG"' in html
    assert client.get(f"{MORT}chart.svg?{KG}&area=KG02&urbanisation=R").status_code == 404


def test_an_earlier_release_shows_its_own_values_and_changes(client, room):
    address = "/sdg/series/SI_POV_DAY1/?flow=IAEG-SDGs:SDG&area=24"
    now, then = (client.get(f"{address}{more}").content.decode() for more in ("", "&release=2019.Q1.G.03"))

    assert (
        "2026-03-06" in then and "2026-03-06" not in now.split("<main")[1].split('id="table"')[1].split("metadata")[0]
    )
    assert "release=2019.Q1.G.03" in then


def test_evil_texts_are_shown_as_texts(client, settings, tmp_path):
    made = small.structure(small.coded("SERIES", POV=small.EVIL), small.coded("REF_AREA", KG=small.EVIL))
    room = _shown(tmp_path / "evil" / "sdg", settings)
    rows = [small.row("KG", str(year), "5", COMMENT_OBS=small.EVIL, SOURCE_DETAIL=small.EVIL) for year in (2015, 2016)]
    small.publish(room, made, rows, "r1")

    for name in ("", "part/", "chart.svg"):
        text = client.get(f"/sdg/series/POV/{name}").content.decode()
        assert "<img src=x" not in text and "<script>alert" not in text, name
        assert "&lt;img src=x" in text, name
    embedded = client.get("/sdg/embed/series/POV/").content.decode()
    assert "<img src=x" not in embedded and "<script" not in embedded
    assert client.get("/sdg/series/POV/chart.json").headers["Content-Type"].startswith("application/json")


# -- files -------------------------------------------------------------------------------------------------------------


def test_every_file_has_the_values_of_the_store(client, room, tmp_path):
    wanted = stored(room, ("KG", "KG02"))
    assert len(wanted) == 20
    replies = {name: client.get(f"{MORT}{name}?{TWO}") for name in downloads.FILES}
    for name, reply in replies.items():
        assert reply.status_code == 200, name
        assert reply["Content-Disposition"] == f'attachment; filename="SH_STA_MORT_KG-KG02_kg-1.{name.split(".")[1]}"'
    data = {name: body(reply) for name, reply in replies.items()}

    rows = list(csv.DictReader(io.StringIO(data["data.csv"].decode())))
    assert {(row["REF_AREA"], row["TIME_PERIOD"]): row["OBS_VALUE"] for row in rows} == wanted
    rows = list(csv.DictReader(io.StringIO(data["table.csv"].decode("utf-8-sig"))))
    assert {(row["Reference area code"], row["Period"]): row["Value"] for row in rows} == wanted
    for name in ("data.xml", "data.json"):
        path = tmp_path / name
        path.write_bytes(data[name])
        with open_message(path) as message:
            found = {(row["REF_AREA"], row["TIME_PERIOD"]): row["OBS_VALUE"] for row in message.rows()}
        assert found == wanted, name
    table = pq.read_table(io.BytesIO(data["data.parquet"])).to_pylist()
    assert {(row["REF_AREA"], row["TIME_PERIOD"]): row["OBS_VALUE"] for row in table} == wanted
    sheet = openpyxl.load_workbook(io.BytesIO(data["data.xlsx"])).worksheets[0]
    head, *cells = sheet.iter_rows(values_only=True)
    area, period, value = (head.index(name) for name in ("Reference area code", "Period", "Value"))
    assert {(row[area], row[period]): row[value] for row in cells} == {key: float(text) for key, text in wanted.items()}


def test_a_file_comes_whole_to_those_who_take_compressed_ones(client, room):
    reply = client.get(f"{MORT}data.csv?{TWO}", headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in reply and body(reply).count(b"\n") == 21


@pytest.mark.parametrize(("format", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_pictures_are_pictures(client, room, format, start):
    reply = client.get(f"{MORT}chart.{format}?{TWO}")

    assert reply.status_code == 200 and reply.content.startswith(start)
    assert "sandbox" in reply["Content-Security-Policy"]


def test_a_full_queue_asks_to_come_again(client, room, monkeypatch):
    def busy(*_):
        raise pictures.Busy

    monkeypatch.setattr(pictures.Gallery, "picture", busy)

    reply = client.get(f"{MORT}chart.svg?{TWO}")

    assert reply.status_code == 503 and reply["Retry-After"] == "5"


def test_the_notebook_is_one_and_the_lab_is_asked_for_it(client, room):
    html = client.get(f"{MORT}?{TWO}").content.decode()
    made = json.loads(client.get(f"{MORT}notebook.ipynb?{TWO}").content)
    beside_the_chart, among_downloads = re.findall(r'href="/hub/user-redirect/regional-hub/open\?path=([^"]+)"', html)

    from urllib.parse import unquote

    from regional_hub.lab import open_notebook

    assert made["nbformat"] == 4
    assert beside_the_chart == among_downloads
    assert client.get(open_notebook.checked(unquote(among_downloads))).status_code == 200


def test_a_hundred_thousand_points_are_thinned_on_screen_and_whole_in_the_file(client, settings, tmp_path):
    room = _shown(tmp_path / "large" / "sdg", settings)
    areas = [f"A{number:04}" for number in range(2000)]
    rows = [small.row(area, str(year), f"{year % 7}.5") for area in areas for year in range(1970, 2020)]
    small.publish(room, small.structure(), rows, "r1")
    client.get("/sdg/series/POV/")

    started = time.perf_counter()
    reply = client.get("/sdg/series/POV/?area=*")
    seconds = time.perf_counter() - started

    assert "Shown: 2,000 of 100,000 points; the download has all." in reply.content.decode()
    assert seconds < 1 and len(reply.content) < 1_000_000
    assert len(client.get("/sdg/series/POV/chart.json?area=*").content) < 1_000_000
    assert body(client.get("/sdg/series/POV/data.csv?area=*")).count(b"\n") == 100_001


# -- on other people's pages -------------------------------------------------------------------------------------------


def test_only_the_embedded_chart_may_be_framed(client, room):
    embedded = client.get(f"/sdg/embed/series/SH_STA_MORT/?{TWO}")
    pages = [
        client.get(address) for address in (f"{MORT}?{TWO}", f"{MORT}chart.svg?{TWO}", "/sdg/", "/", f"{MORT}?x=1")
    ]

    assert "X-Frame-Options" not in embedded and "frame-ancestors *" in embedded["Content-Security-Policy"]
    assert "<form" not in embedded.content.decode() and "chart.svg" in embedded.content.decode()
    for page in pages:
        assert page["X-Frame-Options"] == "DENY" or "frame-ancestors 'none'" in page["Content-Security-Policy"]


def test_oembed_describes_a_chart_in_both_formats(client, room, settings):
    url = f"{settings.HUB.url}{MORT}?{TWO}"

    said = client.get("/sdg/oembed", {"url": url, "maxwidth": "400"}).json()
    xml = client.get("/sdg/oembed", {"url": url, "format": "xml"}).content.decode()

    assert said["type"] == "rich" and said["width"] == 400 and said["title"] == "Maternal mortality ratio"
    (src,) = re.findall(r'src="([^"]+)"', said["html"])
    assert client.get(src.removeprefix(settings.HUB.url).replace("&amp;", "&")).status_code == 200
    assert "<type>rich</type>" in xml and "&lt;iframe" in xml
    assert f'href="{settings.HUB.url}/sdg/oembed?url=' in client.get(f"{MORT}?{TWO}").content.decode()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"url": "https://elsewhere.example/sdg/series/X/"}, 404),
        ({"url": ""}, 404),
        ({"format": "yaml"}, 501),
        ({"maxwidth": "wide"}, 400),
        ({"colour": "red"}, 400),
    ],
)
def test_oembed_refuses_what_is_not_ours(client, room, settings, query, status):
    given = {"url": f"{settings.HUB.url}{MORT}?{KG}"} | query

    assert client.get("/sdg/oembed", given).status_code == status


def test_link_previews_have_a_picture(client, room, settings):
    html = client.get(f"{MORT}?{TWO}").content.decode()
    (picture,) = re.findall(r'property="og:image" content="([^"]+)"', html)

    reply = client.get(picture.removeprefix(settings.HUB.url).replace("&amp;", "&"))

    assert reply.content.startswith(b"\x89PNG")
