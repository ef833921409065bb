"""Citations, queries and notebooks: each gives the same figures again."""

import csv
import io
import json
import re
import shlex
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import altair
import httpx
import nbformat
import pytest
import vl_convert

from regional_hub.sdg.explorer import charts, cite, figure, lab
from regional_hub.sdg.explorer.book import Book, open_book
from regional_hub.sdg.explorer.look import Look
from regional_hub.sdg.explorer.state import parse
from regional_hub.sdg.loading import Room
from tests.sdg import release_hub
from tests.sdg.explorer import small
from tests.sdg.world import GLOBAL, KYRGYZ

BASE = "https://hub.example"


@pytest.fixture(scope="module")
def service(built, tmp_path_factory):
    with release_hub.running(Room(built), tmp_path_factory.mktemp("shared")) as hub:
        yield hub.url


def drawn(book: Book, series: str, kind: str = "line", **said: str) -> figure.Figure:
    state = parse(book, series, {name: [text] for name, text in said.items()}, charts.KINDS)
    return figure.draw(book, state.but(chart="" if kind == "line" else kind), kind, site="Hub", link=f"{BASE}/x")


ASKED = [
    (KYRGYZ, "", "SH_STA_MORT", {}),
    (KYRGYZ, "", "SH_STA_MORT", {"area": "KG+KG02", "start": "2016", "end": "2020"}),
    (GLOBAL, "2019.Q1.G.03", "SH_DYN_MORT", {"area": "4+8+12", "sex": "F+M"}),
    (GLOBAL, "", "SI_POV_DAY1", {"area": "*"}),
]


def test_the_query_stays_the_same_until_the_figures_change(built):
    first, later = (drawn(open_book(Room(built), "en", KYRGYZ), "SH_STA_MORT") for _ in range(2))

    assert first.book.view.at < later.book.view.at
    assert cite.sdmx_url(first.choice, BASE) == cite.sdmx_url(later.choice, BASE)


@pytest.mark.parametrize(("flow", "release", "series", "said"), ASKED)
def test_the_query_gives_exactly_the_selection(built, service, flow, release, series, said):
    book = open_book(Room(built), "en", flow, release)
    shown = drawn(book, series, **said)
    rows = [row for batch in book.run(shown.choice.whole).batches for row in batch.to_pylist()]

    answer = httpx.get(cite.sdmx_url(shown.choice, service), headers={"Accept": cite.ACCEPT_CSV})

    assert answer.status_code == 200, answer.text
    found = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(found) == len(rows) > 0
    for given, row in zip(found, rows, strict=True):
        assert {id: given[id] for id in row} == {id: text or "" for id, text in row.items()}


def test_the_snippets_run(built, service):
    shown = drawn(open_book(Room(built), "en", KYRGYZ), "SH_STA_MORT", area="KG+KG02", start="2016")
    url = cite.sdmx_url(shown.choice, service)
    by_name = {snippet.language: snippet.code for snippet in cite.snippets(url)}
    count = 0

    for name in ("Python (pandas)", "Python (pysdmx)"):
        found: dict = {}
        exec(by_name[name], found)
        assert len(found["data"]) == 18, name
        count += 1
    curl = subprocess.run(shlex.split(by_name["curl"].replace("\\\n", " ")), capture_output=True, text=True, timeout=60)
    assert curl.returncode == 0 and len(curl.stdout.splitlines()) == 19
    assert count == 2


def test_a_citation_names_the_release_and_leads_to_the_same_figures(built):
    book = open_book(Room(built), "en", GLOBAL)
    shown = drawn(book, "SH_DYN_MORT", area="4", scale="log")

    said = cite.citation(shown, BASE)

    assert "2019.Q3.G.01" in said.text and said.link in said.text and said.link in said.bibtex
    (entry,) = json.loads(said.csl)
    assert entry["URL"] == said.link and entry["version"] == "2019.Q3.G.01" and entry["type"] == "dataset"
    parts = urlsplit(said.link)
    query = parse_qs(parts.query)
    again_book = open_book(Room(built), "en", query["flow"][0], query["release"][0])
    again = figure.draw(again_book, parse(again_book, "SH_DYN_MORT", query, charts.KINDS), "line")
    assert [line.points for line in again.lines] == [line.points for line in shown.lines]
    assert again.state.scale == "log"


def test_bibtex_and_the_frame_hold_whatever_a_title_is(tmp_path):
    made = small.structure(small.coded("SERIES", POV=r'50% of {A} & "B" \input{x} <b>'))
    room = Room(tmp_path)
    small.publish(room, made, [small.row("KG", "2019", "1")], "r1")
    shown = drawn(small.book(room), "POV")

    said, frame = cite.citation(shown, BASE), cite.embed_code(shown, BASE)

    assert r"50\% of \{A\} \& " in said.bibtex and r"\input" not in said.bibtex
    assert "<b>" not in frame and frame.count('"') % 2 == 0 and re.fullmatch(r"<iframe [^<>]*></iframe>", frame)


@pytest.mark.parametrize(
    ("flow", "series", "kind", "said"),
    [
        (KYRGYZ, "SH_STA_MORT", "line", {"area": "KG+KG02"}),
        (KYRGYZ, "SH_STA_MORT", "bar", {"area": "*"}),
        (KYRGYZ, "SH_STA_MORT", "small", {"area": "*"}),
        (GLOBAL, "SI_POV_DAY1", "scatter", {"against": "SH_DYN_MORT"}),
    ],
)
def test_the_notebook_makes_the_same_chart(built, service, monkeypatch, flow, series, kind, said):
    shown = drawn(open_book(Room(built), "en", flow), series, kind, **said)
    monkeypatch.setenv("REGIONAL_HUB_DATA_URL", service)

    made = lab.notebook(shown, BASE)
    nbformat.validate(nbformat.from_dict(made))
    names: dict = {}
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            exec(cell["source"], names)

    again = altair.Chart.from_dict(names["chart"]).to_dict()
    assert vl_convert.vegalite_to_svg(again) == vl_convert.vegalite_to_svg(charts.spec(shown, Look()))


def test_elsewhere_the_notebook_asks_the_service_itself(built, service, monkeypatch):
    shown = drawn(open_book(Room(built), "en", KYRGYZ), "SH_STA_MORT", "line", area="KG", start="2018")
    monkeypatch.setitem(
        sys.modules, "regional_hub.sdg.release_source", None
    )  # what an import without our package meets

    names: dict = {}
    for cell in lab.notebook(shown, service)["cells"]:
        if cell["cell_type"] == "code":
            exec(cell["source"], names)

    again = altair.Chart.from_dict(names["chart"]).to_dict()
    assert vl_convert.vegalite_to_svg(again) == vl_convert.vegalite_to_svg(charts.spec(shown, Look()))
    assert set(names["data"]["TIME_PERIOD"]) >= {"2018", "2024"} and "2017" not in set(names["data"]["TIME_PERIOD"])


def test_a_notebook_holds_evil_texts_as_texts(tmp_path):
    evil = "'''\n\"\"\"; import os; os.system('x') #" + small.EVIL
    made = small.structure(small.coded("SERIES", POV=evil), small.coded("REF_AREA", KG=evil))
    room = Room(tmp_path)
    small.publish(room, made, [small.row("KG", "2019", "1", COMMENT_OBS=evil)], "r1")

    cells = lab.notebook(drawn(small.book(room), "POV"), BASE)["cells"]

    names: dict = {"json": json}
    exec(cells[4]["source"], names)
    assert names["frame"]["rows"][0]["note"].startswith("'''") and set(names) == {
        "json",
        "frame",
        "chart",
        "__builtins__",
    }
    assert "<img" not in cells[0]["source"] and "<script" not in cells[0]["source"]
