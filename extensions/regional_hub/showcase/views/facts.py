"""What stands around a notebook on its page: how it is cited, where it comes from, what link previews show of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from regional_hub.core.citing import Work
from regional_hub.core.middleware import site_zone
from regional_hub.showcase.models import Publication, Review, Revision

LICENCE_PAGES = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
}
CITED_AS = [("bib", "BibTeX"), ("ris", "RIS"), ("json", "CSL-JSON"), ("txt", _lazy("Text"))]


def licence_page(licence: str) -> str:
    """Where a licence (SPDX identifier) can be read."""
    return LICENCE_PAGES.get(licence) or (f"https://spdx.org/licenses/{licence}.html" if licence else "")


def published_on(revision: Revision) -> date:
    """The day on which a revision became public, else on which it was made; as the site counts days."""
    return timezone.localdate(revision.published_at or revision.at, timezone=site_zone())


def work(publication: Publication, revision: Revision) -> Work:
    """A revision as something to cite, in the reader's language; its link names the revision and stays."""
    site = settings.HUB.site
    language = get_language() or "en"
    words = publication.tags if all(isinstance(tag, str) for tag in publication.tags) else []
    return Work(
        key=f"{publication.slug}-r{revision.number}",
        title=publication.label,
        authors=[revision.by.get_full_name()],
        on=published_on(revision),
        kind=_("Notebook"),
        version=_("revision %(number)d") % {"number": revision.number},
        publisher=site.name_zh if language.startswith("zh") else site.name,
        link=settings.HUB.url + reverse("showcase-revision", args=[publication.slug, revision.number]),
        licence=publication.licence,
        language="zh-CN" if language.startswith("zh") else "en",
        keywords=words,
    )


# -- where it comes from -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Release:
    """A release of statistical data that the notebook read, with where to look at it and where to ask for it."""

    flow: str
    id: str
    retrieved: str
    selection: str
    page: str
    query: str


@dataclass(frozen=True)
class Provenance:
    """Where a revision comes from; texts are empty where something is not known."""

    notebook: str
    executed: str
    digest: str
    image: str
    lock: str
    releases: list[Release]
    reviews: list[Review]
    checks: list[Any]
    ran_at: datetime | None
    seconds: float | None


def provenance(revision: Revision) -> Provenance:
    """Everything that lets somebody else do it again, and who looked at it."""
    ran = revision.built or {}
    at = ran.get("at")
    reviews = revision.reviews.select_related("reviewer").filter(decision=Review.Decision.APPROVED)
    return Provenance(
        notebook=revision.manifest["files"][revision.entry]["sha256"],
        executed=str(ran.get("notebook", "")),
        digest=revision.digest,
        image=str(ran.get("image") or revision.manifest.get("image", "")),
        lock=str(revision.manifest.get("lock", "")),
        releases=[_release(one) for one in revision.manifest.get("releases", [])],
        reviews=list(reviews) if revision.published_at else [],
        checks=list(revision.checks.all()) if revision.published_at else [],
        ran_at=datetime.fromisoformat(at) if isinstance(at, str) and at else None,
        seconds=ran.get("seconds"),
    )


def _release(record: dict[str, Any]) -> Release:
    """A record of `lab.provenance`. Its texts are the author's: they become parts of a query, never an address."""
    flow, id, at = (str(record.get(name, "")) for name in ("flow", "release", "retrieved"))
    agency, _colon, dataflow = flow.partition(":")
    as_of = str(record.get("as_of") or at)
    chosen = record.get("selection") or {}
    named = "; ".join(f"{name}: {_codes(codes)}" for name, codes in sorted(chosen.items())) if chosen else ""
    path = "/".join(urlencode({"": part})[1:] for part in (agency, dataflow))
    return Release(
        flow=flow,
        id=id,
        retrieved=at,
        selection=named[:500],
        page="/sdg/?" + urlencode({"flow": flow, "release": id}),
        query=f"/sdmx/v2/data/dataflow/{path}/~/*?{urlencode({'asOf': as_of})}",
    )


def _codes(codes: Any) -> str:
    return "+".join(map(str, codes)) if isinstance(codes, list | tuple) else str(codes)


# -- versions and links ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    code: str
    name: str
    address: str
    is_current: bool


def language_links(address: str) -> list[Link]:
    """The same page in each language, by addresses that others can be sent."""
    names = {"en": "English", "zh-hans": "简体中文"}
    now = (get_language() or "").lower()
    codes = [code for code, _name in settings.LANGUAGES]
    if len(codes) < 2:
        return []
    return [Link(code, names[code], f"{address}?{urlencode({'language': code})}", code == now) for code in codes]


def in_every_language(publication: Publication) -> list[tuple[str, str, str]]:
    """Code, title and summary in each language that its author gave a title in."""
    found = []
    for code, _name in settings.LANGUAGES:
        with override(code):
            found.append((code, publication.label, publication.text))
    return found
