"""Letters about publications, sent by the worker so that nobody waits for a mail server."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django_tasks import task

from regional_hub.core import mail
from regional_hub.core.models import Person
from regional_hub.showcase.access import may_read
from regional_hub.showcase.models import Publication

_log = logging.getLogger(__name__)


@task()
def tell_shared(publication: int, people: list[int], by: str) -> None:
    """Write to people that something was shared with them: to those only who may still read it now."""
    found = Publication.objects.filter(pk=publication).first()
    for person in Person.objects.filter(pk__in=people, is_active=True).exclude(email=""):
        if found is None or not may_read(person, found):
            continue
        try:
            _send_shared(person, found, by)
        except OSError as error:  # the notice on the home page is there; one mailbox must not hold up the others
            _log.warning("%s was not told by mail of %s: %s", person, found, error)


def _send_shared(person: Person, publication: Publication, by: str) -> None:
    def subject(facts: dict[str, Any]) -> str:
        return _("%(person)s shared “%(title)s” with you") % {"person": by, "title": publication.label}

    mail.send(
        person.email,
        person.language,
        subject,
        "showcase/mail/shared.txt",
        by=by,
        publication=publication,
        link=f"{settings.HUB.url}/showcase/{publication.slug}/",
    )
