"""What every page knows: the names of the site, and which parts of the navigation are there for this reader."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from regional_hub.core.access import may

# Platforms add their entry here when they exist: (verb, object, URL name, text, address prefix that makes it current).
NAVIGATION = (
    ("see", "servers", "servers", _("Servers"), "/servers/"),
    ("see", "sdg", "sdg", _("SDG database"), "/sdg/"),
    ("see", "showcase", "showcase", _("Showcase"), "/showcase/"),
    ("see", "catalog", "catalog", _("Catalog"), "/catalog/"),
    ("see", "people", "people", _("People"), "/people/"),
)


@dataclass(frozen=True)
class Entry:
    text: str
    address: str
    is_current: bool


def site_name() -> str:
    """The hub's name in the reader's language."""
    site = settings.HUB.site
    return str(site.name_zh if (get_language() or "").startswith("zh") else site.name)


def navigation(request: HttpRequest) -> list[Entry]:
    person = getattr(request, "user", None)
    return [
        Entry(str(text), reverse(name), request.path.startswith(prefix))
        for verb, thing, name, text, prefix in NAVIGATION
        if may(person, verb, thing)
    ]


# What the home page offers besides servers: (verb, object, URL name, title, text). Platforms add theirs.
SUGGESTIONS = (
    (
        "see",
        "sdg",
        "sdg",
        _("Look at the figures of the SDGs"),
        _("Find an indicator, compare areas, and take the figures with you."),
    ),
    (
        "see",
        "showcase",
        "showcase",
        _("See what others found"),
        _("Reviewed notebooks to read, to play with and to run."),
    ),
    (
        "see",
        "catalog",
        "catalog",
        _("Look through the catalog"),
        _("See what data there is, preview it, and open it in the Lab."),
    ),
)


@dataclass(frozen=True)
class Suggestion:
    title: str
    text: str
    address: str


def suggestions(request: HttpRequest) -> list[Suggestion]:
    return [
        Suggestion(str(title), str(text), reverse(name))
        for verb, thing, name, title, text in SUGGESTIONS
        if may(request.user, verb, thing)
    ]


def site(request: HttpRequest) -> dict[str, Any]:
    return {
        "site_name": site_name(),
        "support_email": settings.HUB.site.support_email,
        "navigation": navigation(request),
        "languages": [("en", "English"), ("zh-hans", "简体中文")] if len(settings.LANGUAGES) > 1 else [],
    }
