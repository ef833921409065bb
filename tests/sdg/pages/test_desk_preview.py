"""A draft as the public will see it: whom it is shown to, and that nobody else learns of it."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests.sdg.pages.desk_world import DESK, nepal, only_draft, send, sent, text

pytestmark = pytest.mark.django_db
FLOW = "CBS-SDGs:SDG"


def signed(person) -> Client:
    made = Client()
    made.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return made


@pytest.fixture
def steward(make_person):
    return signed(make_person("ann", "stewards"))


@pytest.fixture
def draft(own_room, published, steward):
    """A draft with the value 7654321 that no release has."""
    send(steward, sent("CBS_DATA.xml", nepal(published, value="7654321")))
    return only_draft(own_room)


SAMPLES = {
    "goal": "1", "indicator": "1.1.1", "series": "SI_POV_DAY1", "area": "NP", "release": "np-1",
    "draft": "20260101-000000-aaaaaa", "format": "csv", "number": "1", "kind": "png",
}  # fmt: skip


def patterns(entries, prefix=""):
    """Every address of the site as it is written in the code, whoever made its view."""
    for entry in entries:
        if isinstance(entry, URLResolver):
            yield from patterns(entry.url_patterns, prefix + str(entry.pattern))
        elif isinstance(entry, URLPattern):
            yield prefix + str(entry.pattern)


def addresses() -> list[str]:
    """Every address of the database's pages, with something in each place."""
    found = [each for each in patterns(get_resolver().url_patterns) if each.startswith("sdg/")]
    return ["/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda hole: SAMPLES.get(hole[1], "x"), each) for each in found]


@pytest.mark.parametrize("who", [None, "researchers", "staff"])
def test_nobody_else_sees_a_draft_at_any_address(draft, make_person, who):
    client = signed(make_person("eve", who)) if who else Client()
    there = f"draft:{draft.id}"
    asked = [{"draft": draft.id}, {"release": there}, {"draft": draft.id, "flow": FLOW}, {"draft": "x"}]
    asked += [{"release": ["np-1", there]}, {"release": "draft:"}]
    tried = 0
    for address in addresses():
        for query in asked:
            for method in (client.get, client.head):
                reply = method(address, query)
                assert reply.status_code == 404, (address, query)
                assert b"7654321" not in reply.content and b"Preview of a draft" not in reply.content
                tried += 1
        reply = client.post(f"{address}?draft={draft.id}")
        assert reply.status_code == 404, address
    assert tried > 500


def test_a_draft_in_the_path_is_not_there_for_anybody(draft, steward):
    for client in (Client(), steward):
        for path in (f"/sdg/changes/draft:{draft.id}/", f"/sdg/changes/{draft.id}/"):
            assert client.get(path).status_code == 404


def test_the_services_for_machines_know_of_no_draft(draft):
    from regional_hub.sdg.explorer.book import NotHere, open_book

    with pytest.raises(NotHere):
        open_book(only_room(draft), "en", FLOW, f"draft:{draft.id}")


def only_room(draft):
    from regional_hub.sdg.loading import Room

    return Room(draft.folder.parent.parent)


def test_the_short_address_leads_to_the_long_one(steward, draft):
    reply = steward.get("/sdg/", {"draft": draft.id, "flow": FLOW})

    assert reply.status_code == 302
    assert f"release=draft:{draft.id}" in reply.headers["Location"] and "draft=" not in reply.headers["Location"]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_steward_sees_the_draft_marked_and_nowhere_kept(steward, draft, language):
    steward.cookies["hub_language"] = language
    reply = steward.get(f"/sdg/?flow={FLOW}&release=draft:{draft.id}")

    shown = text(reply)
    assert reply.status_code == 200
    assert {"en": "Preview of a draft.", "zh-hans": "草稿预览"}[language] in shown
    assert reply.headers["Cache-Control"] == "private, no-store" and "ETag" not in reply.headers
    assert reply.headers["X-Robots-Tag"] == "noindex, nofollow" and 'name="robots" content="noindex' in shown
    assert f"/sdg/desk/drafts/{draft.id}/" in shown


def test_links_of_a_preview_stay_in_the_draft(steward, draft):
    shown = text(steward.get(f"/sdg/?flow={FLOW}&release=draft:{draft.id}"))

    goals = re.findall(r'href="(/sdg/goal/[^"]*)"', shown)
    assert goals and all(f"release=draft:{draft.id}" in each for each in goals)


def test_the_preview_has_the_drafts_figures_and_the_public_those_of_before(steward, draft):
    from regional_hub.sdg.desk.preview import open_preview
    from regional_hub.sdg.explorer.book import open_book

    room = only_room(draft)
    books = open_preview(room, draft.id, "en"), open_book(room, "en", FLOW)
    values = []
    for book in books:
        selection = book.selection(book.key(SERIES="SI_POV_DAY1", REF_AREA="NP"))
        values.append({row["OBS_VALUE"] for batch in book.run(selection).batches for row in batch.to_pylist()})

    assert "7654321" in values[0] and "66" not in values[0]
    assert "66" in values[1] and "7654321" not in values[1]


def test_an_embargo_of_the_draft_holds_in_its_preview(steward, draft):
    from regional_hub.sdg.desk.preview import open_preview

    draft.embargo({"SERIES": ["SI_POV_DAY1"]}, "2050-01-01T00:00:00Z", by="ann")
    book = open_preview(only_room(draft), draft.id, "en")

    selection = book.selection(book.key(SERIES="SI_POV_DAY1", REF_AREA="NP"))
    values = {row["OBS_VALUE"] for batch in book.run(selection).batches for row in batch.to_pylist()}

    assert "7654321" not in values and "66" in values


def test_a_preview_after_a_change_is_not_there_until_validated(steward, draft, published):
    steward.post(f"{DESK}drafts/{draft.id}/file/", {"file": draft.parts[0].file})

    assert steward.get(f"/sdg/?release=draft:{draft.id}").status_code == 404
    page = text(steward.get(f"{DESK}drafts/{draft.id}/"))
    assert "release=draft:" not in page


def test_previewing_leaves_nothing_for_the_public(steward, draft, client):
    def seen() -> list[str]:
        shown = [text(client.get(name)) for name in ("/sdg/", f"/sdg/?flow={FLOW}")]
        return [re.sub(r'csrfmiddlewaretoken" value="\w+"', "", page) for page in shown]

    before = seen()
    for address in (
        f"/sdg/?flow={FLOW}&release=draft:{draft.id}",
        f"/sdg/series/SI_POV_DAY1/?flow={FLOW}&release=draft:{draft.id}",
    ):
        steward.get(address)

    assert seen() == before
    assert not (draft.folder.parent.parent / "points").joinpath(f"draft:{draft.id}.arrow").exists()


def test_every_page_that_a_steward_previews_leaves_the_public_one_as_it_was(steward, draft, client):
    shown = 0
    for address in addresses():
        if address.startswith(DESK) or "/subscriptions/" in address:
            continue
        asked = {"flow": FLOW, "q": "poverty", "series": "SI_POV_DAY1", "area": "NP"}
        for fewer in (asked, {"flow": FLOW}):  # some pages refuse what they do not know
            preview = steward.get(address, {**fewer, "release": f"draft:{draft.id}"})
            public = client.get(address, fewer)
            for reply in (preview, public):
                assert reply.status_code < 500, address
            said = preview.headers["Cache-Control"], preview.headers.get("ETag")
            assert said == ("private, no-store", None), address
            if preview.status_code == 200 and not preview.streaming and b"7654321" in preview.content:
                shown += 1
            if not public.streaming:
                assert b"7654321" not in public.content and draft.id.encode() not in public.content, address
    assert shown > 2
