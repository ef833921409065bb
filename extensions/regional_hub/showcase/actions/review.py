"""Reviewing for the public: two people in two roles, each decision bound to the content that was seen.

Every function reads people, groups and states anew inside its transaction, with the publication locked: what a
page knew when it was opened decides nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from regional_hub.core import audit
from regional_hub.core.access import check
from regional_hub.core.models import Person
from regional_hub.core.permissions import NotAllowed
from regional_hub.showcase import signals
from regional_hub.showcase.actions import sharing
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.actions.review_letters import tell
from regional_hub.showcase.actions.review_rules import conflict, eligible, reviewer_now
from regional_hub.showcase.models import Publication, Review, Revision

APPROVED, CHANGES, DECLINED = (str(each) for each in Review.Decision.values if each != "open")
LONGEST = 5000
_VERBS = {APPROVED: "approve revision", CHANGES: "request changes", DECLINED: "decline revision"}
_STATES = {CHANGES: Revision.State.CHANGES, DECLINED: Revision.State.DECLINED}


def _now(review: Review) -> Review:
    """The review as it is now; nobody else changes its publication until the transaction ends. Raises Problem."""
    Publication.objects.select_for_update().get(pk=review.revision.publication_id)
    fresh = Review.objects.select_related("revision__publication__author", "reviewer").filter(pk=review.pk).first()
    if fresh is None or fresh.revision.state != Revision.State.IN_REVIEW:
        raise Problem("not-in-review", _("This revision is no longer in review. Nothing was changed."))
    if fresh.decision != Review.Decision.OPEN:
        raise Problem("decided", _("This was decided already. Nothing was changed."))
    return fresh


def _reviewer(actor: Any) -> Person:
    person = reviewer_now(actor)
    if person is None:
        raise NotAllowed(actor, "review", "publication")
    return person


def _may_take(person: Person, review: Review) -> None:
    """Raises Problem where somebody may not have this role of this revision."""
    if why := conflict(person, review.revision):
        raise Problem("conflict", _("%(name)s may not review this: %(why)s"), name=person.get_full_name(), why=why)
    if review.revision.reviews.exclude(pk=review.pk).filter(reviewer=person).exists():
        raise Problem("both-roles", _("The two roles are for two people."))


@transaction.atomic
def take(actor: Person, review: Review, *, no_conflict: bool) -> None:
    """Take a role, or accept one that was assigned, with the declaration to have no conflict of interest."""
    person, review = _reviewer(actor), _now(review)
    if review.reviewer_id not in (None, person.pk):
        raise Problem("taken", _("Somebody else has taken this review."))
    _may_take(person, review)
    if not no_conflict:
        raise Problem("no-declaration", _("Declare first that you have no conflict of interest."))
    review.reviewer, review.no_conflict, review.taken_at, review.reminded_at = person, True, timezone.now(), None
    review.save()
    audit.record(person, "take review", f"publication:{review.revision}", {"role": review.role, "no_conflict": True})


@transaction.atomic
def release(actor: Person, review: Review) -> None:
    """Give a review back: others may take it. Whoever holds it, even where they may not review any more."""
    review = _now(review)
    if review.reviewer_id is None or review.reviewer_id != actor.pk:
        raise NotAllowed(actor, "review", "publication")
    _free(review)
    audit.record(actor, "release review", f"publication:{review.revision}", {"role": review.role})
    others = [person for person in eligible(review.revision) if person.pk != actor.pk]
    tell(others, "publication-review-wanted", review.revision)


def _free(review: Review) -> None:
    review.reviewer, review.no_conflict, review.taken_at, review.reminded_at = None, False, None, None
    review.decision, review.text, review.decided_at = Review.Decision.OPEN, "", None
    review.save()


@transaction.atomic
def assign(actor: Person, review: Review, username: str) -> None:
    """Ask somebody to take a role, whoever has it now; they must declare that nothing conflicts before they decide."""
    check(actor, "assign", "review")
    review = _now(review)
    person = reviewer_now(Person.objects.filter(username=username).first())
    if person is None:
        raise Problem("no-reviewer", _("There is no reviewer called “%(name)s”."), name=username[:40])
    _may_take(person, review)
    before = review.reviewer.username if review.reviewer else ""
    _free(review)
    review.reviewer, review.taken_at = person, timezone.now()
    review.save()
    detail = {"role": review.role, "from": before, "to": person.username}
    audit.record(actor, "assign review", f"publication:{review.revision}", detail)
    tell([person], "publication-review-assigned", review.revision)


@transaction.atomic
def decide(actor: Person, review: Review, decision: str, digest: str, text: str = "") -> None:
    """Approve, want changes or decline what `digest` names, and nothing else. The second approval makes it public."""
    person, review = _reviewer(actor), _now(review)
    revision = review.revision
    if review.reviewer_id != person.pk:
        raise NotAllowed(actor, "review", "publication")
    _may_take(person, review)
    if not review.no_conflict:
        raise Problem("no-declaration", _("Declare first that you have no conflict of interest."))
    if digest != revision.digest:
        raise Problem("other-content", _("You looked at another content than what is in review. Nothing was decided."))
    text = text.replace("\r\n", "\n").strip()
    if decision not in _VERBS or len(text) > LONGEST:
        raise Problem("bad-decision", _("Choose a decision, with at most %(most)d characters."), most=LONGEST)
    if decision != APPROVED and not text:
        raise Problem("no-text", _("Say to the author what is to be changed, or why it is declined."))
    review.decision, review.text, review.decided_at = decision, text, timezone.now()
    review.save()
    detail = {"role": review.role, "digest": digest, "text": text[:200]}
    audit.record(person, _VERBS[decision], f"publication:{revision}", detail)
    if decision == APPROVED:
        _publish_if_both(person, revision)
    else:
        _end(revision, decision)


def _end(revision: Revision, decision: str) -> None:
    revision.state = _STATES[decision]
    revision.save(update_fields=["state"])
    kind = "publication-changes-wanted" if decision == CHANGES else "publication-declined"
    tell([revision.publication.author], kind, revision)


def _publish_if_both(actor: Person, revision: Revision) -> None:
    """Make a revision public once both roles approved it, and both people may still be its reviewers."""
    reviews = list(revision.reviews.select_related("reviewer"))
    for review in reviews:
        if review.reviewer is None or review.decision != APPROVED:
            continue
        why = "" if reviewer_now(review.reviewer) else "no reviewer any more"
        if why or conflict(review.reviewer, revision):
            detail = {"role": review.role, "why": why or "conflict"}
            audit.record(actor, "release review", f"publication:{revision}", detail)
            _free(review)
    approved = {review.role: review.reviewer for review in reviews if review.decision == APPROVED and review.reviewer}
    people = {person.pk for person in approved.values()}
    if set(approved) != set(Review.Role.values) or len(people) != len(approved):
        return
    publication = revision.publication
    revision.state, revision.published_at = Revision.State.APPROVED, timezone.now()
    revision.save(update_fields=["state", "published_at"])
    publication.public_revision = revision
    publication.save(update_fields=["public_revision"])
    sharing.adopt(revision)
    detail = {role: person.username for role, person in approved.items()}
    detail |= {"revision": str(revision.number), "digest": revision.digest}
    audit.record(actor, "publish publication", f"publication:{publication}", detail)
    tell([publication.author], "publication-public", revision)
    signals.published.send(sender=Revision, revision=revision)


def remind() -> int:
    """Remind those who hold a review too long, and all who could take one that nobody has; how many were told."""
    now, told = timezone.now(), 0
    late = now - timedelta(days=settings.HUB.showcase.remind_days)
    waiting = Review.objects.filter(decision=Review.Decision.OPEN, revision__state=Revision.State.IN_REVIEW)
    for review in waiting.select_related("revision__publication", "reviewer"):
        since = [at for at in (review.taken_at, review.reminded_at, review.revision.submitted_at) if at]
        if not since or max(since) > late:
            continue
        holder = reviewer_now(review.reviewer)
        people = [holder] if holder else eligible(review.revision)
        kind = "publication-review-reminder" if holder else "publication-review-wanted"
        with transaction.atomic():
            # Whoever else reminds at this moment finds it done.
            if Review.objects.filter(pk=review.pk, reminded_at=review.reminded_at).update(reminded_at=now):
                tell(people, kind, review.revision)
                told += len(people)
    return told
