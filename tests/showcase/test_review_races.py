"""Reviewers and authors at the same moment, in a database as the portal has it: each change is one or none."""

from __future__ import annotations

from typing import Any

import pytest

from regional_hub.core import audit
from regional_hub.core.models import AuditEntry
from regional_hub.showcase.actions import review, sharing
from regional_hub.showcase.models import Publication, Revision
from tests.showcase.races import at_once, in_a_file
from tests.showcase.reviewing import in_review, role

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(alice, make_person):
    return {"alice": alice, **{name: make_person(name, "reviewers") for name in ("rita", "sam")}}


def taken(people: Any) -> Revision:
    revision = in_review(people["alice"])
    review.take(people["rita"], role(revision, "method"), no_conflict=True)
    review.take(people["sam"], role(revision, "disclosure"), no_conflict=True)
    return revision


def test_two_approvals_at_the_same_moment_publish_once(people, tmp_path):
    revision = taken(people)
    rita, sam = role(revision, "method"), role(revision, "disclosure")

    with in_a_file(tmp_path / "race.sqlite"):
        ended = at_once(
            lambda: review.decide(people["rita"], rita, "approved", revision.digest),
            lambda: review.decide(people["sam"], sam, "approved", revision.digest),
        )
        ((public, approvals, published, log),) = at_once(
            lambda: (
                Publication.objects.get().public_revision_id,
                AuditEntry.objects.filter(verb="approve revision").count(),
                AuditEntry.objects.filter(verb="publish publication").count(),
                audit.verify(),
            )
        )

    assert ended == [None, None]
    assert (public, approvals, published, log) == (revision.pk, 2, 1, None)


def test_the_last_approval_and_the_authors_recall_never_both_stand(people, tmp_path):
    revision = taken(people)
    review.decide(people["rita"], role(revision, "method"), "approved", revision.digest)
    mine, publication = role(revision, "disclosure"), Publication.objects.get()

    with in_a_file(tmp_path / "race.sqlite"):
        ended = at_once(
            lambda: review.decide(people["sam"], mine, "approved", revision.digest),
            lambda: sharing.revoke(people["alice"], publication),
        )
        ((public, audience),) = at_once(lambda: Publication.objects.values_list("public_revision_id", "audience").get())

    assert ended in ([None, "is-public"], ["not-in-review", None]), ended
    assert (public, audience) == ((revision.pk, "public") if ended[0] is None else (None, "people"))


def test_a_role_that_two_take_at_the_same_moment_has_one_of_them(people, tmp_path):
    revision = in_review(people["alice"])
    free = role(revision, "method")

    with in_a_file(tmp_path / "race.sqlite"):
        ended = at_once(
            *(lambda person=people[name]: review.take(person, free, no_conflict=True) for name in ("rita", "sam"))
        )

    assert sorted(map(str, ended)) == ["None", "taken"]
