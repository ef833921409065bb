"""Who may review what: the one place that says who has a hand in a publication."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from regional_hub.core import names
from regional_hub.core.access import may
from regional_hub.core.files import Damaged
from regional_hub.core.models import AuditEntry, Person
from regional_hub.showcase.actions.sharing import files
from regional_hub.showcase.bundle import notebook
from regional_hub.showcase.models import Publication, Revision


def reviewer_now(actor: Any) -> Person | None:
    """The person as of now, if they may review at all: groups are read anew, whatever the request remembers."""
    person = Person.objects.filter(pk=getattr(actor, "pk", None), is_active=True).first()
    return person if person and may(person, "review", "publication") else None


def conflict(person: Person, revision: Revision) -> Any:
    """Why somebody may not review a revision, in the reader's language; empty where nothing speaks against it."""
    publication = revision.publication
    if person.pk == publication.author_id or publication.revisions.filter(by=person).exists():
        return _("It is your own work.")
    if former_author(person, publication):
        return _("It was your own work before it was handed over.")
    if projects(publication) & person.group_names:
        return _("You are a member of a project that it belongs to.")
    if _is_named(person, revision):
        return _("The notebook names you as an author.")
    return ""


def projects(publication: Publication) -> set[str]:
    """The projects that a publication was ever shared with: what is meant for the public has none of its own."""
    told = AuditEntry.objects.filter(object=f"publication:{publication}", verb="change audience")
    found = {str(entry.detail.get("project") or "") for entry in told}
    if publication.project is not None:
        found.add(publication.project.name)
    return {name for name in found if name and names.is_project(name)}


def former_author(person: Person, publication: Publication) -> bool:
    told = AuditEntry.objects.filter(object=f"publication:{publication}", verb="transfer")
    return any(entry.detail.get("from") == person.username for entry in told)


def _is_named(person: Person, revision: Revision) -> bool:
    """Whether `metadata.authors` of the notebook (nbformat 4) has the person's name."""
    try:
        authors = notebook(files(), revision.manifest)["metadata"].get("authors") or []
    except Damaged:
        return False
    given = {str(one.get("name", "")).strip().casefold() for one in authors if isinstance(one, dict)}
    given |= {str(one.get("email", "")).strip().casefold() for one in authors if isinstance(one, dict)}
    own = {person.username, person.display_name, person.email}
    return bool({name.strip().casefold() for name in own if name} & given - {""})


def eligible(revision: Revision) -> list[Person]:
    """Who could review a revision now."""
    found = Person.objects.filter(is_active=True, groups__name="reviewers").distinct()
    return [person for person in found if not conflict(person, revision)]
