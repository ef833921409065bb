"""Keeps the Hub's users and groups equal to ours: at once when the Hub answers, and as soon as it does when not.

`touch` notes in the caller's transaction that a Hub user changed, and tells the Hub on commit. What fails stays noted
in `HubAccount` and is tried again by a background task (`tasks.tell_hub`), so a change is never lost.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import cache, partial

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from regional_hub import settings as hub_settings
from regional_hub.core import names
from regional_hub.core.models import Group, HubAccount, Person
from regional_hub.hub.api import HubApi, HubError
from regional_hub.hub.kinds import SHOWCASE

log = logging.getLogger(__name__)


@cache
def hub() -> HubApi:
    """The client of this process."""
    return HubApi(hub_settings.load())


def touch(hub_users: Iterable[str]) -> None:
    """Note that the Hub must be told of these users, and tell it when the transaction is committed."""
    for name in hub_users:
        _account, made = HubAccount.objects.get_or_create(name=name)
        if not made:
            HubAccount.objects.filter(name=name).update(wanted=F("wanted") + 1, changed_at=timezone.now())
        transaction.on_commit(partial(_tell_now, name))


def _tell_now(name: str) -> None:
    from regional_hub.core import tasks

    if not tell(name):
        tasks.schedule()


def _send(name: str) -> None:
    if name == SHOWCASE:  # neither a person nor a project, and always there
        hub().put_person(name, [], admin=False)
        return
    if names.is_project(name):
        if Group.objects.filter(name=name).exists():
            hub().put_person(name, [name], admin=False, open_to=[name])
            return
    else:
        person = Person.objects.filter(username=name, is_active=True).first()
        if person is not None:
            shown = person.get_full_name()
            hub().put_person(name, person.group_names, admin=person.is_administrator, display_name=shown)
            return
    hub().delete_person(name)


def tell(name: str) -> bool:
    """Tell the Hub what is true of one user now; whether it is up to date afterwards.

    What changed while we spoke is told again, so that two changes at once cannot leave the older one standing.
    """
    for _attempt in range(5):
        account = HubAccount.objects.filter(name=name).first()
        if account is None or not account.is_behind:
            return True
        try:
            _send(name)
        except HubError as error:
            log.warning("the Hub was not told of %s: %s", name, error)
            HubAccount.objects.filter(name=name).update(fault=str(error)[:300])
            return False
        HubAccount.objects.filter(name=name, wanted=account.wanted).update(told=account.wanted, fault="")
    return False


def tell_all() -> bool:
    """Tell the Hub of every user it must still hear of; whether nothing is left."""
    behind = list(HubAccount.objects.filter(told__lt=F("wanted")).values_list("name", flat=True))
    return all([tell(name) for name in behind])


def is_told(name: str) -> bool:
    """Whether the Hub knows what we know of this user."""
    return not HubAccount.objects.filter(name=name, told__lt=F("wanted")).exists()
