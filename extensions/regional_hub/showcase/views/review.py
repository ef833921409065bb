"""The pages of review: the queue, and one revision with its checks, its cells, and what reviewers may do with it.

What an author wrote is shown as text and never as mark-up: here sit people whose rights an attacker would like to have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import wraps
from typing import Any

from django.contrib import messages
from django.db.models import Prefetch, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from regional_hub.core.access import may, requires
from regional_hub.core.files import Damaged
from regional_hub.core.models import Person
from regional_hub.showcase import access
from regional_hub.showcase.about import About
from regional_hub.showcase.actions import building, checking, comments, review_rules
from regional_hub.showcase.actions import review as actions
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.bundle_faults import BundleError
from regional_hub.showcase.checks import texts
from regional_hub.showcase.models import Comment, Publication, Review, Revision

WAITING = (Revision.State.CHECKING, Revision.State.IN_REVIEW)
RECENT = 20
LONGEST_OUTPUT = 20_000


@dataclass
class Cell:
    """A cell as its reviewers read it: its code and what it printed, as text."""

    id: str
    number: int
    kind: str
    source: str
    outputs: list[str] = field(default_factory=list)
    said: list[Comment] = field(default_factory=list)


@require_safe
@requires("see", "review queue")
def queue(request: HttpRequest) -> HttpResponse:
    """What waits, the oldest first, and what was decided lately."""
    found = Revision.objects.select_related("publication__author", "by").filter(submitted_at__isnull=False)
    found = found.prefetch_related("checks", Prefetch("reviews", Review.objects.select_related("reviewer")))
    waiting = list(found.filter(state__in=WAITING).order_by("submitted_at"))
    decided = found.exclude(state__in=WAITING).order_by("-submitted_at")[:RECENT]
    mine = Q(reviewer=request.user, decision=Review.Decision.OPEN, revision__state=Revision.State.IN_REVIEW)
    facts = {"waiting": waiting, "decided": decided, "mine": Review.objects.filter(mine).count()}
    return render(request, "showcase/review_queue.html", facts)


@require_safe
@requires("see", "review")
def page(request: HttpRequest, pk: int) -> HttpResponse:
    """One revision: its checks, its cells and the comments on them, and what the reader may do."""
    revision = _find(request, pk)
    person = request.user
    reads = access.may_read_revision(person, revision)
    said = list(access.comments_for(person, revision).filter(of_review=True)) if reads else []
    reviews = list(revision.reviews.select_related("reviewer"))
    cells, damaged = _cells(revision, said) if reads else ([], False)
    reviewer = may(person, "review", "publication")
    facts = {
        "revision": revision,
        "publication": revision.publication,
        "words": _words(revision),
        "files": sorted(revision.manifest["files"].items()) if reads else [],
        "checks": list(revision.checks.all()),
        "reviews": reviews,
        "mine": next((one for one in reviews if one.reviewer_id == person.pk), None),
        "conflict": review_rules.conflict(person, revision) if reviewer and isinstance(person, Person) else "",
        "is_open": revision.state == Revision.State.IN_REVIEW,
        "may_review": reviewer,
        "may_assign": may(person, "assign", "review"),
        "may_check": revision.state == Revision.State.FAILED
        and may(person, "check", "publication", revision.publication.author.username),
        "may_comment": reads and (person.pk == revision.publication.author_id or reviewer),
        "reads": reads,
        "cells": cells,
        "damaged": damaged,
        "said": [one for one in said if not one.cell],
    }
    return render(request, "showcase/review.html", facts)


def _find(request: HttpRequest, pk: int) -> Revision:
    """A submitted revision whose review somebody may see: its author, reviewers, administrators. Raises Http404."""
    found = Revision.objects.select_related("publication__author", "by").filter(pk=pk).first()
    if found is None:
        raise Http404
    person = request.user
    is_author = access.may_change(person, found.publication)
    involved = is_author or access.may_review(person, found.publication)
    # What its author took back is nobody else's to see any more.
    was_submitted = found.submitted_at is not None or (is_author and found.checks.exists())
    if not was_submitted or not (involved or may(person, "see", "review queue")):
        raise Http404
    return found


def _words(revision: Revision) -> dict[str, Any]:
    """What will stand on its page once it is approved, as its author sent it with this revision.

    The publication's own words may be of another revision: of the one that is public, or of one that came later.
    """
    publication = revision.publication
    said = {name: getattr(publication, name) for name in asdict(About(""))} | revision.about
    label = Publication(title=said["title"], title_zh=said["title_zh"]).label
    return {**said, "kind": Publication.Kind(said["kind"]).label, "label": label}


def _cells(revision: Revision, said: list[Comment]) -> tuple[list[Cell], bool]:
    """The cells of what will be shown, and whether its content is damaged."""
    try:
        content = building.notebook(revision)
    except (Damaged, BundleError):
        return [], True
    cells = []
    for number, cell in enumerate(content["cells"], start=1):
        made = Cell(cell["id"], number, cell["cell_type"], cell["source"])
        made.outputs = [_shown(output) for output in cell.get("outputs", [])]
        made.said = [one for one in said if one.cell == cell["id"]]
        cells.append(made)
    return cells, False


def _shown(output: dict[str, Any]) -> str:
    """An output as text, cut where it is long."""
    data = output.get("data", {})
    if output["output_type"] == "stream":
        text = output["text"]
    elif output["output_type"] == "error":
        text = f"{output['ename']}: {output['evalue']}"
    else:
        text = str(data.get("text/plain") or data.get("text/markdown") or data.get("text/latex") or "")
        others = ", ".join(sorted(kind for kind in data if kind != "text/plain"))
        text += f"\n[{others}]" if others else ""
    plain = texts.plain(text)
    return plain if len(plain) <= LONGEST_OUTPUT else plain[:LONGEST_OUTPUT] + "\n…"


# -- doing -------------------------------------------------------------------------------------------------------------

Doing = Callable[..., str]


def _answering(view: Doing) -> Callable[..., HttpResponse]:
    """Do something with a revision and go back to its page, with what was done or why not."""

    @wraps(view)
    def run(request: HttpRequest, pk: int) -> HttpResponse:
        revision = _find(request, pk)
        try:
            messages.success(request, view(request, revision))
        except Problem as problem:
            messages.error(request, str(problem))
        return redirect(reverse("showcase-review", args=[pk]))

    return run


def _role(request: HttpRequest, revision: Revision) -> Review:
    """The review that a form names by its role. Raises Problem for one that is not there any more."""
    found = revision.reviews.filter(role=request.POST.get("role", "")).first()
    if found is None:
        raise Problem("not-in-review", _("This revision is no longer in review. Nothing was changed."))
    return found


@require_POST
@requires("review", "publication")
@_answering
def take(request: HttpRequest, revision: Revision) -> str:
    actions.take(request.user, _role(request, revision), no_conflict="no_conflict" in request.POST)
    return _("The review is yours.")


@require_POST
@requires("see", "review")
@_answering
def release(request: HttpRequest, revision: Revision) -> str:
    actions.release(request.user, _role(request, revision))
    return _("You gave the review back.")


@require_POST
@requires("assign", "review")
@_answering
def assign(request: HttpRequest, revision: Revision) -> str:
    actions.assign(request.user, _role(request, revision), request.POST.get("person", "").strip().lower())
    return _("The review is assigned.")


@require_POST
@requires("review", "publication")
@_answering
def decide(request: HttpRequest, revision: Revision) -> str:
    said = request.POST
    review = _role(request, revision)
    actions.decide(request.user, review, said.get("decision", ""), said.get("digest", ""), said.get("text", ""))
    revision.refresh_from_db()
    if revision.state == Revision.State.APPROVED:
        return _("Both reviewers approved it: it is public.")
    return _("Your decision is noted.")


@require_POST
@requires("check", "publication")
@_answering
def check_again(request: HttpRequest, revision: Revision) -> str:
    checking.check_again(request.user, revision)
    return _("It is being checked again.")


@require_POST
@requires("comment", "publication")
@_answering
def comment(request: HttpRequest, revision: Revision) -> str:
    said = request.POST
    comments.comment(request.user, revision, said.get("text", ""), said.get("cell", ""), of_review=True)
    return _("Your comment is there.")


urlpatterns = [
    path("showcase/review/", queue, name="showcase-review-queue"),
    path("showcase/review/<int:pk>/", page, name="showcase-review"),
    path("showcase/review/<int:pk>/take/", take, name="showcase-review-take"),
    path("showcase/review/<int:pk>/release/", release, name="showcase-review-release"),
    path("showcase/review/<int:pk>/assign/", assign, name="showcase-review-assign"),
    path("showcase/review/<int:pk>/decide/", decide, name="showcase-review-decide"),
    path("showcase/review/<int:pk>/again/", check_again, name="showcase-review-again"),
    path("showcase/review/<int:pk>/comment/", comment, name="showcase-review-comment"),
]
