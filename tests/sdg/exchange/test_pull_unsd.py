"""The API of UNSD and its faults: what comes is whole, or is said to be missing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from regional_hub.sdg import query, structure
from regional_hub.sdg.exchange import unsd_pages
from regional_hub.sdg.query import Selection
from tests.sdg.exchange.unsd import Unsd, json_said, observation
from tests.sdg.exchange.web import Said, web

FLOW = "IAEG-SDGs:SDG"
POV, UEM = "SI_POV_DAY1", "SL_TLF_UEM"


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(unsd_pages, "PAGE", 10)


@pytest.fixture
def global_room(published, room):
    room.registry.add(structure.read(published / "dsd" / "IAEG-SDGs_SDG_1.4.xml"))
    return room


def years(code=POV, count=25, **more):
    return [observation(code, year=1990 + number, value=f"{number}.5", **more) for number in range(count)]


def observations(room, draft) -> list[dict]:
    found = room.store.draft(draft)
    rows = pa.Table.from_batches(list(found.rows())).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def test_all_pages_of_all_series_become_one_draft(global_room, pull):
    service = Unsd({POV: years(), UEM: years(UEM, 12)})
    with web(service) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert report["outcome"] == "loaded", report["message"]
    assert report["differences"]["counts"]["added"] == 37
    assert len(there.requests) == 1 + 3 + 2
    rows = observations(global_room, report["draft"])
    assert {row["SERIES"] for row in rows} == {POV, UEM}
    first = next(row for row in rows if row["SERIES"] == POV)
    mapped = {"FREQ": "A", "REF_AREA": "417", "SEX": "_T", "AGE": "_T", "URBANISATION": "_T", "UNIT_MEASURE": "PT"}
    assert mapped.items() <= first.items()
    assert (first["TIME_PERIOD"], first["OBS_VALUE"]) == ("1990", "0.5")
    assert first["SOURCE_DETAIL"] == 'World Bank, «PovcalNet», "2019"'


def test_series_and_areas_are_chosen(global_room, pull):
    service = Unsd({POV: [*years(), *years(area="762")], UEM: years(UEM)})
    with web(service) as there:
        report = pull("unsd", "unsd", base_url=there.address, series=(POV,), areas=("762",))

    assert {row["REF_AREA"] for row in observations(global_room, report["draft"])} == {"762"}
    assert report["differences"]["counts"]["added"] == 25


def test_a_series_that_is_not_there_is_named(global_room, pull):
    with web(Unsd({POV: years()})) as there:
        report = pull("unsd", "unsd", base_url=there.address, series=("SI_NO",))

    assert (report["outcome"], "there is no series SI_NO" in report["message"]) == ("failed", True)


def test_values_that_are_no_plain_numbers(global_room, pull):
    rows = [
        observation(year=2001, value="<5"),
        observation(year=2002, value=">= 95"),
        observation(year=2003, value="NaN"),
        observation(year=2004, value=None),
        observation(year=2005, value=7.25),
        observation(year=2006, value=12, footnotes=["one", "two"]),
        observation(year=2007, value=float("nan")),
        observation(year=2008, value="3.50"),
    ]
    with web(Unsd({POV: rows})) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    found = {row["TIME_PERIOD"]: row for row in observations(global_room, report["draft"])}
    values = [row.get("OBS_VALUE") for _, row in sorted(found.items())]
    assert values == ["5", "95", None, None, "7.25", "12", None, "3.50"]
    assert (found["2001"]["UPPER_BOUND"], found["2001"]["COMMENT_OBS"]) == ("5", "Published as <5.")
    assert (found["2002"]["LOWER_BOUND"], found["2002"]["COMMENT_OBS"]) == ("95", "Published as >= 95.")
    assert found["2006"]["COMMENT_OBS"] == "one; two"
    assert report["notes"] == {"series_fetched": 1, "limits": 2, "missing_values": 3}


def test_a_page_that_comes_twice_is_asked_for_again(global_room, pull):
    told = []

    def trouble(code, page, service):
        if page == 2 and not told:
            told.append(page)
            return json_said(service.page(code, 1, 10) | {"pageNumber": 2})
        return None

    with web(Unsd({POV: years()}, trouble=trouble)) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert (report["outcome"], report["differences"]["counts"]["added"]) == ("loaded", 25)


def test_a_page_that_keeps_coming_twice_is_a_finding_and_the_other_series_come(global_room, pull):
    def trouble(code, page, service):
        return json_said(service.page(code, 1, 10) | {"pageNumber": 2}) if (code, page) == (POV, 2) else None

    with web(Unsd({POV: years(), UEM: years(UEM, 5)}, trouble=trouble)) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert report["outcome"] == "partial"
    assert report["faults"] == [f"{POV}: page 2 repeats page 1, so a page is missing"]
    assert {row["SERIES"] for row in observations(global_room, report["draft"])} == {UEM}


def test_another_page_than_was_asked_for(global_room, pull):
    def trouble(code, page, service):
        return json_said(service.page(code, 3, 10)) if page == 2 else None

    with web(Unsd({POV: years()}, trouble=trouble)) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert "page 2 was asked for and page 3 came" in report["message"]
    assert report["outcome"] == "failed"


def test_a_page_that_is_empty_before_the_end(global_room, pull):
    def trouble(code, page, service):
        return json_said(service.page(code, page, 10) | {"data": []}) if page == 2 else None

    with web(Unsd({POV: years()}, trouble=trouble)) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert f"{POV}: page 2 of 3 is empty" in report["message"]


def test_a_count_that_changes_between_pages_begins_the_series_again(global_room, pull):
    def trouble(code, page, service):
        if page == 2 and len(service.series[code]) == 25:
            service.series[code] = [observation(year=1980, value="9.9"), *service.series[code]]
        return None

    with web(Unsd({POV: years()}, trouble=trouble)) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert (report["outcome"], report["differences"]["counts"]["added"]) == ("loaded", 26)


def test_a_count_that_never_rests_is_a_fault(global_room, pull):
    def trouble(code, page, service):
        service.series[code].append(observation(year=2050 + len(service.series[code])))

    with web(Unsd({POV: years()}, trouble=trouble)) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert report["outcome"] == "failed"
    assert "pull it later" in report["message"]


@pytest.mark.parametrize(
    "said",
    [
        Said(500, b"oops"),
        Said(429, b"", {"Retry-After": "0"}),
        Said(200, b'{"size": 10, "totalElements": 25, "da', {"Content-Type": "application/json"}),
        Said(200, json.dumps({"error": "x"}).encode(), {"Content-Type": "application/json"}),
    ],
    ids=["500", "429", "cut off", "no page"],
)
def test_faults_that_pass_are_waited_for(said, global_room, pull):
    told = []

    def trouble(code, page, service):
        if page == 2 and len(told) < 2:
            told.append(page)
            return said
        return None

    with web(Unsd({POV: years()}, trouble=trouble)) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert (report["outcome"], report["differences"]["counts"]["added"]) == ("loaded", 25)


def test_json_that_stays_cut_off_is_said(global_room, pull):
    cut = Said(200, b'{"size": 10, "totalElements": 25, "da', {"Content-Type": "application/json"})
    with web(Unsd({POV: years()}, trouble=lambda *_: cut)) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert f"{POV}, page 1: not JSON, or cut off" in report["message"]


def test_a_breakdown_that_nobody_knows_is_refused_by_name(global_room, pull):
    rows = [observation(dimensions={"Reporting Type": "G", "Shoe size": "44"})]
    with web(Unsd({POV: rows, UEM: years(UEM)})) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert report["outcome"] == "partial"
    assert "Shoe size" in report["report"]["findings"][0]["message"]


def test_a_series_of_the_release_that_was_pulled_is_not_asked_for_again(global_room, pull):
    service = Unsd({POV: years(), UEM: years(UEM, 5)})
    with web(service) as there:
        pull("unsd", "unsd", base_url=there.address)
        before = len(there.requests)
        quiet = pull("unsd", "unsd", base_url=there.address)
        assert (quiet["outcome"], len(there.requests) - before) == ("unchanged", 1)

        service.releases[UEM] = "2026.Q2.G.01"
        service.series[UEM][0]["value"] = "77"
        news = pull("unsd", "unsd", base_url=there.address)

    assert news["outcome"] == "loaded"
    assert len(there.requests) - before == 1 + 2
    assert len([draft for draft in global_room.store.drafts()]) == 1
    assert len(observations(global_room, news["draft"])) == 30


def test_differences_to_what_is_published(global_room, pull):
    service = Unsd({POV: years()})
    with web(service) as there:
        first = global_room.store.draft(pull("unsd", "unsd", base_url=there.address)["draft"])
        first.validate()
        global_room.store.publish(first, by="bob")
        service.release = "2026.Q2.G.01"
        service.series[POV][3]["value"] = "44.4"
        service.series[POV].append(observation(year=2030, value="1"))

        found = pull("unsd", "unsd", base_url=there.address)["differences"]

    assert found["counts"] == {"added": 1, "changed": 1, "deleted": 0}
    assert (found["changed"][0]["old:OBS_VALUE"], found["changed"][0]["OBS_VALUE"]) == ("3.5", "44.4")
    published = query.run(global_room.store, Selection(FLOW))
    assert published.count() == 25  # nothing is published by itself


CHILD = """
import sys
from pathlib import Path
from regional_hub.sdg.exchange import unsd_pages
from regional_hub.sdg.exchange.fetch import Client, Manners
from regional_hub.sdg.exchange.orders import Order
from regional_hub.sdg.exchange.pulling import run
from regional_hub.sdg.loading import Room
unsd_pages.PAGE = 10
with Client(Manners("tests/1", interval=0.02)) as client:
    run(Order("unsd", "unsd", base_url=sys.argv[2]), Room(Path(sys.argv[1])), client, by="robot")
"""


def test_a_killed_pull_goes_on_and_asks_for_no_page_twice(global_room, pull):
    service = Unsd({POV: years(count=60), UEM: years(UEM, 60)})
    with web(service) as there:
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(global_room.folder), there.address], env=child_env())
        deadline = time.monotonic() + 60
        while len(there.requests) < 9 and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()

        report = pull("unsd", "unsd", base_url=there.address)

    assert report["outcome"] == "loaded", report["message"]
    assert report["differences"]["counts"]["added"] == 120
    pages = [request.path for request in there.requests if "Series/Data" in request.path]
    assert len(pages) - len(set(pages)) <= 1  # the one that was on its way when it was killed
    assert len(set(pages)) == 12


def child_env() -> dict[str, str]:
    root = Path(__file__).resolve().parents[3]
    return {**os.environ, "PYTHONPATH": str(root / "extensions")}


def test_no_two_pull_the_same_at_once(global_room, pull):
    from regional_hub.sdg.exchange import orders

    with orders.pull(global_room.folder, "unsd").alone(), pytest.raises(orders.PullError, match="another process"):
        pull("unsd", "unsd", base_url="http://127.0.0.1:1")


def test_a_draft_that_a_kill_left_unfinished_is_removed(global_room, pull):
    from regional_hub.sdg.exchange import orders

    made = global_room.registry.structure("IAEG-SDGs:SDG(1.4)")
    left = global_room.store.start(made, by="robot")
    kept = orders.pull(global_room.folder, "unsd")
    kept.folder.mkdir(parents=True)
    kept.save(orders.State(by="robot", loading=left.id))
    with web(Unsd({POV: years()})) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert [draft.id for draft in global_room.store.drafts()] == [report["draft"]]


def test_without_the_structure_it_says_what_to_import(room, pull):
    with web(Unsd({POV: years()})) as there:
        report = pull("unsd", "unsd", base_url=there.address)

    assert "import it first" in report["message"]
