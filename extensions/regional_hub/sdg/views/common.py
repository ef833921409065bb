"""What every page of the SDG database does: opens the book that is meant, answers 304, explains what is missing.

Trust boundary: visitors read through `Book`, which knows only what is public at its moment; drafts and embargoed series
are opened by the stewards' desk alone, which asks the permission table first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from regional_hub.core.access import may, requires
from regional_hub.sdg.desk.preview import asked, open_preview
from regional_hub.sdg.explorer.book import Book, NotHere, open_book
from regional_hub.sdg.loading import Room

View = Callable[..., HttpResponse]
# Raised when a page changes its look: an old page in a cache is not taken for the new one.
LOOK = "1"


def room() -> Room:
    """The database in the data folder."""
    folder = settings.HUB.path("sdg")
    folder.mkdir(parents=True, exist_ok=True)
    return Room(folder)


def book_of(request: HttpRequest) -> Book:
    """The book that `flow` and `release` of an address mean, in the reader's language. Raises NotHere."""
    parameters = request.GET
    language, release = get_language() or "en", parameters.get("release", "")
    if release.startswith("draft:"):  # `drafts.previews` refuses others before; this is the lock behind that door
        if not may(request.user, "preview", "sdg draft"):
            raise NotHere("release", release)
        return open_preview(room(), asked(release), language)
    return open_book(room(), language, parameters.get("flow", ""), release)


def page(view: View) -> View:
    """A public page of a book: `view(request, book, ...)`. Answers 304 by the book's tag, 404 with near matches.

    Whoever is signed in sees their own name in the header, only visitors' pages may be kept, and are asked for again.
    """

    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            book = book_of(request)
            tag = etag(request, book)
            if tag in request.headers.get("If-None-Match", ""):
                return HttpResponse(status=304, headers={"ETag": tag, "Vary": "Cookie, Accept-Language"})
            response = view(request, book, *args, **kwargs)
        except NotHere as missing:
            return not_here(request, missing)
        response.headers.setdefault("ETag", tag)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        return response

    return require_safe(requires("see", "sdg")(run))


def etag(request: HttpRequest, book: Book) -> str:
    """Changes with the data, the language, the address, the reader and the look of the page."""
    person = getattr(request.user, "pk", None)
    parts = [book.etag, request.get_full_path(), str(person), LOOK, settings.HUB.instance]
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"'


def not_here(request: HttpRequest, missing: NotHere) -> HttpResponse:
    """404 that says what there is instead; a database that is still empty says what to do."""
    empty = not room().store.flows()
    facts = {"missing": missing, "empty": empty}
    return render(request, "sdg/not_here.html", facts, status=200 if empty and not missing.asked else 404)
