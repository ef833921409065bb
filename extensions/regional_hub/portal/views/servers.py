"""My servers: what there is, starting, watching, opening and stopping; and all servers, for administrators."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from regional_hub.core import directory, servers
from regional_hub.core.access import may, requires
from regional_hub.core.actions import Refused
from regional_hub.hub.api import HubDown, HubError


def explain(error: HubError) -> str:
    """A fault of the Hub in words for a person."""
    if isinstance(error, HubDown):
        return _("The Hub does not answer at the moment. Servers that run go on running. Try again in a minute.")
    return _("The Hub refused: %(reason)s") % {"reason": servers.in_readers_language({"message": str(error)})}


@require_GET
@never_cache
@requires("see", "servers")
def index(request: HttpRequest) -> HttpResponse:
    """A person's own servers and those of their projects. With a start asked for elsewhere, `next` says where to go."""
    facts: dict[str, Any] = {"choices": servers.choices(request.user), "images": servers.images(request.user)}
    try:
        facts |= {"mine": servers.mine(request.user), "projects": servers.of_projects(request.user)}
    except HubError as error:
        facts["trouble"] = explain(error)
    facts["moving"] = any(place.state in {"starting", "stopping"} for place in places(facts))
    return render(request, "portal/servers.html", facts)


def places(facts: dict[str, Any]) -> list[servers.Place]:
    return [*facts.get("mine", ()), *facts.get("projects", ())]


@require_GET
@never_cache
@requires("open", "server")
def detail(request: HttpRequest, owner: str, slug: str) -> HttpResponse:
    """One server: its progress while it starts, why it did not, and what to do next."""
    try:
        place = servers.find(request.user, owner, slug)
        failed = directory.hub().failure(owner, place.name) if place.state == "stopped" else None
    except HubError as error:
        return render(request, "portal/server.html", {"trouble": explain(error)}, status=503)
    facts = {
        "place": place,
        "failure": servers.in_readers_language(failed) if failed else "",
        "choices": servers.choices(request.user),
        "images": servers.images(request.user),
        "may_open": may(request.user, "open", "server", owner),
    }
    return render(request, "portal/server.html", facts)


@require_POST
@requires("start", "server")
def start(request: HttpRequest, owner: str, slug: str) -> HttpResponse:
    try:
        servers.start(request.user, owner, slug, request.POST.get("profile", ""), request.POST.get("image", ""))
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("servers")
    except HubError as error:
        messages.error(request, explain(error))
    return redirect("server", owner, slug)


@require_POST
@requires("start", "server")
def new(request: HttpRequest) -> HttpResponse:
    """A further server of one's own, with a name."""
    return start(request, request.user.username, request.POST.get("name", "").strip().lower())


@require_POST
@requires("stop", "server")
def stop(request: HttpRequest, owner: str, slug: str) -> HttpResponse:
    forget = request.POST.get("forget") == "yes"
    try:
        servers.stop(request.user, owner, slug, forget=forget)
        messages.success(request, _("The server is removed.") if forget else _("The server is being stopped."))
    except HubError as error:
        messages.error(request, explain(error))
    return redirect("all-servers" if request.POST.get("from") == "all" else "servers")


@require_GET
@requires("open", "server")
def progress(request: HttpRequest, owner: str, slug: str) -> HttpResponse:
    """Events of a starting server, passed on as they come (text/event-stream): progress, message, ready or failed."""
    place = servers.find(request.user, owner, slug)
    language = get_language() or "en"
    response = StreamingHttpResponse(_events(place, language), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _events(place: servers.Place, language: str) -> AsyncIterator[str]:
    try:
        async for event in directory.hub().progress(place.owner, place.name):
            with override(language):
                yield _event(place, event)
    except HubError as error:
        with override(language):
            yield _event(place, {"progress": 100, "failed": True, "message": explain(error)})


def _event(place: servers.Place, event: dict[str, Any]) -> str:
    told = {
        "progress": int(event.get("progress") or 0),
        "message": _("Your server is ready.") if event.get("ready") else servers.in_readers_language(event),
        "failed": bool(event.get("failed")),
        "address": place.address if event.get("ready") else "",
    }
    return f"data: {json.dumps(told, ensure_ascii=False)}\n\n"


@require_GET
@never_cache
@requires("see", "all servers")
def everyone(request: HttpRequest) -> HttpResponse:
    """Every running server of everybody, for administrators."""
    try:
        return render(request, "portal/all_servers.html", {"servers": servers.everyones()})
    except HubError as error:
        return render(request, "portal/all_servers.html", {"trouble": explain(error)})
