"""Browse: the front page, goals, indicators, areas, and where data are."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext
from django.views.decorators.gzip import gzip_page

from regional_hub.sdg.explorer import areas, availability_map, outline, shelf
from regional_hub.sdg.explorer.availability_map import HeatMap, Row
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.templatetags.sdg import kept, number, sdg_url
from regional_hub.sdg.templatetags.sdg import label as marked
from regional_hub.sdg.views import news_parts
from regional_hub.sdg.views.common import View, page, room
from regional_hub.sdg.views.news_parts import BadAddress


def shown(request: HttpRequest, template: str, book: Book, **facts: object) -> HttpResponse:
    """A page with what all of these need: the book, and the parameters that its forms keep."""
    context = {"book": book, "request": request}
    return render(request, template, {"book": book, "kept": kept(context), **facts})


def browsed(*known: str) -> Callable[[View], View]:
    """A public page that takes these parameters besides flow and release; any other is 400, named. Sent compressed."""

    def decorate(view: View) -> View:
        @wraps(view)
        def run(request: HttpRequest, book: Book, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                news_parts.read(request, ("flow", "release", *known))
            except BadAddress as wrong:
                return render(request, "sdg/bad_address.html", {"wrong": wrong}, status=400)
            return view(request, book, *args, **kwargs)

        return gzip_page(page(run))

    return decorate


@browsed()
def front(request: HttpRequest, book: Book) -> HttpResponse:
    facts = {"outline": outline.of(book), "flow": shelf.of(book), "flows": shelf.flows(room(), book.language)}
    return shown(request, "sdg/front.html", book, **facts)


@browsed()
def goal(request: HttpRequest, book: Book, goal: str) -> HttpResponse:
    contents = outline.of(book)
    trail = [("", gettext("Goal %(id)s") % {"id": goal})]
    return shown(request, "sdg/goal.html", book, outline=contents, goal=contents.goal(goal), trail=trail)


@browsed()
def indicator(request: HttpRequest, book: Book, indicator: str) -> HttpResponse:
    contents = outline.of(book)
    entry = contents.indicator(indicator)
    context = {"book": book, "request": request}
    above = (sdg_url(context, "sdg-goal", entry.goal), gettext("Goal %(id)s") % {"id": entry.goal})
    facts = {"related": contents.related([entry.id]), "trail": [above, ("", entry.id)]}
    return shown(request, "sdg/indicator.html", book, indicator=entry, **facts)


@browsed()
def all_areas(request: HttpRequest, book: Book) -> HttpResponse:
    return shown(request, "sdg/areas.html", book, roots=areas.tree(book), trail=[("", gettext("Areas"))])


@browsed("series", "indicator", "goal")
def availability(request: HttpRequest, book: Book) -> HttpResponse:
    asked = {name: request.GET.get(name, "") for name in ("series", "indicator", "goal")}
    made = availability_map.make(book, **asked)
    context = {"book": book, "request": request}
    facts = {"outline": outline.of(book), "trail": [("", gettext("Where data are"))]}
    return shown(request, "sdg/availability.html", book, map=made, table=_table(made, context), **facts)


def _table(made: HeatMap, context: dict[str, object]) -> SafeString:
    """The table of a map. Thousands of cells: put together here, as the template language takes ten times as long."""
    years = format_html_join("", '<th scope="col">{}</th>', ((year,) for year in made.years))
    caption = gettext("Areas by years: %(scope)s") % {"scope": made.title or gettext("all series")}
    head = format_html(
        '<table class="heat"><caption id="heat-caption">{}</caption><thead><tr><th scope="col">{}</th>{}</tr></thead>',
        caption,
        gettext("Area"),
        years,
    )
    least = min((row.area.depth for row in made.rows), default=0)
    rows = "".join(_row(made, row, row.area.depth - least, context) for row in made.rows)
    return mark_safe(f"{head}<tbody>{rows}</tbody></table>")  # noqa: S308 - made of escaped parts and numbers


def _row(made: HeatMap, row: Row, depth: int, context: dict[str, object]) -> str:
    if made.kind == "series":
        address = sdg_url(context, "sdg-series", made.scope, area=row.area.code)
    else:
        address = sdg_url(context, "sdg-area", row.area.code)
    name = format_html(
        '<tr><th scope="row" class="d{}"><a href="{}">{}</a></th>',
        min(depth, 4),
        address,
        marked(row.area.label),
    )
    cells = (
        f'<td class="q{step}">{number(count)}</td>' if count else "<td></td>"
        for count, step in zip(row.counts, row.steps, strict=True)
    )
    return f"{name}{''.join(cells)}</tr>"


urlpatterns = [
    path("sdg/", front, name="sdg"),
    path("sdg/goal/<str:goal>/", goal, name="sdg-goal"),
    path("sdg/indicator/<str:indicator>/", indicator, name="sdg-indicator"),
    path("sdg/areas/", all_areas, name="sdg-areas"),
    path("sdg/availability/", availability, name="sdg-availability"),
]
