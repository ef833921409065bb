"""The page of a publication: the notebook, its revisions, files, origin and comments.

Visitors see the reviewed public revision only; what was public and is not any more answers 410 with the reason. Files
are sent as attachments and never as pages: on this origin nothing that an author wrote is opened as HTML.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language, override
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from regional_hub.core.access import requires
from regional_hub.core.models import Person
from regional_hub.showcase import access
from regional_hub.showcase.actions import building, readings, sharing
from regional_hub.showcase.models import Publication, Revision
from regional_hub.showcase.pictures import address as picture_address
from regional_hub.showcase.signals import READ
from regional_hub.showcase.views import facts, reading
from regional_hub.showcase.views.comments import threads

FRESH = 60  # seconds that a visitor's browser, and caches on the way, may show a page without asking


def for_readers(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Visitors who must sign in first are asked to, whether or not there is something; what is gone says so."""

    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except reading.SignInFirst:
            return reading.answering(request)
        except reading.Gone as gone:
            return tombstone(request, gone.publication)

    return run


def in_asked_language(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """`?language=` is the page in that language, which a visitor keeps; people have one in their profile."""

    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = request.GET.get("language", "")
        if isinstance(request.user, Person) or asked not in dict(settings.LANGUAGES):
            return view(request, *args, **kwargs)
        with override(asked):
            response = view(request, *args, **kwargs)
        response.headers["Content-Language"] = asked
        if request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME) != asked:
            age, secure = settings.LANGUAGE_COOKIE_AGE, settings.LANGUAGE_COOKIE_SECURE
            response.set_cookie(settings.LANGUAGE_COOKIE_NAME, asked, max_age=age, secure=secure, samesite="Lax")
            response.headers["Cache-Control"] = "private, no-cache"
        return response

    return run


@gzip_page
@require_safe
@requires("see", "showcase")
@in_asked_language
@for_readers
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """The newest revision that the reader may read, under the link that stays."""
    publication, newest = reading.find_publication(request, slug)
    return _answer(request, publication, newest)


@gzip_page
@require_safe
@requires("see", "showcase")
@in_asked_language
@for_readers
def revision(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    found = reading.find_revision(request, slug, number)
    return _answer(request, found.publication, found)


def _answer(request: HttpRequest, publication: Publication, shown: Revision) -> HttpResponse:
    response = render(request, "showcase/publication.html", _facts(request, publication, shown))
    if isinstance(request.user, Person):
        return response
    readings.count(publication, request)
    if isinstance(request, ASGIRequest):  # who answers for us while the page is the same counts by this
        request.scope[READ] = publication.pk
    return for_all(request, response)


def for_all(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A visitor's page is every visitor's page, unless it holds what is theirs alone: a session, or a form's token."""
    tag = f'"{hashlib.sha256(response.content).hexdigest()[:32]}"'
    patch_vary_headers(response, ["Cookie", "Accept-Language"])
    if settings.SESSION_COOKIE_NAME in request.COOKIES or request.META.get("CSRF_COOKIE"):
        response.headers["Cache-Control"] = "private, no-cache"
        return response
    shared = {"ETag": tag, "Cache-Control": f"public, max-age={FRESH}"}
    if tag in request.headers.get("If-None-Match", ""):
        response = HttpResponse(status=304, headers={"Vary": "Cookie, Accept-Language"})
    for name, value in shared.items():
        response.headers[name] = value
    return response


def _facts(request: HttpRequest, publication: Publication, shown: Revision) -> dict[str, Any]:
    names = reading.cell_names(building.notebook(shown)) if isinstance(request.user, Person) else []
    revisions = reading.readable_revisions(request, publication)
    person = request.user if isinstance(request.user, Person) else None
    return {
        "publication": publication,
        "revision": shown,
        "revisions": revisions,
        "is_newest": shown == revisions[0],
        "is_superseded": publication.is_public and shown.pk != publication.public_revision_id,
        "previous": next((each for each in revisions if each.number < shown.number), None),
        "notebook": building.page(shown),
        "is_folded": publication.is_public,
        "files": sorted(shown.manifest["files"].items()),
        "cells": names,
        "threads": threads(request.user, shown, names),
        "may_change": access.may_change(request.user, publication),
        "may_comment": person is not None,
        "copy_address": copy_address(shown) if person else "",
        "project": _project(request, publication),
        "provenance": facts.provenance(shown),
        "work": facts.work(publication, shown),
        "cited_as": facts.CITED_AS,
        "licence_page": facts.licence_page(publication.licence),
        **_preview(request, publication, shown),
    }


def _preview(request: HttpRequest, publication: Publication, shown: Revision) -> dict[str, Any]:
    """What machines read of a page: where it is, whether it may be found, how links to it look."""
    here = request.path
    if shown.pk == publication.public_revision_id:
        here = reverse("showcase-page", args=[publication.slug])
    person = isinstance(request.user, Person)
    asked = "" if person else request.GET.get("language", "")
    own = f"?{urlencode({'language': asked})}" if asked in dict(settings.LANGUAGES) else ""
    return {
        "base": settings.HUB.url,
        "canonical": settings.HUB.url + here + own,
        "here": here,
        "is_found": publication.is_public and shown.pk == publication.public_revision_id,
        "language_links": [] if person else facts.language_links(request.path),
        "alternates": facts.language_links(here),
        "picture": settings.HUB.url + picture_address(publication) if publication.is_public else "",
        "og_locale": "zh_CN" if (get_language() or "").startswith("zh") else "en_US",
    }


def tombstone(request: HttpRequest, publication: Publication) -> HttpResponse:
    """What stands where a public page was: title, how it was cited, since when it is gone and why. Not the content."""
    last = publication.public_revision
    assert last is not None
    context = {
        "publication": publication,
        "revision": last,
        "work": facts.work(publication, last),
        "language_links": [] if isinstance(request.user, Person) else facts.language_links(request.path),
    }
    response = render(request, "showcase/gone.html", context, status=410)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


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
    kept = found.manifest["files"].get(file)
    if kept is None:
        raise Http404
    content = sharing.files().path(kept["sha256"]).open("rb")
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
