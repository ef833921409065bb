"""Journeys in Chromium on the page of a series: from a search to a file that has the values of the store."""

import csv
import http.server
import io
import threading
from functools import partial

import pytest
from axe_playwright_python.sync_playwright import Axe

from regional_hub.sdg import query
from regional_hub.sdg.selection import Selection

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
START = "/sdg/series/SH_STA_MORT/?flow=KG_NSC:SDG"


@pytest.fixture
def open_page(open_page, room):
    """Pages of a visitor who reads British English."""
    return partial(open_page, height=800, locale="en-GB")


def fits(page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def stored(room, areas: set[str]) -> dict[tuple[str, str], str]:
    rows = (row for batch in query.run(room.store, Selection("KG_NSC:SDG")).batches for row in batch.to_pylist())
    return {
        (row["REF_AREA"], row["TIME_PERIOD"]): row["OBS_VALUE"]
        for row in rows
        if row["SERIES"] == "SH_STA_MORT" and row["REF_AREA"] in areas and row["URBANISATION"] == "_T"
    }


def test_maternal_mortality_is_found_compared_and_taken_along(open_page, room):
    page = open_page()
    page.goto("/sdg/search/?flow=KG_NSC:SDG&q=maternal+mortality")
    page.locator("main").get_by_role("link", name="Maternal mortality ratio").first.click()
    if "/sdg/series/" not in page.url:
        page.locator("main a[href*='/sdg/series/SH_STA_MORT']").first.click()
    page.get_by_role("heading", level=1, name="Maternal mortality ratio").wait_for()

    page.get_by_label("Issyk-Kul").check()
    page.get_by_text("In 2024, of 2, highest: Issyk-Kul (56.5)").wait_for()
    assert "area=KG+KG02" in page.url
    page.locator("label", has_text="Slope").click()
    page.locator("#kind-slope:checked").wait_for()
    page.wait_for_url("**chart=slope**")
    assert page.locator(".series-canvas img").get_attribute("src").endswith("chart=slope")
    drawn = page.locator(".series-canvas img")
    for _ in range(100):  # a function that is waited for is evaluated in the page, which its policy forbids
        if drawn.evaluate("picture => picture.naturalWidth") > 100:
            break
        page.wait_for_timeout(100)
    assert drawn.evaluate("picture => picture.naturalWidth") > 100

    page.get_by_role("tab", name="Table").click()
    shown = [cell.get_attribute("value") for cell in page.locator("#table data").all()]
    assert sorted(shown) == sorted(stored(room, {"KG", "KG02"}).values())
    page.get_by_role("tab", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="SDMX-CSV").click()
    text = download.value.path().read_text(encoding="utf-8")
    found = {(row["REF_AREA"], row["TIME_PERIOD"]): row["OBS_VALUE"] for row in csv.DictReader(io.StringIO(text))}

    assert download.value.suggested_filename == "SH_STA_MORT_KG-KG02_kg-1.csv"
    assert found == stored(room, {"KG", "KG02"}) and len(found) == 20


def test_the_address_brings_the_same_page_back(open_page):
    page = open_page()
    page.goto(START)
    page.get_by_label("Issyk-Kul").check()
    page.wait_for_url("**area=KG+KG02**")
    address = page.url

    page.get_by_label("Kyrgyzstan").uncheck()
    page.wait_for_url("**area=KG02**")
    page.go_back()
    page.get_by_label("Kyrgyzstan").and_(page.locator(":checked")).wait_for()

    assert page.url == address
    other = open_page()
    other.goto(address)
    assert other.get_by_label("Issyk-Kul").is_checked() and other.get_by_label("Kyrgyzstan").is_checked()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_values_of_points_are_told_on_pointing(open_page, room, scheme):
    page = open_page(color_scheme=scheme)
    page.goto(START)
    assert page.locator("script[src*=vega-lite]").count() == 0  # nothing of Vega before somebody asks

    page.get_by_role("button", name="Values of the points").click()
    page.locator(".series-vega canvas").wait_for()
    box = page.locator(".series-vega canvas").bounding_box()
    for x in range(30, int(box["width"]), 4):
        for y in range(10, 330, 8):
            page.mouse.move(box["x"] + x, box["y"] + y)
            if page.locator("#vg-tooltip-element.visible").count():
                break
        else:
            continue
        break

    told = dict(line.split("\t") for line in page.locator("#vg-tooltip-element").inner_text().splitlines())
    assert told["Series"] == "Kyrgyzstan" and told["Status"] == "Normal value"
    assert told["Value"] == stored(room, {"KG"})["KG", told["Period"]]


@pytest.mark.parametrize("width", [320, 360, 1280, 2560])
def test_the_page_fits_every_screen(open_page, width):
    page = open_page(width)
    page.goto(START + "&area=KG+KG02")

    for name in ("Chart", "Table", "Metadata", "Download", "Cite and share", "API"):
        page.get_by_role("tab", name=name, exact=True).click()
        assert fits(page), name


@pytest.mark.parametrize(("language", "scheme", "width"), [("en", "light", 1280), ("zh-hans", "dark", 320)])
def test_everybody_can_read_every_part(open_page, live_server, language, scheme, width):
    page = open_page(width, color_scheme=scheme, bypass_csp=True)
    page.context.add_cookies([{"name": "hub_language", "value": language, "url": live_server.url}])

    def faults() -> list[tuple[str, str]]:
        found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
        return [(fault["id"], node["html"]) for fault in found for node in fault["nodes"]]

    for choice in ("&area=KG+KG02", "&chart=scatter", "&area=KG02&urbanisation=R", "&chart=table"):
        page.goto(START + choice)
        for part in ("chart", "table", "metadata", "download", "cite", "api"):
            page.evaluate(f"location.hash = '{part}'")
            page.locator(f"#{part}").wait_for()
            assert faults() == [], (choice, part)
    page.goto(START.replace("/sdg/series/", "/sdg/embed/series/"))
    assert faults() == []


def test_tabs_answer_to_the_keyboard(open_page):
    page = open_page()
    page.goto(START)
    page.get_by_role("tab", name="Chart").focus()

    page.keyboard.press("ArrowRight")

    assert page.get_by_role("tab", name="Table").evaluate("tab => tab === document.activeElement")
    assert page.locator("#table").is_visible() and not page.locator("#chart").is_visible()
    page.keyboard.press("End")
    assert page.locator("#api").is_visible() and page.url.endswith("#api")


def test_without_script_everything_is_there(open_page):
    page = open_page(java_script_enabled=False)
    page.goto(START)

    page.locator(".series-choices > summary").click()
    page.get_by_label("Issyk-Kul").check()
    page.get_by_label("To", exact=True).fill("2020")
    page.get_by_role("button", name="Show").click()

    assert page.url.endswith("/sdg/series/SH_STA_MORT/?area=KG+KG02&flow=KG_NSC:SDG&end=2020")
    assert page.locator("#table data").count() == 12
    for id in ("chart", "table", "metadata", "download", "cite", "api"):
        assert page.locator(f"#{id}").is_visible()


class Around(http.server.BaseHTTPRequestHandler):
    """Somebody else's page with a frame in it, on an origin of its own."""

    frame = ""

    def do_GET(self) -> None:
        frame = f'<iframe src="{self.frame}" width="700" height="500"></iframe>'
        text = f'<!doctype html><html lang="en"><title>x</title>{frame}'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def around():
    made = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Around)
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}/"
    made.shutdown()
    made.server_close()


def test_a_chart_is_framed_by_another_site(open_page, live_server, around):
    page = open_page()
    Around.frame = f"{live_server.url}/sdg/embed/series/SH_STA_MORT/?flow=KG_NSC:SDG"

    page.goto(around)

    inside = page.frame_locator("iframe")
    inside.get_by_role("heading", name="Maternal mortality ratio").wait_for(state="attached")
    inside.get_by_role("link", name="Values, sources and downloads").wait_for()
