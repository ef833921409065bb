"""What the worker does with runs of methods: each once, and again if it was killed in the middle.

A row says that a run is wanted; a lock that dies with its process says that somebody works at it. So nothing that was
accepted is lost, and nothing runs twice at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.utils import timezone
from django_tasks import TaskResultStatus, task
from django_tasks_db.models import DBTaskResult

from regional_hub.core.files import Damaged
from regional_hub.core.tasks import later
from regional_hub.hub.jobs import JobError, now_and_then
from regional_hub.showcase import method_run
from regional_hub.showcase.actions import methods
from regional_hub.showcase.actions.sharing import files
from regional_hub.showcase.bundle_faults import BundleError
from regional_hub.showcase.method_run import BadValues, Ended
from regional_hub.showcase.models import Run

_log = logging.getLogger(__name__)
EVERY = timedelta(minutes=10)
ASKED_EVERY = 1.0  # seconds between looks at whether the run is still wanted
MOST_TRIES = 3


@task(queue_name="jobs")
def run_method(pk: str) -> str:
    """Run a method; returns how it ended."""
    return perform(pk)


@task()
def watch_methods() -> int:
    """Queue runs again that were lost, and forget old ones; how many were queued."""
    methods.prune()
    if Run.objects.exists():
        later(watch_methods, EVERY)
    return queue_lost()


def start() -> None:
    """What a start of the hub does: the worker of before is gone, and what it ran with it."""
    if Run.objects.exists():
        queue_lost()
        later(watch_methods, EVERY)


def queue_lost() -> int:
    """Queue runs that are wanted, not queued, and that nobody works at; how many."""
    ready = DBTaskResult.objects.filter(task_path=run_method.module_path, status=TaskResultStatus.READY)
    queued = {str(result.args_kwargs["args"][0]) for result in ready}
    lost = 0
    for pk in Run.objects.filter(state__in=methods.GOING).values_list("pk", flat=True):
        with alone(str(pk)) as nobody:
            if nobody and str(pk) not in queued:
                run_method.enqueue(str(pk))
                lost += 1
    return lost


@contextlib.contextmanager
def alone(pk: str) -> Iterator[bool]:
    """Whether nobody else performs this run; the lock dies with its process, so that a killed one is known."""
    place = settings.HUB.path("showcase", "running", f"{pk}.lock")
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        with place.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
    finally:
        if not Run.objects.filter(pk=pk, state__in=methods.GOING).exists():
            place.unlink(missing_ok=True)


def perform(pk: str) -> str:
    """Perform a run, as often as it is asked; how it ended: a state, `busy`, or `void` where nobody wants it."""
    with alone(pk) as mine:
        if not mine:
            return "busy"
        run = Run.objects.select_related("revision__publication", "by").filter(pk=pk, state__in=methods.GOING).first()
        if run is None:
            return "void"
        tries = int(run.result.get("tries", 0)) + 1
        facts = {**run.result, "tries": tries}
        began = Run.objects.filter(pk=pk, state__in=methods.GOING)
        if not began.update(state=Run.State.RUNNING, started_at=timezone.now(), result=facts):
            return "void"
        later(watch_methods, EVERY)
        run.result = facts
        ended = _perform(run) if tries <= MOST_TRIES else _broken(f"it broke off {MOST_TRIES} times", "多次中断")
        return _finish(run, ended)


def _perform(run: Run) -> Ended:
    if not methods.may_run(run.by, run.revision):  # taken back, or withdrawn, since it was asked for
        return Ended("failed", "it may no longer be run", "该方法已不可运行")
    revision = run.revision
    stop = now_and_then(partial(_is_over, str(run.pk)), ASKED_EVERY)
    try:
        return method_run.perform(settings.HUB, files(), methods.kept(), revision.manifest, run.parameters, stop)
    except (JobError, Damaged) as error:
        _log.warning("run %s of %s: %s", run.pk, revision, error)
        return _broken("it could not be run here; an administrator finds why in the log", "此处无法运行，原因见日志")
    except BundleError as error:
        return Ended("failed", str(error), error.zh)
    except BadValues as error:
        return Ended("failed", str(error), str(error))
    except Exception:
        _log.exception("run %s of %s broke off", run.pk, revision)
        return _broken("it broke off; an administrator finds why in the log", "运行中断，原因见日志")


def _broken(en: str, zh: str) -> Ended:
    return Ended("failed", en, zh)


def _is_over(pk: str) -> bool:
    return not Run.objects.filter(pk=pk, state=Run.State.RUNNING).exists()


def _finish(run: Run, ended: Ended) -> str:
    message = json.dumps({"en": ended.why, "zh": ended.why_zh}, ensure_ascii=False) if ended.why else ""
    facts = {
        "state": ended.state,
        "message": message,
        "ended_at": timezone.now(),
        "result": {**run.result, **ended.kept},
    }
    done = Run.objects.filter(pk=run.pk, state=Run.State.RUNNING).update(**facts)
    return ended.state if done else str(Run.State.DISMISSED)
