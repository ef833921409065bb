"""Feeds of what changed: of everything, a flow, a goal, a series or an area, in the language that is asked for."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils import translation
from django.utils.translation import gettext as _

from regional_hub.core import feeds
from regional_hub.core.feeds import Entry, Feed
from regional_hub.sdg.explorer import news, outline, topics
from regional_hub.sdg.explorer.book import Book, open_book
from regional_hub.sdg.explorer.news import Choice, Occasion
from regional_hub.sdg.explorer.topics import Topic
from regional_hub.sdg.views import news_parts as parts
from regional_hub.sdg.views.common import room
from regional_hub.sdg.views.news_parts import BadAddress, public

NEWEST = 30
LISTED = 25
CACHE = "public, max-age=60"


@public
def atom(request: HttpRequest) -> HttpResponse:
    return _answer(request, feeds.ATOM_TYPE)


@public
def json(request: HttpRequest) -> HttpResponse:
    return _answer(request, feeds.JSON_TYPE)


def _answer(request: HttpRequest, kind: str) -> HttpResponse:
    said = parts.read(request, (*topics.PARTS, "language"))
    language = said.get("language", translation.get_language() or "en")
    if language not in dict(settings.LANGUAGES):
        there = ", ".join(dict(settings.LANGUAGES))
        raise BadAddress(
            _("There is no language “%(text)s”; there are: %(known)s") % {"text": language, "known": there}
        )
    topic = Topic.of(said)
    with translation.override(language):
        books = topics.books(room(), language, topic)

        def make() -> HttpResponse:
            feed = made(topic, books, language)
            text = feeds.to_atom(feed) if kind == feeds.ATOM_TYPE else feeds.to_json(feed)
            return HttpResponse(text, content_type=kind)

        tag = parts.tag_of(request, room().store, [book.flow for book in books], personal=False)
        return parts.answered(request, tag, make, CACHE)


def made(topic: Topic, books: list[Book], language: str) -> Feed:
    """The feed of a topic: its newest occasions at which something of it changed."""
    site = settings.HUB.site
    author = site.name_zh if language.startswith("zh") else site.name
    names = {part: str(label) for book in books[:1] for part, label in topic.labels(book).items()}
    title = parts.topic_title(topic, names)
    entries = _entries(topic, books)
    first = min((event.at for book in books for event in book.events), default=None)
    home = f"{settings.HUB.url}/sdg/changes/"
    return Feed(
        title=_("What changed: %(topic)s") % {"topic": title},
        subtitle=_("Added, revised and withdrawn figures of the SDG database, release by release"),
        language="zh-Hans" if language.startswith("zh") else language,
        author=author,
        home=home + (f"?{urlencode({'flow': topic.flow})}" if topic.flow else ""),
        atom=_address("feed.atom", topic, language),
        json=_address("feed.json", topic, language),
        updated=entries[0].at if entries else first or room().store.clock(),
        entries=entries,
    )


def _address(name: str, topic: Topic, language: str) -> str:
    return f"{settings.HUB.url}/sdg/changes/{name}?{urlencode({**topic.facts, 'language': language})}"


def _entries(topic: Topic, books: list[Book]) -> list[Entry]:
    found: list[Entry] = []
    if not books:
        return found
    for occasion in news.all_occasions(room().store, [book.flow for book in books]):
        if len(found) == NEWEST:
            break
        if entry := _entry(topic, occasion, books[0].language):
            found.append(entry)
    return found


def _entry(topic: Topic, occasion: Occasion, language: str) -> Entry | None:
    """None where nothing of the topic changed then."""
    book = open_book(room(), language, occasion.release.flow, occasion.release.id)
    choice = topic.choice(book)
    if choice is None:
        return None
    choice = Choice(choice.series, choice.area, at=occasion.at)
    found = news.news(book.store, occasion.release)
    counts = found.counts(choice)
    if not counts.total:
        return None
    html = render_to_string("sdg/feed_entry.html", {"book": book, **listed(book, topic, choice, found)})
    query = urlencode({**{name: code for name, code in topic.facts.items() if name != "flow"}, **_only(occasion)})
    page = f"{settings.HUB.url}/sdg/changes/{occasion.release.id}/"
    title = f"{parts.occasion_title(occasion)} ({occasion.release.flow})"
    return Entry(
        id=page + (f"#{occasion.at.isoformat()}" if occasion.kind == news.UNSEALED else ""),
        link=f"{page}?{query}" if query else page,
        title=title,
        at=occasion.at,
        summary=parts.counted(counts),
        html=html,
    )


def _only(occasion: Occasion) -> dict[str, str]:
    return {"at": occasion.at.isoformat()} if occasion.kind == news.UNSEALED else {}


def listed(book: Book, topic: Topic, choice: Choice, found: news.News) -> dict[str, object]:
    """What an entry or a letter lists: the values of one series that changed, else the series, as many as are read.

    Notes alone are counted, not listed: a release of UNSD touches those of every second observation.
    """
    component = book.roles.series
    if topic.series or component is None:
        values = replace(choice, kinds=tuple(kind for kind in choice.kinds if kind != news.ANNOTATED))
        rows = found.rows(values, limit=LISTED) if values.kinds else []
        shown = [
            (row, book.name(book.roles.area, row.codes[book.roles.area]) if book.roles.area else "") for row in rows
        ]
        return {"rows": shown, "more": max(0, found.counts(values).total - LISTED)}
    counted = found.by(component, choice)
    series = [(code, outline.title_of_series(book, code), parts.counted(counts)) for code, counts in counted.items()]
    return {"series": series[:LISTED], "more": max(0, len(series) - LISTED)}


urlpatterns = [
    path("sdg/changes/feed.atom", atom, name="sdg-feed-atom"),
    path("sdg/changes/feed.json", json, name="sdg-feed-json"),
]
