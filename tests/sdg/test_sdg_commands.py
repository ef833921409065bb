"""`./hub sdg …`: from files to a release by two people, with every refusal saying what to do."""

from __future__ import annotations

import csv
import io
import json
import sys
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from regional_hub.sdg import commands, release_commands
from regional_hub.sdg.commands import sdg
from regional_hub.sdg.loading import Room, structure_of, take
from regional_hub.sdg.validate import Report
from tests.sdg import structures
from tests.sdg.structures import write

HEAD = "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,SERIES,REF_AREA,SEX,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE,COMMENT_OBS\n"


def line(area="XA", year=2020, value="5", note="") -> str:
    return f"datastructure,XX:SDG(1.0),I,A,SL_TLF_UEM,{area},_T,{year},{value},PT,{note}\n"


@pytest.mark.django_db
def test_what_changes_a_release_is_in_the_audit_log():
    from regional_hub.core.models import AuditEntry

    release_commands._log("bob", "publish-release", "2026.1", {"flow": "XX:SDG"})

    entry = AuditEntry.objects.get(verb="publish-release")
    assert (entry.actor, entry.object, entry.detail) == ("bob", "2026.1", {"flow": "XX:SDG"})


@pytest.fixture
def audit(monkeypatch):
    """What would have been written to the audit log."""
    entries: list[tuple[str, str, str]] = []
    monkeypatch.setattr(
        release_commands, "_log", lambda actor, verb, object, _detail: entries.append((actor, verb, object))
    )
    return entries


@pytest.fixture
def hub(tmp_path, audit, monkeypatch):
    """Runs `./hub sdg …` on a data folder of its own; gives the exit code and the facts."""
    monkeypatch.setenv("HUB_DATA", str(tmp_path / "var"))
    (tmp_path / "dsd.xml").write_bytes(structures.message())

    def run(*arguments: object) -> tuple[int, dict]:
        done = CliRunner().invoke(sdg, [*map(str, arguments), "--json"], catch_exceptions=False)
        return done.exit_code, json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture
def files(tmp_path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder, HEAD + line() + line(year=2021), "a.csv")
    write(folder, HEAD + line("XB", value="7"), "b.csv")
    (folder / "readme.md").write_text("not data")
    return folder


def loaded(hub, files, tmp_path, *more) -> dict:
    _, facts = hub("load", files, "--structure", tmp_path / "dsd.xml", "--by", "ann", *more)
    return facts


def test_a_folder_is_all_its_files_and_becomes_a_release_by_two_people(hub, files, tmp_path, audit):
    facts = loaded(hub, files, tmp_path)
    assert (facts["files"], facts["observations"], facts["unique_keys"], facts["state"]) == (2, 3, 3, "validated")

    code, refused = hub("publish", facts["draft"], "--by", "ann")
    assert code == 1
    assert "a second person publishes it" in refused["error"]

    code, published = hub("publish", facts["draft"], "--by", "bob", "--name", "2026.1")
    assert (code, published["release"], published["counts"]["observations"]) == (0, "2026.1", 3)
    assert audit == [("bob", "publish-release", "2026.1")]

    _, listed = hub("releases")
    assert [entry["release"] for entry in listed["releases"]] == ["2026.1"]
    assert listed["drafts"] == []


def test_one_person_alone_publishes_by_force_and_is_logged(hub, files, tmp_path, audit):
    draft = loaded(hub, files, tmp_path)["draft"]

    assert "needs a reason" in hub("publish", draft, "--by", "ann", "--force")[1]["error"]
    assert audit == []
    assert hub("publish", draft, "--by", "ann", "--force", "--reason", "alone today")[0] == 0
    assert [entry[1] for entry in audit] == ["force-release"]


def test_a_conflict_stops_the_release_until_it_is_decided(hub, files, tmp_path):
    write(files, HEAD + line(value="6"), "c.csv")
    facts = loaded(hub, files, tmp_path)
    key = "A.SL_TLF_UEM.XA._T.2020"
    assert (facts["state"], facts["conflicting_keys"]) == ("draft", 1)
    (conflict,) = facts["conflicts"]
    assert [(s["value"], s["file"], s["line"]) for s in conflict["statements"]] == [
        ("5", "a.csv", 2),
        ("6", "c.csv", 2),
    ]

    assert "not validated" in hub("publish", facts["draft"], "--by", "bob")[1]["error"]
    assert (
        "--keep must be one of 5, 6" in hub("decide", facts["draft"], key, "--keep", "9", "--reason", "x")[1]["error"]
    )
    assert "needs a reason" in hub("decide", facts["draft"], key, "--keep", "6")[1]["error"]
    assert hub("decide", facts["draft"], key, "--keep", "6", "--reason", "newer survey", "--by", "eve")[1]["open"] == 0

    assert hub("validate", facts["draft"])[1]["state"] == "validated"
    assert "second person" in hub("publish", facts["draft"], "--by", "eve")[1]["error"]
    assert hub("publish", facts["draft"], "--by", "bob", "--name", "r1")[0] == 0


def test_a_second_load_follows_the_structure_that_its_file_names_and_is_compared(hub, files, tmp_path):
    hub("publish", loaded(hub, files, tmp_path)["draft"], "--by", "bob", "--name", "r1")
    changed = write(tmp_path, HEAD + line(value="50"), "new.csv")

    _, facts = hub("load", changed, "--by", "ann")
    assert (facts["structure"], facts["rules"]) == ("XX:SDG(1.0)", {"jump": 1})
    hub("publish", facts["draft"], "--by", "bob", "--name", "r2")

    _, difference = hub("diff", "r1", "r2")
    assert difference["counts"] == {"added": 0, "changed": 1, "deleted": 0}
    assert (difference["examples"][0]["old:OBS_VALUE"], difference["examples"][0]["OBS_VALUE"]) == ("5", "50")

    _, back = hub("rollback", "r1", "--reason", "wrong unit", "--by", "bob")
    assert back["rollback_of"] == "r1"
    assert hub("diff", "r1", back["release"])[1]["counts"] == {"added": 0, "changed": 0, "deleted": 0}


def test_files_that_are_everything_make_the_rest_vanish(hub, files, tmp_path):
    hub("publish", loaded(hub, files, tmp_path)["draft"], "--by", "bob", "--name", "r1")

    _, facts = hub("load", files / "a.csv", "--replace-all", "--by", "ann")

    assert facts["rules"] == {"vanished": 1}
    assert facts["findings"][0]["key"] == "A.SL_TLF_UEM.XB._T"


def test_a_file_that_cannot_be_read_leaves_the_others_in_the_draft(hub, files, tmp_path):
    write(files, HEAD + line("XB", 2021) + "datastructure,XX", "cut.csv")

    code, facts = hub("load", files, "--structure", tmp_path / "dsd.xml")

    assert code == 1
    assert "1 of 3 files could not be taken in" in facts["error"]
    assert (facts["observations"], facts["state"], facts["blocking"]) == (3, "draft", True)
    assert [(f["rule"], f["file"], f["line"]) for f in facts["findings"]] == [("file", "cut.csv", 3)]


def test_when_nothing_can_be_read_no_draft_is_left(hub, tmp_path):
    code, facts = hub("load", write(tmp_path, HEAD + "x", "x.csv"), "--structure", tmp_path / "dsd.xml")

    assert (code, facts["draft"], facts["observations"]) == (1, None, 0)
    assert hub("releases")[1]["drafts"] == []


def test_checking_keeps_nothing(hub, files, tmp_path):
    facts = loaded(hub, files, tmp_path, "--check")

    assert (facts["draft"], facts["observations"]) == (None, 3)
    assert hub("releases")[1] == {"releases": [], "drafts": []}
    assert hub("structure")[1]["structures"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["load", "{files}/a.csv"],
            "follows XX:SDG(1.0): no data structure XX:SDG(1.0) is known; there are: none; import",
        ),
        (["load", "{files}/a.csv", "--structure", "YY:SDG(1.0)"], "no data structure YY:SDG(1.0) is known"),
        (["load", "{files}/a.csv", "--structure", "SDG"], "'SDG' is not a reference like AGENCY:ID(1.0)"),
        (["load", "{files}/none"], "nothing is there"),
        (["load", "{files}/empty"], "no data files in this folder"),
        (["publish", "nope"], "no draft 'nope'"),
        (["diff", "a", "b"], "no release 'a'"),
        (["decide", "../../etc"], "no draft '../../etc'"),
    ],
)
def test_refusals_say_what_to_do(hub, files, arguments, said):
    (files / "empty").mkdir()

    code, facts = hub(*(part.format(files=files) for part in arguments))

    assert code == 1
    assert said in facts["error"]


def test_structures_are_imported_and_listed(hub, tmp_path):
    assert "XX:SDG(1.0)" in hub("structure", tmp_path / "dsd.xml")[1]["changed"]
    assert hub("structure", tmp_path / "dsd.xml")[1]["changed"] == []
    assert hub("structure")[1]["structures"] == ["XX:SDG(1.0)"]


def test_the_report_is_a_table_that_no_spreadsheet_runs(hub, files, tmp_path):
    write(files, HEAD + line(year=2019).replace("SL_TLF_UEM", "=cmd|' /C calc'!A0"), "evil.csv")

    loaded(hub, files, tmp_path, "--report", tmp_path / "report.csv")

    with (tmp_path / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["rule"], row["file"], row["line"], row["column"]) == ("code", "evil.csv", "2", "SERIES")
    assert row["value"] == "'=cmd|' /C calc'!A0"


def test_series_are_held_back_until_a_moment(hub, files, tmp_path):
    draft = loaded(hub, files, tmp_path)["draft"]

    _, facts = hub("embargo", draft, "2030-01-01T09:00", "--where", "SERIES=SL_TLF_UEM+SI_POV_DAY1")

    assert facts["where"] == {"SERIES": ["SL_TLF_UEM", "SI_POV_DAY1"]}
    assert facts["until"].startswith("2030-01-01T09:00")
    assert "write it as DIMENSION=CODE" in hub("embargo", draft, "2030-01-01", "--where", "SERIES")[1]["error"]


def test_two_loads_at_once_lose_nothing(hub, files, tmp_path):
    draft = loaded(hub, files, tmp_path)["draft"]
    room = Room(tmp_path / "var" / "sdg")
    made = room.registry.structure("XX:SDG(1.0)")
    paths = [write(tmp_path, HEAD + line("417", year), f"{year}.csv") for year in range(2000, 2012)]
    rows: list[int] = []

    def load(path: Path) -> None:
        rows.append(take(room.store.draft(draft), path, path.name, made, by="ann", report=Report(room.policy)))

    threads = [threading.Thread(target=load, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert rows == [1] * 12
    assert len(room.store.draft(draft).parts) == 14
    assert hub("validate", draft)[1]["observations"] == 15


def test_the_same_file_twice_is_refused_by_its_content(hub, files, tmp_path):
    draft = loaded(hub, files, tmp_path)["draft"]

    code, facts = hub("load", files / "a.csv", "--draft", draft)

    assert code == 1
    assert "holds this file already" in facts["findings"][0]["message"]


def test_text_for_people_comes_in_their_language(hub, files, tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")

    done = CliRunner().invoke(sdg, ["load", str(files), "--structure", str(tmp_path / "dsd.xml")])

    assert "2 个文件，3 个观测值：唯一键 3，重复 0，冲突 0" in done.stdout
    assert "草稿" in done.stdout


def said(*arguments: object) -> str:
    return CliRunner().invoke(sdg, [*map(str, arguments)], catch_exceptions=False).stdout


def test_a_difference_is_told_by_what_changed(hub, files, tmp_path, monkeypatch):
    hub("publish", loaded(hub, files, tmp_path)["draft"], "--by", "bob", "--name", "r1")
    rows = line(value="50") + line(year=2021, note="Second revision") + line("XB", year=2022)
    _, facts = hub("load", write(tmp_path, HEAD + rows, "new.csv"), "--by", "ann")
    hub("publish", facts["draft"], "--by", "bob", "--name", "r2")

    text = said("diff", "r1", "r2")

    assert "~ A.SL_TLF_UEM.XA._T.2020  OBS_VALUE 5 → 50\n" in text
    assert "+ A.SL_TLF_UEM.XB._T.2022  OBS_VALUE 5\n" in text
    assert "~ A.SL_TLF_UEM.XA._T.2021  COMMENT_OBS — → Second revision\n" in text
    assert "1 added, 2 changed (1 in their value), 0 deleted" in text
    assert hub("diff", "r1", "r2")[1]["changed_values"] == 1
    assert "- A.SL_TLF_UEM.XB._T.2022  OBS_VALUE 5\n" in said("diff", "r2", "r1")
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert "新增 1，变更 2（其中数值变更 1），删除 0" in said("diff", "r1", "r2")


def test_long_texts_are_shown_from_where_they_part():
    shown = release_commands._pair("United Nations Inter-agency Group for Child Mortality, 2018.", "x" * 80)
    parting = release_commands._pair("A" * 70 + " 2018.", "A" * 70 + " 2019.")

    assert shown.startswith("United Nations")
    assert parting == f"…{'A' * 16} 201" + "8. → …" + "A" * 16 + " 2019."


@pytest.mark.parametrize(
    ("rows", "chinese", "told"),
    [
        (line(), False, "somebody else publishes it: ./hub sdg publish 2"),
        (line(area="XC"), False, "its errors stand in the way"),
        (line() + line(value="7"), False, "say which values hold: ./hub sdg decide 2"),
        (line(), True, "由另一人发布： ./hub sdg publish 2"),
        (line(area="XC"), True, "存在错误，不能发布"),
    ],
)
def test_a_load_ends_with_what_to_do(hub, tmp_path, monkeypatch, rows, chinese, told):
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8" if chinese else "C.UTF-8")

    text = said("load", write(tmp_path, HEAD + rows), "--structure", tmp_path / "dsd.xml")

    assert told in text.splitlines()[-1]


def test_errors_come_first_and_every_finding_has_its_line(hub, tmp_path):
    rows = "".join(line(year=2000 + n) for n in range(7)) * 2 + line(area="XC")

    text = said("load", write(tmp_path, HEAD + rows), "--structure", tmp_path / "dsd.xml", "--check")

    assert text.index("error: code: 1") < text.index("warning: duplicate: 7")
    assert "    data.csv:9: the same observation stands in data.csv, line 2\n" in text
    assert "    … 2; all of them: --report FILE.csv\n" in text
    assert text.startswith("15 observations in 1 file: ")


@pytest.mark.parametrize(
    ("name", "start", "told"),
    [
        ("big.csv", "", "empty"),
        ("big.csv", HEAD, "a line of over 1048576 characters"),
        ("big.xml", "<?xml version='1.0'?>", "not well-formed"),
        ("big.json", '{"data": {"dataSets": [', "512 MiB"),
    ],
)
def test_two_gibibytes_of_nothing_are_refused_at_once(hub, tmp_path, name, start, told):
    with (tmp_path / name).open("wb") as file:
        file.write(start.encode())
        file.truncate(2 << 30)

    began = time.monotonic()
    code, facts = hub("load", tmp_path / name, "--structure", tmp_path / "dsd.xml", "--check")

    assert (code, facts["observations"]) == (1, 0)
    assert told in facts["findings"][0]["message"]
    assert time.monotonic() - began < 30


def test_the_structure_is_that_of_the_first_file_that_names_one(hub, files, tmp_path):
    hub("structure", tmp_path / "dsd.xml")
    write(files, '{"is": "no data"}', "a-description.json")

    code, facts = hub("load", files)

    assert (code, facts["structure"], facts["observations"]) == (1, "XX:SDG(1.0)", 3)
    assert "name the data files instead of the folder" in facts["error"]
    (files / "a.csv").unlink(), (files / "b.csv").unlink()
    assert "a-description.json: not an SDMX-JSON data message" in hub("load", files)[1]["error"]
    write(files, "{}", "b.json")
    assert "none of the 2 files says which structure it follows" in hub("load", files)[1]["error"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_far_it_is_within_a_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())

    with commands._progress(2) as bar:
        bar.reading("large.csv", 100_000)
        bar.reading("large.csv", 200_000)
        bar.done("large.csv", 250_000)

    shown = terminal.getvalue()
    assert shown.index("0%") < shown.index("large.csv: 100,000") < shown.index("large.csv: 200,000")
    assert shown.index("large.csv: 200,000") < shown.index("50%") < shown.index("large.csv: 250,000")


def test_reading_tells_how_many_observations_there_are_so_far(hub, files, tmp_path):
    room, told = Room(tmp_path / "progress"), []
    made, _ = structure_of(room.registry, str(tmp_path / "dsd.xml"), files)

    rows = take(
        room.store.start(made, by="ann"),
        files / "a.csv",
        "a.csv",
        made,
        by="ann",
        report=Report(room.policy),
        progress=lambda name, count: told.append((name, count)),
    )

    assert (rows, told[-1]) == (2, ("a.csv", 2))
