"""What changed: the list of releases, the changes of each by series, area and observation, and the same as a file."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa
import pyarrow.csv as arrow_csv
from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from regional_hub.sdg import timeline
from regional_hub.sdg.availability import availability
from regional_hub.sdg.explorer import news, outline, topics
from regional_hub.sdg.explorer.book import Book, NotHere, flow_of, open_book
from regional_hub.sdg.explorer.news import Choice, Counts, News, Occasion, Row
from regional_hub.sdg.explorer.points import number
from regional_hub.sdg.explorer.topics import Topic
from regional_hub.sdg.explorer.words import Label, is_total
from regional_hub.sdg.selection import Selection
from regional_hub.sdg.store import Store
from regional_hub.sdg.views import news_parts as parts
from regional_hub.sdg.views.common import room
from regional_hub.sdg.views.news_parts import PAGE_ROWS, BadAddress, public

SERIES, AREA, ROWS = "series", "area", "rows"


@dataclass(frozen=True)
class Shown:
    """An occasion as the list shows it."""

    occasion: Occasion
    title: str
    counts: Counts
    first: bool


@dataclass(frozen=True)
class Group:
    """What changed of one series or area; `address` shows it."""

    code: str
    label: Label
    goals: tuple[str, ...]
    counts: Counts
    address: str


@dataclass(frozen=True)
class Line:
    """One observation that changed, in words."""

    row: Row
    series: Label
    area: Label
    breakdown: tuple[Label, ...]
    notes: tuple[tuple[Label, str, str], ...]


@public
def index(request: HttpRequest) -> HttpResponse:
    """All releases, newest first, with what each changed."""

    def facts(store: Store, chosen: list[Occasion]) -> dict[str, Any]:
        shown = [_shown(store, occasion) for occasion in chosen]
        return {"shown": [item for item in shown if item.counts.total or item.occasion.kind == news.RELEASED]}

    return _listed(request, "sdg/changes.html", facts)


def _listed(
    request: HttpRequest,
    template: str,
    facts: Callable[[Store, list[Occasion]], dict[str, Any]],
    kinds: Collection[str] = (),
) -> HttpResponse:
    """A page of occasions of one or all flows, newest first; `facts` are those of one page, `kinds` all if empty."""
    said = parts.read(request, ("flow", "release", "page"))
    store = room().store
    flows = _flows(store, said.get("flow", ""))
    page = parts.number_of(said)

    def make() -> HttpResponse:
        found = news.all_occasions(store, flows) if flows else []
        chosen, more = _page([each for each in found if not kinds or each.kind in kinds], page)
        around = {
            "flows": store.flows(),
            "topic": Topic(flow=said.get("flow", "")),
            "at": said.get("release", ""),
            "pages": _pages(request, page, more),
        }
        return render(request, template, around | facts(store, chosen))

    return parts.answered(request, parts.tag_of(request, store, flows), make)


def _shown(store: Store, occasion: Occasion) -> Shown:
    counts = news.news(store, occasion.release).counts(Choice(at=occasion.at))
    return Shown(occasion, parts.occasion_title(occasion), counts, occasion.release.changes is None)


def _flows(store: Store, flow: str) -> list[str]:
    flows = store.flows()
    if flow and flow not in flows:
        topics.books(room(), "en", Topic(flow=flow))  # raises NotHere with near ones
    return [flow] if flow else flows


def _page(found: list[Any], page: int) -> tuple[list[Any], bool]:
    start = (page - 1) * PAGE_ROWS
    if page > 1 and start >= len(found):
        raise NotHere("page", str(page))
    return found[start : start + PAGE_ROWS], len(found) > start + PAGE_ROWS


def _pages(request: HttpRequest, page: int, more: bool) -> dict[str, str]:
    """The addresses of the pages before and after this one."""

    def address(number: int) -> str:
        query = request.GET.copy()
        query["page"] = str(number)
        return f"?{query.urlencode()}"

    return {"before": address(page - 1) if page > 1 else "", "after": address(page + 1) if more else ""}


@dataclass(frozen=True)
class Asked:
    """What a page about one release is to show."""

    book: Book
    news: News
    topic: Topic
    choice: Choice
    by: str
    said: dict[str, str]

    def address(self, **changed: str) -> str:
        """This page with other parameters; it begins on its first page."""
        facts = {name: value for name, value in {**self.said, "page": "", **changed}.items() if value}
        return f"?{urlencode(facts)}" if facts else "?"


def _asked(request: HttpRequest, release: str) -> Asked:
    said = parts.read(request, ("goal", "series", "area", "kind", "at", "by", "page"))
    place = room()
    book = open_book(place, get_language() or "en", flow_of(place.store, release), release)
    topic = Topic.of(said)
    choice = topic.choice(book)
    if choice is None:
        topics.books(place, book.language, Topic(**{**topic.facts, "flow": book.flow}))  # raises NotHere
        raise NotHere("selection", " ".join(topic.facts.values()))
    kinds = tuple(kind for kind in news.KINDS if said.get("kind", kind) == kind)
    if not kinds:
        raise BadAddress(_("“%(text)s” is not a kind of change.") % {"text": said["kind"]})
    by = said.get("by", ROWS if topic.series or topic.area else SERIES)
    if by not in (SERIES, AREA, ROWS):
        raise BadAddress(_("Changes are shown by series, area or rows, not by “%(text)s”.") % {"text": by})
    chosen = Choice(choice.series, choice.area, kinds, _moment(said.get("at", "")))
    return Asked(book, news.news(place.store, book.release), topic, chosen, by, said)


def _moment(text: str) -> Any:
    try:
        return timeline.moment(text) if text else None
    except ValueError:
        raise BadAddress(_("“%(text)s” is not a moment.") % {"text": text}) from None


@public
def release(request: HttpRequest, release: str) -> HttpResponse:
    """What one release changed, as far as it is public."""
    asked = _asked(request, release)
    page = parts.number_of(asked.said)
    tag = parts.tag_of(request, asked.book.store, [asked.book.flow])
    return parts.answered(request, tag, lambda: render(request, "sdg/change.html", _facts(request, asked, page)))


def _facts(request: HttpRequest, asked: Asked, page: int) -> dict[str, Any]:
    book, found = asked.book, asked.news
    everything = Choice(asked.choice.series, asked.choice.area, at=asked.choice.at)
    lines: list[Line] = []
    groups: list[Group] = []
    if asked.by == ROWS:
        first = tuple(name for name in (book.roles.series, book.roles.area) if name)
        rows = found.rows(asked.choice, first=first, offset=(page - 1) * PAGE_ROWS, limit=PAGE_ROWS + 1)
        lines, more = [_line(book, row) for row in rows[:PAGE_ROWS]], len(rows) > PAGE_ROWS
    else:
        groups, more = _page(_groups(asked), page)
    names = {part: str(label) for part, label in asked.topic.labels(book).items()}
    totals = found.counts(everything)
    return {
        "book": book,
        "occasion": Occasion(found.event, found.event.at, news.RELEASED),
        "first": book.release.changes is None,
        "kinds": [(kind, name, totals.of(kind), asked.address(kind=kind)) for kind, name in parts.kind_names().items()],
        "asked": asked,
        "total": totals.total,
        "topic": Topic(**{**asked.topic.facts, "flow": book.flow}),
        "topic_title": parts.topic_title(asked.topic, names) if asked.topic.facts else "",
        "ways": [(way, name, asked.address(by=way)) for way, name in _ways().items()],
        "goals": _goals(book),
        "groups": groups,
        "lines": lines,
        "pages": _pages(request, page, more),
        "query": urlencode({name: value for name, value in asked.said.items() if name not in ("page", "by")}),
    }


def _ways() -> dict[str, str]:
    return {SERIES: _("By series"), AREA: _("By area"), ROWS: _("Each observation")}


def _goals(book: Book) -> list[str]:
    codes = book.codes(book.roles.series) if book.roles.series else []
    found = {goal for code in codes for goal in topics.goals_of(book, code)}
    return sorted(found, key=lambda goal: (len(goal), goal))


def _groups(asked: Asked) -> list[Group]:
    book = asked.book
    component = book.roles.series if asked.by == SERIES else book.roles.area
    if component is None:
        return []
    counted = asked.news.by(component, asked.choice)
    order = {code: place for place, code in enumerate(book.codes(component))}
    return [
        Group(
            code,
            outline.title_of_series(book, code) if asked.by == SERIES else book.name(component, code),
            topics.goals_of(book, code) if asked.by == SERIES else (),
            counted[code],
            asked.address(**{asked.by: code, "by": ROWS}),
        )
        for code in sorted(counted, key=lambda code: (order.get(code, len(order)), code))
    ]


def _line(book: Book, row: Row) -> Line:
    def name(component: str | None) -> Label:
        code = row.codes.get(component or "", "")
        return book.name(component, code) if component else Label("", "und")

    broken = [part for part in book.roles.breakdowns if not is_total(row.codes.get(part, ""))]
    notes = tuple((book.component_name(part), old, new) for part, old, new in row.notes)
    series = outline.title_of_series(book, row.codes.get(book.roles.series or "", ""))
    return Line(row, series, name(book.roles.area), tuple(map(name, broken)), notes)


@public
def download(request: HttpRequest, release: str) -> HttpResponse:
    """All changes that the page is about, as CSV: every component before and after, and the difference."""
    asked = _asked(request, release)
    chunks = _csv(asked.news, asked.choice)
    response = StreamingHttpResponse(_in_time(chunks), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="changes-{asked.book.release.id}.csv"'
    response.headers["Cache-Control"] = "private, no-cache"
    return response


async def _in_time(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Made in a thread as it is sent, so that a large file needs little memory."""
    following = sync_to_async(lambda: next(chunks, b""), thread_sensitive=False)
    while chunk := await following():
        yield chunk


def _csv(found: News, choice: Choice) -> Iterator[bytes]:
    value = found.value
    columns = found.columns
    names = ["CHANGE" if name == "_kind" else _csv_name(name) for name in columns]
    place = columns.index(value) + 1
    schema = pa.schema([(name, pa.string()) for name in [*names[:place], "DIFFERENCE", *names[place:]]])
    yield _table(pa.Table.from_batches([], schema), header=True)
    for batch in found.batches(choice):
        pairs = zip(batch.column(f"old:{value}").to_pylist(), batch.column(value).to_pylist(), strict=True)
        difference = pa.array([_difference(old or "", new or "") for old, new in pairs], pa.string())
        arrays = [*batch.columns[:place], difference, *batch.columns[place:]]
        yield _table(pa.Table.from_arrays([array.cast(pa.string()) for array in arrays], schema=schema), header=False)


def _csv_name(column: str) -> str:
    return f"{column.removeprefix('old:')}_BEFORE" if column.startswith("old:") else column


def _difference(old: str, new: str) -> str | None:
    before, after = number(old), number(new)
    return None if before is None or after is None else f"{after - before:f}"


def _table(table: pa.Table, *, header: bool) -> bytes:
    out = io.BytesIO()
    arrow_csv.write_csv(table, out, arrow_csv.WriteOptions(include_header=header))
    return out.getvalue()


@dataclass(frozen=True)
class Publication:
    """A release as the list of releases shows it."""

    occasion: Occasion
    observations: int
    series: int
    current: bool


@public
def releases(request: HttpRequest) -> HttpResponse:
    """Every release with its size and structure, and the way to the database as of it."""

    def facts(store: Store, chosen: list[Occasion]) -> dict[str, Any]:
        return {"releases": [_publication(store, occasion) for occasion in chosen]}

    return _listed(request, "sdg/releases.html", facts, kinds=(news.RELEASED,))


def _publication(store: Store, occasion: Occasion) -> Publication:
    """Counted as readers see it: what an embargo hides is not in it."""
    made = occasion.release
    line = store.timeline(made.flow)
    observations, series = made.counts["observations"], made.counts["series"]
    if any(store.clock() < embargo.end for embargo in line.embargoes):
        seen = availability(store, Selection(made.flow, as_of=occasion.at), ())
        observations, series = seen.observations, seen.series
    return Publication(occasion, observations, series, line.events[-1].release.id == made.id)


urlpatterns = [
    path("sdg/changes/", index, name="sdg-changes"),
    path("sdg/changes/<str:release>/", release, name="sdg-change"),
    path("sdg/changes/<str:release>/changes.csv", download, name="sdg-change-csv"),
    path("sdg/releases/", releases, name="sdg-releases"),
]
