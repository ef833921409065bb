"""Checks have a queue and processes of their own; what a killed one left is done again."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.management import call_command
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from regional_hub.showcase import tasks
from regional_hub.showcase.actions import checking, running
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.models import Revision, Run
from tests.showcase.bundles import bundle
from tests.showcase.methods import method
from tests.showcase.reviewing import WATER

pytestmark = pytest.mark.django_db


@pytest.fixture
def submitted(alice, django_capture_on_commit_callbacks) -> Revision:
    with django_capture_on_commit_callbacks(execute=True):
        return publish(alice, bundle(), WATER, To("public")).revision


@pytest.fixture
def checked(monkeypatch) -> list[int]:
    """The checks that were run, which are not what these tests are about."""
    found: list[int] = []
    monkeypatch.setattr(checking, "check_revision", lambda pk, digest: found.append(pk) or "in-review")
    return found


def work(command: str) -> None:
    call_command(command, batch=True, startup_delay=False, interval=0)


def test_mails_do_not_wait_for_a_check(submitted, checked):
    work("db_worker")
    assert checked == []

    work("run_jobs")
    assert checked == [submitted.pk]


def test_a_check_that_died_with_its_process_is_done_again_at_the_start_of_the_next(submitted, checked):
    DBTaskResult.objects.filter(task_path=tasks.check_revision.module_path).update(status=TaskResultStatus.RUNNING)

    work("run_jobs")

    assert checked == [submitted.pk]


def test_a_run_of_a_method_that_died_with_its_process_is_done_again(alice, monkeypatch):
    run = Run.objects.create(revision=method(alice), by=alice, state=Run.State.RUNNING)
    performed: list[str] = []
    monkeypatch.setattr(running, "perform", lambda pk: performed.append(pk) or "successful")

    work("run_jobs")

    assert performed == [str(run.pk)]


def test_the_start_of_a_process_of_jobs_removes_what_a_killed_one_left(checked):
    left = settings.HUB.path("jobs", "18f-0a")
    (left / "out").mkdir(parents=True)

    work("run_jobs")

    assert not left.exists()
