"""Background tasks of the letters: they look for publications and ends of embargoes of which nobody was told yet.

The store knows no Django, so nothing calls us: a run enqueues the next one before it works, and a publication that goes
through the audit log has one enqueued at once. Whoever is killed loses nothing: the next run finds what is not told.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django_tasks import task

from regional_hub.core import tasks
from regional_hub.sdg.models import Follower
from regional_hub.sdg.subscriptions import actions, letters

EVERY = timedelta(minutes=5)
# The store logs a publication before it happens; by then it has.
SOON = timedelta(seconds=15)
# What the store and its callers write into the audit log when something may come to light.
VERBS = frozenset({"publish-release", "force-release", "roll-back-release", "lift-embargo"})


@task()
def tell_followers() -> int:
    """Send the letters that are due; how many they were."""
    now = timezone.now()
    actions.forget_unconfirmed()
    if Follower.objects.exists():
        wait = min(EVERY, letters.next_look(now) - now + timedelta(seconds=1))
        schedule(wait)
        return letters.tell_all()
    return 0


@task()
def send_confirmation(pk: int, attempt: int = 1) -> bool:
    """Send the letter that asks to confirm; a mail server that fails is tried again, later and later."""
    try:
        letters.send_confirmation(pk)
    except OSError:
        if attempt < letters.MOST_ATTEMPTS:
            later = timezone.now() + timedelta(minutes=2**attempt)
            send_confirmation.using(run_after=later).enqueue(pk, attempt + 1)
        return False
    return True


def schedule(wait: timedelta = SOON) -> None:
    """Have `tell_followers` run in that time, unless it is to run by then anyway."""
    tasks.later(tell_followers, wait)


def schedule_if_followed() -> None:
    """What a start of the hub does."""
    if Follower.objects.exists():
        schedule()


def on_audit(sender: Any, instance: Any, created: bool = False, **more: Any) -> None:
    """A publication was written to the audit log, by the desk or by a command."""
    from django.db import transaction

    if created and instance.verb in VERBS:
        transaction.on_commit(schedule_if_followed, robust=True)
