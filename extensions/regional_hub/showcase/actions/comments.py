"""Comments on publications and their cells: saying something, and settling it."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from regional_hub.core import audit
from regional_hub.core.access import check
from regional_hub.core.models import Person
from regional_hub.core.notices import notify
from regional_hub.core.permissions import NotAllowed
from regional_hub.showcase.access import may_read_revision, may_review
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.actions.sharing import files
from regional_hub.showcase.bundle import notebook
from regional_hub.showcase.models import Comment, Revision

LONGEST = 5000
MOST_A_DAY = 200


@transaction.atomic
def comment(actor: Person, revision: Revision, text: str, cell: str = "", *, of_review: bool = False) -> Comment:
    """Say something of a revision, or of a cell by its id. Its author is told, and those who spoke there before."""
    check(actor, "comment", "publication")
    if not may_read_revision(actor, revision):
        raise NotAllowed(actor, "comment", "publication")
    if of_review and actor.pk != revision.publication.author_id and not may_review(actor, revision.publication):
        raise NotAllowed(actor, "comment", "publication")
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > LONGEST:
        raise Problem("bad-comment", _("A comment has 1 to %(most)d characters."), most=LONGEST)
    if cell and cell not in {found["id"] for found in notebook(files(), revision.manifest)["cells"]}:
        raise Problem("no-cell", _("The notebook has no such cell."))
    if Comment.objects.filter(author=actor, at__date=timezone.now().date()).count() >= MOST_A_DAY:
        raise Problem("too-many-comments", _("That were many comments for one day. Go on tomorrow."))
    made = Comment.objects.create(revision=revision, cell=cell, author=actor, text=text, of_review=of_review)
    audit.record(actor, "comment", f"publication:{revision}", {"comment": made.pk, "cell": cell})
    _tell(made)
    return made


def _tell(made: Comment) -> None:
    publication = made.revision.publication
    thread = made.revision.comments.filter(cell=made.cell, of_review=made.of_review)
    told = {publication.author, *(earlier.author for earlier in thread.select_related("author"))} - {made.author}
    place = f"cell-{made.cell}" if made.cell else "comments"
    address = f"/showcase/{publication.slug}/r/{made.revision.number}/#{place}"
    for person in told:
        if person.is_active and may_read_revision(person, made.revision):
            by, title = made.author.get_full_name(), publication.title
            notify(person, "publication-commented", address, person=by, title=title)


@transaction.atomic
def resolve(actor: Person, said: Comment, *, again: bool = False) -> None:
    """Settle a comment, or with `again` open it: whoever wrote it, and the publication's author."""
    check(actor, "comment", "publication")
    publication = said.revision.publication
    if actor.pk not in (said.author_id, publication.author_id) or not may_read_revision(actor, said.revision):
        raise NotAllowed(actor, "comment", "publication")
    if bool(said.resolved_at) != again:
        return
    said.resolved_at = None if again else timezone.now()
    said.save(update_fields=["resolved_at"])
    audit.record(actor, "resolve comment", f"publication:{said.revision}", {"comment": said.pk, "again": again})
