"""The form of a method, and the page of a run. Whoever may run and see what, `actions.methods` says.

What a run left is sent as files to be saved, never as pages; the notebook is shown as any notebook is (`render`).
"""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from regional_hub.core.access import requires
from regional_hub.core.models import Person
from regional_hub.showcase import bundle_notebook, method_run
from regional_hub.showcase.actions import methods
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.bundle_faults import BundleError
from regional_hub.showcase.method_run import Method
from regional_hub.showcase.models import Publication, Revision, Run
from regional_hub.showcase.render import render as rendered
from regional_hub.showcase.views import reading
from regional_hub.showcase.views.method_form import MethodForm, again, label
from regional_hub.showcase.views.publication import for_readers

MOST_SHOWN = 2_000  # bytes of a value that stands on the page
REFUSED = {"too-many": 429, "too-often": 429, "queue-full": 503}


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires("see", "showcase")
@for_readers
def form(request: HttpRequest, slug: str) -> HttpResponse:
    """The form of a method; `?r=` is a revision, `?p-NAME=` values to begin with. POST starts a run."""
    revision = _revision(request, slug)
    facts: dict[str, Any] = {"publication": revision.publication, "revision": revision, "own": settings.HUB.showcase}
    try:
        declared = methods.declared(revision)
    except BundleError as error:
        said = error.zh if (get_language() or "").startswith("zh") else str(error)
        return render(request, "showcase/run.html", {**facts, "trouble": said}, status=422)
    asked = MethodForm(declared, request.POST if request.method == "POST" else None, request.GET)
    facts |= {"form": asked, "outputs": [(label(one), one["file"]) for one in declared.outputs]}
    if request.method != "POST":
        return render(request, "showcase/run.html", facts)
    if not asked.is_valid():
        return render(request, "showcase/run.html", facts, status=422)
    try:
        run = methods.start(request.user, revision, asked.values, request.META.get("REMOTE_ADDR", ""))
    except Problem as problem:
        status = REFUSED.get(problem.code, 422)
        return render(request, "showcase/run.html", {**facts, "trouble": str(problem)}, status=status)
    return redirect("showcase-method-run", slug, run.pk)


def _revision(request: HttpRequest, slug: str) -> Revision:
    """The revision that is to run: the asked one, else for visitors the public and for people the newest."""
    number = request.GET.get("r", "")
    publication, found = reading.find_publication(request, slug)
    if number:
        found = reading.find_revision(request, slug, int(number)) if number.isdecimal() and len(number) < 9 else found
    elif not isinstance(request.user, Person) and publication.public_revision is not None:
        found = publication.public_revision
    if publication.kind != Publication.Kind.METHOD:
        raise Http404
    if not methods.may_run(request.user, found):
        raise Http404 if isinstance(request.user, Person) else reading.SignInFirst
    return found


def _find(request: HttpRequest, slug: str, run: uuid.UUID) -> Run:
    found = methods.find(request.user, run)
    if found is None or found.revision.publication.slug != slug:
        raise Http404 if isinstance(request.user, Person) else reading.SignInFirst
    return found


@never_cache
@require_safe
@requires("see", "showcase")
@for_readers
def page(request: HttpRequest, slug: str, run: uuid.UUID) -> HttpResponse:
    """How a run stands, and what came out of it; `?part=state` is what a page that waits asks again and again."""
    found = _find(request, slug, run)
    going = found.state in methods.GOING
    facts = {
        "run": found,
        "publication": found.revision.publication,
        "revision": found.revision,
        "going": going,
        "before": methods.waiting_before(found) if found.state == Run.State.ACCEPTED else 0,
        "why": methods.message(found, get_language() or "en"),
    }
    if request.GET.get("part") == "state":
        response = render(request, "showcase/parts/run_state.html", facts)
        if not going:
            response.headers["HX-Refresh"] = "true"
        return response
    response = render(request, "showcase/run_result.html", {**facts, **_result(request, found)})
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def _result(request: HttpRequest, run: Run) -> dict[str, Any]:
    try:
        declared = methods.declared(run.revision)
    except BundleError:
        declared = Method([], [])
    content = notebook(run)
    return {
        "parameters": [
            (label(one), _shown(run.parameters.get(one["name"])), one["unit"]) for one in declared.parameters
        ],
        "digest": method_run.digest(run.parameters),
        "provenance": run.result.get("provenance") or {},
        "outputs": outputs(run, declared),
        "notebook": rendered(content) if content else None,
        "again": again(declared, run.parameters),
        "kept_until": run.created_at + timedelta(days=settings.HUB.showcase.method_keep_days),
        "is_open": methods.is_open(run),
        "may_stop": methods.may_stop(request.user, run) and run.state != Run.State.DISMISSED,
        "may_run": methods.may_run(request.user, run.revision),
        "address": f"{settings.HUB.url}{request.path}",
        "is_folded": True,
    }


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(map(_shown, value)) if isinstance(value, list) else str(value)


def notebook(run: Run) -> dict[str, Any] | None:
    """The executed notebook of a run that got through."""
    facts = (run.result.get("files") or {}).get("notebook.ipynb")
    return bundle_notebook.read(methods.kept().read(facts["sha256"])) if facts else None


def outputs(run: Run, declared: Method) -> list[dict[str, Any]]:
    """Files that a run left, declared ones first: `file`, `label`, `size`, and `value` of what is short JSON."""
    files: dict[str, dict[str, Any]] = run.result.get("files") or {}
    names = {one["file"]: label(one) for one in declared.outputs}
    found = []
    for name in sorted(files, key=lambda each: (each not in names, each)):
        one = {"file": name, "label": names.get(name, name), "size": files[name]["size"], "value": ""}
        if name.endswith(".json") and files[name]["size"] <= MOST_SHOWN:
            value = method_run.read_json(methods.kept().read(files[name]["sha256"]))
            one["value"] = json.dumps(value, ensure_ascii=False, indent=2)
        found.append(one)
    return found


@require_POST
@requires("see", "showcase")
@for_readers
def stop(request: HttpRequest, slug: str, run: uuid.UUID) -> HttpResponse:
    """End a run; of one that is done, throw the result away."""
    found = _find(request, slug, run)
    try:
        methods.dismiss(request.user, found)
        messages.success(request, _("It is stopped, and nothing of it is kept."))
    except Problem as problem:
        messages.error(request, str(problem))
    return redirect("showcase-method-run", slug, run)


@never_cache
@require_safe
@requires("see", "showcase")
@for_readers
def file(request: HttpRequest, slug: str, run: uuid.UUID, file: str) -> HttpResponse:
    """A file that a run left, to be saved."""
    return saved(_find(request, slug, run), file)


def saved(run: Run, name: str) -> FileResponse:
    """A file of a run as one to be saved: whatever it holds, nothing of it runs on this origin. Raises Http404."""
    facts = (run.result.get("files") or {}).get(name)
    if facts is None:
        raise Http404
    content = methods.kept().path(facts["sha256"]).open("rb")
    kind = method_run.media_type(name)
    kind += "; charset=utf-8" if kind.startswith("text/") else ""
    response = FileResponse(content, as_attachment=True, filename=name.rpartition("/")[2], content_type=kind)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


urlpatterns = [
    path("showcase/<slug:slug>/run/", form, name="showcase-run"),
    path("showcase/<slug:slug>/runs/<uuid:run>/", page, name="showcase-method-run"),
    path("showcase/<slug:slug>/runs/<uuid:run>/stop/", stop, name="showcase-method-stop"),
    path("showcase/<slug:slug>/runs/<uuid:run>/files/<path:file>", file, name="showcase-method-file"),
]
