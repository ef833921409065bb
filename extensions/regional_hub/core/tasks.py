"""Background tasks of the core, run by the worker (`manage db_worker`)."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django_tasks import task

from regional_hub.core import directory

_LONGEST_WAIT = 60


@task()
def tell_hub(wait: int = 2) -> bool:
    """Tell the Hub what it has not heard; while it does not answer, come again later and later, a minute at most."""
    done = directory.tell_all()
    if not done:
        schedule(min(wait * 2, _LONGEST_WAIT))
    return done


def schedule(wait: int = 2) -> None:
    """Have `tell_hub` run in `wait` seconds. Several of them do no harm: the second finds nothing left to say."""
    tell_hub.using(run_after=timezone.now() + timedelta(seconds=wait)).enqueue(wait)
