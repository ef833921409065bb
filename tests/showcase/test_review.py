"""Review: who may, what each decision does, and what attackers and accidents cannot do."""

import pytest
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from regional_hub.core import actions as core
from regional_hub.core import audit
from regional_hub.core.models import AuditEntry, Notice
from regional_hub.core.permissions import NotAllowed
from regional_hub.showcase.about import About
from regional_hub.showcase.access import may_read_revision
from regional_hub.showcase.actions import review, sharing
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.actions.review import decide, take
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.models import Publication, Review, Revision
from tests.showcase.bundles import bundle, notebook_bytes
from tests.showcase.reviewing import WATER, in_review, pass_checks, role, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita(make_person):
    return make_person("rita", "reviewers")


@pytest.fixture
def sam(make_person):
    made = make_person("sam", "reviewers")
    made.language = "zh-hans"
    made.save()
    return made


def refused(code, what, *args, **more):
    with pytest.raises(Problem) as problem:
        what(*args, **more)
    assert problem.value.code == code
    assert problem.value.in_language("zh-hans") != problem.value.in_language("en")


def approve(person, revision, name):
    take(person, role(revision, name), no_conflict=True)
    decide(person, role(revision, name), "approved", revision.digest)


def approve_both(rita, sam, revision):
    approve(rita, revision, "method")
    approve(sam, revision, "disclosure")
    revision.refresh_from_db()


# -- the way to the public ---------------------------------------------------------------------------------------------


def test_two_approvals_make_it_public_and_everybody_can_see_who_did(alice, rita, sam):
    revision = in_review(alice)
    approve(rita, revision, "method")
    assert Publication.objects.get().public_revision is None

    approve(sam, revision, "disclosure")

    publication = Publication.objects.get()
    assert publication.public_revision == revision and publication.is_public
    revision.refresh_from_db()
    assert revision.state == "approved" and revision.published_at
    entry = AuditEntry.objects.get(verb="publish publication")
    assert entry.detail["method"] == "rita" and entry.detail["disclosure"] == "sam"
    assert entry.detail["digest"] == revision.digest and audit.verify() is None
    assert Notice.objects.filter(person=alice, kind="publication-public").count() == 1


def test_a_newer_one_replaces_it_with_what_was_said_of_it_and_the_old_one_stays_readable(alice, rita, sam, make_person):
    reader = make_person("reader")
    first = in_review(alice)
    approve_both(rita, sam, first)
    second = in_review(alice, "Changed", first.publication.slug)
    assert Publication.objects.get().public_revision == first

    approve_both(rita, sam, second)

    assert Publication.objects.get().public_revision == second
    first.refresh_from_db()
    for anybody in (reader, None):
        assert may_read_revision(anybody, first) and may_read_revision(anybody, second)
    sharing.withdraw(alice, Publication.objects.get(), "An error in the source")
    first.publication.refresh_from_db()
    assert not may_read_revision(reader, first) and not may_read_revision(None, first)


def test_changes_wanted_end_the_review_and_the_author_is_told_why(alice, rita, sam, django_capture_on_commit_callbacks):
    revision = in_review(alice)
    take(rita, role(revision, "method"), no_conflict=True)
    take(sam, role(revision, "disclosure"), no_conflict=True)

    with django_capture_on_commit_callbacks(execute=True):
        decide(rita, role(revision, "method"), "changes", revision.digest, "Name the source of cell 2.")

    revision.refresh_from_db()
    assert revision.state == "changes"
    refused("not-in-review", decide, sam, role(revision, "disclosure"), "approved", revision.digest)
    assert Notice.objects.filter(person=alice, kind="publication-changes-wanted").exists()
    call_command("db_worker", batch=True, startup_delay=False, interval=0, queue_name="*")
    letter = next(one for one in mail.outbox if "changes" in one.subject)
    assert letter.to == [alice.email] and "Name the source of cell 2." in letter.body
    assert f"/showcase/review/{revision.pk}/" in letter.body


def test_declining_and_wanting_changes_need_a_reason(alice, rita):
    revision = in_review(alice)
    take(rita, role(revision, "method"), no_conflict=True)

    for decision in ("changes", "declined"):
        refused("no-text", decide, rita, role(revision, "method"), decision, revision.digest, "  ")
    refused("bad-decision", decide, rita, role(revision, "method"), "open", revision.digest, "x")
    decide(rita, role(revision, "method"), "declined", revision.digest, "It tells who the firms are.")
    revision.refresh_from_db()
    assert revision.state == "declined"


def test_reviewers_are_told_in_their_language_and_who_may_not_review_is_not(
    alice, rita, sam, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        in_review(alice)
    call_command("db_worker", batch=True, startup_delay=False, interval=0, queue_name="*")

    told = {notice.person.username for notice in Notice.objects.filter(kind="publication-review-wanted")}
    assert told == {"rita", "sam"}
    assert any("等待评审员" in letter.subject for letter in mail.outbox if letter.to == [sam.email])


# -- who may -----------------------------------------------------------------------------------------------------------


def test_authors_co_authors_and_members_of_its_projects_never_review(alice, admin, make_person, rita):
    member = make_person("member", "reviewers")
    group = core.create_group(admin, "project-water", "Water", members=[alice, member])
    alice.groups.add(*member.groups.filter(name="reviewers"))
    alice.forget_groups()
    made = publish(alice, Bundle("a.ipynb", {"a.ipynb": notebook_bytes()}), WATER, To("project", project=group.name))
    sharing.share(alice, made.publication, To("public"))
    revision = made.revision
    revision.refresh_from_db()
    pass_checks(revision)

    refused("conflict", take, alice, role(revision, "method"), no_conflict=True)
    refused("conflict", take, member, role(revision, "method"), no_conflict=True)
    take(rita, role(revision, "method"), no_conflict=True)


def test_who_handed_it_over_or_is_named_in_the_notebook_never_reviews_it(alice, admin, make_person):
    carol, dora = make_person("carol", "reviewers"), make_person("dora", "reviewers", display_name="Dora Li")
    named = notebook_bytes(authors=[{"name": " dora LI "}])
    revision = publish(alice, Bundle("a.ipynb", {"a.ipynb": named}), WATER, To("public")).revision
    pass_checks(revision)
    refused("conflict", take, dora, role(revision, "method"), no_conflict=True)

    sharing.transfer(admin, revision.publication, carol)
    refused("conflict", take, carol, role(revision, "method"), no_conflict=True)
    sharing.transfer(admin, Publication.objects.get(), alice)
    refused("conflict", take, carol, role(revision, "method"), no_conflict=True)


def test_one_person_has_one_role_and_declares_first(alice, rita):
    revision = in_review(alice)

    refused("no-declaration", take, rita, role(revision, "method"), no_conflict=False)
    take(rita, role(revision, "method"), no_conflict=True)
    refused("both-roles", take, rita, role(revision, "disclosure"), no_conflict=True)


def test_who_cannot_go_on_gives_it_back_and_administrators_assign_it(alice, rita, sam, admin):
    revision = in_review(alice)
    take(rita, role(revision, "method"), no_conflict=True)
    review.release(rita, role(revision, "method"))
    assert role(revision, "method").reviewer is None

    review.assign(admin, role(revision, "method"), "sam")

    assert role(revision, "method").reviewer == sam and not role(revision, "method").no_conflict
    refused("no-declaration", decide, sam, role(revision, "method"), "approved", revision.digest)
    take(sam, role(revision, "method"), no_conflict=True)
    decide(sam, role(revision, "method"), "approved", revision.digest)
    refused("no-reviewer", review.assign, admin, role(revision, "disclosure"), "alice")
    with pytest.raises(NotAllowed):
        review.assign(rita, role(revision, "disclosure"), "rita")


def test_who_waits_too_long_is_reminded_once_and_then_again_after_as_long(alice, rita, sam, settings):
    revision = in_review(alice)
    take(rita, role(revision, "method"), no_conflict=True)
    assert review.remind() == 0

    long_ago = timezone.now() - timezone.timedelta(days=settings.HUB.showcase.remind_days + 1)
    Review.objects.filter(reviewer=rita).update(taken_at=long_ago)
    Revision.objects.update(submitted_at=long_ago)

    assert review.remind() == 3  # rita, and both who could take the other role
    assert review.remind() == 0
    assert Notice.objects.filter(person=rita, kind="publication-review-reminder").count() == 1


# -- attacks -----------------------------------------------------------------------------------------------------------


def test_an_old_approval_sent_again_for_a_new_revision_approves_nothing(alice, rita, sam):
    first = in_review(alice)
    take(rita, role(first, "method"), no_conflict=True)
    old = role(first, "method")
    second = in_review(alice, "Changed", first.publication.slug)

    refused("not-in-review", decide, rita, old, "approved", first.digest)
    take(rita, role(second, "method"), no_conflict=True)
    refused("other-content", decide, rita, role(second, "method"), "approved", first.digest)

    assert role(second, "method").decision == "open" and Publication.objects.get().public_revision is None


def test_an_approval_of_the_first_revision_never_counts_for_the_second(alice, rita, sam):
    first = in_review(alice)
    approve(rita, first, "method")
    second = in_review(alice, "Changed", first.publication.slug)

    approve(sam, second, "disclosure")

    second.refresh_from_db()
    assert second.state == "in-review" and Publication.objects.get().public_revision is None


def test_what_was_recalled_and_sent_again_is_reviewed_anew(alice, rita, sam):
    first = in_review(alice)
    approve(rita, first, "method")
    sharing.revoke(alice, first.publication)
    sharing.share(alice, first.publication, To("public"))
    first.refresh_from_db()
    again = pass_checks(first)

    approve(sam, again, "disclosure")
    assert role(again, "method").decision == "open" and Publication.objects.get().public_revision is None


def test_an_approval_while_the_author_recalls_it_makes_nothing_public(alice, rita, sam):
    revision = in_review(alice)
    approve(rita, revision, "method")
    take(sam, role(revision, "disclosure"), no_conflict=True)
    mine = role(revision, "disclosure")
    sharing.revoke(alice, revision.publication)

    refused("not-in-review", decide, sam, mine, "approved", revision.digest)
    assert Publication.objects.get().public_revision is None


def test_sent_twice_it_counts_once(alice, rita, sam):
    revision = in_review(alice)
    approve(rita, revision, "method")

    refused("decided", decide, rita, role(revision, "method"), "approved", revision.digest)
    refused("decided", take, rita, role(revision, "method"), no_conflict=True)
    assert AuditEntry.objects.filter(verb="approve revision").count() == 1


def test_who_lost_the_group_or_the_account_between_form_and_post_decides_nothing(alice, rita, sam):
    revision = in_review(alice)
    for person in (rita, sam):
        assert "reviewers" in person.group_names  # remembered, as a page of before would
    take(rita, role(revision, "method"), no_conflict=True)
    take(sam, role(revision, "disclosure"), no_conflict=True)
    rita.groups.clear()
    type(sam).objects.filter(pk=sam.pk).update(is_active=False)

    for person, name in ((rita, "method"), (sam, "disclosure")):
        with pytest.raises(NotAllowed):
            decide(person, role(revision, name), "approved", revision.digest)


def test_who_became_its_author_after_approving_is_no_reviewer_of_it(alice, rita, sam, admin):
    revision = in_review(alice)
    approve(rita, revision, "method")
    sharing.transfer(admin, revision.publication, rita)

    approve(sam, revision, "disclosure")

    assert Publication.objects.get().public_revision is None
    assert role(revision, "method").decision == "open" and role(revision, "method").reviewer is None


def test_who_left_the_reviewers_after_approving_approved_nothing(alice, rita, sam):
    revision = in_review(alice)
    approve(rita, revision, "method")
    rita.groups.clear()

    approve(sam, revision, "disclosure")

    assert Publication.objects.get().public_revision is None
    assert role(revision, "method").reviewer is None and role(revision, "method").decision == "open"


def test_other_words_for_the_same_content_are_reviewed_anew(alice, rita, sam):
    first = in_review(alice)
    approve(rita, first, "method")

    again = publish(alice, bundle(), About("Another title", licence="MIT"), None, slug=first.publication.slug)

    assert again.is_new and again.revision.digest == first.digest and again.revision.state == "checking"
    first.refresh_from_db()
    assert first.state == "shared" and first.about["title"] == WATER.title
    refused("not-in-review", decide, rita, role(first, "method"), "approved", first.digest)
    second = pass_checks(again.revision)
    assert role(second, "method").decision == "open"
    same = publish(alice, bundle(), About("Another title", licence="MIT"), None, slug=first.publication.slug)
    assert not same.is_new and same.revision == second


def test_reviewers_read_what_was_submitted_and_nothing_before_or_after_it(alice, rita):
    private = publish(alice, bundle("With a secret"), WATER, To("people")).revision
    slug = private.publication.slug
    sent = publish(alice, bundle("Clean"), None, To("public"), slug=slug).revision
    pass_checks(sent)

    assert may_read_revision(rita, Revision.objects.get(pk=sent.pk))
    assert not may_read_revision(rita, Revision.objects.get(pk=private.pk))

    take(rita, role(sent, "method"), no_conflict=True)
    decide(rita, role(sent, "method"), "declined", sent.digest, "No.")
    sharing.revoke(alice, Publication.objects.get())
    later = publish(alice, bundle("A draft for myself"), None, None, slug=slug).revision
    assert not may_read_revision(rita, Revision.objects.get(pk=later.pk))


def test_nobody_decides_for_somebody_else(alice, rita, sam, make_person):
    revision = in_review(alice)
    take(rita, role(revision, "method"), no_conflict=True)

    for person in (sam, alice, make_person("eve", "researchers")):
        with pytest.raises(NotAllowed):
            decide(person, role(revision, "method"), "approved", revision.digest)
    refused("taken", take, sam, role(revision, "method"), no_conflict=True)
    with pytest.raises(NotAllowed):
        review.release(sam, role(revision, "method"))


def test_nothing_is_decided_before_the_checks_are_done(alice, rita):
    revision = submit(alice)
    assert not Review.objects.exists()
    waiting = Review.objects.create(revision=revision, role="method", reviewer=rita, no_conflict=True)

    refused("not-in-review", decide, rita, waiting, "approved", revision.digest)


def test_of_two_who_saw_the_role_free_the_first_has_it(alice, rita, sam):
    revision = in_review(alice)
    for_rita, for_sam = role(revision, "method"), role(revision, "method")

    take(rita, for_rita, no_conflict=True)

    refused("taken", take, sam, for_sam, no_conflict=True)
    assert role(revision, "method").reviewer == rita


def test_of_two_approvals_that_saw_each_other_open_the_second_publishes_once(alice, rita, sam):
    revision = in_review(alice)
    take(rita, role(revision, "method"), no_conflict=True)
    take(sam, role(revision, "disclosure"), no_conflict=True)
    for_rita, for_sam = role(revision, "method"), role(revision, "disclosure")

    decide(rita, for_rita, "approved", revision.digest)
    decide(sam, for_sam, "approved", revision.digest)

    assert Publication.objects.get().public_revision == revision
    assert AuditEntry.objects.filter(verb="publish publication").count() == 1
