"""Feeds as their standards have them: Atom (RFC 4287) and JSON Feed 1.1. What they say is given, in one language.

Texts may hold any character that data hold; those that XML cannot carry are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lxml import etree

ATOM = "http://www.w3.org/2005/Atom"
ATOM_TYPE = "application/atom+xml; charset=utf-8"
JSON_TYPE = "application/feed+json; charset=utf-8"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Entry:
    """One thing that happened or was published. `id` is a URI that stays for ever; `html` is its text as HTML.

    `at` is when it last changed, `published` when it first was there if that was before. `image` is absolute.
    """

    id: str
    link: str
    title: str
    at: datetime
    summary: str
    html: str
    published: datetime | None = None
    author: str = ""
    tags: Sequence[str] = ()
    image: str = ""


@dataclass(frozen=True)
class Feed:
    """`home` is the page that it belongs to, `atom` and `json` are its own addresses; all are absolute."""

    title: str
    subtitle: str
    language: str
    author: str
    home: str
    atom: str
    json: str
    updated: datetime
    entries: Sequence[Entry]


def to_atom(feed: Feed) -> bytes:
    """RFC 4287: `id`, `title` and `updated` of feed and entries (4.1.1, 4.1.2), one author, and `link rel="self"`."""
    root = etree.Element(f"{{{ATOM}}}feed", nsmap={None: ATOM})
    root.set("{http://www.w3.org/XML/1998/namespace}lang", feed.language)
    _text(root, "id", feed.atom)
    _text(root, "title", feed.title)
    _text(root, "subtitle", feed.subtitle)
    _text(root, "updated", stamp(feed.updated))
    _text(etree.SubElement(root, f"{{{ATOM}}}author"), "name", feed.author)
    _link(root, feed.atom, "self", "application/atom+xml")
    _link(root, feed.home, "alternate", "text/html")
    for entry in feed.entries:
        node = etree.SubElement(root, f"{{{ATOM}}}entry")
        _text(node, "id", entry.id)
        _text(node, "title", entry.title)
        _text(node, "updated", stamp(entry.at))
        _text(node, "published", stamp(entry.published or entry.at))
        if entry.author:
            _text(etree.SubElement(node, f"{{{ATOM}}}author"), "name", entry.author)
        _link(node, entry.link, "alternate", "text/html")
        for tag in entry.tags:
            etree.SubElement(node, f"{{{ATOM}}}category", term=_NOT_XML.sub("", tag))
        _text(node, "summary", entry.summary)
        _text(node, "content", entry.html).set("type", "html")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="utf-8"))


def to_json(feed: Feed) -> bytes:
    """JSON Feed 1.1: `version`, `title` and `items`, each with an `id` and its content."""
    facts = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": feed.title,
        "description": feed.subtitle,
        "home_page_url": feed.home,
        "feed_url": feed.json,
        "language": feed.language,
        "authors": [{"name": feed.author, "url": feed.home}],
        "items": [_item(entry) for entry in feed.entries],
    }
    return json.dumps(facts, ensure_ascii=False, indent=1).encode()


def _item(entry: Entry) -> dict[str, Any]:
    item: dict[str, Any] = {
        "id": entry.id,
        "url": entry.link,
        "title": entry.title,
        "summary": entry.summary,
        "content_html": entry.html,
        "date_published": stamp(entry.published or entry.at),
    }
    if entry.published:
        item["date_modified"] = stamp(entry.at)
    if entry.author:
        item["authors"] = [{"name": entry.author}]
    if entry.tags:
        item["tags"] = list(entry.tags)
    if entry.image:
        item["image"] = entry.image
    return item


def stamp(when: datetime) -> str:
    """A moment as RFC 3339 has it, to the second."""
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _text(parent: etree._Element, name: str, text: str) -> etree._Element:
    node = etree.SubElement(parent, f"{{{ATOM}}}{name}")
    node.text = _NOT_XML.sub("", text)
    return node


def _link(parent: etree._Element, address: str, relation: str, kind: str) -> None:
    etree.SubElement(parent, f"{{{ATOM}}}link", rel=relation, type=kind, href=address)
