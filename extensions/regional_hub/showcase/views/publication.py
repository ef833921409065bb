"""The page of a publication for those it is shared with: the notebook, its revisions, files and comments.

Visitors see the reviewed public revision only. Files are sent as attachments and never as pages: on this origin nothing
that an author wrote is opened as HTML.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from regional_hub.core.access import requires
from regional_hub.core.models import Person
from regional_hub.showcase import access
from regional_hub.showcase.actions import sharing
from regional_hub.showcase.models import Publication, Revision
from regional_hub.showcase.render import render as rendered
from regional_hub.showcase.views import reading
from regional_hub.showcase.views.comments import threads


def for_readers(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Visitors who must sign in first are asked to, whether or not there is something."""

    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except reading.SignInFirst:
            return reading.answering(request)

    return run


@require_safe
@requires("see", "showcase")
@for_readers
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest revision that the reader may read, under the link that stays."""
    publication, newest = reading.find_publication(request, slug)
    return _show(request, publication, newest)


@require_safe
@requires("see", "showcase")
@for_readers
def revision(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    found = reading.find_revision(request, slug, number)
    return _show(request, found.publication, found)


def _show(request: HttpRequest, publication: Publication, shown: Revision) -> HttpResponse:
    content = reading.shown_content(shown)
    names = reading.cell_names(content)
    revisions = reading.readable_revisions(request, publication)
    person = request.user if isinstance(request.user, Person) else None
    facts = {
        "publication": publication,
        "revision": shown,
        "revisions": revisions,
        "is_newest": shown == revisions[0],
        "previous": next((each for each in revisions if each.number < shown.number), None),
        "notebook": rendered(content),
        "files": sorted(shown.manifest["files"].items()),
        "cells": names,
        "threads": threads(request.user, shown, names),
        "may_change": access.may_change(request.user, publication),
        "may_comment": person is not None,
        "copy_address": copy_address(shown) if person else "",
        "bundle_address": reverse("showcase-api:files_of", args=[publication.slug, shown.number]) if person else "",
        "project": _project(request, publication),
    }
    return render(request, "showcase/publication.html", facts)


def copy_address(shown: Revision) -> str:
    """Where the Hub starts the reader's own server and copies the revision into it (see lab/copy_shared.py)."""
    asked = urlencode({"slug": shown.publication.slug, "number": shown.number})
    return f"/hub/user-redirect/regional-hub/copy?{asked}"


def _project(request: HttpRequest, publication: Publication) -> Any:
    """The project whose server the reader may work in together with the others."""
    project = publication.project
    is_member = isinstance(request.user, Person) and project is not None and project.name in request.user.group_names
    return project if is_member and publication.audience == Publication.Audience.PROJECT else None


@require_safe
@requires("see", "showcase")
@for_readers
def file(request: HttpRequest, slug: str, number: int, file: str) -> HttpResponse:
    """One file of a revision, to be saved."""
    found = reading.find_revision(request, slug, number)
    facts = found.manifest["files"].get(file)
    if facts is None:
        raise Http404
    content = sharing.files().path(facts["sha256"]).open("rb")
    name = file.rpartition("/")[2]
    # Neither guessed nor shown: whatever it is, it is saved.
    response = FileResponse(content, as_attachment=True, filename=name, content_type="application/octet-stream")
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


urlpatterns = [
    path("showcase/<slug:slug>/", page, name="showcase-page"),
    path("showcase/<slug:slug>/r/<int:number>/", revision, name="showcase-revision"),
    path("showcase/<slug:slug>/r/<int:number>/files/<path:file>", file, name="showcase-file"),
]
