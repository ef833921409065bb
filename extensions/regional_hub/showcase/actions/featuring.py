"""What the gallery shows first: chosen by those who speak for the institution."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from regional_hub.core import audit
from regional_hub.core.access import check
from regional_hub.core.models import Person
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.models import Publication


@transaction.atomic
def feature(actor: Person, publication: Publication, *, on: bool) -> None:
    """Have a public publication stand first, or no longer. Raises NotAllowed, Problem."""
    check(actor, "feature", "publication")
    fresh = Publication.objects.select_for_update().get(pk=publication.pk)
    if on and not fresh.is_public:
        raise Problem("not-public", _("Only what is public can be featured."))
    if fresh.featured == on:
        return
    fresh.featured = publication.featured = on
    fresh.save(update_fields=["featured"])
    audit.record(actor, "feature" if on else "unfeature", f"publication:{fresh}")
