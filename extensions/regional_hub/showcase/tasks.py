"""Background tasks of reviews, run by the worker (`manage db_worker`), and checks, run as jobs (`manage run_jobs`).

A run of `watch` enqueues the next one before it works: whoever is killed loses nothing, and a check that died with its
worker is queued again.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from regional_hub.core.tasks import later
from regional_hub.showcase.actions import checking, review, running, seats
from regional_hub.showcase.admission import Why
from regional_hub.showcase.models import Publication, Revision

EVERY = timedelta(minutes=10)
APPS_EVERY = timedelta(minutes=1)
_WAITING = (Revision.State.CHECKING, Revision.State.IN_REVIEW)


@task(queue_name="jobs")
def check_revision(pk: int, digest: str) -> str:
    """Check a submitted revision; returns how it ended."""
    return checking.check_revision(pk, digest)


@task()
def watch() -> int:
    """Queue checks again that were lost, and remind reviewers; how many people were reminded."""
    if not Revision.objects.filter(state__in=_WAITING).exists():
        return 0
    later(watch, EVERY)
    queue_lost()
    return review.remind()


@task()
def watch_apps() -> int:
    """Keep live apps as they should be; how many run."""
    if not _has_apps():
        return 0
    later(watch_apps, APPS_EVERY)
    return seats.tend()


def _has_apps() -> bool:
    return Publication.objects.filter(kind=Publication.Kind.APP, public_revision__isnull=False).exists()


def on_published(sender: Any, revision: Revision, **more: Any) -> None:
    """An app that runs is of the revision before."""
    if revision.publication.kind == Publication.Kind.APP:
        transaction.on_commit(partial(seats.close, revision.publication, Why.CHANGED))
        transaction.on_commit(partial(later, watch_apps, APPS_EVERY))


def on_withdrawn(sender: Any, publication: Publication, **more: Any) -> None:
    """What is withdrawn ends at once, and visitors are told."""
    if publication.kind == Publication.Kind.APP:
        transaction.on_commit(partial(seats.close, publication, Why.GONE))


def on_submitted(sender: Any, revision: Revision, **more: Any) -> None:
    """A revision is to be checked, once its submission stands."""
    transaction.on_commit(partial(_queue, revision.pk, revision.digest))


def _queue(pk: int, digest: str) -> None:
    check_revision.enqueue(pk, digest)
    later(watch, EVERY)


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


def start() -> None:
    """At a start of the hub or of a process of jobs: the one of before is gone, and what it worked at with it."""
    running.start()
    if _has_apps():
        later(watch_apps, APPS_EVERY)
    if Revision.objects.filter(state__in=_WAITING).exists():
        queue_lost()
        later(watch, EVERY)
