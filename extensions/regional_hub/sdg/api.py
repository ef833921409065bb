"""The JSON API of the explorer: what the pages show, as data. Read only, public, versioned by the release.

Every answer carries the ETag of the book it was made from; what is not there, and parameters that nobody knows, are
errors that name them in both languages. Documented at /sdg/api/docs and in docs/reference/sdg-api.md.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext_noop as _
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import ValidationError
from ninja.renderers import JSONRenderer

from regional_hub.core.access import requires
from regional_hub.sdg import api_shapes as shapes
from regional_hub.sdg.explorer import areas, availability_map, outline, search, shelf
from regional_hub.sdg.explorer.book import Book, NotHere, open_book
from regional_hub.sdg.explorer.charts import KINDS
from regional_hub.sdg.explorer.choices import choose
from regional_hub.sdg.explorer.points import points as points_of
from regional_hub.sdg.explorer.state import BadParameter, parse
from regional_hub.sdg.views.common import etag, room

LANGUAGES = ("en", "zh-hans")
MOST_POINTS = 20_000
TAG = "sdg_tag"  # where a request remembers the tag of its book
COMMON = ("flow", "release", "language")


class Renderer(JSONRenderer):
    """Chinese as Chinese, not as numbers of characters."""

    json_dumps_params = {"ensure_ascii": False}


class Api(NinjaAPI):
    """Ninja's, with the ETag of the book on every good answer."""

    def create_response(self, request: HttpRequest, data: Any, **more: Any) -> HttpResponse:
        response = super().create_response(request, data, **more)
        if response.status_code == 200 and (tag := getattr(request, TAG, "")):
            response["ETag"] = tag
            response["Cache-Control"] = "private, no-cache"
            response["Vary"] = "Cookie, Accept-Language"
        return response


api = Api(
    title="SDG explorer",
    version="1",
    description="What the pages of the SDG database show, as JSON. Observations in bulk: SDMX REST at /sdmx/v2/.",
    urls_namespace="sdg-api",
    renderer=Renderer(),
    docs_url=None,
    openapi_url="openapi.json",
)


class Unknown(Exception):
    """A parameter that the address of the API does not have."""

    def __init__(self, name: str, there: list[str]) -> None:
        super().__init__(name)
        self.name, self.there = name, there


def fault(request: HttpRequest, status: int, parameter: str, en: str, zh: str, near: list[str]) -> HttpResponse:
    body = {"error": {"parameter": parameter, "en": en, "zh": zh, "near": near}}
    return api.create_response(request, body, status=status)


@api.exception_handler(NotHere)
def _not_here(request: HttpRequest, missing: NotHere) -> HttpResponse:
    zh = f"没有 {missing.what}“{missing.asked}”" + (f"；是否指 {'、'.join(missing.near)}？" if missing.near else "")
    return fault(request, 404, missing.what, str(missing), zh, list(missing.near))


@api.exception_handler(Unknown)
def _unknown(request: HttpRequest, unknown: Unknown) -> HttpResponse:
    there = ", ".join(unknown.there)
    en, zh = f"no parameter {unknown.name!r}; there are {there}", f"没有参数“{unknown.name}”；有 {there}"
    return fault(request, 400, unknown.name, en, zh, unknown.there)


@api.exception_handler(BadParameter)
def _bad(request: HttpRequest, bad: BadParameter) -> HttpResponse:
    return fault(request, 400, bad.name, str(bad), bad.zh, [])


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, invalid: ValidationError) -> HttpResponse:
    first = invalid.errors[0]
    name = str(first["loc"][-1])
    if first["type"] == "missing":
        return fault(request, 422, name, f"the parameter {name!r} is missing", f"缺少参数“{name}”", [])
    return fault(request, 422, name, f"{name}: {first['msg']}", f"参数“{name}”的值不能用：{first['msg']}", [])


Endpoint = Callable[..., Any]


def of_book(endpoint: Endpoint) -> Endpoint:
    """`endpoint(request, book, ...)` becomes one that takes `flow`, `release` and `language` too; 304 by the tag."""
    own = inspect.signature(endpoint)
    rest = [parameter for name, parameter in own.parameters.items() if name not in ("request", "book")]
    common = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default="", annotation=str) for name in COMMON]

    @wraps(endpoint)
    def run(request: HttpRequest, *, flow: str = "", release: str = "", language: str = "", **said: Any) -> Any:
        in_path = request.resolver_match.kwargs if request.resolver_match else {}
        there = [*(parameter.name for parameter in rest if parameter.name not in in_path), *COMMON]
        for name in request.GET:
            if name not in there and not getattr(endpoint, "takes_all", False):
                raise Unknown(name, sorted(there))
        if language and language not in LANGUAGES:
            names = ", ".join(LANGUAGES)
            raise BadParameter("language", f"language is {language!r}; it can be {names}", f"language 可以是 {names}")
        book = open_book(room(), language or get_language() or "en", flow, release)
        tag = etag(request, book)
        setattr(request, TAG, tag)
        if tag in request.headers.get("If-None-Match", ""):
            return HttpResponse(status=304, headers={"ETag": tag})
        return endpoint(request, book, **said)

    keywords = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in rest]
    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=HttpRequest),
            *keywords,
            *common,
        ]
    )
    run.__annotations__ = {name: p.annotation for name, p in run.__signature__.parameters.items()}  # type: ignore[attr-defined]
    return run


@api.get("/releases", response=list[shapes.Flow], summary=_("All data sets and their releases"))
@of_book
def releases(request: HttpRequest, book: Book) -> list[shapes.Flow]:
    return [shapes.Flow.of(flow) for flow in shelf.flows(room(), book.language)]


@api.get("/outline", response=shapes.Outline, summary=_("Goals, indicators and series that have data"))
@of_book
def the_outline(request: HttpRequest, book: Book) -> shapes.Outline:
    return shapes.Outline.of(book, outline.of(book))


@api.get(
    "/series/{code}", response=shapes.Series, summary=_("One series: its title, indicators, and how much there is")
)
@of_book
def series(request: HttpRequest, book: Book, code: str) -> shapes.Series:
    entries = outline.of(book).series()
    if code not in entries:
        if book.roles.series:
            book.known(book.roles.series, code)
        raise NotHere("series", code)
    return shapes.Series.of(entries[code])


@api.get("/areas", response=list[shapes.Area], summary=_("The tree of areas that have data"))
@of_book
def the_areas(request: HttpRequest, book: Book) -> list[shapes.Area]:
    return [shapes.Area.of(root) for root in areas.tree(book)]


@api.get("/availability", response=shapes.HeatMap, summary=_("Areas by years: how much there is"))
@of_book
def availability(request: HttpRequest, book: Book, series: str = "", indicator: str = "", goal: str = "") -> Any:
    return shapes.HeatMap.of(book, availability_map.make(book, series=series, indicator=indicator, goal=goal))


@api.get("/search", response=shapes.Found, summary=_("Indicators, series and areas, best first; typos are forgiven"))
@of_book
def search_for(request: HttpRequest, book: Book, q: str, limit: int = 10) -> shapes.Found:
    if not 1 <= limit <= 100:
        raise BadParameter("limit", f"limit is {limit}; it can be 1 to 100", f"limit 是 {limit}；可以是 1 到 100")
    return shapes.Found.of(book, search.find(book, q, room().metadata, limit))


def _takes_all(endpoint: Endpoint) -> Endpoint:
    endpoint.takes_all = True  # type: ignore[attr-defined]
    return endpoint


@api.get(
    "/points/{code}",
    response=shapes.Points,
    summary=_("The observations of a series"),
    description=_("Takes the parameters of the series' page: `area`, `start`, `end` and each dimension in lower case."),
)
@of_book
@_takes_all
def points(request: HttpRequest, book: Book, code: str) -> shapes.Points:
    lists = {name: request.GET.getlist(name) for name in request.GET if name != "language"}
    choice = choose(book, parse(book, code, lists, KINDS))
    found = points_of(book, choice.whole)
    return shapes.Points.of(book, choice, found[:MOST_POINTS], len(found))


@require_safe
@requires("see", "sdg")
def docs(request: HttpRequest) -> HttpResponse:
    """What there is to ask, from the API's own description, so that it cannot say anything else."""
    described = api.get_openapi_schema(path_prefix="/sdg/api/")
    entries = [
        {"path": where, **operation} for where, methods in described["paths"].items() for operation in methods.values()
    ]
    return render(request, "sdg/api_docs.html", {"entries": entries})


urlpatterns = [path("sdg/api/docs", docs, name="sdg-api-docs"), path("sdg/api/", api.urls)]
