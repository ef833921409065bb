"""Background tasks of reviews, run by the worker (`manage db_worker`), and checks, run as jobs (`manage run_jobs`).

A run of `watch` enqueues the next one before it works: whoever is killed loses nothing, and a check that died with its
worker is queued again.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from regional_hub.showcase.actions import checking, review, running
from regional_hub.showcase.models import Revision

EVERY = timedelta(minutes=10)
_WAITING = (Revision.State.CHECKING, Revision.State.IN_REVIEW)


@task(queue_name="jobs")
def check_revision(pk: int, digest: str) -> str:
    """Check a submitted revision; returns how it ended."""
    return checking.check_revision(pk, digest)


@task()
def watch() -> int:
    """Queue checks again that were lost, and remind reviewers; how many people were reminded."""
    _prune()
    if not Revision.objects.filter(state__in=_WAITING).exists():
        return 0
    schedule()
    queue_lost()
    return review.remind()


def on_submitted(sender: Any, revision: Revision, **more: Any) -> None:
    """A revision is to be checked, once its submission stands."""
    transaction.on_commit(partial(_queue, revision.pk, revision.digest))


def _queue(pk: int, digest: str) -> None:
    check_revision.enqueue(pk, digest)
    schedule()


def queue_lost() -> int:
    """Queue what should be checked, is not queued, and that nobody works at; how many."""
    ready = DBTaskResult.objects.filter(task_path=check_revision.module_path, status=TaskResultStatus.READY)
    queued = {tuple(result.args_kwargs["args"]) for result in ready}
    lost = 0
    for pk, digest in Revision.objects.filter(state=Revision.State.CHECKING).values_list("pk", "digest"):
        with checking.alone(pk) as nobody:
            if nobody and (pk, digest) not in queued:
                check_revision.enqueue(pk, digest)
                lost += 1
    return lost


def schedule(wait: timedelta = EVERY) -> None:
    """Have `watch` run in that time, unless it is to run by then anyway."""
    at = timezone.now() + wait
    waiting = DBTaskResult.objects.filter(task_path=watch.module_path, status=TaskResultStatus.READY)
    if not waiting.filter(run_after__lte=at).exists():
        watch.using(run_after=at).enqueue()


def start() -> None:
    """At a start of the hub or of a process of jobs: the one of before is gone, and what it worked at with it."""
    running.start()
    if Revision.objects.filter(state__in=_WAITING).exists():
        queue_lost()
        schedule()


def _prune() -> None:
    ours = DBTaskResult.objects.finished().filter(task_path=watch.module_path)
    ours.filter(finished_at__lt=timezone.now() - timedelta(days=1)).delete()
