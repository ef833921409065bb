"""The command `hub` in a server against the real API: share, list, copy; the same code that JupyterLab calls."""

import json

import httpx
import pytest
from click.testing import CliRunner
from django.core.wsgi import get_wsgi_application

from regional_hub.hub.api import Holder
from regional_hub.lab import copy_shared, share, share_api, share_command
from regional_hub.lab.share import ShareError
from regional_hub.showcase.about import About
from regional_hub.showcase.actions import sharing
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.models import Publication, Revision
from tests.showcase.bundles import notebook_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def showcase(listening_hub, monkeypatch):
    """Somebody's server: what `share.Showcase()` finds around it, led to the site of this process."""
    transport = httpx.WSGITransport(get_wsgi_application())
    made = share.Showcase.__init__

    def act(name):
        token = f"token-of-{name}"
        listening_hub.tokens[token] = Holder(name, True, frozenset({f"access:servers!server={name}/"}))
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", token)
        monkeypatch.setenv("REGIONAL_HUB_DATA_URL", "http://127.0.0.1:9004")
        return share.Showcase()

    monkeypatch.setattr(share.Showcase, "__init__", lambda self: made(self, transport=transport))
    return act


@pytest.fixture
def work(tmp_path):
    """A notebook with a file that it names, and one that it does not."""
    import nbformat.v4 as v4

    cells = v4.new_markdown_cell("# Water of the *Chu*"), v4.new_code_cell("open('data.csv')")
    (tmp_path / "water.ipynb").write_bytes(notebook_bytes(*cells))
    (tmp_path / "data.csv").write_text("1,2\n")
    (tmp_path / "private.csv").write_text("3,4\n")
    return tmp_path / "water.ipynb"


def hub(*words, **more):
    return CliRunner().invoke(share_command.main, [str(word) for word in words], **more)


def test_a_notebook_is_shared_with_a_colleague_in_one_command(showcase, alice, bob, work):
    showcase("alice")

    result = hub("share", work, "--with", "bob", "--tag", "water", "--yes")

    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1].endswith("/showcase/water-of-the-chu/")
    publication = Publication.objects.get()
    assert publication.title == "Water of the Chu"
    assert list(publication.people.all()) == [bob] and publication.tags == ["water"]
    assert set(Revision.objects.get().manifest["files"]) == {"water.ipynb", "data.csv"}


def test_what_would_be_sent_is_listed_and_nothing_is_sent(showcase, alice, work):
    showcase("alice")

    result = hub("share", work, "--dry-run")

    assert "data.csv" in result.output and "named in cell 2" in result.output and "private.csv" not in result.output
    assert not Publication.objects.exists()


def test_nothing_is_sent_without_a_yes(showcase, alice, work):
    showcase("alice")

    result = hub("share", work)

    assert result.exit_code == 1 and "--yes" in result.output
    assert not Publication.objects.exists()


def test_a_new_revision_and_the_same_again_are_told_apart(showcase, alice, work):
    showcase("alice")
    hub("share", work, "--yes")
    (work.parent / "data.csv").write_text("5,6\n")

    second = hub("share", work, "--update", "water-of-the-chu", "--note", "new data", "--yes")
    third = hub("share", work, "--update", "water-of-the-chu", "--yes")

    assert second.exit_code == 0 and "Nothing is new" not in second.output
    assert "Nothing is new" in third.output
    assert [revision.number for revision in Revision.objects.order_by("number")] == [1, 2]


def test_two_audiences_at_once_are_refused(showcase, alice, work):
    showcase("alice")

    result = hub("share", work, "--hub", "--public", "--yes")

    assert result.exit_code == 1 and "choose one" in result.output and not Publication.objects.exists()


def test_errors_are_in_the_terminals_language(showcase, alice, work):
    showcase("alice")

    result = hub("share", work, "--with", "nobody", "--yes", env={"LC_ALL": "zh_CN.UTF-8"})

    assert result.exit_code == 1 and "没有用户“nobody”" in result.output


def test_json_for_programs(showcase, alice, work):
    showcase("alice")

    plan = json.loads(hub("share", work, "--dry-run", "--json").output)
    answer = json.loads(hub("share", work, "--yes", "--json").output)
    wrong = hub("share", work, "--project", "project-none", "--yes", "--json")

    assert [item["name"] for item in plan["files"]] == ["water.ipynb", "data.csv"]
    assert answer["new"] and answer["link"]
    assert wrong.exit_code == 1 and json.loads(wrong.output)["error"]["code"] == "no-project"


def test_the_receiver_copies_it_and_nothing_is_overwritten(showcase, alice, bob, work, tmp_path):
    showcase("alice")
    hub("share", work, "--with", "bob", "--yes")
    home = tmp_path / "home"
    home.mkdir()
    receiver = showcase("bob")

    first = copy_shared.copy(receiver, home, "water-of-the-chu")
    again = copy_shared.copy(receiver, home, "water-of-the-chu", 1)
    first.write_text("my own work")
    third = copy_shared.copy(receiver, home, "water-of-the-chu")

    assert first == again == home / "shared-with-me" / "water-of-the-chu-r1" / "water.ipynb"
    assert first.read_text() == "my own work"
    assert third.parent.name == "water-of-the-chu-r1-2" and third.read_bytes() == work.read_bytes()
    assert not list((home / "shared-with-me").glob(".*"))


def test_what_was_revoked_can_no_longer_be_copied(showcase, alice, bob, work, tmp_path):
    showcase("alice")
    hub("share", work, "--with", "bob", "--yes")
    sharing.revoke(alice, Publication.objects.get())

    with pytest.raises(ShareError) as error:
        copy_shared.copy(showcase("bob"), tmp_path, "water-of-the-chu")

    assert error.value.code == "no-publication" and not (tmp_path / "shared-with-me").exists()


@pytest.mark.parametrize("slug", ["../people", "a/b", "", "a?x=1", "A", "x" * 5000, "a%2fb"])
def test_other_addresses_are_not_asked_for(showcase, alice, tmp_path, slug):
    with pytest.raises(ShareError) as error:
        copy_shared.copy(showcase("alice"), tmp_path, slug)

    assert error.value.code == "no-publication"


def test_a_home_whose_folder_leads_elsewhere_is_not_written_to(showcase, alice, bob, work, tmp_path):
    showcase("alice")
    hub("share", work, "--with", "bob", "--yes")
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    (home / "shared-with-me").symlink_to(elsewhere)

    with pytest.raises(ShareError):
        copy_shared.copy(showcase("bob"), home, "water-of-the-chu")

    assert list(elsewhere.iterdir()) == []


def test_one_lists_what_is_shared_and_ones_own(showcase, alice, bob, work):
    showcase("alice")
    hub("share", work, "--with", "bob", "--yes")

    assert "water-of-the-chu" in hub("shared", "--mine").output
    showcase("bob")
    assert "alice" in hub("shared").output and json.loads(hub("shared", "--json").output)["publications"]


def marked(work, slug, name):
    """The notebook under another name, with the mark that JupyterLab leaves after sharing."""
    notebook = json.loads(work.read_text())
    notebook["metadata"]["regional_hub"] = {"publication": slug}
    place = work.with_name(name)
    place.write_text(json.dumps(notebook))
    return {"path": name}


def test_a_renamed_notebook_makes_a_new_revision_and_unchanged_it_makes_none(showcase, alice, work):
    showcase("alice")
    hub("share", work, "--yes")
    asked = marked(work, "water-of-the-chu", "rain.ipynb")
    (work.parent / "data.csv").write_text("5,6\n")

    plan = share_api.listed(share.Showcase(), work.parent, asked)
    facts = {"slug": plan["chosen"], "said": {"title": "Rain"}}
    names = [each["name"] for each in plan["files"]]
    first, again = (
        share_api.publish(share.Showcase(), work.parent, {**asked, "files": names, "facts": facts}, print)
        for _ in range(2)
    )

    assert (first["publication"]["slug"], first["number"], first["new"]) == ("water-of-the-chu", 2, True)
    assert (again["number"], again["new"]) == (2, False)


def test_a_copy_with_anothers_mark_touches_nothing_of_theirs_and_makes_a_publication_of_ones_own(
    showcase, alice, bob, work
):
    """Bob has Alice's notebook, by mail, say, and her publication's name in it."""
    showcase("alice")
    hub("share", work, "--with", "bob", "--yes")
    asked = marked(work, "water-of-the-chu", "water-2.ipynb")
    before = Publication.objects.values().get()
    showcase("bob")

    plan = share_api.listed(share.Showcase(), work.parent, asked)
    sent = {**asked, "files": [each["name"] for each in plan["files"]]}
    with pytest.raises(ShareError) as forced:  # whatever the browser then says
        facts = {"slug": "water-of-the-chu", "said": {"title": "Mine"}, "readers": {"audience": "hub"}}
        share_api.publish(share.Showcase(), work.parent, {**sent, "facts": facts}, print)
    made = share_api.publish(
        share.Showcase(), work.parent, {**sent, "facts": {"said": {"title": plan["title"]}}}, print
    )

    assert (plan["chosen"], plan["earlier"]) == ("", []) and forced.value.code == "no-publication"
    assert made["publication"]["slug"] == "water-of-the-chu-2" and made["number"] == 1
    assert Publication.objects.values().get(slug="water-of-the-chu") == before
    assert [each.by.username for each in Revision.objects.order_by("pk")] == ["alice", "bob"]


def test_a_mark_that_a_sender_left_does_not_reach_the_copy(showcase, alice, bob, tmp_path):
    """By the API alone Alice sends a notebook that calls itself Bob's: his copy of it must not pass for his work."""
    sent = notebook_bytes(regional_hub={"publication": "snow-of-bob", "provenance": []})
    bundle = Bundle("water.ipynb", {"water.ipynb": sent, "data.csv": b"1,2"})
    sharing.publish(alice, bundle, About("Water"), sharing.To(people=["bob"]))

    copied = copy_shared.copy(showcase("bob"), tmp_path, "water")
    again = copy_shared.copy(showcase("bob"), tmp_path, "water")

    assert json.loads(copied.read_text())["metadata"] == {"regional_hub": {"provenance": []}}
    assert again == copied and copied.with_name("data.csv").read_bytes() == b"1,2"
