"""Comments below a publication: threads by cell, saying something, settling it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.views.decorators.http import require_POST

from regional_hub.core.access import requires
from regional_hub.showcase import access
from regional_hub.showcase.actions import comments
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.models import Comment, Revision
from regional_hub.showcase.views import reading
from regional_hub.showcase.views.reading import CellName


@dataclass(frozen=True)
class Said:
    """A comment, and whether the reader may settle it."""

    comment: Comment
    may_resolve: bool


@dataclass(frozen=True)
class Thread:
    """What was said of a cell, or (`cell` is None) of the whole."""

    cell: CellName | None
    said: Sequence[Said]

    @property
    def open(self) -> int:
        return sum(one.comment.resolved_at is None for one in self.said)


def threads(reader: Any, revision: Revision, names: Sequence[CellName]) -> list[Thread]:
    """The comments that somebody may read: of the whole first, then in the order of cells."""
    by_cell: dict[str, list[Said]] = {}
    author = revision.publication.author_id
    for comment in access.comments_for(reader, revision):
        may_resolve = reader.pk in (comment.author_id, author)
        by_cell.setdefault(comment.cell, []).append(Said(comment, may_resolve))
    places: list[CellName | None] = [None, *names]
    return [
        Thread(place, by_cell[place.id if place else ""]) for place in places if (place.id if place else "") in by_cell
    ]


@require_POST
@requires("comment", "publication")
def comment(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Say something of a revision or one of its cells."""
    revision = reading.find_revision(request, slug, number)
    try:
        made = comments.comment(request.user, revision, request.POST.get("text", ""), request.POST.get("cell", ""))
    except Problem as problem:
        messages.error(request, str(problem))
        return redirect(f"{_address(revision)}#comments")
    return redirect(f"{_address(revision)}#comment-{made.pk}")


@require_POST
@requires("comment", "publication")
def resolve(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    """Settle a comment, or open it again."""
    said = Comment.objects.select_related("revision__publication__author").filter(pk=pk).first()
    if said is None or said.revision.publication.slug != slug:
        raise Http404
    if not access.comments_for(request.user, said.revision).filter(pk=pk).exists():
        raise Http404
    comments.resolve(request.user, said, again="again" in request.POST)
    return redirect(f"{_address(said.revision)}#comment-{pk}")


def _address(revision: Revision) -> str:
    return reverse("showcase-revision", args=[revision.publication.slug, revision.number])


urlpatterns = [
    path("showcase/<slug:slug>/r/<int:number>/comments/", comment, name="showcase-comment"),
    path("showcase/<slug:slug>/comments/<int:pk>/", resolve, name="showcase-resolve"),
]
