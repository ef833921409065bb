"""Search: the page of results. Suggestions while typing come from the JSON API."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import get_language, gettext

from regional_hub.sdg.explorer import outline, search, shelf
from regional_hub.sdg.explorer.book import Book, open_book
from regional_hub.sdg.explorer.search import Found
from regional_hub.sdg.explorer.shelf import Flow
from regional_hub.sdg.explorer.words import Label
from regional_hub.sdg.templatetags.sdg import address, sdg_url
from regional_hub.sdg.views.browse import browsed, shown
from regional_hub.sdg.views.common import room


@dataclass(frozen=True)
class Result:
    """A hit with its name and address; `note` says where it belongs."""

    kind: str
    code: str
    label: Label
    address: str
    note: str


@dataclass(frozen=True)
class Group:
    kind: str
    title: str
    hits: list[Result]


def groups(book: Book, found: Found, context: dict[str, object]) -> list[Group]:
    """The hits by kind, the kind with the best hit first."""
    titles = {"indicator": gettext("Indicators"), "series": gettext("Series"), "area": gettext("Areas")}
    contents = outline.of(book)
    series, indicators = contents.series(), {entry.id: entry for entry in contents.indicators()}

    def result(kind: str, code: str) -> Result:
        if kind == "indicator":
            return Result(kind, code, indicators[code].title, sdg_url(context, "sdg-indicator", code), "")
        if kind == "series":
            note = ", ".join(series[code].indicators)
            return Result(kind, code, series[code].title, sdg_url(context, "sdg-series", code), note)
        return Result(kind, code, book.name(book.roles.area or "", code), sdg_url(context, "sdg-area", code), "")

    there = [kind for kind in search.KINDS if found.hits.get(kind)]
    there.sort(key=lambda kind: -found.hits[kind][0].score)
    return [Group(kind, titles[kind], [result(kind, hit.code) for hit in found.hits[kind]]) for kind in there]


@browsed("q")
def results(request: HttpRequest, book: Book) -> HttpResponse:
    question = request.GET.get("q", "").strip()[: search.LONGEST]
    context: dict[str, object] = {"book": book, "request": request}
    library = room().metadata
    found = search.find(book, question, library)
    facts = {"question": question, "found": found, "groups": groups(book, found, context)}
    return shown(request, "sdg/search.html", book, elsewhere=_elsewhere(book, question), **facts)


def _elsewhere(book: Book, question: str) -> list[tuple[Flow, int, str]]:
    """How much the other flows have for the same question."""
    found = []
    for flow in book.store.flows() if question else ():
        if flow != book.flow:
            other = open_book(room(), get_language() or "en", flow)
            if count := search.find(other, question, room().metadata).count:
                found.append((shelf.of(other), count, address("/sdg/search/", {"q": question, "flow": flow})))
    return found


urlpatterns = [path("sdg/search/", results, name="sdg-search")]
