"""Who is told what of checks and reviews: a notice with the change, a letter by the worker."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django_tasks import task

from regional_hub.core import mail
from regional_hub.core.models import Person
from regional_hub.core.notices import notify
from regional_hub.showcase.access import may_read_revision
from regional_hub.showcase.models import Check, Review, Revision

_log = logging.getLogger(__name__)

SUBJECTS = {
    "publication-checks-failed": gettext_noop("The checks of “%(title)s” found something to correct"),
    "publication-in-review": gettext_noop("“%(title)s” is in review"),
    "publication-review-wanted": gettext_noop("“%(title)s” waits for a reviewer"),
    "publication-review-assigned": gettext_noop("You were asked to review “%(title)s”"),
    "publication-review-reminder": gettext_noop("“%(title)s” still waits for your review"),
    "publication-changes-wanted": gettext_noop("The reviewers of “%(title)s” want changes"),
    "publication-declined": gettext_noop("“%(title)s” was declined for publication"),
    "publication-public": gettext_noop("“%(title)s” is public now"),
}


def tell(people: Iterable[Person], kind: str, revision: Revision) -> None:
    """Leave each a notice now, and have a letter sent once the change stands."""
    told = [person for person in people if person.is_active]
    public = kind == "publication-public"
    address = f"/showcase/{revision.publication.slug}/" if public else f"/showcase/review/{revision.pk}/"
    for person in told:
        notify(person, kind, address, title=revision.publication.title)
    if told:
        people_told = [person.pk for person in told]
        transaction.on_commit(partial(write.enqueue, kind, revision.pk, people_told, address))


@task()
def write(kind: str, revision: int, people: list[int], address: str) -> int:
    """Write to people who may still read it; how many letters went."""
    found = Revision.objects.select_related("publication").filter(pk=revision).first()
    sent = 0
    for person in Person.objects.filter(pk__in=people, is_active=True).exclude(email=""):
        if found is None or not may_read_revision(person, found):
            continue
        try:
            _send(person, kind, found, address)
            sent += 1
        except OSError as error:  # the notice is there; one mailbox must not hold up the others
            _log.warning("%s was not told by mail of %s: %s", person, found, error)
    return sent


def _send(person: Person, kind: str, revision: Revision, address: str) -> None:
    def subject(_facts: dict[str, Any]) -> str:
        return _(SUBJECTS[kind]) % {"title": revision.publication.label}

    failed = revision.checks.filter(outcome=Check.Outcome.FAILED) if kind == "publication-checks-failed" else ()
    wanted = (Review.Decision.CHANGES, Review.Decision.DECLINED)
    said = revision.reviews.filter(decision__in=wanted) if kind.endswith(("wanted", "declined")) else ()
    mail.send(
        person.email,
        person.language,
        subject,
        "showcase/mail/review.txt",
        headline=subject({}),
        revision=revision,
        failed=failed,
        said=said,
        link=settings.HUB.url + address,
    )
