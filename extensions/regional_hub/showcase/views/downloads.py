"""A revision to take along: its notebook, a page in one file, a PDF, all its files, and its citation."""

from __future__ import annotations

import base64
import hashlib
import tempfile
import zipfile
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from regional_hub.core.access import requires
from regional_hub.showcase import print_notebook
from regional_hub.showcase.actions import building, sharing
from regional_hub.showcase.bundle_faults import MB
from regional_hub.showcase.checks.built import to_bytes
from regional_hub.showcase.models import Revision
from regional_hub.showcase.views import facts, reading
from regional_hub.showcase.views.publication import for_readers, in_asked_language

CITED_AS = {
    "bib": "application/x-bibtex",
    "ris": "application/x-research-info-systems",
    "json": "application/vnd.citationstyles.csl+json",
    "txt": "text/plain",
}


ALONE = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"


def saved(content: bytes, name: str, kind: str) -> HttpResponse:
    """A file that is saved and, should somebody open it here after all, is nothing of this site."""
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
    )
    return response


def _name(revision: Revision, end: str) -> str:
    return f"{revision.publication.slug}-r{revision.number}{end}"


@require_safe
@requires("see", "showcase")
@for_readers
def notebook(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The notebook as it is shown: with the outputs of the run."""
    found = reading.find_revision(request, slug, number)
    content = to_bytes(building.notebook(found))
    return saved(content, _name(found, ".ipynb"), "application/x-ipynb+json")


@require_safe
@requires("see", "showcase")
@in_asked_language
@for_readers
def html(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The page in one file, without a script, which loads nothing wherever it is opened."""
    found = reading.find_revision(request, slug, number)
    style, digest = _style()
    context = {
        "publication": found.publication,
        "revision": found,
        "notebook": building.page(found),
        "is_folded": False,
        "provenance": facts.provenance(found),
        "work": facts.work(found.publication, found),
        "style": style,
        "policy": f"{ALONE}; style-src 'sha256-{digest}'",
    }
    text = render_to_string("showcase/single.html", context)
    return saved(text.encode(), _name(found, ".html"), "text/html; charset=utf-8")


@lru_cache
def _style() -> tuple[str, str]:
    """The style of a page in one file, and its SHA-256 as policies write it. It must be the element's text exactly."""
    found = finders.find("showcase/single.css"), finders.find("showcase/notebook.css")
    text = "".join(Path(str(place)).read_text("utf-8") for place in found)
    return text, base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@require_safe
@requires("see", "showcase")
@in_asked_language
@for_readers
def pdf(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """The notebook as a document, made when it is first asked for and then kept."""
    found = reading.find_revision(request, slug, number)
    try:
        content = _printed(found)
    except print_notebook.Busy:
        text = _("Too many documents are being made. Try again in a minute.")
        return HttpResponse(text, status=503, content_type="text/plain; charset=utf-8", headers={"Retry-After": "30"})
    return saved(content, _name(found, ".pdf"), "application/pdf")


def _printed(found: Revision) -> bytes:
    publication, work = found.publication, facts.work(found.publication, found)
    sheet = print_notebook.Sheet(
        language=(get_language() or "en")[:2],
        title=publication.label,
        summary=publication.text,
        by=found.by.get_full_name(),
        on=facts.published_on(found).isoformat(),
        site=work.publisher,
        address=work.link,
        cited=work.text,
        licence=publication.licence,
        cut=_("The rest is left out of this document. See the page."),
    )
    page = building.page(found)
    name = print_notebook.name(building.key(found), sheet)
    return building.store().content(name, lambda: print_notebook.pdf(page, sheet))


@require_safe
@requires("see", "showcase")
@for_readers
def files(request: HttpRequest, slug: str, number: int) -> FileResponse | HttpResponse:
    """All files as they were sent."""
    found = reading.find_revision(request, slug, number)
    kept = sharing.files()
    packed = tempfile.SpooledTemporaryFile(max_size=4 * MB)  # noqa: SIM115  (FileResponse closes it)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, each in found.manifest["files"].items():
            archive.writestr(name, kept.read(each["sha256"]))
    packed.seek(0)
    return FileResponse(packed, as_attachment=True, filename=_name(found, ".zip"), content_type="application/zip")


@require_safe
@requires("see", "showcase")
@in_asked_language
@for_readers
def cite(request: HttpRequest, slug: str, number: int, format: str) -> HttpResponse:
    """The citation in a form that tools read."""
    found = reading.find_revision(request, slug, number)
    if format not in CITED_AS:
        raise Http404
    work = facts.work(found.publication, found)
    text = {"bib": work.bibtex, "ris": work.ris, "json": work.csl, "txt": f"{work.text}\n"}[format]
    return saved(text.encode(), _name(found, f".{format}"), f"{CITED_AS[format]}; charset=utf-8")


BASE = "showcase/<slug:slug>/r/<int:number>"
urlpatterns = [
    path(f"{BASE}/notebook.ipynb", notebook, name="showcase-notebook"),
    path(f"{BASE}/page.html", html, name="showcase-html"),
    path(f"{BASE}/page.pdf", pdf, name="showcase-pdf"),
    path(f"{BASE}/files.zip", files, name="showcase-zip"),
    path(f"{BASE}/cite.<str:format>", cite, name="showcase-cite"),
]
