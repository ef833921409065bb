"""What the stewards' desk shows of a draft: findings and their rows, conflicts, changes."""

from __future__ import annotations

import csv
import io
import json
import re
import time

import pytest
from django.test import Client

from regional_hub.core.models import AuditEntry
from regional_hub.sdg import reports
from regional_hub.sdg.findings import Policy, Report
from tests.sdg.pages.desk_world import DESK, nepal, only_draft, send, sent, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def steward(make_person):
    """A client of a data steward."""
    made = Client()
    made.force_login(make_person("ann", "stewards"), backend="allauth.account.auth_backends.AuthenticationBackend")
    return made


@pytest.fixture
def wrong(own_room, published, steward):
    """A draft of a file with an unknown code in line 25."""
    send(steward, sent("CBS_DATA.xml", nepal(published, error=True)))
    return only_draft(own_room)


@pytest.fixture
def torn(own_room, published, steward):
    """A draft of two files that state one observation differently."""
    send(steward, sent("a.xml", nepal(published)), sent("b.xml", nepal(published, value="67")))
    return only_draft(own_room)


def page(draft, name: str = "") -> str:
    return f"{DESK}drafts/{draft.id}/{name}"


def test_a_finding_leads_to_the_very_row(steward, wrong):
    report = text(steward.get(page(wrong, "report/?severity=error")))
    addresses = [found.replace("&amp;", "&") for found in re.findall(r'href="([^"]*/row/[^"]*)"', report)]

    row = text(steward.get(addresses[0]))

    assert "SI_POV_DAY9" in report and "CBS_DATA.xml:" in report and len(addresses) == 3  # a series of three values
    here = re.search(r'<tr class="desk-here" aria-current="true">.*?</tr>', row, re.S)
    assert here and '<td class="desk-mark">SI_POV_DAY9</td>' in here[0] and "66" in here[0]
    assert row.count('<th scope="row">') >= 5  # neighbours stand around it
    raw = re.search(r'desk-raw.*?<tr class="desk-here">.*?</tr>', row, re.S)
    assert raw and "TIME_PERIOD=&quot;1996&quot; OBS_VALUE=&quot;66&quot;" in raw[0]


def test_the_row_of_a_file_without_lines_is_found_by_its_key(own_room, steward, wrong, tmp_path):
    from regional_hub.sdg.desk import rows

    finding = next(each for each in reports.kept(wrong.folder).page({"rule": "code"}, 0, 10))

    by_key = rows.around(wrong, finding.file, key=finding.key)

    assert [row.line for row in by_key if row.here] == [finding.line]
    reply = steward.get(page(wrong, "row/"), {"file": finding.file, "key": finding.key})
    assert "SI_POV_DAY9" in text(reply)


@pytest.mark.parametrize(
    "asked",
    [
        {"file": "../../state.json", "line": "1"},
        {"file": "CBS_DATA.xml", "line": "999999"},
        {"file": "CBS_DATA.xml"},
        {"file": "CBS_DATA.xml", "line": "-1"},
        {"file": "CBS_DATA.xml", "line": "9" * 40},
        {"file": "", "key": "' OR 1=1"},
    ],
)
def test_a_row_that_is_not_there_is_said(steward, wrong, asked):
    reply = steward.get(page(wrong, "row/"), asked)

    assert reply.status_code == 404 and "This row is not in the draft" in text(reply)


def test_the_report_is_chosen_by_rule_severity_and_file(steward, wrong):
    everything = text(steward.get(page(wrong, "report/")))
    errors = text(steward.get(page(wrong, "report/?severity=error")))
    nothing = text(steward.get(page(wrong, "report/?file=other.xml")))

    assert "Duplicates" in everything and "is not a code of SERIES" in everything
    assert errors.count("<td data-label=") == 3 * 4
    assert "No rule has anything to say" in nothing


def test_the_report_is_read_in_chinese(steward, wrong):
    steward.cookies["hub_language"] = "zh-hans"

    shown = text(steward.get(page(wrong, "report/")))

    assert "不是 SERIES 的代码" in shown and "未知代码" in shown and "is not a code" not in shown


def test_the_report_as_files(steward, wrong):
    kept = reports.kept(wrong.folder)

    table = list(csv.DictReader(io.StringIO(text(steward.get(page(wrong, "report.csv"))).lstrip("\ufeff"))))
    whole = json.loads(text(steward.get(page(wrong, "report.json"))))
    errors = json.loads(text(steward.get(page(wrong, "report.json?severity=error"))))

    assert len(table) == len(whole["findings"]) == kept.count({}) and whole["blocking"] is True
    assert [each["value"] for each in errors["findings"]] == ["SI_POV_DAY9"] * 3
    assert steward.get(page(wrong, "report.exe")).status_code == 404


def test_cells_of_the_report_run_in_no_spreadsheet_and_no_browser(steward, wrong):
    report = Report(Policy.load())
    report.add("code", file="=HYPERLINK(1)", line=3, key="k", column="SERIES", value="<script>alert(1)</script>")
    report.add("code", file="@x", line=3, key="-2+3", column="SERIES", value="+1")
    reports.keep(wrong.folder, report)

    table = list(csv.reader(io.StringIO(text(steward.get(page(wrong, "report.csv"))))))
    shown = text(steward.get(page(wrong, "report/")))

    assert all(not cell.startswith(("=", "@", "+", "-")) for line in table[1:] for cell in line)
    assert "<script>alert" not in shown and "&lt;script&gt;" in shown


def test_a_hundred_thousand_findings_are_paged(steward, wrong):
    report = Report(Policy.load().model_copy(update={"most_findings": 200_000}))
    for number in range(100_000):
        report.add("code", file="large.csv", line=number, key=f"A.{number}", column="SERIES", value=f"X{number}")
    reports.keep(wrong.folder, report)
    steward.get(page(wrong, "report/"))

    start = time.perf_counter()
    first = text(steward.get(page(wrong, "report/")))
    last = text(steward.get(page(wrong, "report/?page=1000")))
    took = (time.perf_counter() - start) / 2

    assert "Page 1 of 1000" in first and "X99999" in last and "X99999" not in first
    assert len(first) < 200_000 and took < 1.0


def test_a_conflict_shows_both_values_with_all_that_differs(steward, torn):
    shown = text(steward.get(page(torn, "conflicts/")))

    assert "a.xml:" in shown and "b.xml:" in shown and "NLSS 1996, 2004, 2011" in shown
    assert re.search(r'<tr class="desk-differs">.*?<td>66</td><td>67</td>', shown, re.S)
    assert "One observation has two values" in text(steward.get(page(torn)))


def decision(steward, draft, value: str) -> dict[str, str]:
    shown = text(steward.get(page(draft, "conflicts/")))
    import html

    key = html.unescape(re.search(r'name="key" value="([^"]*)"', shown)[1])
    keeps = [html.unescape(found) for found in re.findall(r'name="keep" required value="([^"]*)"', shown)]
    return {"key": key, "keep": next(each for each in keeps if json.loads(each)[2] == value)}


def test_a_decision_is_kept_with_name_and_reason_and_can_be_taken_back(own_room, steward, torn):
    asked = decision(steward, torn, "67")
    steward.post(page(torn, "conflicts/"), {**asked, "reason": " "})
    assert not torn.facts["decisions"]

    steward.post(page(torn, "conflicts/"), {**asked, "reason": "the survey says so"})
    (made,) = torn.facts["decisions"]
    assert (made["keep"]["value"], made["by"], made["reason"]) == ("67", "ann", "the survey says so")
    steward.post(page(torn, "conflicts/undo/"), {"key": asked["key"]})

    assert not torn.facts["decisions"] and torn.facts["undone"][0]["undone_by"] == "ann"
    verbs = set(AuditEntry.objects.filter(object=torn.id).values_list("verb", flat=True))
    assert {"decide-conflict", "undo-decision"} <= verbs


def test_the_decided_value_is_in_the_candidate(own_room, steward, torn):
    steward.post(page(torn, "conflicts/"), {**decision(steward, torn, "67"), "reason": "survey"})

    steward.post(page(torn, "validate/"))
    shown = text(steward.get(page(torn, "changes/?what=changed")))

    assert torn.facts["state"] == "validated" and ">67</td>" in shown


def test_a_conflict_that_somebody_decided_meanwhile_stays_as_they_did(own_room, steward, torn, make_person):
    asked = {**decision(steward, torn, "67"), "reason": "me"}
    other = Client()
    other.force_login(make_person("bob", "stewards"), backend="allauth.account.auth_backends.AuthenticationBackend")
    other.post(page(torn, "conflicts/"), {**decision(other, torn, "66"), "reason": "bob"})

    reply = steward.post(page(torn, "conflicts/"), asked, follow=True)

    assert "Somebody decided this meanwhile" in text(reply)
    assert [made["reason"] for made in torn.facts["decisions"]] == ["bob"]


@pytest.mark.parametrize("keep", ["", "x", "[]", '["a.xml", 1, "99"]', '["a.xml", 1]', "null", '{"a": 1}'])
def test_a_decision_for_what_no_file_states_is_refused(steward, torn, keep):
    asked = decision(steward, torn, "66")

    reply = steward.post(page(torn, "conflicts/"), {**asked, "keep": keep, "reason": "x"})

    assert reply.status_code == 302 and not torn.facts["decisions"]


def test_changes_are_shown_with_values_before_publication(own_room, published, steward):
    changed = nepal(published, value="16")
    first = '<Obs TIME_PERIOD="2004" OBS_VALUE="49.9" OBS_STATUS="A" UNIT_MULT="0" NATURE="_X"'
    assert first in changed
    send(steward, sent("c.xml", changed.replace(first, first.replace('"2004"', '"2005"'), 1)), empty="on")
    draft = only_draft(own_room)

    pages = {what: text(steward.get(page(draft, f"changes/?what={what}"))) for what in ("changed", "added", "deleted")}

    assert ">66</td>" in pages["changed"] and ">16</td>" in pages["changed"]
    assert ">49.9</td>" in pages["added"] and ">49.9</td>" in pages["deleted"]
    assert "jump against what was published" in pages["changed"] or "jumps against" in pages["changed"]
