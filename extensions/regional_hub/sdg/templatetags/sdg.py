"""Template tags of the SDG pages: links that keep flow and release, the bar that says which release it is, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from django import template
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from regional_hub.core.access import may
from regional_hub.core.permissions import TABLE
from regional_hub.sdg.explorer import shelf
from regional_hub.sdg.explorer.about import About, about
from regional_hub.sdg.explorer.book import Book, NotHere
from regional_hub.sdg.explorer.state import ALL
from regional_hub.sdg.explorer.words import Label
from regional_hub.sdg.views.common import room

register = template.Library()
# Pages that every flow has; a switch of the flow stays on them, and leads to the front page from all others.
EVERYWHERE = ("sdg", "sdg-goal", "sdg-areas", "sdg-availability", "sdg-search", "sdg-changes", "sdg-releases")
NAVIGATION = (
    ("sdg", _("Goals"), ("sdg", "sdg-goal", "sdg-indicator", "sdg-series")),
    ("sdg-areas", _("Areas"), ("sdg-areas", "sdg-area")),
    ("sdg-availability", _("Availability"), ("sdg-availability",)),
    ("sdg-changes", _("What changed"), ("sdg-changes", "sdg-change", "sdg-releases")),
    ("sdg-search", _("Search"), ("sdg-search",)),
)
DESK = ("see", "sdg desk")


def kept(context: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that every link inside the database keeps: the flow where one was chosen, and a pinned release."""
    request, book = context.get("request"), context.get("book")
    if not isinstance(book, Book):
        return {}
    chosen = isinstance(request, HttpRequest) and bool(request.GET.get("flow") or request.GET.get("release"))
    return {
        **({"flow": book.flow} if chosen or book.flow != book.store.flows()[0] else {}),
        **({"release": book.pinned} if book.pinned else {}),
    }


def address(path: str, parameters: Mapping[str, object]) -> str:
    query = urlencode({name: value for name, value in parameters.items() if value not in ("", None)}, safe=":")
    return f"{path}?{query}" if query else path


@register.simple_tag(takes_context=True)
def sdg_url(context: Mapping[str, Any], name: str, *codes: str, **parameters: object) -> str:
    """The address of a page of the database with flow and release kept: `{% sdg_url "sdg-goal" 3 %}`.

    Names without a page yet ("sdg-series") are addressed by the scheme that is promised for them.
    """
    try:
        path = reverse(name, args=codes)
    except NoReverseMatch:
        path = f"/sdg/{name.removeprefix('sdg-')}/" + "".join(f"{quote(code)}/" for code in codes)
    return address(path, {**parameters, **kept(context)})


@register.simple_tag
def label(said: Label | str | None) -> SafeString | str:
    """A label, marked with its language where it is not that of the page."""
    if not isinstance(said, Label):
        return said or ""
    page = (get_language() or "en").split("-")[0]
    if said.language.split("-")[0] in (page, "und"):
        return said.text
    return format_html('<span lang="{}">{}</span>', said.language, said.text)


@register.simple_tag(takes_context=True)
def near_url(context: Mapping[str, Any], missing: NotHere, code: str) -> str:
    """Where one finds what may have been meant instead of something that is not there."""
    request = context.get("request")
    asked = request.GET.dict() if isinstance(request, HttpRequest) else {}
    if missing.what in ("flow", "release"):
        here = request.path if isinstance(request, HttpRequest) else reverse("sdg")
        return address(here, {**asked, missing.what: code})
    keeping = {name: asked[name] for name in ("flow", "release") if asked.get(name)}
    if missing.what in ("goal", "indicator"):
        return address(reverse(f"sdg-{missing.what}", args=[code]), keeping)
    return address(reverse("sdg-search"), {"q": code, **keeping})


@register.simple_tag(takes_context=True)
def sdg_about(context: Mapping[str, Any]) -> About:
    """What is said about the series of a page, and of the areas that it shows."""
    book, figure = context["book"], context.get("figure")
    codes = figure.choice.codes.get(book.roles.area, ()) if figure else ()
    return about(room(), book, context["series"], () if ALL in codes else codes)


@register.filter
def number(value: object) -> str:
    """A count with the reader's separators of thousands."""
    return str(number_format(value, force_grouping=True)) if isinstance(value, int) else ""


@register.inclusion_tag("sdg/parts/nav.html", takes_context=True)
def sdg_navigation(context: Mapping[str, Any]) -> dict[str, Any]:
    """The pages of the database; the stewards' desk for those who may."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    here = getattr(match, "url_name", "") or ""
    entries = [
        {"text": text, "address": sdg_url(context, name), "is_current": here in current}
        for name, text, current in NAVIGATION
    ]
    if DESK in TABLE and may(getattr(request, "user", None), *DESK):
        current = here.startswith("sdg-desk")
        entries.append({"text": _("Stewards' desk"), "address": sdg_url({}, "sdg-desk"), "is_current": current})
    return {"entries": entries}


@register.inclusion_tag("sdg/parts/bar.html", takes_context=True)
def sdg_bar(context: Mapping[str, Any]) -> dict[str, Any]:
    """Which data and which release a page shows, and the way to others."""
    book, request = context.get("book"), context.get("request")
    if not isinstance(book, Book) or not isinstance(request, HttpRequest):
        return {}
    match = request.resolver_match
    stays = match is not None and match.url_name in EVERYWHERE
    here = request.path if stays else reverse("sdg")
    mine = shelf.of(book)
    others = [] if book.pinned and len(book.store.flows()) == 1 else shelf.flows(room(), book.language)
    search = {name: request.GET[name] for name in ("q",) if stays and name in request.GET}
    parameters = {name: value for name, value in request.GET.items() if name not in ("release", "page")}
    return {
        "book": book,
        "flow": mine,
        "edition": next((e for e in mine.editions if e.release == book.release.id), mine.newest),
        "is_draft": (book.pinned or "").startswith("draft:"),
        "is_newest": book.release.id == mine.newest.release,
        "flows": [(flow, address(here, {**search, "flow": flow.id}), flow.id == book.flow) for flow in others],
        "editions": [
            (
                e,
                address(request.path, {**parameters, "flow": book.flow, "release": e.release}),
                e.release == book.release.id,
            )
            for e in mine.editions
        ],
        "newest_address": address(request.path, {**parameters, "flow": book.flow}),
    }
