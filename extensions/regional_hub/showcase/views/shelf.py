"""The publications that visitors find, as `gallery.Shelf`: made when they changed, and kept by each process.

What is withdrawn, expired or replaced leaves with the next request: a short question to the database says whether
anything changed. Texts of notebooks, which never do, are read once and kept below `var/showcase/texts`.
"""

from __future__ import annotations

import json
import logging
import secrets
from pathlib import Path
from threading import Lock
from typing import Any

from django.conf import settings
from django.db.models import Min, Q, QuerySet

from regional_hub.core.files import Damaged
from regional_hub.showcase import access, charts, pictures
from regional_hub.showcase.actions import building, sharing
from regional_hub.showcase.bundle_faults import BundleError
from regional_hub.showcase.gallery import Item, Shelf
from regional_hub.showcase.models import Publication

MOST_TEXT = 20_000  # characters of a notebook's text that are searched
VERSION = 1
_log = logging.getLogger(__name__)
_lock = Lock()
_kept: dict[str, tuple[int, Shelf]] = {}


def public() -> QuerySet[Publication]:
    """The publications that visitors may read."""
    return Publication.objects.filter(access.is_public())


def shelf() -> Shelf:
    """All of them now; made anew only where one of them changed."""
    where = str(settings.HUB.path("showcase"))
    facts = public().order_by("pk").values_list(
        "pk", "public_revision_id", "public_revision__built", "featured", "kind", "title", "author__display_name"
    )  # fmt: skip
    version = hash(tuple((pk, revision, (ran or {}).get("notebook"), *rest) for pk, revision, ran, *rest in facts))
    with _lock:
        known = _kept.get(where)
        if known is None or known[0] != version:
            known = (version, Shelf(_items()))
            _kept.clear()
            _kept[where] = known
        return known[1]


def _items() -> list[Item]:
    found = public().select_related("author", "public_revision").annotate(
        first=Min("revisions__published_at", filter=Q(revisions__published_at__isnull=False))
    )  # fmt: skip
    return [_item(publication) for publication in found]


def _item(publication: Publication) -> Item:
    revision = publication.public_revision
    assert revision is not None
    at = revision.published_at or revision.at
    words, alt = said(publication)
    return Item(
        pk=publication.pk,
        slug=publication.slug,
        kind=publication.kind,
        title=publication.title,
        title_zh=publication.title_zh,
        summary=publication.summary,
        summary_zh=publication.summary_zh,
        author=publication.author.get_full_name(),
        tags=tuple(publication.tags),
        goals=tuple(publication.goals),
        licence=publication.licence,
        featured=publication.featured,
        at=at,
        first=getattr(publication, "first", None) or at,
        revision=revision.number,
        picture=pictures.key(publication),
        alt=alt,
        words=words,
    )


def said(publication: Publication) -> tuple[str, str]:
    """The text of a public notebook, and what its author says that its first picture shows."""
    name = pictures.key(publication)
    place = settings.HUB.path("showcase", "texts", name[:2], f"{name}-{VERSION}.json")
    try:
        kept = json.loads(place.read_text("utf-8"))
        return kept["text"], kept["alt"]
    except (OSError, ValueError, KeyError):
        pass
    found = _read(publication)
    if found is None:
        return "", ""
    text = "\n".join(cell["source"] for cell in found["cells"] if cell["cell_type"] == "markdown")[:MOST_TEXT]
    revision = publication.public_revision
    chosen = revision is not None and revision.manifest.get("picture")
    alt = "" if chosen else next((each.alt for each in pictures.of_outputs(found)), "")
    _write(place, {"text": text, "alt": alt})
    return text, alt


def _read(publication: Publication) -> dict[str, Any] | None:
    revision = publication.public_revision
    assert revision is not None
    try:
        return building.notebook(revision)
    except (Damaged, BundleError):
        _log.exception("the notebook of %s cannot be read", revision)
        return None


def _write(place: Path, facts: dict[str, str]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{secrets.token_hex(8)}.json")
    fresh.write_text(json.dumps(facts, ensure_ascii=False), "utf-8")
    fresh.replace(place)


def picture(publication: Publication, size: str) -> Path:
    """The picture of a public publication, made if nobody asked for it before."""
    folder = settings.HUB.path("showcase", "pictures")
    place = pictures.place(folder, f"{pictures.key(publication)}-{size}")
    if not place.exists():
        found = _read(publication) or {"cells": []}
        pictures.ensure(sharing.files(), folder, publication, found, charts.drawer())
    return place
