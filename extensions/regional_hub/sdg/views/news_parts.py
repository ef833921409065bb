"""What the pages, feeds and letters about changes share: reading the address, tags, and the words for what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from regional_hub.core.access import requires
from regional_hub.sdg.explorer import news
from regional_hub.sdg.explorer.book import NotHere
from regional_hub.sdg.explorer.news import Counts, Occasion
from regional_hub.sdg.explorer.topics import Topic
from regional_hub.sdg.store import Store
from regional_hub.sdg.views.common import LOOK, View, not_here

PAGE_ROWS = 50


class BadAddress(ValueError):
    """A parameter that means nothing; said in the reader's language."""


def public(view: View) -> View:
    """A page that visitors may read: 404 with near matches, 400 naming the parameter that means nothing."""

    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotHere as missing:
            return not_here(request, missing)
        except BadAddress as wrong:
            return render(request, "sdg/bad_address.html", {"wrong": wrong}, status=400)

    return require_safe(requires("see", "sdg")(run))


def read(request: HttpRequest, known: Collection[str]) -> dict[str, str]:
    """The parameters of an address, each said once. Raises BadAddress for one that the page does not know."""
    for name, values in request.GET.lists():
        if name not in known:
            there = ", ".join(sorted(known))
            raise BadAddress(
                _("There is no parameter “%(name)s”; there are: %(known)s") % {"name": name, "known": there}
            )
        if len(set(values)) > 1:
            raise BadAddress(_("“%(name)s” is said more than once.") % {"name": name})
    return {name: value.strip() for name, value in request.GET.items() if value.strip()}


def number_of(said: dict[str, str]) -> int:
    """The page number, from 1."""
    text = said.get("page", "1")
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 1_000_000:
        raise BadAddress(_("“%(text)s” is not the number of a page.") % {"text": text})
    return int(text)


def tag_of(request: HttpRequest, store: Store, flows: Sequence[str], *, personal: bool = True) -> str:
    """Changes with the publications, the embargoes that hold now, the reader, the language and the address."""
    now = store.clock()
    state = []
    for flow in flows:
        line = store.timeline(flow)
        held = sorted((embargo.id, embargo.end.isoformat(), now < embargo.end) for embargo in line.embargoes)
        state.append((flow, len(line.events), line.events[-1].release.id, held))
    person = getattr(request.user, "pk", None) if personal else None
    parts = [state, request.get_full_path(), get_language(), str(person), LOOK, settings.HUB.instance]
    return f'W/"{hashlib.sha256(repr(parts).encode()).hexdigest()[:24]}"'


def answered(request: HttpRequest, tag: str, make: Callable[[], HttpResponse], cache: str = "") -> HttpResponse:
    """304 where the reader has this tag; else what `make` gives, with the tag."""
    known = tag in request.headers.get("If-None-Match", "")
    response = HttpResponse(status=304) if known else make()
    response.headers["ETag"] = tag
    response.headers.setdefault("Cache-Control", cache or "private, no-cache")
    response.headers.setdefault("Vary", "Cookie, Accept-Language")
    return response


def counted(counts: Counts) -> str:
    """ "3 added, 2 revised": what changed, in words."""
    said = [text for kind in news.KINDS if (text := _counted(kind, counts.of(kind)))]
    return _(", ").join(said) if said else _("nothing changed")


def _counted(kind: str, count: int) -> str:
    if not count:
        return ""
    shown = number_format(count, force_grouping=True)
    texts = {
        news.ADDED: ngettext("%(count)s added", "%(count)s added", count),
        news.REVISED: ngettext("%(count)s revised", "%(count)s revised", count),
        news.ANNOTATED: ngettext("%(count)s with new notes", "%(count)s with new notes", count),
        news.WITHDRAWN: ngettext("%(count)s withdrawn", "%(count)s withdrawn", count),
    }
    return texts[kind] % {"count": shown}


def kind_names() -> dict[str, str]:
    """What the kinds of changes are called."""
    return {
        news.ADDED: _("Added"),
        news.REVISED: _("Revised"),
        news.ANNOTATED: _("Only notes or status changed"),
        news.WITHDRAWN: _("Withdrawn"),
    }


def occasion_title(occasion: Occasion) -> str:
    """What happened: a release, a return to an earlier one, or the end of an embargo."""
    facts = {"release": occasion.release.id, "before": occasion.rollback_of or ""}
    if occasion.kind == news.UNSEALED:
        return _("Release %(release)s: an embargo ended") % facts
    if occasion.rollback_of:
        return _("Release %(release)s: back to %(before)s") % facts
    return _("Release %(release)s") % facts


def topic_title(topic: Topic, names: dict[str, str]) -> str:
    """What somebody follows, in words; `names` are those of its series and area."""
    parts = []
    if topic.goal:
        parts.append(_("Goal %(goal)s") % {"goal": topic.goal})
    parts += [names.get(part) or getattr(topic, part) for part in ("series", "area") if getattr(topic, part)]
    if topic.flow:
        parts.append(topic.flow)
    return " · ".join(parts) if parts else _("All figures")
