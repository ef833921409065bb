"""The stewards' desk from an upload to a release: what it takes, whom it lets, what it says."""

from __future__ import annotations

import json
import re

import pytest
from django.core.management import call_command
from django.test import Client

from regional_hub.core.models import AuditEntry, Notice
from regional_hub.sdg.desk.inbox import Inbox, clean
from tests.sdg.pages.desk_world import DESK, nepal, only_draft, send, sent, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(make_person):
    return make_person("ann", "stewards", display_name="Ann")


@pytest.fixture
def bob(make_person):
    return make_person("bob", "stewards", display_name="Bob")


@pytest.fixture
def as_(client):
    """A client of its own for each person."""

    def sign_in(person) -> Client:
        made = Client()
        made.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        return made

    return sign_in


@pytest.fixture
def draft(own_room, published, ann, as_):
    """Ann's draft of a changed file of Nepal, validated."""
    send(as_(ann), sent("CBS_DATA.xml", nepal(published, value="67")))
    return only_draft(own_room)


def audited(verb: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(verb=verb))


def test_an_uploaded_file_becomes_a_validated_draft(own_room, published, ann, as_):
    reply = send(as_(ann), sent("CBS_DATA.xml", nepal(published)))

    assert "The files are in, and the draft was validated." in text(reply)
    made = only_draft(own_room)
    assert made.facts["state"] == "validated" and made.people == {"ann"}
    assert [(part.name, part.rows) for part in made.parts] == [("CBS_DATA.xml", 886)]
    assert audited("load-draft")[0].detail["files"] == ["CBS_DATA.xml"]


def test_a_structure_comes_along_with_the_data(empty_room, published, ann, as_):
    structure = (published / "nepal" / "CBS_DSD.xml").read_bytes()

    send(as_(ann), sent("DSD.xml", structure), sent("CBS_DATA.xml", nepal(published)))

    assert only_draft(empty_room).facts["structure"] == "CBS-SDGs:SDG(1.4)"
    assert empty_room.registry.names("structures") == ["CBS-SDGs:SDG(1.4)"]


def test_a_file_is_taken_whole_or_not_at_all_and_each_is_named(own_room, published, ann, as_):
    whole = nepal(published)
    reply = send(as_(ann), sent("good.xml", whole), sent("cut.xml", whole[:-400]), sent("odd.csv", "a,b\n1,2\n"))

    assert [part.name for part in only_draft(own_room).parts] == ["good.xml"]
    (upload,) = Inbox.of(own_room).all()
    assert [(each.name, each.taken) for each in upload.outcomes] == [
        ("good.xml", True), ("cut.xml", False), ("odd.csv", False),
    ]  # fmt: skip
    shown = text(reply)
    assert "odd.csv: not SDMX data" in shown and str(own_room.folder) not in shown


HOSTILE = {
    "../../../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "/etc/cron.d/job": "job",
    "x" * 300 + ".xml": "x" * 115 + "….xml",
    "吉尔吉斯斯坦数据.xml": "吉尔吉斯斯坦数据.xml",
    "a\u202exml.exe": "axml.exe",
    "<script>.xml": "_script_.xml",
    "..": None,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_name_of_a_file_is_only_a_word(own_room, published, ann, as_, name):
    before = {path for path in own_room.folder.parent.rglob("*") if path.is_file()}
    boundary = "b0undary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()

    as_(ann).post(
        f"{DESK}upload/",
        head + nepal(published).encode() + f"\r\n--{boundary}--\r\n".encode(),
        content_type=f"multipart/form-data; boundary={boundary}",
    )

    names = [part.name for draft in own_room.store.drafts() for part in draft.parts]
    assert names.count("CBS_DATA.xml") and HOSTILE[name] in [*names, None]
    new = {
        path.relative_to(own_room.folder)
        for path in own_room.folder.parent.rglob("*")
        if path not in before and path.is_file()
    }
    assert {path.parts[0] for path in new} <= {"drafts", "uploads"}
    assert all(re.fullmatch(r"[\w.-]+", part, re.ASCII) for path in new for part in path.parts)


@pytest.mark.parametrize("name", ["", "/", ".", "..", "\\", "\x00", " . "])
def test_a_file_without_a_name_gets_one(name):
    assert clean(name) not in ("", ".", "..") and not set(clean(name)) & set("/\\\x00")


def test_what_is_too_large_is_refused_and_nothing_is_kept(own_room, ann, as_, settings):
    small = settings.HUB.sdg.model_copy(update={"upload_mb": 1})
    settings.HUB = settings.HUB.model_copy(update={"sdg": small})

    by_length = send(as_(ann), sent("large.xml", b"<" * (3 << 20)))
    by_count = send(as_(ann), sent("large.xml", b"<" * ((1 << 20) + 1000)))

    for reply in (by_length, by_count):
        assert reply.status_code == 413 and "larger than 1 MB" in text(reply)
    assert list((own_room.folder / "uploads").iterdir()) == []


def test_files_are_never_held_in_memory(own_room, published, ann, as_, monkeypatch):
    from django.core.files.uploadhandler import MemoryFileUploadHandler

    monkeypatch.setattr(MemoryFileUploadHandler, "new_file", lambda *_args, **_more: pytest.fail("held in memory"))

    assert "validated" in text(send(as_(ann), sent("CBS_DATA.xml", nepal(published))))


def test_bombs_are_refused_with_a_message(own_room, published, ann, as_, tmp_path):
    import zipfile

    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
    lol = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{entities}]><x>&l8;</x>'
    path = tmp_path / "bomb.xlsx"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
        packed.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part,
    ):
        for _ in range(1100):
            part.write(b" " * (1 << 20))

    send(as_(ann), sent("lol.xml", lol), sent("good.xml", nepal(published)), structure="CBS-SDGs:SDG(1.4)")
    send(as_(ann), sent("bomb.xlsx", path.read_bytes()), draft=only_draft(own_room).id)
    call_command("db_worker", batch=True, interval=0, queue_name="*", verbosity=0)

    assert [part.name for part in only_draft(own_room).parts] == ["good.xml"]
    first, second = reversed(Inbox.of(own_room).all())
    outcomes = {each.name: each for each in (*first.outcomes, *second.outcomes)}
    assert not outcomes["lol.xml"].taken and not outcomes["bomb.xlsx"].taken
    assert "unpacks to 1100 MiB" in outcomes["bomb.xlsx"].why


def test_large_work_goes_on_in_the_worker_and_the_sender_is_told(own_room, published, ann, as_, monkeypatch):
    from regional_hub.sdg import actions

    monkeypatch.setattr(actions, "AT_ONCE", 1000)
    client = as_(ann)
    reply = send(client, sent("CBS_DATA.xml", nepal(published)))
    (upload,) = Inbox.of(own_room).all()
    page = f"{DESK}uploads/{upload.id}/"
    waiting = text(client.get(f"{page}?part=1"))

    call_command("db_worker", batch=True, interval=0, queue_name="*", verbosity=0)
    done = client.get(f"{page}?part=1")

    assert "hx-get" in text(reply) and "Waiting for the worker" in waiting
    assert done.headers["HX-Refresh"] == "true" and only_draft(own_room).facts["state"] == "validated"
    assert Notice.objects.get(person=ann, kind="upload-done").address == page


def test_work_that_was_cut_off_is_gone_on_with(own_room, published, ann, as_, monkeypatch):
    from regional_hub.sdg import actions
    from regional_hub.sdg.desk import work

    monkeypatch.setattr(actions, "AT_ONCE", 1000)
    client = as_(ann)
    send(client, sent("a.xml", nepal(published)), sent("b.xml", nepal(published, value="66.5")))
    (upload,) = Inbox.of(own_room).all()
    take, taken = work.take, []

    def killed(draft, path, file, *rest):
        if taken:
            raise KeyboardInterrupt
        taken.append(file.name)
        return take(draft, path, file, *rest)

    monkeypatch.setattr(work, "take", killed)
    with pytest.raises(KeyboardInterrupt):
        work.run(own_room, upload.id, actions.record)
    monkeypatch.setattr(work, "take", take)
    assert "The work was cut off" in text(client.get(f"{DESK}uploads/{upload.id}/"))

    client.post(f"{DESK}uploads/{upload.id}/again/")
    call_command("db_worker", batch=True, interval=0, queue_name="*", verbosity=0)

    assert Inbox.of(own_room).get(upload.id).step == "done"
    assert [part.name for part in only_draft(own_room).parts] == ["a.xml", "b.xml"]


def test_a_corrected_file_takes_the_place_of_the_wrong_one(own_room, published, ann, as_):
    client = as_(ann)
    send(client, sent("CBS_DATA.xml", nepal(published, error=True)))
    made = only_draft(own_room)
    assert made.facts["state"] == "draft"

    reply = send(client, sent("CBS_DATA.xml", nepal(published)), draft=made.id)

    assert "Replaced" in text(reply)
    assert [part.rows for part in made.parts] == [886] and made.facts["state"] == "validated"
    assert [each["name"] for each in made.facts["undone"]] == ["CBS_DATA.xml"]


def test_two_stewards_at_once_lose_nothing(own_room, published, ann, bob, as_, draft):
    from regional_hub.sdg import durable

    with durable.lock(draft.folder / "lock"):
        refused = as_(bob).post(f"{DESK}drafts/{draft.id}/file/", {"file": draft.parts[0].file}, follow=True)
    assert "Somebody else is changing this" in text(refused) and len(draft.parts) == 1

    send(as_(bob), sent("b.xml", nepal(published, value="68")), draft=draft.id)
    assert [(part.name, part.by) for part in draft.parts] == [("CBS_DATA.xml", "ann"), ("b.xml", "bob")]


@pytest.mark.parametrize(
    "draft",
    ["..", "../releases/kg-1", "%2e%2e%2freleases", "20260101-000000-aaaaaa", ".hidden", "a\x00b", "吉", "x" * 300],
)
def test_ids_of_drafts_lead_nowhere_else(room, ann, as_, draft):
    client = as_(ann)
    for page in ("", "report/", "row/?file=x", "conflicts/", "changes/", "embargo/", "report.csv"):
        assert client.get(f"{DESK}drafts/{draft}/{page}").status_code in (404, 301), page
    for page in ("validate/", "publish/", "discard/", "request/", "file/", "conflicts/undo/"):
        assert client.post(f"{DESK}drafts/{draft}/{page}").status_code == 404, page
    assert client.get(f"{DESK}uploads/{draft}/").status_code in (404, 301)


def test_a_second_person_publishes_what_the_first_one_asked_for(own_room, ann, bob, as_, draft, mailoutbox, client,
                                                               django_capture_on_commit_callbacks):  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        as_(ann).post(f"{DESK}drafts/{draft.id}/request/")
    page = text(as_(bob).get(f"{DESK}drafts/{draft.id}/"))
    assert "Ann asked that it is published." in page or "ann asked that it is published." in page
    assert [letter.to for letter in mailoutbox] == [["bob@example.org"]] and draft.id in mailoutbox[0].body
    assert Notice.objects.get(person=bob, kind="publication-wanted").address == f"{DESK}drafts/{draft.id}/"

    as_(bob).post(f"{DESK}drafts/{draft.id}/publish/", {"seen": draft.tag, "name": "np-2"})

    assert own_room.store.current("CBS-SDGs:SDG").id == "np-2"
    (entry,) = audited("publish-release")
    assert (entry.actor, entry.object, entry.detail["flow"]) == ("bob", "np-2", "CBS-SDGs:SDG")
    assert Notice.objects.filter(person=ann, kind="release-published").exists()


@pytest.mark.parametrize("how", [{}, {"force": "on"}, {"force": "on", "reason": "quick"}])
def test_whoever_worked_on_a_draft_does_not_publish_it(own_room, ann, as_, draft, how):
    page = text(as_(ann).get(f"{DESK}drafts/{draft.id}/"))

    reply = as_(ann).post(f"{DESK}drafts/{draft.id}/publish/", {"seen": draft.tag, **how}, follow=True)

    assert "a second person publishes it" in page and "/publish/" not in page
    assert reply.status_code == 403 if how else "A second person publishes it" in text(reply)
    assert own_room.store.current("CBS-SDGs:SDG").id == "np-1" and not audited("publish-release")


def test_an_administrator_forces_with_a_reason_that_is_logged(own_room, published, admin, as_):
    client = as_(admin)
    send(client, sent("CBS_DATA.xml", nepal(published, value="67")))
    made = only_draft(own_room)

    client.post(f"{DESK}drafts/{made.id}/publish/", {"seen": made.tag, "force": "on", "reason": " "})
    assert own_room.store.current("CBS-SDGs:SDG").id == "np-1"
    client.post(f"{DESK}drafts/{made.id}/publish/", {"seen": made.tag, "force": "on", "reason": "flood"})

    (entry,) = audited("force-release")
    assert entry.detail["reason"] == "flood" and entry.actor == "boss"
    assert own_room.store.current("CBS-SDGs:SDG").id == entry.object


def test_nobody_publishes_what_they_have_not_seen(own_room, published, ann, bob, as_, draft):
    seen = draft.tag
    send(as_(ann), sent("CBS_DATA.xml", nepal(published, value="69")), draft=draft.id)

    reply = as_(bob).post(f"{DESK}drafts/{draft.id}/publish/", {"seen": seen}, follow=True)

    assert "changed since you looked" in text(reply)
    assert own_room.store.current("CBS-SDGs:SDG").id == "np-1"


def test_rolling_back_and_discarding_need_a_reason_and_are_logged(own_room, ann, bob, as_, draft):
    as_(bob).post(f"{DESK}drafts/{draft.id}/publish/", {"seen": draft.tag, "name": "np-2"})
    client = as_(bob)
    client.post(f"{DESK}releases/np-1/rollback/", {"reason": ""})
    assert own_room.store.current("CBS-SDGs:SDG").id == "np-2"

    client.post(f"{DESK}releases/np-1/rollback/", {"reason": "wrong unit"})
    send(client, sent("x.csv", b"DATAFLOW,FREQ\n"))

    assert own_room.store.current("CBS-SDGs:SDG").manifest["rollback_of"] == "np-1"
    assert audited("roll-back-release")[0].detail["reason"] == "wrong unit"
    assert text(client.get(f"{DESK}releases/")).count("np-1") > 1


def test_a_discarded_draft_is_gone_with_its_files(own_room, ann, as_, draft):
    client = as_(ann)
    client.post(f"{DESK}drafts/{draft.id}/discard/", {"reason": " "})
    assert draft.folder.exists()

    client.post(f"{DESK}drafts/{draft.id}/discard/", {"reason": "wrong year"})

    assert not draft.folder.exists() and list((own_room.folder / "drafts").glob(f"*{draft.id}*")) == []
    assert audited("discard-draft")[0].detail["reason"] == "wrong year"
    assert client.get(f"{DESK}drafts/{draft.id}/").status_code == 404


def test_forged_requests_are_refused(own_room, published, ann):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ann, backend="allauth.account.auth_backends.AuthenticationBackend")

    reply = client.post(f"{DESK}upload/", {"files": sent("CBS_DATA.xml", nepal(published))})

    assert reply.status_code == 403
    assert list((own_room.folder / "uploads").iterdir()) == []


def test_an_embargo_is_in_the_stewards_own_zone_and_lifted_with_a_reason(own_room, ann, bob, as_, draft, client):
    bob.time_zone = "Asia/Kathmandu"
    bob.save()
    asked = {"SERIES": "SI_POV_DAY1", "until": "2050-01-01T09:00"}

    as_(bob).post(f"{DESK}drafts/{draft.id}/embargo/", asked)
    (made,) = draft.facts["embargoes"]
    shown = text(as_(bob).get(f"{DESK}drafts/{draft.id}/"))

    assert made["until"] == "2050-01-01T03:15:00.000000Z" and made["where"] == {"SERIES": ["SI_POV_DAY1"]}
    assert "09:00 +0545" in shown and "SI_POV_DAY1" in shown
    as_(bob).post(f"{DESK}drafts/{draft.id}/embargo/0/lift/", {"reason": ""})
    assert draft.facts["embargoes"]
    as_(bob).post(f"{DESK}drafts/{draft.id}/embargo/0/lift/", {"reason": "agreed"})
    assert not draft.facts["embargoes"] and audited("lift-draft-embargo")[0].detail["reason"] == "agreed"


def test_published_series_are_hidden_and_seen_again(own_room, ann, as_):
    client = as_(ann)
    asked = {"SERIES": "SI_POV_DAY1", "until": "2050-01-01T09:00", "reason": "wrong"}

    client.post(f"{DESK}embargoes/?flow=CBS-SDGs:SDG", asked)
    (made,) = own_room.store.timeline("CBS-SDGs:SDG").embargoes
    client.post(f"{DESK}embargoes/{made.id}/lift/", {"reason": "corrected"})

    (lifted,) = own_room.store.timeline("CBS-SDGs:SDG").embargoes
    assert made.lifted is None and lifted.lifted_by == "ann"
    assert audited("lift-embargo")[0].detail["reason"] == "corrected"


@pytest.mark.parametrize("group", ["researchers", "staff", "reviewers", None])
def test_the_desk_is_for_stewards(room, make_person, as_, group):
    other = make_person("carl", *([group] if group else []))

    for page in ("", "upload/", "releases/", "embargoes/", "metadata/"):
        assert as_(other).get(f"{DESK}{page}").status_code == 403
    assert as_(other).post(f"{DESK}upload/").status_code == 403


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_is_there_in_both_languages(own_room, ann, as_, draft, language):
    client = as_(ann)
    client.cookies["hub_language"] = language
    pages = ["", "upload/", "releases/", "embargoes/", "metadata/"]
    pages += [f"drafts/{draft.id}/{part}" for part in ("", "report/", "conflicts/", "changes/", "embargo/")]

    shown = [text(client.get(f"{DESK}{page}")) for page in pages]

    assert all(('lang="zh-hans"' if language != "en" else 'lang="en"') in page for page in shown)
    assert all("数据管理" in page or language == "en" for page in shown)


def test_every_recorded_verb_of_the_desk_has_a_word():
    from pathlib import Path

    import regional_hub
    from regional_hub.core.templatetags.hub import VERBS

    package = Path(regional_hub.__path__[0]) / "sdg"
    sources = "".join((package / name).read_text() for name in ("actions.py", "store.py", "desk/work.py"))
    recorded = re.findall(r'(?:audit\.record|_log|\blog)\(\s*[\w.]+,\s*"([\w-]+)"', sources)
    recorded += re.findall(r'"([a-z]+(?:-[a-z]+)*-release)"', sources)

    assert len(set(recorded)) > 14
    assert set(recorded) <= set(VERBS)


def test_json_of_the_audit_log_holds_no_content_of_files(own_room, draft):
    assert "NLSS" not in json.dumps([entry.detail for entry in AuditEntry.objects.all()])


def test_the_kyrgyz_files_go_through_the_pages_as_through_the_command(empty_room, published, ann, bob, as_):
    kyrgyz = published / "kyrgyzstan"
    files = [sent(path.name, path.read_bytes()) for path in sorted((kyrgyz / "data").glob("*.xml"))]
    client = as_(ann)
    send(client, sent("dsd.xml", (kyrgyz / "SDG_DSD.KG_1.8.xml").read_bytes()), *files, empty="on")
    call_command("db_worker", batch=True, interval=0, queue_name="*", verbosity=0)
    made = only_draft(empty_room)
    page = f"{DESK}drafts/{made.id}/"

    report = json.loads(text(client.get(f"{page}report.json")))
    shown = text(client.get(f"{page}conflicts/"))

    counts = ("files", "observations", "unique_keys", "duplicate_keys", "conflicting_keys")
    assert [report[name] for name in counts] == [195, 26_523, 25_349, 1_174, 2]
    assert shown.count('class="card mb-3"') == 2 and "VC_DSR_MORT" in shown
