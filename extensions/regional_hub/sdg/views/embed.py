"""Charts on other people's pages: the frame, and oEmbed, by which their systems find it.

Trust boundary: only these answers may be framed by others. They show what any visitor sees, carry no header with a
person's name, and take no input but the address.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from regional_hub.core.access import requires
from regional_hub.sdg.explorer import charts, cite, summary
from regional_hub.sdg.explorer.book import Book, NotHere, open_book
from regional_hub.sdg.explorer.state import BadParameter, parse
from regional_hub.sdg.views import series as series_views
from regional_hub.sdg.views.common import room

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors *"
)
WIDTH, HEIGHT = 760, 520
LEAST = 200
BELOW = ("/sdg/series/", "/sdg/embed/series/")


@series_views.told
def embedded(request: HttpRequest, book: Book, series: str) -> HttpResponse:
    """A chart with its title, source and a link to the page; nothing else of the site."""
    state = series_views.state_of(request, book, series)
    shown = series_views.drawn(book, state)
    facts = {
        "figure": shown,
        "chart": series_views._chart(shown),
        "summary": summary.text(shown),
        "problem": charts.problem(shown) if shown.lines else "",
        "page": settings.HUB.url + state.address(book),
        "site": shown.site,
    }
    response = render(request, "sdg/embed.html", facts)
    response["Content-Security-Policy"] = POLICY
    return response


@require_safe
@requires("see", "sdg")
def oembed(request: HttpRequest) -> HttpResponse:
    """oEmbed 1.0: `url`, and `format` (json or xml), `maxwidth`, `maxheight` where they are said."""
    known = {"url", "format", "maxwidth", "maxheight"}
    if unknown := sorted(set(request.GET) - known):
        return _plain(_("unknown parameter: %(names)s") % {"names": ", ".join(unknown)}, 400)
    format = request.GET.get("format", "json")
    if format not in ("json", "xml"):
        return _plain(_("format is json or xml"), 501)
    try:
        width, height = (_limit(request, name, most) for name, most in (("maxwidth", WIDTH), ("maxheight", HEIGHT)))
        answer = _answer(request.GET.get("url", ""), width, height)
    except BadParameter as error:
        return _plain(error.text(get_language() or "en"), 400)
    except NotHere as missing:
        return _plain(str(missing), 404)
    if format == "json":
        return JsonResponse(answer, json_dumps_params={"ensure_ascii": False})
    root = Element("oembed")
    for name, value in answer.items():
        SubElement(root, name).text = str(value)
    text = tostring(root, encoding="utf-8", xml_declaration=True)
    return HttpResponse(text, content_type="text/xml; charset=utf-8")


def _plain(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")


def _limit(request: HttpRequest, name: str, most: int) -> int:
    value = request.GET.get(name, "")
    if not value:
        return most
    if not (value.isascii() and value.isdigit()) or len(value) > 6:
        raise BadParameter(name, f"{name} is “{value}”; it is a number of pixels", f"{name} 是“{value}”；应为像素数")
    return max(LEAST, min(most, int(value)))


def _answer(url: str, width: int, height: int) -> dict[str, Any]:
    """What is said of one of our charts. Raises NotHere for any other address."""
    parts = urlsplit(url)
    base = urlsplit(settings.HUB.url)
    start = next((each for each in BELOW if parts.path.startswith(each)), "")
    series = unquote(parts.path.removeprefix(start)).strip("/")
    if (parts.scheme, parts.netloc) != (base.scheme, base.netloc) or not start or "/" in series:
        raise NotHere("chart", url[:200])
    lists = parse_qs(parts.query, keep_blank_values=True)
    flow, release = (lists.get(name, [""])[0] for name in ("flow", "release"))
    book = open_book(room(), get_language() or "en", flow, release)
    state = parse(book, series, lists, charts.KINDS)
    shown = series_views.drawn(book, state)
    code = cite.embed_code(shown, settings.HUB.url)
    code = code.replace('width="100%"', f'width="{width}"').replace(f'height="{HEIGHT}"', f'height="{height}"')
    return {
        "version": "1.0",
        "type": "rich",
        "title": shown.title.text,
        "provider_name": shown.site,
        "provider_url": settings.HUB.url,
        "cache_age": 3600,
        "html": code,
        "width": width,
        "height": height,
    }


urlpatterns = [
    path("sdg/embed/series/<str:series>/", embedded, name="sdg-embed-series"),
    path("sdg/oembed", oembed, name="sdg-oembed"),
]
