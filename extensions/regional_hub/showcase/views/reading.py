"""What the pages of one publication share: finding it for a reader, and its cells by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from regional_hub.core.models import Person
from regional_hub.showcase import access
from regional_hub.showcase.actions import sharing
from regional_hub.showcase.bundle import notebook
from regional_hub.showcase.models import Publication, Revision


class SignInFirst(Exception):
    """A visitor asks for what is not public, or not there: they find out which by signing in."""


class Gone(Exception):
    """It was public and is not any more: whoever asks is told since when and why, whatever they asked of it."""

    def __init__(self, publication: Publication) -> None:
        super().__init__(publication.slug)
        self.publication = publication


def answering(request: HttpRequest) -> HttpResponse:
    """Where a visitor goes who must sign in first."""
    return redirect_to_login(request.get_full_path())


def find_revision(request: HttpRequest, slug: str, number: int) -> Revision:
    """A revision that the reader may read. Raises Http404, and SignInFirst for visitors."""
    found = Revision.objects.select_related("publication__author", "publication__project", "by")
    revision = found.filter(publication__slug=slug, number=number).first()
    if revision is not None and access.may_read_revision(request.user, revision):
        return revision
    raise _none(request, Publication.objects.select_related("author", "public_revision").filter(slug=slug).first())


def find_publication(request: HttpRequest, slug: str) -> tuple[Publication, Revision]:
    """A publication and the newest of its revisions that the reader may read. Raises as `find_revision` does."""
    known = Publication.objects.select_related("author", "project", "public_revision")
    publication = known.filter(slug=slug).first()
    revisions = readable_revisions(request, publication) if publication else []
    if publication is None or not revisions:
        raise _none(request, publication)
    return publication, revisions[0]


def readable_revisions(request: HttpRequest, publication: Publication) -> list[Revision]:
    """The revisions that the reader may read, newest first."""
    found = publication.revisions.select_related("publication", "by").order_by("-number")
    return [revision for revision in found if access.may_read_revision(request.user, revision)]


def _none(request: HttpRequest, publication: Publication | None) -> Exception:
    if publication is not None and publication.public_revision_id is not None and not publication.is_public:
        return Gone(publication)
    return Http404() if isinstance(request.user, Person) else SignInFirst()


@dataclass(frozen=True)
class CellName:
    """A cell as people speak of it: its id, its number from 1, and how it begins."""

    id: str
    number: int
    start: str

    def __str__(self) -> str:
        cell = _("Cell %(number)d") % {"number": self.number}
        return f"{cell}: {self.start}" if self.start else cell


def content(revision: Revision) -> dict[str, Any]:
    """The notebook of a revision as it was sent. Raises Damaged."""
    return notebook(sharing.files(), revision.manifest)


def cell_names(content: dict[str, Any]) -> list[CellName]:
    named = []
    for number, cell in enumerate(content["cells"], start=1):
        lines = [line.strip() for line in str(cell["source"]).splitlines() if line.strip()]
        named.append(CellName(str(cell["id"]), number, lines[0][:60] if lines else ""))
    return named
