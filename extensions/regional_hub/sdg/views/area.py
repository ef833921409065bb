"""An area on one page and as a PDF: all goals, newest values, trends, progress, and what is missing."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from regional_hub.sdg.explorer import areas, holdings, printed, progress, topics
from regional_hub.sdg.explorer import profile as profiles
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.printed import Sheet
from regional_hub.sdg.explorer.profile import Profile
from regional_hub.sdg.explorer.topics import Topic
from regional_hub.sdg.explorer.words import Label
from regional_hub.sdg.templatetags.sdg import kept, sdg_url
from regional_hub.sdg.views import news_parts as parts
from regional_hub.sdg.views.common import LOOK, book_of, etag, room
from regional_hub.sdg.views.news_parts import BadAddress, public

KEPT = 24
_PRINTED: OrderedDict[str, bytes] = OrderedDict()
_BODIES: OrderedDict[tuple[object, ...], SafeString] = OrderedDict()


def categories() -> dict[str, str]:
    """What the categories of progress are called."""
    return {
        progress.MET: _("Target met"),
        progress.ON_TRACK: _("On track"),
        progress.FAIR: _("Fair progress, too slow"),
        progress.LIMITED: _("Limited or no progress"),
        progress.DETERIORATION: _("Deterioration"),
    }


@public
def area(request: HttpRequest, area: str) -> HttpResponse:
    """The profile of an area; `compare` puts the newest values of another one beside it."""
    said = parts.read(request, ("flow", "release", "compare"))
    book = _book(request, said, area)
    return parts.answered(request, _tag(request, book), lambda: _page(request, book, area, said.get("compare", "")))


def _book(request: HttpRequest, said: Mapping[str, str], area: str) -> Book:
    """The book that the address means; where it names none, the first one that has the area."""
    book = book_of(request)
    if said.get("flow") or said.get("release") or profiles.has(book, area):
        return book
    others = topics.books(room(), book.language, Topic(area=area))
    return next((other for other in others if profiles.has(other, area)), book)


def _tag(request: HttpRequest, book: Book) -> str:
    """Changes with the page's own tag, and with the targets."""
    own = f"{etag(request, book)}{progress.stamp(book.store.folder)}"
    return f'W/"{hashlib.sha256(own.encode()).hexdigest()[:24]}"'


def _page(request: HttpRequest, book: Book, area: str, other: str) -> HttpResponse:
    made = profiles.of(book, area)
    context: Mapping[str, Any] = {"book": book, "request": request}
    if other:
        book.known(book.roles.area or "", other)
    facts = {
        "book": book,
        "profile": made,
        "counts": [(category, name, made.count(category)) for category, name in categories().items()],
        "body": _body(book, made, other, context),
        "other_code": other,
        "choices": _choices(book, area),
        "kept": kept(context),
        "trail": _trail(book, area, context),
    }
    return render(request, "sdg/area.html", facts)


def _body(book: Book, made: Profile, other: str, context: Mapping[str, Any]) -> SafeString:
    """The goals: the same for every reader, so made once; a country has some hundred rows."""
    stamp = progress.stamp(book.store.folder)
    key = (str(book.store.folder), book.etag, made.area, other, tuple(kept(context).items()), stamp, LOOK)
    if key not in _BODIES:
        facts = {
            **context,
            "profile": made,
            "other": book.name(book.roles.area or "", other) if other else None,
            "compared": profiles.beside(book, made, other) if other else {},
        }
        _BODIES[key] = render_to_string("sdg/area_body.html", facts)
        while len(_BODIES) > KEPT:
            _BODIES.popitem(last=False)
    return _BODIES[key]


def _choices(book: Book, area: str) -> list[tuple[str, Label]]:
    """The other areas with data, by name."""
    found = [(code, book.name(book.roles.area or "", code)) for code in holdings.of(book).areas if code != area]
    return sorted(found, key=lambda choice: choice[1].text)


def _trail(book: Book, area: str, context: Mapping[str, Any]) -> list[tuple[str, str]]:
    above = areas.path(book, area)[:-1]
    steps = [(sdg_url(context, "sdg-area", code), book.name(book.roles.area or "", code).text) for code in above]
    own = book.name(book.roles.area or "", area).text
    return [(sdg_url(context, "sdg-areas"), _("Areas")), *steps, ("", own)]


@public
def pdf(request: HttpRequest, area: str) -> HttpResponse:
    """The profile for printing, in the language that the address asks for; it names the release that it shows."""
    said = parts.read(request, ("flow", "release", "language"))
    language = said.get("language", translation.get_language() or "en")
    if language not in dict(settings.LANGUAGES):
        there = ", ".join(dict(settings.LANGUAGES))
        raise BadAddress(
            _("There is no language “%(text)s”; there are: %(known)s") % {"text": language, "known": there}
        )
    with translation.override(language):
        book = _book(request, said, area)
        tag = _tag(request, book)
        return parts.answered(request, tag, lambda: _pdf(book, area, tag))


def _pdf(book: Book, area: str, tag: str) -> HttpResponse:
    made = profiles.of(book, area)
    key = f"{tag}-{area}"
    if key not in _PRINTED:
        _PRINTED[key] = printed.pdf(made, _sheet(book, area))
        while len(_PRINTED) > KEPT:
            _PRINTED.popitem(last=False)
    response = HttpResponse(_PRINTED[key], content_type="application/pdf")
    name = f"sdg-profile-{area}-{book.release.id}-{book.language}.pdf"
    response.headers["Content-Disposition"] = f'inline; filename="{name}"'
    return response


def _sheet(book: Book, area: str) -> Sheet:
    site = settings.HUB.site
    at = next(event.at for event in book.events if event.release.id == book.release.id)
    page_address = f"{settings.HUB.url}{reverse('sdg-area', args=[area])}?release={book.release.id}"
    return Sheet(
        language=book.language,
        site=site.name_zh if book.language.startswith("zh") else site.name,
        flow=book.flow,
        release=book.release.id,
        date=date_format(timezone.localtime(at), "DATE_FORMAT"),
        at=at,
        address=page_address,
        words=_words(),
        categories=categories(),
    )


def _words() -> dict[str, str]:
    return {
        "kicker": _("Sustainable Development Goals: profile"),
        "release": _("release"),
        "goal": _("Goal"),
        "with": _("Indicators with data"),
        "missing": _("without data"),
        "stale": _("with old data"),
        "indicator": _("Indicator"),
        "series": _("Series"),
        "value": _("Newest value"),
        "year": _("Year"),
        "trend": _("Trend"),
        "progress": _("Progress to 2030"),
        "old": _("old"),
        "single": _("one year"),
        "nothing": _("There are no data for this goal."),
        "gaps": _("Indicators without data:"),
        "method": _(
            "Progress compares the yearly rate of change since 2015 with the rate that reaches the target in time: "
            "United Nations Statistics Division, SDG Progress Chart 2022, Technical Note, section II. "
            "“–”: no target is set, or data do not suffice. The page at the address shows all inputs."
        ),
        "source": _("Values are those of the release named above, with all their digits; sources are on the page."),
    }


urlpatterns = [
    path("sdg/area/<str:area>/", area, name="sdg-area"),
    path("sdg/area/<str:area>/profile.pdf", pdf, name="sdg-area-pdf"),
]
