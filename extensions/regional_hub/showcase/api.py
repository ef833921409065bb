"""The JSON API of the Showcase, for JupyterLab, the terminal and pages. Documented in docs/how-to/share-notebooks.md.

`/showcase/api/openapi.json` describes it. Every error has a code and its text in both languages. It changes nothing by
itself: `actions.sharing` does, and `access` says who reads what.
"""

from __future__ import annotations

import tempfile
import zipfile
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.http import FileResponse, HttpRequest, HttpResponse
from django.urls import path
from ninja import File, Form, NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.files import UploadedFile
from ninja.renderers import JSONRenderer
from pydantic import ValidationError as BadShape

from regional_hub.core import goals
from regional_hub.core.models import Person
from regional_hub.core.permissions import NotAllowed
from regional_hub.lab.share_names import BadName, check_name, check_together
from regional_hub.showcase import api_shapes as shapes
from regional_hub.showcase.about import GOALS, KINDS, LICENCES, BadAbout
from regional_hub.showcase.access import may_read, may_read_revision, readable
from regional_hub.showcase.actions import sharing
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.api_faults import Fault, body, fault_of
from regional_hub.showcase.api_identity import LabToken, Session
from regional_hub.showcase.bundle import open_upload
from regional_hub.showcase.bundle_faults import MB, BundleError
from regional_hub.showcase.models import Publication, Revision

MOST_FOUND = 10
SHORTEST_SEARCH = 2


class Renderer(JSONRenderer):
    """Chinese as Chinese, not as numbers of characters."""

    json_dumps_params = {"ensure_ascii": False}


api = NinjaAPI(
    title="Showcase",
    version="1",
    description="Share notebooks and publish them after review.",
    urls_namespace="showcase-api",
    renderer=Renderer(),
    auth=[LabToken(), Session()],
    docs_url=None,
    openapi_url="openapi.json",
)


def _fault(request: HttpRequest, error: Any) -> HttpResponse:
    fault = fault_of(error)
    return api.create_response(request, body(fault), status=fault.status)


for _kind in (Fault, Problem, BundleError, BadAbout, NotAllowed, AuthenticationError, ValidationError, HttpError):
    api.exception_handler(_kind)(_fault)


# -- before sending ----------------------------------------------------------------------------------------------------


@api.get("/options", response=shapes.Options, summary="What the caller can choose from, and the limits")
def options(request: HttpRequest) -> shapes.Options:
    person, most = _person(request), sharing.limits()
    projects = [group for group in person.groups.all() if group.is_project]
    return shapes.Options(
        me=shapes.PersonOut(username=person.username, name=person.get_full_name()),
        projects=[shapes.ProjectOut(name=each.name, title=each.title, title_zh=each.title_zh) for each in projects],
        audiences=list(Publication.Audience.values),
        licences=list(LICENCES),
        kinds=list(KINDS),
        goals=[
            shapes.GoalOut(number=each, title=goals.title(each, "en"), title_zh=goals.title(each, "zh"))
            for each in GOALS
        ],
        bundle_bytes=most.bundle_bytes,
        file_bytes=most.file_bytes,
        notebook_bytes=most.notebook_bytes,
        files=most.files,
    )


@api.post("/plan", response=shapes.PlanJudged, summary="Whether these files could be sent; nothing is sent")
def plan(request: HttpRequest, asked: shapes.Plan) -> shapes.PlanJudged:
    most = sharing.limits()
    files = [_judge(each, most.notebook_bytes if each.name == asked.entry else most.file_bytes) for each in asked.files]
    size = sum(each.size for each in asked.files)
    en, zh = "", ""
    try:
        check_together([each.name for each in asked.files])
    except BadName as bad:
        en, zh = str(bad), bad.zh
    if len(files) > most.files:
        en, zh = f"more than {most.files} files", f"文件超过 {most.files} 个"
    elif size > most.bundle_bytes:
        en, zh = f"over {most.bundle_bytes:,} bytes in all", f"总量超过 {most.bundle_bytes:,} 字节"
    elif not asked.entry.endswith(".ipynb") or asked.entry not in {each.name for each in asked.files}:
        en, zh = "there is no such notebook among the files", "文件中没有该笔记本"
    return shapes.PlanJudged(ok=not en and all(each.ok for each in files), files=files, size=size, en=en, zh=zh)


def _judge(file: shapes.Named, most: int) -> shapes.Judged:
    en, zh = "", ""
    try:
        check_name(file.name)
    except BadName as bad:
        en, zh = str(bad), bad.zh
    if not en and file.size > most:
        en, zh = f"over {most:,} bytes", f"超过 {most:,} 字节"
    return shapes.Judged(name=file.name, size=file.size, ok=not en, en=en, zh=zh)


@api.get("/people", response=list[shapes.PersonOut], summary="People by a part of their name: at most ten")
def people(request: HttpRequest, q: str) -> list[shapes.PersonOut]:
    wanted = " ".join(q.split())
    if len(wanted) < SHORTEST_SEARCH and wanted.isascii():
        return []
    # Names only: what matches an e-mail address would tell addresses letter by letter.
    matching = Q(username__icontains=wanted) | Q(display_name__icontains=wanted)
    found = Person.objects.filter(matching, is_active=True).exclude(pk=_person(request).pk)[:MOST_FOUND]
    return [shapes.PersonOut(username=each.username, name=each.get_full_name()) for each in found]


# -- publications ------------------------------------------------------------------------------------------------------


@api.post("/publications", response=shapes.PublishedOut, summary="Publish a notebook, or a new revision of one")
def publish(request: HttpRequest, bundle: File[UploadedFile], facts: Form[str]) -> shapes.PublishedOut:
    """One request of type multipart/form-data: `bundle` is a zip, `facts` is JSON (see `Facts`)."""
    try:
        said = shapes.Facts.model_validate_json(facts)
    except BadShape as bad:
        first = bad.errors(include_url=False)[0]
        where = ".".join(["facts", *map(str, first["loc"])])
        raise Fault(422, "bad-facts", f"{where}: {first['msg']}", f"“{where}”无效：{first['msg']}", where) from None
    person = _person(request)
    more = said.model_dump(include={"entry", "image", "lock", "parameters", "picture"})
    with open_upload(bundle.file, sharing.limits(), **more) as opened:
        about = said.said.about() if said.said else None
        to = said.readers.to() if said.readers else None
        published = sharing.publish(person, opened, about, to, slug=said.slug, note=said.note)
    return shapes.PublishedOut.of(published, person)


@api.get("/publications", response=list[shapes.PublicationOut], summary="One's own publications and their state")
def mine(request: HttpRequest) -> list[shapes.PublicationOut]:
    person = _person(request)
    found = Publication.objects.filter(author=person).select_related("author", "project")
    return [shapes.PublicationOut.of(each, person) for each in found]


@api.get("/shared", response=list[shapes.PublicationOut], summary="What others share with the caller")
def shared(request: HttpRequest) -> list[shapes.PublicationOut]:
    person = _person(request)
    found = readable(person).exclude(author=person).exclude(audience=Publication.Audience.PUBLIC)
    return [shapes.PublicationOut.of(each, person) for each in found.select_related("author", "project")]


@api.get("/publications/{slug}", response=shapes.PublicationOut, summary="One publication that the caller may read")
def one(request: HttpRequest, slug: str) -> shapes.PublicationOut:
    return shapes.PublicationOut.of(_readable(request, slug), _person(request))


@api.patch("/publications/{slug}", response=shapes.PublicationOut, summary="Change what is said, and who may read")
def change(request: HttpRequest, slug: str, wanted: shapes.Change) -> shapes.PublicationOut:
    person = _person(request)
    publication = sharing.own(person, slug)
    with transaction.atomic():
        if wanted.said:
            sharing.change_about(person, publication, wanted.said.about())
        if wanted.readers:
            sharing.share(person, publication, wanted.readers.to())
        if "expires_on" in wanted.model_fields_set:
            sharing.expire(person, publication, wanted.expires_on)
    return shapes.PublicationOut.of(sharing.own(person, slug), person)


@api.post("/publications/{slug}/withdraw", response=shapes.PublicationOut, summary="Take a publication back for good")
def withdraw(request: HttpRequest, slug: str, why: shapes.Withdrawal) -> shapes.PublicationOut:
    person = _person(request)
    publication = sharing.own(person, slug, verb="withdraw")
    sharing.withdraw(person, publication, why.reason, why.reason_zh)
    return shapes.PublicationOut.of(publication, person)


@api.get("/publications/{slug}/{number}/bundle", summary="The files of a revision, as a zip")
def files_of(request: HttpRequest, slug: str, number: int) -> FileResponse:
    revision = Revision.objects.select_related("publication").filter(publication__slug=slug, number=number).first()
    if revision is None or not may_read_revision(_person(request), revision):
        raise Fault(404, "no-revision", "there is no such revision, or not for you", "没有该版本，或您无权查看")
    packed = tempfile.SpooledTemporaryFile(max_size=4 * MB)  # noqa: SIM115  (FileResponse closes it)
    kept = sharing.files()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, facts in revision.manifest["files"].items():
            archive.writestr(name, kept.read(facts["sha256"]))
    packed.seek(0)
    return FileResponse(packed, as_attachment=True, filename=f"{slug}-r{number}.zip", content_type="application/zip")


def _readable(request: HttpRequest, slug: str) -> Publication:
    found = Publication.objects.select_related("author", "project").filter(slug=slug).first()
    person = _person(request)
    if found is None or not (found.is_public or may_read(person, found)):
        raise Fault(404, "no-publication", "there is no such publication, or not for you", "没有该发布，或您无权查看")
    return found


def _person(request: HttpRequest) -> Person:
    """Whom the API knows the caller as; `auth` has seen to it that there is somebody."""
    person: Person = request.auth
    return person


urlpatterns = [path("showcase/api/", api.urls)]
