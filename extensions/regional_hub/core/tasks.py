"""Background tasks of the core, run by the worker (`manage db_worker`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks.base import Task
from django_tasks_db.models import DBTaskResult

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
    """Have `tell_hub` run in `wait` seconds, unless it is to run anyway."""
    if not DBTaskResult.objects.filter(task_path=tell_hub.module_path, status=TaskResultStatus.READY).exists():
        tell_hub.using(run_after=timezone.now() + timedelta(seconds=wait)).enqueue(wait)


def later(work: Task[[], Any], wait: timedelta) -> None:
    """Have a task run in that time, unless it is to run by then anyway; forget its runs of more than a day ago."""
    now, runs = timezone.now(), DBTaskResult.objects.filter(task_path=work.module_path)
    runs.finished().filter(finished_at__lt=now - timedelta(days=1)).delete()
    if not runs.filter(status=TaskResultStatus.READY, run_after__lte=now + wait).exists():
        work.using(run_after=now + wait).enqueue()


def prune() -> None:
    """Forget tasks that ended more than a week ago."""
    DBTaskResult.objects.finished().filter(finished_at__lt=timezone.now() - timedelta(days=7)).delete()
