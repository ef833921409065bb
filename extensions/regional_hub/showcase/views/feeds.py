"""Feeds of what is published: Atom and JSON Feed, of a kind, a goal or a tag, in the language that is asked for."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone, translation
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from regional_hub.core import feeds, goals
from regional_hub.core.access import requires
from regional_hub.core.feeds import Entry, Feed
from regional_hub.showcase.gallery import BadChoice, Choice, Item
from regional_hub.showcase.models import Publication
from regional_hub.showcase.views.shelf import shelf

NEWEST = 30
CACHE = "public, max-age=60"


@require_safe
@requires("see", "showcase")
def atom(request: HttpRequest) -> HttpResponse:
    return _answer(request, feeds.ATOM_TYPE)


@require_safe
@requires("see", "showcase")
def json(request: HttpRequest) -> HttpResponse:
    return _answer(request, feeds.JSON_TYPE)


def _answer(request: HttpRequest, kind: str) -> HttpResponse:
    said = request.GET.dict()
    language = said.get("language") or translation.get_language() or "en"
    try:
        if language not in dict(settings.LANGUAGES):
            raise BadChoice("language", language, dict(settings.LANGUAGES))
        asked = Choice.of({name: said[name] for name in ("kind", "goal", "tag") if name in said})
    except BadChoice as wrong:
        return render(request, "showcase/bad_choice.html", {"wrong": wrong}, status=400)
    with translation.override(language):
        feed = made(asked, language)
    text = feeds.to_atom(feed) if kind == feeds.ATOM_TYPE else feeds.to_json(feed)
    tag = f'"{hashlib.sha256(text).hexdigest()[:24]}"'
    known = tag in request.headers.get("If-None-Match", "")
    response = HttpResponse(status=304) if known else HttpResponse(text, content_type=kind)
    response["ETag"] = tag
    response["Cache-Control"] = CACHE
    response["Vary"] = "Cookie, Accept-Language"
    return response


def made(asked: Choice, language: str) -> Feed:
    """The feed of a choice: its newest publications, a new revision of one as an update of its entry."""
    site = settings.HUB.site
    found = [item for item in shelf().items if _is_asked(item, asked)][:NEWEST]
    entries = [_entry(item, language) for item in found]
    return Feed(
        title=_title(asked, language),
        subtitle=_("Reviewed notebooks, as they are published"),
        language="zh-Hans" if language.startswith("zh") else language,
        author=site.name_zh if language.startswith("zh") else site.name,
        home=settings.HUB.url + asked.address(),
        atom=_address("feed.atom", asked, language),
        json=_address("feed.json", asked, language),
        updated=max((entry.at for entry in entries), default=timezone.now().replace(hour=0, minute=0, second=0)),
        entries=entries,
    )


def _is_asked(item: Item, asked: Choice) -> bool:
    return (
        (not asked.kind or item.kind == asked.kind)
        and (not asked.goal or asked.goal in item.goals)
        and (not asked.tag or asked.tag in item.tags)
    )


def _title(asked: Choice, language: str) -> str:
    parts = [_("Showcase")]
    if asked.kind:
        parts.append(str(Publication.Kind(asked.kind).label))
    if asked.goal:
        parts.append(_("Goal %(goal)s") % {"goal": f"{asked.goal} {goals.title(asked.goal, language)}"})
    if asked.tag:
        parts.append(asked.tag)
    return " · ".join(parts)


def _address(name: str, asked: Choice, language: str) -> str:
    return f"{settings.HUB.url}/showcase/{name}?{urlencode({**asked.facts(), 'language': language})}"


def _entry(item: Item, language: str) -> Entry:
    page, picture = settings.HUB.url + item.address, settings.HUB.url + item.preview
    paragraphs = [line for line in item.text(language).splitlines() if line.strip()]
    html = format_html('<p><a href="{}"><img src="{}" alt="{}"></a></p>', page, picture, item.alt)
    html += format_html_join(mark_safe(""), "<p>{}</p>", ((line,) for line in paragraphs))
    return Entry(
        id=page,  # stays with the publication, whatever its revision
        link=page,
        title=item.label(language),
        at=item.at,
        summary=item.text(language),
        html=html,
        published=item.first,
        author=item.author,
        tags=item.tags,
        image=picture,
    )


urlpatterns = [
    path("showcase/feed.atom", atom, name="showcase-feed-atom"),
    path("showcase/feed.json", json, name="showcase-feed-json"),
]
