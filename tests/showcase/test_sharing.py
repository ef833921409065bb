"""Publishing and sharing: what changes, who is told, and what is refused; every change is in the audit log."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone, translation

from regional_hub.core import actions, audit
from regional_hub.core.middleware import site_today
from regional_hub.core.models import AuditEntry, Notice
from regional_hub.core.permissions import NotAllowed
from regional_hub.showcase import signals
from regional_hub.showcase.about import About, BadAbout, slug
from regional_hub.showcase.access import comments_for, may_read, may_read_revision, may_review
from regional_hub.showcase.actions import comments, sharing
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.bundle import BundleError
from regional_hub.showcase.models import Publication, Revision
from tests.showcase.bundles import bundle

pytestmark = pytest.mark.django_db
WATER = About("Water of the Chu", summary="How much there is")


@pytest.fixture
def bob(make_person):
    made = make_person("bob", "researchers")
    made.language = "zh-hans"
    made.save()
    return made


@pytest.fixture
def submitted():
    heard = []

    def hear(sender, revision, **_more):
        heard.append(revision)

    signals.submitted.connect(hear)
    yield heard
    signals.submitted.disconnect(hear)


def refused(code, what, *args, **more):
    with pytest.raises(Problem) as problem:
        what(*args, **more)
    assert problem.value.code == code
    assert problem.value.in_language("zh-hans") != problem.value.in_language("en") == str(problem.value)


def test_publishing_makes_a_link_and_a_first_revision(alice):
    made = publish(alice, bundle(), WATER, To())

    assert (made.publication.slug, made.revision.number, made.is_new) == ("water-of-the-chu", 1, True)
    assert made.revision.manifest["entry"] == "water.ipynb" and made.revision.digest == bundle().digest
    assert all(facts["sha256"] in sharing.files() for facts in made.revision.manifest["files"].values())
    assert {entry.verb for entry in AuditEntry.objects.filter(object="publication:water-of-the-chu")} >= {
        "share",
        "add",
    }
    assert audit.verify() is None


def test_another_content_is_another_revision_under_the_same_link_and_the_old_one_stays(alice, bob):
    first = publish(alice, bundle(), WATER, To(people=["bob"]))
    second = publish(alice, bundle("Changed"), None, None, slug=first.publication.slug, note="better")

    assert second.publication == first.publication and second.revision.number == 2
    assert may_read_revision(bob, first.revision) and may_read_revision(bob, second.revision)
    assert Notice.objects.filter(person=bob, kind="publication-revised").count() == 1


def test_the_same_content_again_is_the_same_revision(alice):
    first = publish(alice, bundle(), WATER, To())

    again = publish(alice, bundle(), None, None, slug=first.publication.slug)

    assert again.revision == first.revision and not again.is_new
    assert Revision.objects.count() == 1


def test_who_is_named_is_told_in_their_language_here_and_by_mail(alice, bob, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made = publish(alice, bundle(), WATER, To(people=["bob"]))
    _run_letters()

    notice = Notice.objects.get(person=bob, kind="publication-shared")
    assert notice.address == f"/showcase/{made.publication.slug}/"
    assert [letter.to for letter in mail.outbox] == [["bob@example.org"]]
    assert "共享" in mail.outbox[0].subject and made.publication.slug in mail.outbox[0].body


def _run_letters():
    from django.core.management import call_command

    call_command("db_worker", batch=True, startup_delay=False, interval=0, queue_name="*")


def test_who_was_taken_off_before_the_letter_went_gets_none(alice, bob, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        made = publish(alice, bundle(), WATER, To(people=["bob"]))
        sharing.revoke(alice, made.publication)
    _run_letters()

    assert mail.outbox == []


def test_revoking_works_at_once(alice, bob):
    made = publish(alice, bundle(), WATER, To(people=["bob"]))
    assert may_read(bob, made.publication)

    sharing.revoke(alice, made.publication)

    assert not may_read(bob, Publication.objects.get()) and may_read(alice, Publication.objects.get())


def test_nobody_is_told_twice(alice, bob, make_person):
    eve = make_person("eve")
    made = publish(alice, bundle(), WATER, To(people=["bob"]))

    sharing.share(alice, made.publication, To(people=["bob", "eve"]))

    assert Notice.objects.filter(person=bob, kind="publication-shared").count() == 1
    assert Notice.objects.filter(person=eve, kind="publication-shared").count() == 1


def test_a_project_reads_and_is_told(admin, alice, bob):
    actions.create_group(admin, "project-water", "Water", members=[alice, bob])
    alice.forget_groups()

    made = publish(alice, bundle(), WATER, To("project", project="project-water"))

    bob.forget_groups()
    assert may_read(bob, made.publication)
    assert Notice.objects.filter(person=bob, kind="publication-shared").exists()
    assert not Notice.objects.filter(person=alice, kind="publication-shared").exists()


@pytest.mark.parametrize(
    ("to", "code"),
    [
        (To(people=["nobody"]), "no-person"),
        (To(people=["x" * 5000]), "no-person"),
        (To(people=[f"p{number}" for number in range(101)]), "too-many-people"),
        (To("project", project="project-secret"), "no-project"),
        (To("project", project="researchers"), "no-project"),
        (To("project"), "no-project"),
        (To("everyone"), "bad-audience"),
    ],
)
def test_audiences_that_cannot_be(admin, alice, to, code):
    actions.create_group(admin, "project-secret", "Secret")

    refused(code, publish, alice, bundle(), WATER, to)

    assert not Publication.objects.exists() and not Revision.objects.exists()


def test_somebody_whose_account_is_closed_cannot_be_named(admin, alice, bob):
    actions.disable(admin, bob)

    refused("no-person", publish, alice, bundle(), WATER, To(people=["bob"]))


def test_a_bad_bundle_leaves_nothing(alice):
    from dataclasses import replace

    with pytest.raises(BundleError):
        publish(alice, replace(bundle(), picture="data.csv"), WATER, To())

    assert not Publication.objects.exists() and not sharing.files().folder.exists()


def test_another_persons_publication_takes_no_revision_and_does_not_say_that_it_is_there(alice, bob):
    made = publish(alice, bundle(), WATER, To("hub"))

    refused("no-publication", publish, bob, bundle("Other"), None, None, slug=made.publication.slug)
    refused("no-publication", publish, bob, bundle("Other"), None, None, slug="not-there")
    for what in (sharing.share, sharing.expire, sharing.withdraw, sharing.transfer):
        with pytest.raises(NotAllowed):
            what(
                bob,
                made.publication,
                {sharing.share: To(), sharing.expire: None, sharing.withdraw: "no", sharing.transfer: bob}[what],
            )
    assert Revision.objects.count() == 1


def test_who_has_no_open_account_shares_nothing(admin, alice):
    actions.disable(admin, alice)
    alice.refresh_from_db()

    with pytest.raises(NotAllowed):
        publish(alice, bundle(), WATER, To())


# -- for the public ----------------------------------------------------------------------------------------------------


def test_for_the_public_means_to_review_and_others_hear_of_it(alice, bob, submitted):
    made = publish(alice, bundle(), WATER, To("public"))

    assert made.revision.state == "checking" and made.revision.submitted_at
    assert submitted == [made.revision]
    assert not may_read(bob, made.publication)


def test_what_was_shared_can_be_submitted_later_and_only_once(alice, submitted):
    made = publish(alice, bundle(), WATER, To())

    sharing.share(alice, made.publication, To("public"))
    sharing.share(alice, made.publication, To("public"))
    publish(alice, bundle(), WATER, To("public"), slug=made.publication.slug)

    assert len(submitted) == 1


def test_a_new_revision_of_a_public_page_is_reviewed_too_and_changes_no_word_before(alice, submitted):
    made = publish(alice, bundle(), WATER, To("public"))
    _approve(made.revision)

    second = publish(alice, bundle("Other"), About("Buy now"), None, slug=made.publication.slug)

    assert second.revision.state == "checking" and submitted[-1] == second.revision
    assert Publication.objects.get().title == "Water of the Chu"
    sharing.adopt(second.revision)
    assert Publication.objects.get().title == "Buy now"


def _approve(revision):
    Revision.objects.filter(pk=revision.pk).update(state="approved", published_at=timezone.now())
    Publication.objects.filter(pk=revision.publication_id).update(public_revision=revision)
    revision.publication.refresh_from_db()


def test_words_of_a_public_page_change_by_a_revision_only(alice):
    made = publish(alice, bundle(), WATER, To())
    sharing.change_about(alice, made.publication, About("Water, anew"))
    assert Publication.objects.get().title == "Water, anew"

    sharing.share(alice, made.publication, To("public"))
    refused("is-public", sharing.change_about, alice, made.publication, About("Other"))
    _approve(made.revision)
    refused("is-public", sharing.change_about, alice, Publication.objects.get(), About("Other"))


def test_who_changes_what_is_public_is_told_which_field_and_why(alice):
    made = publish(alice, bundle(), WATER, To("public"))
    _approve(made.revision)
    wanted = replace(WATER, licence="MIT", summary="Less.")

    with pytest.raises(Problem) as refusal:
        sharing.change_about(alice, made.publication, wanted)

    told = refusal.value
    assert told.in_language("en").startswith(
        "Not changed: Summary, Licence. This is reviewed together with the notebook"
    )
    assert told.in_language("zh-hans").startswith("未更改：摘要、许可")
    assert Publication.objects.get().licence == WATER.licence
    sharing.change_about(alice, made.publication, WATER)  # nothing is asked for: nothing is refused


def test_taking_it_back_from_review_makes_the_review_void(alice, bob):
    heard = []
    receiver = lambda sender, revision, **_more: heard.append(revision)  # noqa: E731
    signals.recalled.connect(receiver)
    made = publish(alice, bundle(), WATER, To("public"))

    sharing.share(alice, made.publication, To(people=["bob"]))
    signals.recalled.disconnect(receiver)

    revision = Revision.objects.get()
    assert (revision.state, revision.submitted_at) == ("shared", None) and heard == [revision]


def test_a_public_page_is_withdrawn_and_never_quietly_hidden(alice):
    made = publish(alice, bundle(), WATER, To("public"))
    _approve(made.revision)

    refused("is-public", sharing.revoke, alice, made.publication)
    Publication.objects.update(expires_on=site_today() - timedelta(days=1))
    refused("is-public", sharing.revoke, alice, Publication.objects.get())


def test_withdrawing_tells_why_and_ends_reading(admin, alice, bob):
    gone = []
    receiver = lambda sender, publication, **_more: gone.append(publication)  # noqa: E731
    signals.withdrawn.connect(receiver)
    made = publish(alice, bundle(), WATER, To(people=["bob"]))

    refused("no-reason", sharing.withdraw, admin, made.publication, "  ")
    refused("no-reason", sharing.withdraw, admin, made.publication, "x" * 1001)
    sharing.withdraw(admin, made.publication, "wrong units", "单位有误")
    signals.withdrawn.disconnect(receiver)

    assert not may_read(bob, Publication.objects.get()) and gone == [made.publication]
    assert Notice.objects.filter(kind="publication-withdrawn").count() == 2
    refused("withdrawn", publish, alice, bundle("New"), None, None, slug=made.publication.slug)
    refused("withdrawn", sharing.share, alice, Publication.objects.get(), To("hub"))


def test_an_expiry_date_lies_ahead(alice):
    made = publish(alice, bundle(), WATER, To())
    today = site_today()

    refused("bad-date", sharing.expire, alice, made.publication, today - timedelta(days=1))
    sharing.expire(alice, made.publication, today + timedelta(days=30))

    assert Publication.objects.get().expires_on == today + timedelta(days=30)


def test_handing_over_gives_it_whole_and_never_lets_an_author_review(make_person, bob):
    author = make_person("rev", "reviewers")
    made = publish(author, bundle(), WATER, To("public"))

    sharing.transfer(author, made.publication, bob)

    publication = Publication.objects.get()
    assert publication.author == bob and not may_review(author, publication)
    with pytest.raises(NotAllowed):
        sharing.share(author, publication, To())


# -- words and addresses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("title", "made"),
    [
        ("Water of the Chu", "water-of-the-chu"),
        ("Élan & Über: 2030!", "elan-uber-2030"),
        ("水资源", "n-abcdef01"),
        ("2024年GDP核算与价格指数的比较研究", "n-abcdef01"),
        ("Mine", "mine-2"),
        ("api", "api-2"),
        ("!!!", "n-abcdef01"),
        ("2024", "n-abcdef01"),
        ("A very long title about the prices of everything", "a-very-long-title-about-the"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("../../etc/passwd", "etc-passwd"),
    ],
)
def test_addresses_of_titles(title, made):
    assert slug(title, set(), "abcdef0123456789") == made


def test_addresses_are_given_once(alice):
    slugs = [publish(alice, bundle(), WATER, To()).publication.slug for _each in range(3)]

    assert slugs == ["water-of-the-chu", "water-of-the-chu-2", "water-of-the-chu-3"]
    assert slug("a" * 30, {"a" * 30}, "abcdef01") == "a" * 28 + "-2"


@pytest.mark.parametrize(
    ("about", "field"),
    [
        (About(""), "title"),
        (About("   "), "title"),
        (About("x" * 5000), "title"),
        (About("a\u202eb"), "title"),
        (About("a\x00b"), "title"),
        (About("a", title_zh="x" * 201), "title_zh"),
        (About("a", summary="x" * 2001), "summary"),
        (About("a", tags=["x" * 41]), "tags"),
        (About("a", tags=[str(number) for number in range(11)]), "tags"),
        (About("a", goals=[18]), "goals"),
        (About("a", licence="<b>"), "licence"),
        (About("a", kind="virus"), "kind"),
    ],
)
def test_words_that_cannot_stand(alice, about, field):
    with pytest.raises(BadAbout) as bad:
        publish(alice, bundle(), about, To())

    assert bad.value.field == field and bad.value.zh
    assert not Publication.objects.exists()


# -- comments ----------------------------------------------------------------------------------------------------------


def test_a_comment_on_a_cell_tells_the_author_and_the_thread(alice, bob, make_person):
    eve = make_person("eve")
    revision = publish(alice, bundle(), WATER, To(people=["bob", "eve"])).revision

    comments.comment(bob, revision, "Which year?", "c2")
    comments.comment(eve, revision, "2024", "c2")

    assert Notice.objects.filter(person=alice, kind="publication-commented").count() == 2
    assert Notice.objects.filter(person=bob, kind="publication-commented").count() == 1
    assert Notice.objects.filter(person=bob, kind="publication-commented").get().address.endswith("/r/1/#cell-c2")


def test_only_readers_comment_and_only_on_what_is_there(alice, bob, make_person):
    eve = make_person("eve")
    revision = publish(alice, bundle(), WATER, To(people=["bob"])).revision

    with pytest.raises(NotAllowed):
        comments.comment(eve, revision, "hello")
    with pytest.raises(NotAllowed):
        comments.comment(bob, revision, "hello", of_review=True)
    refused("no-cell", comments.comment, bob, revision, "hello", "c99")
    refused("bad-comment", comments.comment, bob, revision, "  ")
    refused("bad-comment", comments.comment, bob, revision, "x" * 5001)
    assert not revision.comments.exists()


def test_settling_a_comment_is_for_its_writer_and_the_author(alice, bob, make_person):
    eve = make_person("eve")
    revision = publish(alice, bundle(), WATER, To(people=["bob", "eve"])).revision
    said = comments.comment(bob, revision, "Which year?")

    with pytest.raises(NotAllowed):
        comments.resolve(eve, said)
    comments.resolve(alice, said)
    assert said.resolved_at
    comments.resolve(bob, said, again=True)
    assert said.resolved_at is None


def test_what_was_said_before_a_page_was_public_stays_among_those(alice, bob, make_person):
    reader = make_person("reader")
    revision = publish(alice, bundle(), WATER, To(people=["bob"])).revision
    comments.comment(bob, revision, "secret doubts")
    sharing.share(alice, revision.publication, To("public"))
    _approve(revision)
    revision.refresh_from_db()

    later = comments.comment(reader, revision, "well done")

    assert list(comments_for(reader, revision)) == [later]
    assert comments_for(alice, revision).count() == 2


def test_who_may_no_longer_read_can_no_longer_comment_or_see(alice, bob):
    revision = publish(alice, bundle(), WATER, To(people=["bob"])).revision
    said = comments.comment(bob, revision, "hello")
    sharing.revoke(alice, revision.publication)
    revision.refresh_from_db()

    assert list(comments_for(bob, revision)) == []
    with pytest.raises(NotAllowed):
        comments.resolve(bob, said)


def test_titles_follow_the_reader(alice):
    made = publish(alice, bundle(), About("Water", title_zh="水资源"), To())

    with translation.override("zh-hans"):
        assert made.publication.label == "水资源"
