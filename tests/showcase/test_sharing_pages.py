"""The pages of sharing: what the receiver sees and does, what the author manages, and what attackers try."""

import nbformat.v4 as v4
import pytest

from regional_hub.core import actions
from regional_hub.showcase.about import About
from regional_hub.showcase.actions import comments, sharing
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.models import Comment, Publication
from tests.showcase.bundles import bundle, notebook_bytes

pytestmark = pytest.mark.django_db
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7|add:7 }}{% csrf_token %}"


@pytest.fixture
def shared(alice, bob):
    return publish(alice, bundle(), About("Water", title_zh="水资源"), To(people=["bob"]))


PAGES = ["", "r/1/", "r/1/files/data.csv", "compare/1/1/"]


def text(response):
    return response.content.decode()


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_who_it_is_shared_with_sees_the_notebook_and_what_to_do_with_it(as_, bob, shared, language):
    client = as_(bob)
    client.cookies["hub_language"] = language

    page = text(client.get("/showcase/water/"))

    assert {"en": "Water", "zh-hans": "水资源"}[language] in page
    assert 'id="cell-c2"' in page and "data.csv" in page
    assert "/hub/user-redirect/regional-hub/copy?slug=water&amp;number=1" in page
    assert "/manage/" not in page


@pytest.mark.parametrize("page", PAGES)
def test_nobody_else_does_and_cannot_tell_whether_it_is_there(as_, client, make_person, shared, page):
    eve = as_(make_person("eve", "researchers"))

    assert eve.get(f"/showcase/water/{page}").status_code == eve.get(f"/showcase/none/{page}").status_code == 404
    for slug in ("water", "none"):
        visitor = client.get(f"/showcase/{slug}/{page}")
        assert visitor.status_code == 302 and visitor["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("page", PAGES)
def test_revoking_closes_every_page_at_once(as_, alice, bob, shared, page):
    client = as_(bob)
    assert client.get(f"/showcase/water/{page}").status_code == 200

    sharing.revoke(alice, shared.publication)

    assert client.get(f"/showcase/water/{page}").status_code == 404


def test_who_leaves_a_project_reads_no_more(as_, admin, alice, bob):
    group = actions.create_group(admin, "project-water", "Water", members=[alice, bob])
    alice.forget_groups()
    publish(alice, bundle(), About("Water"), To("project", project="project-water"))
    client = as_(bob)
    page = client.get("/showcase/water/")
    assert "/servers/project-water/default/" in text(page)

    actions.set_members(admin, group, [alice])

    assert client.get("/showcase/water/").status_code == 404


def test_a_project_is_worked_on_by_its_members_only(as_, admin, alice, bob, listening_hub):
    actions.create_group(admin, "project-water", "Water", members=[alice])

    assert as_(alice).get("/servers/project-water/default/").status_code == 200
    assert as_(bob).get("/servers/project-water/default/").status_code == 403
    assert as_(bob).post("/servers/project-water/default/start/").status_code == 403 and not listening_hub.started


def test_old_revisions_stay_and_say_so(as_, alice, bob, shared):
    publish(alice, bundle("Changed"), None, None, slug="water", note="better")
    client = as_(bob)

    old, new = text(client.get("/showcase/water/r/1/")), text(client.get("/showcase/water/"))

    assert "not the newest" in old and "not the newest" not in new
    assert "# Changed" in new and "better" in new and "/compare/1/2/" in new


def test_visitors_and_colleagues_see_of_a_public_page_what_was_reviewed(as_, alice, bob, client):
    made = publish(alice, bundle(), About("Water"), To("public"))
    publish(alice, bundle("Unreviewed"), None, None, slug="water")
    Publication.objects.update(public_revision=made.revision)

    for reader in (as_(bob), client):
        assert "Unreviewed" not in text(reader.get("/showcase/water/"))
        assert reader.get("/showcase/water/r/1/").status_code == 200
    assert as_(bob).get("/showcase/water/r/2/").status_code == 404
    assert (
        client.get("/showcase/water/r/2/").status_code == client.get("/showcase/water/compare/1/2/").status_code == 302
    )
    assert "Unreviewed" in text(as_(alice).get("/showcase/water/"))


def test_files_are_saved_and_never_opened_as_pages(as_, alice, bob):
    page = b"<script>alert(document.cookie)</script>"
    made = bundle(**{"evil.html": page, "sub/地图.svg": b"<svg onload='alert(1)'/>"})
    publish(alice, made, About("Water"), To(people=["bob"]))

    for name in ("evil.html", "sub/地图.svg", "water.ipynb"):
        response = as_(bob).get(f"/showcase/water/r/1/files/{name}")
        assert response["Content-Type"] == "application/octet-stream"
        assert (
            response["Content-Disposition"].startswith("attachment") and response["X-Content-Type-Options"] == "nosniff"
        )
        assert "sandbox" in response["Content-Security-Policy"]
    assert b"".join(as_(bob).get("/showcase/water/r/1/files/evil.html").streaming_content) == page


@pytest.mark.parametrize("name", ["none.csv", "../data.csv", "%2e%2e/data.csv", "DATA.CSV", "data.csv/", "x" * 5000])
def test_files_that_a_revision_does_not_have(as_, bob, shared, name):
    assert as_(bob).get(f"/showcase/water/r/1/files/{name}").status_code == 404


def test_a_file_cannot_be_had_by_its_hash_or_by_anothers_revision(as_, alice, bob, shared):
    secret = publish(alice, bundle(**{"secret.csv": b"1"}), About("Secret"), To())
    digest = secret.revision.manifest["files"]["secret.csv"]["sha256"]
    client = as_(bob)

    for address in (
        f"water/r/1/files/{digest}",
        "water/r/1/files/secret.csv",
        "secret/r/1/files/secret.csv",
        f"objects/{digest}",
    ):
        assert client.get(f"/showcase/{address}").status_code == 404


# -- comparing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_two_revisions_are_compared_and_nothing_of_them_becomes_mark_up(as_, alice, bob, language):
    first = Bundle("a.ipynb", {"a.ipynb": notebook_bytes(v4.new_code_cell("x = 1"))})
    second = Bundle("a.ipynb", {"a.ipynb": notebook_bytes(v4.new_code_cell(EVIL)), "b.csv": b"1"})
    publish(alice, first, About("Water"), To(people=["bob"]))
    publish(alice, second, None, None, slug="water", note=EVIL[:400])
    client = as_(bob)
    client.cookies["hub_language"] = language

    page = text(client.get("/showcase/water/compare/1/2/"))

    assert "<del>− x = 1</del>" in page and "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page and "<img src=x" not in page


def test_pictures_and_tables_of_both_revisions_are_shown_beside_one_another_without_their_scripts(as_, alice, bob):
    for number in (1, 2):
        table = {"text/html": f"<table><tr><td>value {number}</td></tr></table>{EVIL}", "text/plain": "t"}
        cell = v4.new_code_cell("table", outputs=[v4.new_output("display_data", data=table)])
        made = Bundle("a.ipynb", {"a.ipynb": notebook_bytes(cell)})
        publish(alice, made, About("Water"), To(people=["bob"]), slug="water" if number == 2 else "")

    page = text(as_(bob).get("/showcase/water/compare/1/2/"))

    assert "<td>value 1</td>" in page and "<td>value 2</td>" in page
    assert "<script>alert" not in page and "onerror" not in page


def test_only_revisions_that_one_may_read_are_compared(as_, alice, bob):
    made = publish(alice, bundle(), About("Water"), To("public"))
    publish(alice, bundle("Unreviewed"), None, None, slug="water")
    Publication.objects.update(public_revision=made.revision)

    assert as_(bob).get("/showcase/water/compare/1/2/").status_code == 404
    assert as_(bob).get("/showcase/water/compare/2/1/").status_code == 404


# -- comments ----------------------------------------------------------------------------------------------------------


def test_a_reader_comments_on_a_cell_and_the_author_settles_it(as_, alice, bob, shared):
    response = as_(bob).post("/showcase/water/r/1/comments/", {"text": "Which year?", "cell": "c2"})
    said = Comment.objects.get()
    assert response["Location"] == f"/showcase/water/r/1/#comment-{said.pk}"
    assert "Which year?" in text(as_(alice).get("/showcase/water/"))

    as_(alice).post(f"/showcase/water/comments/{said.pk}/")

    said.refresh_from_db()
    assert said.resolved_at and "Settled" in text(as_(bob).get("/showcase/water/"))


def test_who_may_not_read_can_neither_comment_nor_settle(as_, client, bob, make_person, shared):
    said = comments.comment(bob, shared.revision, "hello")
    eve = as_(make_person("eve"))

    assert eve.post("/showcase/water/r/1/comments/", {"text": "x"}).status_code == 404
    assert eve.post(f"/showcase/water/comments/{said.pk}/").status_code == 404
    assert client.post("/showcase/water/r/1/comments/", {"text": "x"})["Location"].startswith("/accounts/login/")
    assert Comment.objects.count() == 1 and not Comment.objects.get().resolved_at


def test_a_comment_of_another_publication_is_not_reached_by_this_ones_address(as_, alice, bob, shared):
    other = publish(alice, bundle("Other"), About("Other"), To()).revision
    said = comments.comment(alice, other, "secret")

    assert as_(bob).post(f"/showcase/water/comments/{said.pk}/").status_code == 404


def test_a_third_reader_cannot_settle_others_comments(as_, alice, bob, make_person, shared):
    eve = make_person("eve")
    sharing.share(alice, shared.publication, To(people=["bob", "eve"]))
    said = comments.comment(bob, shared.revision, "hello")

    assert as_(eve).post(f"/showcase/water/comments/{said.pk}/").status_code == 403
    assert not Comment.objects.get().resolved_at


@pytest.mark.parametrize(
    "data", [{"text": ""}, {}, {"text": "x" * 5001}, {"text": "x", "cell": "none"}, {"text": "x", "cell": EVIL}]
)
def test_comments_that_cannot_be_are_refused_with_a_reason(as_, bob, shared, data):
    page = as_(bob).post("/showcase/water/r/1/comments/", data, follow=True)

    assert 'class="alert' in text(page) and not Comment.objects.exists()


# -- managing ----------------------------------------------------------------------------------------------------------


def do(client, action, **data):
    return client.post("/showcase/water/manage/", {"do": action, **data}, follow=True)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_author_manages_everything_on_one_page(as_, alice, bob, make_person, shared, language):
    make_person("carol")
    client = as_(alice)
    client.cookies["hub_language"] = language

    do(client, "add-person", person="carol")
    do(client, "remove-person", person="bob")
    do(
        client,
        "about",
        **{"about-title": "Wind", "about-kind": "page", "about-tags": "air，wind", "about-goals": ["7"]},
    )
    do(client, "expiry", expires_on="2100-01-01")

    found = Publication.objects.get()
    assert [person.username for person in found.people.all()] == ["carol"]
    assert (found.title, found.tags, found.goals, str(found.expires_on)) == ("Wind", ["air", "wind"], [7], "2100-01-01")

    do(client, "audience", **{"audience-audience": "hub"})
    assert Publication.objects.get().audience == "hub"
    do(client, "audience", **{"audience-audience": "public"})
    assert Publication.objects.get().revisions.get().state == "checking"
    do(client, "withdraw", reason="wrong")
    assert Publication.objects.get().withdrawn_at


def test_handing_over_leads_away_from_the_page(as_, alice, bob, shared):
    page = do(as_(alice), "transfer", person="bob")

    assert Publication.objects.get().author == bob and page.redirect_chain == [("/showcase/mine/", 302)]
    assert as_(alice).get("/showcase/water/manage/").status_code == 404


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("add-person", {"person": "nobody"}),
        ("add-person", {"person": EVIL}),
        ("add-person", {}),
        ("transfer", {"person": "nobody"}),
        ("audience", {"audience-audience": "all"}),
        ("audience", {"audience-audience": "project", "audience-project": "project-x"}),
        ("about", {"about-title": "x" * 5000, "about-kind": "page"}),
        ("about", {"about-title": "a\u202eb", "about-kind": "page"}),
        ("expiry", {"expires_on": "2001-01-01"}),
        ("expiry", {"expires_on": "soon"}),
        ("withdraw", {"reason": ""}),
    ],
)
def test_what_cannot_be_is_said_and_nothing_changes(as_, alice, shared, action, data):
    page = text(do(as_(alice), action, **data))

    assert "alert-danger" in page or "invalid-feedback" in page
    assert "<script>alert" not in page
    found = Publication.objects.get()
    assert (found.title, found.audience, found.author, found.withdrawn_at) == ("Water", "people", alice, None)
    assert [person.username for person in found.people.all()] == ["bob"]


def test_nobody_manages_anothers_publication(as_, client, bob, shared):
    for action in ("audience", "add-person", "about", "expiry", "transfer", "withdraw"):
        assert (
            as_(bob).post("/showcase/water/manage/", {"do": action, "person": "bob", "reason": "x"}).status_code == 404
        )
    assert as_(bob).post("/showcase/water/withdraw/", {"reason": "x"}).status_code == 404
    assert Publication.objects.get().author.username == "alice" and not Publication.objects.get().withdrawn_at


def test_forms_of_other_sites_change_nothing(as_, alice, bob, shared):
    client = as_(alice, enforce_csrf_checks=True)

    for address, data in (
        ("/showcase/water/manage/", {"do": "withdraw", "reason": "x"}),
        ("/showcase/water/r/1/comments/", {"text": "x"}),
        ("/showcase/water/withdraw/", {"reason": "x"}),
    ):
        assert client.post(address, data).status_code == 403
    assert not Publication.objects.get().withdrawn_at and not Comment.objects.exists()


def test_an_administrator_withdraws_with_a_reason(as_, admin, alice, shared):
    client = as_(admin)

    assert client.get("/showcase/water/withdraw/").status_code == 200
    client.post("/showcase/water/withdraw/", {"reason": "names of people"})

    found = Publication.objects.get()
    assert found.withdrawn_at and found.withdrawn_reason == "names of people"
    assert as_(alice).get("/showcase/water/manage/").status_code == 200


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_lists_show_ones_own_and_what_is_shared_and_say_what_to_do_when_empty(as_, alice, bob, make_person, language):
    eve = as_(make_person("eve"))
    eve.cookies["hub_language"] = language
    assert "hub share PATH" in text(eve.get("/showcase/mine/")) and 'href="/showcase/"' in text(
        eve.get("/showcase/shared/")
    )

    publish(alice, bundle(), About(EVIL[:190]), To(people=["bob"]))
    mine, shared = text(as_(alice).get("/showcase/mine/")), text(as_(bob).get("/showcase/shared/"))

    assert "&lt;script&gt;" in mine and "&lt;script&gt;" in shared
    assert "<script>alert" not in mine + shared and "<img src=x" not in mine + shared
    assert "script-alert" not in text(as_(bob).get("/showcase/mine/"))


def test_mark_up_in_words_stays_text_on_every_page(as_, alice, bob):
    said = About(EVIL[:190], title_zh=EVIL[:190], summary=EVIL, tags=["<b>x</b>"])
    made = publish(alice, bundle(), said, To(people=["bob"]), note=EVIL[:400])
    comments.comment(bob, made.revision, EVIL, "c2")
    slug = made.publication.slug

    for page in (f"/showcase/{slug}/", f"/showcase/{slug}/manage/", "/showcase/mine/", "/"):
        found = text(as_(alice).get(page))
        assert "<script>alert" not in found and "<img src=x" not in found and "<b>x</b>" not in found, page


def test_what_the_run_gave_is_shown_once_there_was_one(as_, bob, shared):
    ran = notebook_bytes(
        v4.new_markdown_cell("# Water"), v4.new_code_cell("x", outputs=[v4.new_output("stream", text="sum 4711")])
    )
    before = text(as_(bob).get("/showcase/water/"))
    shared.revision.built = {"notebook": sharing.files().put(ran).sha256}
    shared.revision.save()

    assert "sum 4711" not in before and "sum 4711" in text(as_(bob).get("/showcase/water/"))
