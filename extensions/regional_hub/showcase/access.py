"""Who may read a publication. Trust boundary: every page, file and API answer of the Showcase passes here first.

Visitors see one thing only: the reviewed public revision. Everything else follows the audience, asked anew each time,
so that leaving a group or being taken off a list works at once.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from regional_hub.core.middleware import site_today
from regional_hub.core.models import Person
from regional_hub.showcase.models import Comment, Publication, Review, Revision


def may_read(actor: Any, publication: Publication) -> bool:
    """Whether somebody with an account may read a publication, or some revision of it; visitors never may."""
    if not isinstance(actor, Person) or not actor.is_active:
        return False
    return actor.pk == publication.author_id or may_review(actor, publication) or _is_in_audience(actor, publication)


def _is_in_audience(actor: Person, publication: Publication) -> bool:
    if publication.withdrawn_at is not None:
        return False
    match publication.audience:
        case Publication.Audience.PEOPLE:
            return publication.people.filter(pk=actor.pk).exists()
        case Publication.Audience.PROJECT:
            return publication.project is not None and publication.project.name in actor.group_names
        case Publication.Audience.HUB | Publication.Audience.PUBLIC:
            return publication.audience == Publication.Audience.HUB or publication.is_public
    return False


def may_read_revision(actor: Any, revision: Revision) -> bool:
    """Whether somebody may read one revision; its number in an address is no secret and gives nothing."""
    publication = revision.publication
    was_reviewed = publication.public_revision_id == revision.pk or revision.published_at is not None
    if publication.is_public and was_reviewed:  # what was public once stays reachable under its number
        return True
    if not isinstance(actor, Person) or not actor.is_active:
        return False
    if actor.pk == publication.author_id or (revision.submitted_at is not None and may_review(actor, publication)):
        return True
    # What is meant for the public is read by its author and reviewers until it was reviewed.
    return publication.audience != Publication.Audience.PUBLIC and _is_in_audience(actor, publication)


def may_change(actor: Any, publication: Publication) -> bool:
    return isinstance(actor, Person) and actor.is_active and actor.pk == publication.author_id


def may_review(actor: Any, publication: Publication) -> bool:
    """Reviewers see what was submitted for the public, and their own work is never theirs to review.

    Of other revisions of the same publication this says nothing: see `may_read_revision`.
    """
    if not isinstance(actor, Person) or "reviewers" not in actor.group_names or actor.pk == publication.author_id:
        return False
    if publication.revisions.filter(by=actor).exists():  # handed over to somebody else, it is still their own work
        return False
    submitted = publication.revisions.filter(submitted_at__isnull=False).exists()
    return submitted or Review.objects.filter(revision__publication=publication, reviewer=actor).exists()


def comments_for(actor: Any, revision: Revision) -> QuerySet[Comment]:
    """The comments on a revision that somebody may read: none for visitors, and of a review those who take part in it.

    Once a revision is public, what was said of it before stays among those who could read it then.
    """
    publication = revision.publication
    if not isinstance(actor, Person) or not may_read_revision(actor, revision):
        return Comment.objects.none()
    found = revision.comments.select_related("author")
    if actor.pk == publication.author_id or may_review(actor, publication):
        return found
    if publication.audience == Publication.Audience.PUBLIC:
        since = Q(at__gte=revision.published_at) if revision.published_at else Q(pk__in=())
        found = found.filter(since | Q(author=actor))
    return found.filter(of_review=False)


def is_public() -> Q:
    """The publications that visitors may read, as `Publication.is_public` says of one."""
    valid = Q(expires_on__isnull=True) | Q(expires_on__gte=site_today())
    return Q(public_revision__isnull=False, withdrawn_at__isnull=True) & valid


def readable(actor: Any) -> QuerySet[Publication]:
    """All publications that somebody may find in lists: their own, shared with them, the hub's, and public ones."""
    public = is_public()
    if not isinstance(actor, Person) or not actor.is_active:
        return Publication.objects.filter(public)
    theirs = Q(author=actor)
    shared = Q(withdrawn_at__isnull=True) & (
        Q(audience=Publication.Audience.PEOPLE, people=actor)
        | Q(audience=Publication.Audience.PROJECT, project__name__in=actor.group_names)
        | Q(audience=Publication.Audience.HUB)
    )
    return Publication.objects.filter(public | theirs | shared).distinct()
