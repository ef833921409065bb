"""The SDG database in the open catalog: `/intake/catalog.yaml`, and its series, `/intake/sdg/<flow>/series.yaml`.

What is served is what visitors may see; the tag of an answer is that of the release and its embargoes, so that a client
asks again at no cost. How entries look, `regional_hub.sdg.intake_catalog` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from regional_hub.core import catalog
from regional_hub.core.access import requires

if TYPE_CHECKING:
    from regional_hub.sdg.intake_catalog import Hub
    from regional_hub.sdg.timeline import View


def sources(entries: list[catalog.Entry]) -> dict[str, Any]:
    """Entries for every flow that has a release; none where the database is empty."""
    views = _views()
    if not views:
        return {}
    from regional_hub.sdg import intake_catalog

    return intake_catalog.top(_hub(entries), views)


def _room() -> Opened | None:
    """The database, where one was begun; its library is not loaded before."""
    folder = settings.HUB.path("sdg")
    return _opened(folder) if (folder / "state.json").is_file() else None


@lru_cache(maxsize=2)
def _opened(folder: Path) -> Opened:
    return Opened(folder)


class Opened:
    """Store and registry that stay: the registry hands out a structure again as long as it is the same."""

    def __init__(self, folder: Path) -> None:
        from regional_hub.sdg.loading import Room

        self.store, self.registry = Room(folder).store, Room(folder).registry


def _views() -> Mapping[str, View]:
    room = _room()
    return {flow: room.store.view(flow) for flow in room.store.flows()} if room else {}


def _hub(entries: list[catalog.Entry]) -> Hub:
    """Licence, source and components as the hub's own entry of the database says them."""
    from regional_hub.sdg import intake_catalog

    own = next((entry for entry in entries if entry.driver == intake_catalog.DRIVER), None)
    kept = ("licence", "licence_zh", "source", "source_zh")
    common = {key: own.metadata[key] for key in kept if key in own.metadata} if own else {}
    said = yaml.safe_load(own.catalog.read_text(encoding="utf-8"))["sources"][own.name] if own else {}
    components = (said.get("args") or {}).get("components") or {}
    return intake_catalog.Hub(settings.HUB.url, common, intake_catalog.COMPONENTS | components)


@require_safe
@requires("read", "open data")
def series(request: HttpRequest, flow: str) -> HttpResponse:
    """The series of a flow, an entry each."""
    room = _room()
    if room is None or flow not in room.store.flows():
        raise Http404
    from regional_hub.portal import catalog as pages
    from regional_hub.sdg import intake_catalog

    hub = _hub([entry for each in catalog.read_folder(pages.folder()) for entry in each.entries])
    view = room.store.view(flow)
    short = view.release.structure
    index = room.registry.index()["structures"].get(short)

    def make() -> str:
        found = intake_catalog.series(room.store, room.registry.structure(short), flow, hub.components)
        return intake_catalog.dump(intake_catalog.series_document(hub, flow, found, view.release.id))

    return tagged(request, intake_catalog.tag(view.etag, index, hub.url, hub.common, hub.components), make)


def tagged(request: HttpRequest, tag: str, make: Callable[[], str]) -> HttpResponse:
    """YAML that is not made again for whoever has it (RFC 9110, section 13.1.2)."""
    known = {part.strip().removeprefix("W/").strip('"') for part in request.headers.get("If-None-Match", "").split(",")}
    if tag in known or "*" in known:
        answer = HttpResponse(status=304)
    else:
        answer = HttpResponse(make(), content_type="application/yaml; charset=utf-8")
    answer["ETag"] = f'"{tag}"'
    answer["Cache-Control"] = "public, no-cache"
    return answer
