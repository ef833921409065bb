"""The gallery: what visitors see first, its pictures, and who may have something stand first."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from regional_hub.core import goals
from regional_hub.core.access import requires
from regional_hub.core.models import Person
from regional_hub.showcase import pictures
from regional_hub.showcase.actions import featuring, readings
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.gallery import LANGUAGES, NEWEST, READ, TITLE, BadChoice, Choice, Shelf
from regional_hub.showcase.models import Publication
from regional_hub.showcase.views.shelf import picture as made_picture
from regional_hub.showcase.views.shelf import public, shelf

MOST_TAGS = 40  # that the form offers
FOR_EVER = "public, max-age=31536000, immutable"


@require_safe
@requires("see", "showcase")
def gallery(request: HttpRequest) -> HttpResponse:
    """Cards of what the address asks for; an address with empty parameters leads to the one without them."""
    try:
        choice = Choice.of(request.GET.dict())
    except BadChoice as wrong:
        return render(request, "showcase/bad_choice.html", {"wrong": wrong}, status=400)
    is_part = request.headers.get("HX-Request") == "true"
    if not is_part and "" in request.GET.dict().values():
        return redirect(choice.address(page=choice.page))
    there = shelf()
    found = there.find(choice, readings.read_lately() if choice.sorted_by == READ else {})
    facts = {
        "choice": choice,
        "found": found,
        "before": found.page - 1,
        "after": found.page + 1,
        "said": described(choice),
        "feed_query": feed_query(choice),
        **_offered(there, choice),
    }
    response = render(request, "showcase/results.html" if is_part else "showcase/gallery.html", facts)
    if is_part:
        response["HX-Push-Url"] = choice.address(page=choice.page)
    patch_vary_headers(response, ["HX-Request", "Cookie", "Accept-Language"])
    return response


def _offered(there: Shelf, choice: Choice) -> dict[str, Any]:
    """What the form offers: only what leads to something, each with its count."""
    language = get_language() or "en"
    kinds = {value: label for value, label in Publication.Kind.choices if there.kinds[value]}
    tags = sorted(name for name, _count in there.tags.most_common(MOST_TAGS))
    if choice.tag and choice.tag not in tags:
        tags.append(choice.tag)
    orders = [(NEWEST, _("Newest first")), (READ, _("Most read in 90 days")), (TITLE, _("Title"))]
    return {
        "kinds": [(value, label, there.kinds[value]) for value, label in kinds.items()],
        "goals": [(goal, goals.title(goal, language), there.goals[goal]) for goal in sorted(there.goals)],
        "tags": [(tag, there.tags[tag]) for tag in tags],
        "languages": [(code, {"en": _("English"), "zh": _("Chinese")}[code]) for code in LANGUAGES],
        "orders": [("", _("Best match, else newest")), *orders],
        "total": len(there.items),
    }


def described(choice: Choice) -> list[tuple[str, str]]:
    """What is filtered by, in words, and the address without it."""
    language, parts = get_language() or "en", []
    if choice.q:
        parts.append((_("“%(words)s”") % {"words": choice.q}, choice.address(q="")))
    if choice.kind:
        parts.append((str(Publication.Kind(choice.kind).label), choice.address(kind="")))
    if choice.goal:
        name = f"{choice.goal} {goals.title(choice.goal, language)}"
        parts.append((_("Goal %(goal)s") % {"goal": name}, choice.address(goal=0)))
    if choice.tag:
        parts.append((f"#{choice.tag}", choice.address(tag="")))
    if choice.written:
        name = {"en": _("English"), "zh": _("Chinese")}[choice.written]
        parts.append((_("Written in %(language)s") % {"language": name}, choice.address(written="")))
    return parts


def feed_query(choice: Choice) -> str:
    """The parameters of the feed of a choice: what it follows is a kind, a goal, a tag."""
    return Choice(kind=choice.kind, goal=choice.goal, tag=choice.tag).query


@require_safe
@requires("see", "showcase")
def picture(request: HttpRequest, slug: str, file: str) -> HttpResponse:
    """The picture of a public publication, at the address that belongs to its content and at no other."""
    match = pictures.NAME.fullmatch(file)
    publication = public().select_related("public_revision").filter(slug=slug).first()
    if match is None or publication is None or match[1] != pictures.key(publication):
        raise Http404
    size = match[2]
    kind = {"card.webp": "image/webp", "large.jpg": "image/jpeg"}[size]
    response = FileResponse(made_picture(publication, size).open("rb"), content_type=kind)
    response["Cache-Control"] = FOR_EVER
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


@require_POST
@requires("feature", "publication")
def feature(request: HttpRequest, slug: str) -> HttpResponse:
    """Have a publication stand first, or no longer."""
    assert isinstance(request.user, Person)
    publication = get_object_or_404(Publication, slug=slug)
    on = request.POST.get("on") == "1"
    try:
        featuring.feature(request.user, publication, on=on)
    except Problem as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, _("It stands first in the gallery.") if on else _("It no longer stands first."))
    return redirect("showcase-page", slug)


urlpatterns = [
    path("showcase/", gallery, name="showcase"),
    path("showcase/<slug:slug>/picture/<str:file>", picture, name="showcase-picture"),
    path("showcase/<slug:slug>/feature/", feature, name="showcase-feature"),
]
