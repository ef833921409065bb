"""Review in Chromium, on a phone and a desktop, in both languages: readable, and held to WCAG 2.2 AA by axe."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client

from regional_hub.showcase.actions import comments
from regional_hub.showcase.models import Check, Publication
from tests.showcase.reviewing import pass_checks, submit

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def visit(chromium, live_server):
    """Makes a page for a person; what the content security policy blocks fails the test."""
    faults, contexts = [], []

    def open_as(person, language="en", width=1280):
        client = Client()
        client.force_login(person, backend=BACKEND)
        context = chromium.new_context(base_url=live_server.url, viewport={"width": width, "height": 800})
        given = {"portal_session": client.cookies["portal_session"].value, "hub_language": language}
        context.add_cookies([{"name": key, "value": value, "url": live_server.url} for key, value in given.items()])
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if "Content Security" in said.text else None)
        return page

    yield open_as
    for context in contexts:
        context.close()
    assert faults == []


def fits(page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.fixture
def people(alice, admin, make_person):
    return {"author": alice, "admin": admin, **{name: make_person(name, "reviewers") for name in ("rita", "sam")}}


@pytest.fixture
def revision(people):
    found = submit(people["author"])
    long = "v" * 150
    facts = [{"where": "c2 output", "text": f"other numbers: {long}", "text_zh": f"数字不同：{long}"}]
    pass_checks(found)
    found.checks.filter(name="same").update(outcome=Check.Outcome.WARNED, found=facts)
    comments.comment(people["rita"], found, "Which year is this?", "c2", of_review=True)
    return found


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("width", [360, 1280])
def test_every_page_of_review_fits_and_is_held_to_wcag(visit, people, revision, language, width, tmp_path):
    for name, addresses in {
        "rita": ["/showcase/review/", f"/showcase/review/{revision.pk}/"],
        "author": [f"/showcase/review/{revision.pk}/"],
        "admin": [f"/showcase/review/{revision.pk}/"],
    }.items():
        page = visit(people[name], language, width)
        for number, address in enumerate(addresses):
            page.goto(address)
            page.screenshot(path=tmp_path / f"{name}-{number}.png", full_page=True)
            assert page.locator("html").get_attribute("lang") == language
            assert fits(page), (name, address)
            found = Axe().run(page, options=RULES)
            assert found.violations_count == 0, found.generate_report()


def test_two_people_bring_it_to_the_public_on_a_phone(visit, people, revision):
    for name, role in (("rita", "Method"), ("sam", "Disclosure control")):
        page = visit(people[name], width=360)
        page.goto("/showcase/review/")
        page.get_by_role("link", name="Water of the Chu").first.click()
        card = page.get_by_role("region", name=role)
        card.get_by_role("checkbox").check()
        card.get_by_role("button", name="Take this review").click()
        page.get_by_role("region", name=role).get_by_role("button", name="Approve").click()

    page.get_by_text("Both reviewers approved it: it is public.").wait_for()
    assert Publication.objects.get().public_revision == revision


def test_changes_are_asked_for_and_the_author_finds_them(visit, people, revision):
    page = visit(people["rita"])
    page.goto(f"/showcase/review/{revision.pk}/")
    card = page.get_by_role("region", name="Method")
    card.get_by_role("checkbox").check()
    card.get_by_role("button", name="Take this review").click()
    page.get_by_label("To the author; needed unless you approve").fill("Name the source.")
    page.get_by_role("button", name="Ask for changes").click()
    page.get_by_text("Your decision is noted.").wait_for()

    author = visit(people["author"], width=360)
    author.goto("/")
    author.get_by_role("link", name="The reviewers of “Water of the Chu” want changes.").click()
    author.get_by_text("Name the source.").wait_for()


def test_an_empty_queue_fits(visit, people):
    page = visit(people["sam"], "zh-hans", 360)
    page.goto("/showcase/review/")
    page.get_by_role("heading", name="没有等待评审的内容").wait_for()
    assert fits(page)
