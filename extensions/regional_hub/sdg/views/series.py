"""The page of a series: its chart, choices, table, downloads, citation; and the files below it.

What is shown comes from `sdg.explorer`; here are only addresses, words in the reader's language, and answers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page

from regional_hub.core import pictures
from regional_hub.sdg import seriesindex
from regional_hub.sdg.explorer import charts, cite, downloads, figure, lab, summary
from regional_hub.sdg.explorer.book import Book, NotHere, open_book
from regional_hub.sdg.explorer.choices import Part
from regional_hub.sdg.explorer.figure import Figure
from regional_hub.sdg.explorer.look import Look
from regional_hub.sdg.explorer.saying import is_chinese
from regional_hub.sdg.explorer.state import ALL, FORM_WORDS, BadParameter, State, names, parse
from regional_hub.sdg.explorer.table import Table, table
from regional_hub.sdg.structure import series_facts
from regional_hub.sdg.views.common import page, room

# Parameters of pictures that are not part of the state: how they look, not what they show.
LOOK_WORDS = ("theme", "size")
THEMES, SIZES = ("light", "dark"), ("wide", "narrow", "page")
MEDIA = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}
# A picture in a tab of its own is a document: it may do nothing but be drawn.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
FEW_AREAS = 60


def site_name(language: str) -> str:
    site = settings.HUB.site
    return str(site.name_zh if is_chinese(language) else site.name)


def state_of(request: HttpRequest, book: Book, series: str) -> State:
    """The state that an address means, without what it says of the look. Raises BadParameter and NotHere."""
    lists = {name: values for name, values in request.GET.lists() if name not in LOOK_WORDS}
    return parse(book, series, lists, charts.KINDS)


def look_of(request: HttpRequest) -> Look:
    """Raises BadParameter for a look that there is not."""
    theme, size = request.GET.get("theme", "light"), request.GET.get("size", "wide")
    for word, value, allowed in (("theme", theme, THEMES), ("size", size, SIZES)):
        if value not in allowed:
            there = ", ".join(allowed)
            raise BadParameter(word, f"{word} is “{value}”; it can be {there}", f"{word} 是“{value}”；可以是 {there}")
    return Look(theme, size == "narrow", size == "page")


def drawn(book: Book, state: State) -> Figure:
    """The figure of a state, with the address that stands in its picture."""
    link = settings.HUB.url + state.but(release=state.release or book.release.id, flow=book.flow).address(book)
    return figure.draw(book, state, state.chart or "line", site=site_name(book.language), link=link)


def told(view: Any) -> Any:
    """A public page whose faulty parameters are explained with 400, and whose full queue with 503."""

    def run(request: HttpRequest, book: Book, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, book, *args, **kwargs)
        except BadParameter as error:
            return render(request, "sdg/bad_address.html", {"wrong": error.text(book.language)}, status=400)
        except pictures.Busy as error:
            words = _("Many pictures are being drawn. Ask again in a few seconds.")
            return HttpResponse(
                words, status=503, headers={"Retry-After": str(error.seconds)}, content_type="text/plain"
            )

    return page(run)


def squeezed(view: Any) -> Any:
    """The same, compressed. Not for streams: Django makes each piece a file of its own, and readers take the first."""
    return gzip_page(told(view))


# -- the page ----------------------------------------------------------------------------------------------------------


@squeezed
def series_page(request: HttpRequest, book: Book, series: str) -> HttpResponse:
    """The whole page. What a plain form sends is answered with a redirect to the short address of the same."""
    try:
        state = state_of(request, book, series)
        shown = drawn(book, state)
    except NotHere:
        if there := _elsewhere(request, series):
            return HttpResponseRedirect(there)
        raise
    if any(name in FORM_WORDS or len(values) > 1 or not values[0] for name, values in request.GET.lists()):
        return HttpResponseRedirect(state.address(book))
    return render(request, "sdg/series.html", facts(shown))


def _elsewhere(request: HttpRequest, series: str) -> str:
    """The address of a series in the first flow that has it, where the address names neither flow nor release."""
    if "flow" in request.GET or "release" in request.GET:
        return ""
    for place, flow in enumerate(room().store.flows()):
        book = open_book(room(), get_language() or "en", flow)
        component = book.roles.series or ""
        key = book.key(**{component: series})
        sources = ((seriesindex.of(source.release), source) for source in book.view.sources)
        if component and any(len(index.chosen(source, book.selection(key))[0]) for index, source in sources):
            if place == 0:  # the one that was looked in
                return ""
            said = [*((name, value) for name, values in request.GET.lists() for value in values), ("flow", flow)]
            return f"{request.path}?{urlencode(said, safe=':*')}"
    return ""


@squeezed
def series_part(request: HttpRequest, book: Book, series: str) -> HttpResponse:
    """What changes with the choices, for htmx; the browser's address becomes that of the page."""
    state = state_of(request, book, series)
    response = render(request, "sdg/series_part.html", facts(drawn(book, state)))
    response["HX-Push-Url"] = state.address(book)
    return response


def facts(shown: Figure) -> dict[str, Any]:
    """Everything that the templates say, from the figure alone."""
    book, state, base = shown.book, shown.state, settings.HUB.url
    found = table(shown)
    return {
        "book": book,
        "figure": shown,
        "state": state,
        "series": state.series,
        "indicator": figure.indicator(book, state.series),
        "kinds": [(kind, kind.name(book.language), kind.id == shown.kind) for kind in charts.offered(shown)],
        "problem": charts.problem(shown) if shown.lines else "",
        "sentences": summary.sentences(shown),
        "part_address": state.but(chosen={}).address(book, "part/").partition("?")[0],
        "area": _part(book, shown.choice.area),
        "breakdowns": [_part(book, part) for part in shown.choice.breakdowns],
        "table": found,
        "pages": _pages(shown, found),
        "thinned": charts.shown_of(shown) if shown.thinned else "",
        "relaxations": _relaxations(shown),
        "chart": _chart(shown),
        "files": [
            (file.label(book.language), state.address(book, name), file.format)
            for name, file in downloads.FILES.items()
        ],
        "pictures": [(format.upper(), state.address(book, f"chart.{format}")) for format in pictures.FORMATS],
        "oembed": _oembed(shown),
        "absolute": base + state.address(book),
        "picture_absolute": base + state.address(book, "chart.png"),
        "summary": summary.text(shown),
        "trail": _trail(book, state.series),
        "against": _against(shown),
        "metadata_tab": _there("sdg/parts/metadata_tab.html"),
        **_taken_along(shown),
    }


def _taken_along(shown: Figure) -> dict[str, Any]:
    """Citation, queries, frame and notebook; nothing where there are no data, and nothing of a draft."""
    if not shown.lines or shown.state.release.startswith("draft:"):
        return {}
    base = settings.HUB.url
    choices = [shown.choice, *([shown.other_choice] if shown.other_choice else [])]
    queries = [cite.sdmx_url(choice, base) for choice in choices]
    return {
        "citation": cite.citation(shown, base),
        "queries": queries,
        "snippets": cite.snippets(queries[0]),
        "embed_code": cite.embed_code(shown, base),
        "notebook": shown.state.address(shown.book, "notebook.ipynb"),
        "lab": _lab(shown),
    }


def _part(book: Book, part: Part | None) -> dict[str, Any] | None:
    """A dimension as the form shows it; `auto` is what its hidden field says."""
    if part is None:
        return None
    name = names(book)[part.id]
    chosen = [option for option in part.options if option.chosen]
    everything = ALL in part.codes
    return {
        "id": part.id,
        "name": name,
        "label": part.label,
        "options": part.options,
        "chosen": [] if everything else chosen,
        "rest": [option for option in part.options if not option.chosen] if not everything else part.options,
        "all": everything,
        "few": len(part.options) <= FEW_AREAS,
        "auto": f"{name}:{' '.join(part.codes)}" if part.auto else "",
    }


def _pages(shown: Figure, found: Table) -> dict[str, str]:
    return {
        "before": shown.state.but(page=found.before).address(shown.book) + "#table" if found.before else "",
        "after": shown.state.but(page=found.after).address(shown.book) + "#table" if found.after else "",
    }


def _relaxations(shown: Figure) -> list[tuple[str, str]]:
    """What to give up where there are no data: words and the address without it."""
    if shown.lines:
        return []
    book, state = shown.book, shown.state
    found = [
        (", ".join(book.component_name(id).text for id in each.dimensions), each.state.address(book))
        for each in shown.choice.relaxations
        if not shown.choice.found.any()
    ]
    if state.start or state.end:
        found.append((_("the limits of time"), state.but(start="", end="").address(book)))
    return found


def _chart(shown: Figure) -> dict[str, str]:
    """Addresses of the picture in its looks, and of the specification."""
    book, state = shown.book, shown.state.but(page=1)

    def address(name: str, **look: str) -> str:
        plain = state.address(book, name)
        more = "&".join(f"{word}={value}" for word, value in look.items())
        return f"{plain}{'&' if '?' in plain else '?'}{more}" if more else plain

    return {
        "light": address("chart.svg"),
        "dark": address("chart.svg", theme="dark"),
        "narrow": address("chart.svg", size="narrow"),
        "narrow_dark": address("chart.svg", size="narrow", theme="dark"),
        "spec": address("chart.json", size="page"),
        "spec_dark": address("chart.json", size="page", theme="dark"),
    }


def _oembed(shown: Figure) -> str:
    return f"{settings.HUB.url}/sdg/oembed?url={quote(settings.HUB.url + shown.state.address(shown.book), safe='')}"


def _lab(shown: Figure) -> str:
    """Where the Hub starts the reader's server and opens the notebook in it (see lab/open_notebook.py)."""
    asked = cite.pinned(shown).address(shown.book, "notebook.ipynb")
    return f"/hub/user-redirect/regional-hub/open?path={quote(asked, safe='')}"


def _against(shown: Figure) -> list[tuple[str, Any]]:
    """The series that can be compared with, where a scatter chart asks for one."""
    book = shown.book
    if shown.kind != "scatter" or not book.roles.series:
        return []
    codes: set[str] = set()
    for source in book.view.sources:
        index = seriesindex.of(source.release)
        codes |= index.used(book.roles.series, index.chosen(source, book.selection())[0])
    titled = [(code, figure.series_title(book, code)) for code in codes if code != shown.state.series]
    return sorted(titled, key=lambda pair: pair[1].text)


def _trail(book: Book, series: str) -> list[tuple[str, str]]:
    """Goal and indicator above the series, where the structure says them."""
    found = series_facts(book.structure, series, book.roles.series) if book.roles.series else None
    trail = []
    if found and found.goal:
        kept = urlencode({name: said for name, said in (("flow", book.flow), ("release", book.pinned or "")) if said})
        number = found.indicator.split(",")[0].strip()
        trail = [
            (f"/sdg/goal/{found.goal}/?{kept}", _("Goal %(id)s") % {"id": found.goal}),
            (f"/sdg/indicator/{quote(number)}/?{kept}", number),
        ]
    return [*trail, ("", series)]


def _there(template: str) -> str:
    try:
        get_template(template)
    except TemplateDoesNotExist:
        return ""
    return template


# -- the files below it ------------------------------------------------------------------------------------------------


@squeezed
def picture(request: HttpRequest, book: Book, series: str, format: str) -> HttpResponse:
    """The chart as SVG, PNG or PDF."""
    look = look_of(request)
    shown = drawn(book, state_of(request, book, series))
    if not shown.lines:
        return HttpResponse(_("There are no data for these choices."), status=404, content_type="text/plain")
    folder = settings.HUB.path("cache", "sdg")
    kind = next(each for each in pictures.FORMATS if each == format)
    data = pictures.gallery(folder).picture(charts.spec(shown, look), kind)
    response = HttpResponse(data, content_type=MEDIA[format])
    response["Content-Security-Policy"] = PICTURE_POLICY
    response["X-Content-Type-Options"] = "nosniff"
    if format == "pdf":
        response["Content-Disposition"] = f'attachment; filename="{downloads.file_name(_export(shown), format)}"'
    else:
        response["Content-Disposition"] = f'inline; filename="{downloads.file_name(_export(shown), format)}"'
    return response


@squeezed
def specification(request: HttpRequest, book: Book, series: str) -> HttpResponse:
    """The chart as a Vega-Lite specification with its data."""
    look = look_of(request)
    shown = drawn(book, state_of(request, book, series))
    text = json.dumps(charts.spec(shown, look), ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, content_type="application/json; charset=utf-8")


@squeezed
def notebook(request: HttpRequest, book: Book, series: str) -> HttpResponse:
    """The notebook that makes the chart again."""
    shown = drawn(book, state_of(request, book, series))
    text = json.dumps(lab.notebook(shown, settings.HUB.url), ensure_ascii=False, indent=1)
    response = HttpResponse(text, content_type="application/x-ipynb+json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{downloads.file_name(_export(shown), "ipynb")}"'
    return response


@told
def download(request: HttpRequest, book: Book, series: str, name: str) -> HttpResponseBase:
    """A file of everything that is chosen, thinned nowhere."""
    shown = drawn(book, state_of(request, book, series))
    export, file = _export(shown), downloads.FILES[name]
    pieces = file.write(export)
    try:
        first = next(pieces, b"")
    except downloads.TooLarge as error:
        words = _("A workbook holds %(most)d observations, this has %(count)d. Take the CSV or Parquet.")
        told_why = words % {"most": error.most, "count": error.count}
        return render(request, "sdg/bad_address.html", {"wrong": told_why}, status=413)
    response = StreamingHttpResponse(_streamed(first, pieces), content_type=file.media)
    response["Content-Disposition"] = f'attachment; filename="{downloads.file_name(export, file.format)}"'
    return response


def _export(shown: Figure) -> downloads.Export:
    citation = cite.citation(shown, settings.HUB.url)
    return downloads.Export(shown.choice, shown.other_choice, citation.text, citation.link, shown.site)


async def _streamed(first: bytes, rest: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Piece by piece, each written in a thread: other readers do not wait."""
    yield first
    while (piece := await asyncio.to_thread(next, rest, None)) is not None:
        if piece:
            yield piece


_BELOW = "sdg/series/<str:series>/"
urlpatterns = [
    path(_BELOW, series_page, name="sdg-series"),
    path(f"{_BELOW}part/", series_part, name="sdg-series-part"),
    *(path(f"{_BELOW}chart.{format}", picture, {"format": format}, f"sdg-series-{format}") for format in MEDIA),
    path(f"{_BELOW}chart.json", specification, name="sdg-series-spec"),
    path(f"{_BELOW}notebook.ipynb", notebook, name="sdg-series-notebook"),
    *(
        path(f"{_BELOW}{name}", download, {"name": name}, f"sdg-series-{name.replace('.', '-')}")
        for name in downloads.FILES
    ),
]
