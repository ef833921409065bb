"""OGC API - Processes at /ogc/: methods as processes, runs as jobs. `ogc_documents` has the words.

Trust boundary: sessions count for nothing here, so that no other site can act for whoever is signed in; a caller is a
visitor, or shows the token of the Hub. Other sites' pages may call as visitors (CORS without credentials).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from regional_hub.core.access import requires
from regional_hub.showcase import method_run, ogc_documents, ogc_openapi
from regional_hub.showcase.access import may_read_revision, readable
from regional_hub.showcase.actions import methods
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.api_faults import Fault
from regional_hub.showcase.api_identity import LabToken
from regional_hub.showcase.bundle_faults import BundleError
from regional_hub.showcase.method_run import BadValues, Method
from regional_hub.showcase.models import Publication, Revision, Run
from regional_hub.showcase.ogc_documents import FAULT, HTML, JSON, Asked, Exceptional, Job, Process
from regional_hub.showcase.views.methods import REFUSED, saved

MOST_BODY = 256_000
OPEN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, Link, Preference-Applied, Retry-After",
}
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Accept, Accept-Language, Prefer",  # no Authorization: visitors only
    "Access-Control-Max-Age": "86400",
}
View = Callable[..., HttpResponse]


def answering(*allowed: str, query: tuple[str, ...] = ()) -> Callable[[View], View]:
    """Who calls, by which method, with which parameters; faults as application/problem+json."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @requires("see", "showcase")
        @wraps(view)
        def run(request: HttpRequest, **given: Any) -> HttpResponse:
            request.user = AnonymousUser()
            try:
                response = _checked(view, allowed, query, request, given)
            except (Exceptional, Fault, Problem, BundleError, BadValues) as error:
                response = _problem(error)
            for name, value in OPEN.items():
                response.headers[name] = value
            response.headers.setdefault("Cache-Control", "private, no-store")
            response.headers["Vary"] = "Accept, Accept-Language, Authorization"
            return response

        return run

    return decorate


def _checked(
    view: View, allowed: tuple[str, ...], query: tuple[str, ...], request: HttpRequest, given: dict[str, Any]
) -> HttpResponse:
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers=PREFLIGHT)
    if request.method not in allowed:
        response = _problem(Exceptional(405, f"only {', '.join(allowed)}", f"仅支持 {'、'.join(allowed)}"))
        response.headers["Allow"] = ", ".join([*allowed, "OPTIONS"])
        return response
    for name in request.GET.keys() - {*query, "f"}:
        known = ", ".join([*query, "f"])
        raise Exceptional(
            400, f"{name[:60]}: no such parameter; there are: {known}", f"没有参数 {name[:60]}；可用：{known}"
        )
    if "Authorization" in request.headers:
        person = LabToken().authenticate(request, request.headers["Authorization"])
        if person is None:
            raise Exceptional(401, "the token is empty", "令牌为空")
    return view(request, **given)


def _problem(error: Exception) -> HttpResponse:
    match error:
        case Exceptional():
            said = error
        case Fault():
            said = Exceptional(error.status, error.en, error.zh)
        case Problem(code="no-method"):
            said = _no_process()
        case Problem():
            en, zh = error.in_language("en"), error.in_language("zh-hans")
            said = Exceptional(REFUSED.get(error.code, 422), en, zh)
        case BundleError():
            said = Exceptional(422, str(error), error.zh)
        case BadValues():
            faults = [{"name": name, "en": en, "zh": zh} for name, (en, zh) in error.faults.items()]
            zh = "；".join(f"{each['name']}：{each['zh']}" for each in faults)
            said = Exceptional(400, str(error), zh, inputs=faults)
        case _:
            raise error
    response = _json(said.document(get_language() or "en"), said.status, ogc_openapi.PROBLEM)
    if said.status in (429, 503):
        response.headers["Retry-After"] = "60"
    return response


def _json(document: Any, status: int = 200, kind: str = JSON) -> HttpResponse:
    return HttpResponse(json.dumps(document, ensure_ascii=False), status=status, content_type=kind)


def _answer(request: HttpRequest, document: dict[str, Any], title: str, kind: str = JSON) -> HttpResponse:
    """As JSON, or as a page where `f=html` says so, or a browser asks."""
    asked = request.GET.get("f", "")
    if asked not in ("", "json", "html"):
        raise Exceptional(400, "f is json or html", "f 只能是 json 或 html")
    if asked == "html" or (not asked and request.get_preferred_type([JSON, HTML]) == HTML):
        text = json.dumps(document, ensure_ascii=False, indent=2)
        facts = {"title": title, "links": _links(document), "text": text}
        return render(request, "showcase/ogc.html", facts)
    return _json(document, kind=kind)


def _links(document: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    if isinstance(document, dict):
        found += document.get("links", []) if isinstance(document.get("links"), list) else []
        for each in document.get("processes", []):
            found += [{**one, "title": f"{each['title']}: {one['rel']}"} for one in each["links"]]
    return found


def _base() -> str:
    return f"{settings.HUB.url}/ogc"


def _language() -> str:
    return get_language() or "en"


# -- finding -----------------------------------------------------------------------------------------------------------


def _no_process() -> Exceptional:
    return Exceptional(
        404, "there is no such process, or not for you", "没有该过程，或您无权使用", f"{FAULT}no-such-process"
    )


def _revision(actor: Any, publication: Publication) -> Revision | None:
    """The revision that an actor runs: the public one, else the newest that they may read."""
    known = publication.revisions.select_related("publication__author", "publication__project")
    if publication.is_public:
        return known.filter(pk=publication.public_revision_id).first()
    return next((each for each in known.order_by("-number") if may_read_revision(actor, each)), None)


def _process(revision: Revision) -> Process:
    publication = revision.publication
    return Process(
        id=publication.slug,
        version=str(revision.number),
        title=publication.label,
        text=publication.text,
        tags=publication.tags,
        page=settings.HUB.url + reverse("showcase-run", args=[publication.slug]),
        method=methods.declared(revision),
    )


def _runnable(actor: Any) -> list[Revision]:
    found = readable(actor).filter(kind=Publication.Kind.METHOD).order_by("slug").select_related("author", "project")
    revisions = [_revision(actor, publication) for publication in found]
    return [each for each in revisions if each is not None and methods.may_run(actor, each)]


def _find(actor: Any, slug: str) -> Revision:
    publication = Publication.objects.filter(slug=slug, kind=Publication.Kind.METHOD).first()
    revision = _revision(actor, publication) if publication else None
    if revision is None or not methods.may_run(actor, revision):
        raise _no_process()
    return revision


def _run(actor: Any, text: str) -> Run:
    try:
        run = methods.find(actor, UUID(text)) if len(text) == 36 else None
    except ValueError:
        run = None
    if run is None:
        raise Exceptional(
            404, "there is no such job, or not for you", "没有该任务，或您无权查看", f"{FAULT}no-such-job"
        )
    return run


def _job(run: Run) -> Job:
    slug = run.revision.publication.slug
    return Job(
        id=str(run.pk),
        process=slug,
        state=run.state,
        message=methods.message(run, _language()),
        page=settings.HUB.url + reverse("showcase-method-run", args=[slug, run.pk]),
        created=run.created_at,
        started=run.started_at,
        ended=run.ended_at,
    )


# -- operations --------------------------------------------------------------------------------------------------------


@answering("GET", "HEAD")
def landing(request: HttpRequest) -> HttpResponse:
    title = _title()
    return _answer(request, ogc_documents.landing(_base(), title, _("Methods that run with your own values.")), title)


def _title() -> str:
    own = settings.HUB.site
    return str(own.name_zh if _language().startswith("zh") else own.name)


@answering("GET", "HEAD")
def conformance(request: HttpRequest) -> HttpResponse:
    return _answer(request, {"conformsTo": ogc_documents.CONFORMS}, "conformance")


@answering("GET", "HEAD")
def api(request: HttpRequest) -> HttpResponse:
    found = [_process(each) for each in _runnable(request.user)]
    return _answer(request, ogc_openapi.document(_base(), _title(), found), "OpenAPI", ogc_documents.OPENAPI)


@answering("GET", "HEAD", query=("limit", "offset"))
def processes(request: HttpRequest) -> HttpResponse:
    limit, offset = _number(request, "limit", 10, 1, 1000), _number(request, "offset", 0, 0, 100_000)
    found = _runnable(request.user)
    place = f"{_base()}/processes"
    links = [ogc_documents.link(f"{place}?limit={limit}&offset={offset}", "self")]
    links.append(ogc_documents.link(f"{place}?limit={limit}&offset={offset}&f=html", "alternate", HTML))
    if offset + limit < len(found):
        links.append(ogc_documents.link(f"{place}?limit={limit}&offset={offset + limit}", "next"))
    shown = [ogc_documents.summary(_base(), _process(each)) for each in found[offset : offset + limit]]
    return _answer(request, {"processes": shown, "links": links}, _("Methods"))


def _number(request: HttpRequest, name: str, default: int, low: int, high: int) -> int:
    text = request.GET.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and low <= int(text) <= high):
        raise Exceptional(400, f"{name} is a number from {low} to {high}", f"{name} 须为 {low} 至 {high} 的数字")
    return int(text)


@answering("GET", "HEAD")
def process(request: HttpRequest, slug: str) -> HttpResponse:
    one = _process(_find(request.user, slug))
    return _answer(request, ogc_documents.description(_base(), one, _language()), one.title)


@answering("POST")
def execution(request: HttpRequest, slug: str) -> HttpResponse:
    """Always as a job: `Prefer` may ask for nothing else, and a process says that it runs asynchronously only."""
    revision = _find(request.user, slug)
    if request.content_type != JSON:
        raise Exceptional(415, f"the body is {JSON}", f"请求体须为 {JSON}")
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BODY:
        raise Exceptional(413, f"the body is over {MOST_BODY:,} bytes", f"请求体超过 {MOST_BODY:,} 字节")
    body = request.read(MOST_BODY + 1)
    if len(body) > MOST_BODY:
        raise Exceptional(413, f"the body is over {MOST_BODY:,} bytes", f"请求体超过 {MOST_BODY:,} 字节")
    values, asked = ogc_documents.execute_request(body, methods.declared(revision))
    wishes = {"response": asked.response, "outputs": asked.outputs}
    run = methods.start(request.user, revision, values, request.META.get("REMOTE_ADDR", ""), wishes)
    response = _json(ogc_documents.status(_base(), _job(run)), 201)
    response.headers["Location"] = f"{_base()}/jobs/{run.pk}"
    if "respond-async" in request.headers.get("Prefer", ""):
        response.headers["Preference-Applied"] = "respond-async"
    return response


@answering("GET", "HEAD", "DELETE")
def job(request: HttpRequest, run: str) -> HttpResponse:
    found = _run(request.user, run)
    if request.method == "DELETE":
        try:
            methods.dismiss(request.user, found)
        except Problem:
            raise Exceptional(403, "only who ran it ends it", "只有运行者可以停止") from None
        found.refresh_from_db()
        return _json(ogc_documents.status(_base(), _job(found)))
    return _answer(request, ogc_documents.status(_base(), _job(found)), f"job {found.pk}")


@answering("GET", "HEAD")
def results(request: HttpRequest, run: str) -> HttpResponse:
    """As the execute request wanted them: one document, or raw: the content itself, many parts, or links."""
    found = _successful(_run(request.user, run))
    declared = methods.declared(found.revision)
    wishes = found.result.get("asked") or {}
    asked = Asked(wishes.get("response", "raw"), wishes.get("outputs") or {})
    wanted = asked.outputs or {one["id"]: "value" for one in declared.outputs}
    files = {one["id"]: one["file"] for one in declared.outputs if one["id"] in wanted}
    if asked.response == "document":
        return _json({name: _entry(found, name, file, wanted[name]) for name, file in files.items()})
    return _raw(found, files, wanted)


def _successful(run: Run) -> Run:
    if run.state in methods.GOING:
        kind = f"{FAULT}result-not-ready"
        raise Exceptional(404, "the job is not done", "任务尚未完成", kind)
    if run.state == Run.State.DISMISSED:
        raise Exceptional(410, "the job was dismissed", "任务已取消")
    if run.state == Run.State.FAILED:
        raise Exceptional(500, methods.message(run, "en"), methods.message(run, "zh"))
    return run


def _place(run: Run, name: str) -> str:
    return f"{_base()}/jobs/{run.pk}/results/{name}"


def _content(run: Run, file: str) -> bytes:
    return methods.kept().read(run.result["files"][file]["sha256"])


def _entry(run: Run, name: str, file: str, how: str) -> Any:
    kind = method_run.media_type(file)
    if how == "reference":
        return {"href": _place(run, name), "type": kind}
    return ogc_documents.value(_content(run, file), kind)


def _raw(run: Run, files: dict[str, str], wanted: dict[str, str]) -> HttpResponse:
    by_value = [(name, file) for name, file in files.items() if wanted[name] == "value"]
    links = [
        f'<{_place(run, name)}>; rel="{name}"; type="{method_run.media_type(file)}"'
        for name, file in files.items()
        if wanted[name] == "reference"
    ]
    if not by_value:
        return HttpResponse(status=204, headers={"Link": ", ".join(links)})
    if len(by_value) == 1:
        response: HttpResponse = saved(run, by_value[0][1])
    else:
        boundary = secrets.token_hex(16)
        parts = [(name, method_run.media_type(file), _content(run, file)) for name, file in by_value]
        kind = f'multipart/related; boundary="{boundary}"'
        response = HttpResponse(ogc_documents.multipart(parts, boundary), content_type=kind)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Disposition"] = "attachment"
    if links:
        response.headers["Link"] = ", ".join(links)
    return response


@answering("GET", "HEAD")
def output(request: HttpRequest, run: str, name: str) -> HttpResponse:
    """One output, which a reference leads to."""
    found = _successful(_run(request.user, run))
    declared: Method = methods.declared(found.revision)
    file = next((one["file"] for one in declared.outputs if one["id"] == name), "")
    try:
        return saved(found, file)
    except Http404:
        raise Exceptional(404, "there is no such output", "没有该输出", f"{FAULT}no-such-output") from None


urlpatterns = [
    path("ogc/", landing, name="ogc"),
    path("ogc/conformance", conformance, name="ogc-conformance"),
    path("ogc/api", api, name="ogc-api"),
    path("ogc/processes", processes, name="ogc-processes"),
    path("ogc/processes/<str:slug>", process, name="ogc-process"),
    path("ogc/processes/<str:slug>/execution", execution, name="ogc-execution"),
    path("ogc/jobs/<str:run>", job, name="ogc-job"),
    path("ogc/jobs/<str:run>/results", results, name="ogc-results"),
    path("ogc/jobs/<str:run>/results/<str:name>", output, name="ogc-output"),
]
