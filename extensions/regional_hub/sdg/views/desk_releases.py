"""The stewards' desk: releases with the facts of their manifests, rolling back, and embargoes of what is public."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from regional_hub.core.access import requires
from regional_hub.sdg import actions, seriesindex
from regional_hub.sdg.explorer.roles import roles
from regional_hub.sdg.forms import EmbargoForm, ReasonForm
from regional_hub.sdg.release import Release
from regional_hub.sdg.store import Store
from regional_hub.sdg.structure import Structure
from regional_hub.sdg.timeline import Embargo
from regional_hub.sdg.views import desk_parts as parts
from regional_hub.sdg.views.desk_parts import answering


@dataclass(frozen=True)
class Line:
    """A release in the list."""

    release: Release
    at: datetime
    current: bool

    @property
    def bytes(self) -> int:
        return sum(int(facts["bytes"]) for facts in self.release.manifest["files"].values())


@require_GET
@requires("see", "sdg desk")
def releases(request: HttpRequest) -> HttpResponse:
    """Every release of every flow, the newest first."""
    store = actions.store()
    flows = [(flow, _lines(store, flow)) for flow in store.flows() if store.timeline(flow).events]
    return render(request, "sdg/desk/releases.html", {"flows": flows, "reason_form": ReasonForm()})


def _lines(store: Store, flow: str) -> list[Line]:
    events = store.timeline(flow).events
    newest = events[-1].release.id
    return [Line(event.release, event.at, event.release.id == newest) for event in reversed(events)]


@require_POST
@requires("roll back", "sdg release")
@answering("sdg-desk-releases")
def roll_back(request: HttpRequest, release: str) -> HttpResponse:
    made = actions.roll_back(request.user, release, request.POST.get("reason", ""))
    messages.success(request, _("Release %(new)s has the content of %(old)s again.") % {"new": made.id, "old": release})
    return redirect("sdg-desk-releases")


@require_http_methods(["GET", "POST"])
@requires("embargo", "sdg series")
@answering("sdg-desk-embargoes")
def embargoes(request: HttpRequest) -> HttpResponse:
    """Embargoes of what is published, and a form for another one."""
    store = actions.store()
    flows = [flow for flow in store.flows() if store.timeline(flow).events]
    flow = request.GET.get("flow", "") or (flows[0] if flows else "")
    if flow and flow not in flows:
        raise Http404
    facts: dict[str, Any] = {"flows": flows, "flow": flow, "now": store.clock()}
    if flow:
        current = store.current(flow)
        assert current is not None
        made = actions.room().registry.structure(current.structure)
        form = EmbargoForm(request.POST or None, codes=_codes(made, current))
        form.fields["reason"].required = True
        for name in form.dimensions:
            form.fields[name].label = parts.title(made, name)
        if request.method == "POST" and form.is_valid():
            until, reason = form.cleaned_data["until"], form.cleaned_data["reason"]
            actions.hide(request.user, flow, form.where, until, reason)
            messages.success(request, _("These series are hidden in every release until that moment."))
            return redirect(f"{request.path}?{parts.query(flow=flow)}")
        facts["form"] = form
        facts["lines"] = [(each, _where(made, each)) for each in reversed(store.timeline(flow).embargoes)]
    return render(request, "sdg/desk/embargoes.html", facts)


def _codes(made: Structure, release: Release) -> dict[str, list[tuple[str, str]]]:
    play = roles(made)
    dimensions = [name for name in (play.series, play.area) if name]
    labels = seriesindex.of(release).labels
    return parts.choices(made, dimensions, {name: sorted(labels[name]) for name in dimensions})


def _where(made: Structure, embargo: Embargo) -> list[tuple[str, list[parts.Cell]]]:
    return [
        (parts.title(made, name), [parts.named(made, name, code) for code in codes])
        for name, codes in embargo.where.items()
    ]


@require_POST
@requires("embargo", "sdg series")
@answering("sdg-desk-embargoes")
def lift(request: HttpRequest, token: str) -> HttpResponse:
    actions.lift(request.user, token, request.POST.get("reason", ""))
    messages.success(request, _("The embargo is lifted."))
    return redirect("sdg-desk-embargoes")


urlpatterns = [
    path("sdg/desk/releases/", releases, name="sdg-desk-releases"),
    path("sdg/desk/releases/<str:release>/rollback/", roll_back, name="sdg-desk-rollback"),
    path("sdg/desk/embargoes/", embargoes, name="sdg-desk-embargoes"),
    path("sdg/desk/embargoes/<str:token>/lift/", lift, name="sdg-desk-lift"),
]
