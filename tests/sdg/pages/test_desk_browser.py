"""The stewards' desk in Chromium: two people bring a file with an error to a release that visitors read."""

from __future__ import annotations

import re

import pytest

from regional_hub.sdg import reports, structure
from regional_hub.sdg.desk.inbox import Inbox
from tests.core.site import PASSWORD
from tests.sdg.pages.desk_world import nepal, only_draft, send, sent

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def visitors(chromium, live_server):
    """Makes a page for a person (or for nobody); what the content security policy blocks fails the test."""
    faults: list[str] = []
    contexts = []

    def visit(name: str = "", width: int = 1280):
        context = chromium.new_context(
            base_url=live_server.url, viewport={"width": width, "height": 800}, locale="en-GB"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        if name:
            page.goto("/accounts/login/")
            page.get_by_label("User name or e-mail address").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.locator("main").get_by_role("button", name="Sign in", exact=True).click()
            page.get_by_role("heading", name=f"Welcome, {name}").wait_for()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert faults == []


def fits(page) -> bool:
    """Nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def upload(page, path) -> None:
    page.locator("#id_files").set_input_files(path)
    page.get_by_role("button", name="Upload and validate").click()
    page.get_by_text("The files are in, and the draft was validated.").wait_for()


def test_a_file_with_an_error_is_corrected_previewed_and_published(
    visitors, make_person, own_room, published, tmp_path
):
    make_person("ann", "stewards")
    make_person("bob", "stewards")
    path = tmp_path / "CBS_DATA.xml"
    ann, bob, visitor = visitors("ann", 360), visitors("bob"), visitors()

    path.write_text(nepal(published, value="65.4", error=True), encoding="utf-8")
    ann.goto("/sdg/desk/")
    ann.get_by_role("link", name="Upload files").first.click()
    upload(ann, path)
    ann.get_by_role("link", name="Read the report").click()
    ann.get_by_label("Severity").select_option("error")
    ann.get_by_role("button", name="Show").click()
    ann.get_by_text("is not a code of SERIES").first.wait_for()
    assert fits(ann)
    ann.get_by_role("link", name=re.compile(r"CBS_DATA\.xml:\d+")).first.click()
    assert "SI_POV_DAY9" in ann.locator("tr.desk-here td.desk-mark").inner_text()
    assert 'TIME_PERIOD="1996"' in ann.locator(".desk-raw tr.desk-here").inner_text()
    assert fits(ann)

    path.write_text(nepal(published, value="65.4"), encoding="utf-8")
    ann.get_by_role("link", name="Draft of CBS-SDGs:SDG").click()
    ann.get_by_role("link", name="Add files").click()
    upload(ann, path)
    ann.get_by_role("link", name="Open the draft").click()
    assert ann.get_by_text("a second person publishes it").is_visible()
    ann.get_by_role("button", name="Ask for publication").click()
    ann.get_by_text("1 person is asked to publish.").wait_for()
    draft = only_draft(own_room)

    assert visitor.goto(f"/sdg/?release=draft:{draft.id}").status == 404
    bob.goto("/")
    bob.get_by_text("asks you to look at a draft of CBS-SDGs:SDG").first.wait_for()
    bob.goto(f"/sdg/desk/drafts/{draft.id}/")
    bob.get_by_role("link", name="Look at the changes").click()
    bob.get_by_role("cell", name="65.4").wait_for()
    bob.go_back()
    bob.get_by_role("link", name="Preview", exact=True).click()
    bob.get_by_text("Preview of a draft.").wait_for()
    bob.get_by_role("link", name="Back to the draft").click()
    bob.get_by_label("Name of the release").fill("np-2")
    bob.get_by_role("button", name="Publish").click()
    bob.get_by_text("Release np-2 is public.").wait_for()

    visitor.goto("/sdg/?flow=CBS-SDGs:SDG")
    assert "np-2" in visitor.locator("main").inner_text()
    visitor.goto("/sdg/series/SI_POV_DAY1/?flow=CBS-SDGs:SDG&chart=table")
    assert "65.4" in visitor.locator("main").inner_text()


def test_files_are_dropped_and_their_size_is_said_before_they_are_sent(visitors, make_person, own_room, settings):
    small = settings.HUB.sdg.model_copy(update={"upload_mb": 1})
    settings.HUB = settings.HUB.model_copy(update={"sdg": small})
    make_person("ann", "stewards")
    page = visitors("ann", 360)
    page.goto("/sdg/desk/upload/")
    drop = """(size) => {
        const all = new DataTransfer();
        all.items.add(new File([new Uint8Array(size)], `f${size}.csv`));
        document.querySelector("[data-drop]").dispatchEvent(new DragEvent("drop", {dataTransfer: all, bubbles: true}));
    }"""

    page.evaluate(drop, 1000)
    send = page.get_by_role("button", name="Upload and validate")
    assert page.locator("[data-files] li").all_inner_texts() == ["f1000.csv · 0 MB"] and send.is_enabled()
    page.evaluate(drop, 2_000_000)

    assert page.locator("[data-files] li").count() == 2 and not send.is_enabled()
    assert page.get_by_text("Together these files are larger than 1 MB.").is_visible() and fits(page)


def test_the_page_of_a_long_upload_follows_it_and_may_be_closed(
    visitors, make_person, own_room, published, tmp_path, monkeypatch
):
    from django.core.management import call_command

    from regional_hub.sdg import actions

    monkeypatch.setattr(actions, "AT_ONCE", 0)
    make_person("ann", "stewards")
    path = tmp_path / "CBS_DATA.xml"
    path.write_text(nepal(published), encoding="utf-8")
    page = visitors("ann")
    page.goto("/sdg/desk/upload/")
    page.locator("#id_files").set_input_files(path)
    page.get_by_role("button", name="Upload and validate").click()
    page.get_by_text("Waiting for the worker.").wait_for()
    address = page.url
    page.goto("/sdg/desk/")
    page.goto(address)

    call_command("db_worker", batch=True, interval=0, queue_name="*", verbosity=0)

    page.get_by_text("The files are in, and the draft was validated.").wait_for()
    assert Inbox.of(own_room).all()[0].step == "done"


@pytest.mark.parametrize("width", [360, 1280])
def test_the_desk_is_accessible(chromium, live_server, make_person, own_room, published, client, width):
    """WCAG 2.2 AA, by axe, on every page of a draft with findings, a conflict and an embargo."""
    from axe_playwright_python.sync_playwright import Axe

    own_room.registry.add(structure.read(published / "msd" / "SDG_MSD_1.0.xml"))
    ann = make_person("ann", "stewards")
    client.force_login(ann, backend="allauth.account.auth_backends.AuthenticationBackend")
    send(client, sent("a.xml", nepal(published)), sent("b.xml", nepal(published, value="67", error=True)))
    send(client, sent("c.xml", nepal(published, value="68")), draft=only_draft(own_room).id)
    draft = only_draft(own_room)
    draft.embargo({"SERIES": ["SI_POV_DAY1"]}, "2050-01-01T00:00:00Z", by="ann")
    finding = (
        f"row/?file=b.xml&line={next(row.line for row in reports.kept(draft.folder).page({'rule': 'code'}, 0, 1))}"
    )
    pages = ["", "upload/", "releases/", "embargoes/", "metadata/", "metadata/edit/"]
    pages += [f"drafts/{draft.id}/{part}" for part in ("", "report/", finding, "conflicts/", "changes/", "embargo/")]
    scheme = "dark" if width < 1000 else "light"
    screen = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    context = chromium.new_context(base_url=live_server.url, bypass_csp=True, **screen)
    cookie = client.cookies["portal_session"].value
    context.add_cookies([{"name": "portal_session", "value": cookie, "url": live_server.url}])
    page = context.new_page()
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

    found = {}
    for address in pages:
        page.goto(f"/sdg/desk/{address}")
        assert fits(page), address
        violations = Axe().run(page, options=options).response["violations"]
        if violations:
            found[address] = [(each["id"], each["nodes"][0]["html"][:200]) for each in violations]
    context.close()

    assert found == {}
