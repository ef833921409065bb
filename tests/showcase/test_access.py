"""Who may read what: by audience, asked anew each time, and never by knowing a number or an address."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from regional_hub.core import actions
from regional_hub.core.middleware import site_today
from regional_hub.showcase.access import may_read, may_read_revision, may_review, readable
from regional_hub.showcase.models import Publication, Revision

pytestmark = pytest.mark.django_db
VISITOR = AnonymousUser()


def published(author, audience="people", **more):
    made = Publication.objects.create(slug=f"p{Publication.objects.count()}", author=author, audience=audience, **more)
    manifest = {"entry": "a.ipynb", "files": {"a.ipynb": {"sha256": "0" * 64, "size": 10}}}
    return Revision.objects.create(publication=made, number=1, digest="0" * 64, manifest=manifest, by=author)


def test_only_those_who_were_named_read_it(alice, make_person):
    bob, eve = make_person("bob", "researchers"), make_person("eve", "researchers")
    revision = published(alice)
    revision.publication.people.add(bob)

    assert may_read_revision(alice, revision) and may_read_revision(bob, revision)
    assert not may_read_revision(eve, revision) and not may_read_revision(VISITOR, revision)

    revision.publication.people.remove(bob)
    assert not may_read_revision(bob, revision)


def test_a_project_reads_as_long_as_one_is_a_member(admin, alice, make_person):
    bob = make_person("bob")
    group = actions.create_group(admin, "project-water", "Water", members=[alice, bob])
    revision = published(alice, "project", project=group)

    assert may_read(bob, revision.publication)
    bob.groups.remove(group)
    bob.forget_groups()
    assert not may_read(bob, revision.publication)


def test_what_is_meant_for_the_public_waits_for_its_review(alice, make_person):
    reviewer, bob = make_person("rev", "reviewers"), make_person("bob", "researchers")
    revision = published(alice, "public")

    assert not may_read_revision(VISITOR, revision) and not may_read_revision(bob, revision)
    assert not may_read_revision(reviewer, revision)

    revision.submitted_at = timezone.now()
    revision.save()
    assert may_read_revision(reviewer, revision) and not may_read_revision(VISITOR, revision)

    Publication.objects.update(public_revision=revision)
    revision.publication.refresh_from_db()
    assert may_read_revision(VISITOR, revision)


def test_nobody_reviews_their_own_work(make_person):
    reviewer = make_person("rev", "reviewers")
    revision = published(reviewer, "public")
    revision.submitted_at = timezone.now()
    revision.save()

    assert not may_review(reviewer, revision.publication)


def test_a_withdrawn_page_is_read_by_its_author_alone(alice, make_person):
    bob = make_person("bob", "researchers")
    revision = published(alice, "hub")
    Publication.objects.update(withdrawn_at=timezone.now())
    revision.publication.refresh_from_db()

    assert may_read_revision(alice, revision) and not may_read_revision(bob, revision)
    assert list(readable(bob)) == [] and list(readable(alice)) == [revision.publication]


def test_a_public_page_is_listed_until_its_last_day_is_over(alice, make_person):
    bob = make_person("bob", "researchers")
    revision = published(alice, "public")
    listed = []

    for day in (site_today(), site_today() - timedelta(days=1)):
        Publication.objects.update(public_revision=revision, expires_on=day)
        listed.append([list(readable(each)) == [revision.publication] for each in (VISITOR, bob, alice)])

    assert listed == [[True, True, True], [False, False, True]]


def test_a_revision_never_changes(alice):
    revision = published(alice)
    revision.manifest = {**revision.manifest, "entry": "b.ipynb"}

    with pytest.raises(TypeError, match="never changes"):
        revision.save()
