"""Having a revision checked: progress, policy, what the author is told, being killed, being recalled meanwhile."""

import fcntl

import nbformat.v4 as v4
import pytest
from django.core import mail
from django.core.management import call_command
from django_tasks_db.models import DBTaskResult

from regional_hub.core import audit
from regional_hub.core.models import AuditEntry, Notice
from regional_hub.core.permissions import NotAllowed
from regional_hub.hub.jobs import JobError
from regional_hub.showcase import tasks
from regional_hub.showcase.about import About
from regional_hub.showcase.actions import checking, sharing
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.bundle import Bundle
from regional_hub.showcase.checks import built, run
from regional_hub.showcase.checks.finding import NAMES, Finding
from regional_hub.showcase.models import Check, Review, Revision
from tests.showcase.bundles import notebook_bytes
from tests.showcase.reviewing import WATER, in_review, submit

pytestmark = pytest.mark.django_db
OUTPUT = v4.new_output("stream", name="stdout", text="2\n")


@pytest.fixture
def ran(monkeypatch):
    """The job's place taken by its result, as `run.run` gives it; test_checks_run runs real ones."""
    asked = []

    def instead(_settings, _files, _manifest, notebook, stop=lambda: False):
        asked.append(stop)
        return run.Ran(notebook, [], "regional-hub/lab:x", "", 1.5)

    monkeypatch.setattr(run, "run", instead)
    return asked


def check(revision):
    ended = tasks.check_revision.func(revision.pk, revision.digest)
    revision.refresh_from_db()
    return ended


def outcomes(revision):
    return dict(revision.checks.values_list("name", "outcome"))


def with_notebook(author, *cells, about=WATER, **files):
    content = notebook_bytes(*cells)
    return publish(author, Bundle("a.ipynb", {"a.ipynb": content, **files}), about, To("public")).revision


def test_submitting_queues_the_checks_and_shows_them_as_waiting(alice, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        revision = submit(alice)

    assert outcomes(revision) == dict.fromkeys(NAMES, "waiting")
    queued = DBTaskResult.objects.get(task_path=tasks.check_revision.module_path)
    assert queued.args_kwargs["args"] == [revision.pk, revision.digest]


def test_what_passes_goes_to_review_and_the_executed_notebook_is_kept_beside_the_manifest(alice, ran):
    revision = submit(alice)
    before = revision.manifest

    assert check(revision) == "in-review"

    assert "failed" not in outcomes(revision).values() and "waiting" not in outcomes(revision).values()
    assert set(Review.objects.values_list("role", flat=True)) == {"method", "disclosure"}
    assert revision.built["notebook"] in sharing.files() and revision.built["seconds"] == 1.5
    assert built.notebook(sharing.files(), revision.manifest, revision.built)["cells"]
    assert revision.manifest == before
    assert AuditEntry.objects.get(verb="checked").actor == "worker" and audit.verify() is None


def test_what_fails_goes_back_to_its_author_who_is_told_what_to_do(alice, ran, django_capture_on_commit_callbacks):
    key = "AKIA" + "IOSFODNN7EXAMPLE"
    with django_capture_on_commit_callbacks(execute=True):
        revision = with_notebook(alice, v4.new_code_cell(f"key = '{key}'"), about=About("Water"))
    DBTaskResult.objects.all().delete()
    with django_capture_on_commit_callbacks(execute=True):
        assert check(revision) == "failed"
    call_command("db_worker", batch=True, startup_delay=False, interval=0, queue_name="*")

    failed = {name for name, outcome in outcomes(revision).items() if outcome == "failed"}
    assert failed == {"secrets", "licence"} and not Review.objects.exists()
    assert Notice.objects.get(person=alice, kind="publication-checks-failed").address.endswith(f"/{revision.pk}/")
    letter = next(one for one in mail.outbox if one.to == [alice.email])
    assert "No secrets" in letter.body and "c1: looks like a secret" in letter.body and key not in letter.body


def test_the_settings_say_what_stops_a_revision(alice, ran, settings):
    own = settings.HUB.showcase.model_copy(update={"check_blocks": ["runs"]})
    settings.HUB = settings.HUB.model_copy(update={"showcase": own})
    revision = with_notebook(alice, about=About("Water"))

    assert check(revision) == "in-review" and outcomes(revision)["licence"] == "warned"


def test_a_licence_that_was_missing_is_set_and_the_same_revision_checked_again(alice, ran):
    revision = with_notebook(alice, about=About("Water"))
    assert check(revision) == "failed"

    sharing.change_about(alice, revision.publication, WATER)
    checking.check_again(alice, revision)

    assert check(revision) == "in-review" and outcomes(revision)["licence"] == "passed"


def test_where_nothing_can_run_it_fails_with_the_reason_and_can_be_checked_again(alice, make_person, monkeypatch):
    def no_engine(*_args):
        raise JobError("no container engine answers")

    monkeypatch.setattr(run, "run", no_engine)
    revision = submit(alice)
    assert check(revision) == "failed"
    assert "no container engine" in revision.checks.get(name="runs").found[0]["text"]

    with pytest.raises(NotAllowed):
        checking.check_again(make_person("eve", "reviewers"), revision)
    checking.check_again(alice, revision)

    revision.refresh_from_db()
    assert revision.state == "checking" and set(outcomes(revision).values()) == {"waiting"}
    with pytest.raises(Problem):
        checking.check_again(alice, revision)


def test_a_check_that_breaks_off_does_not_hang(alice, monkeypatch):
    def broken(*_args):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(run, "run", broken)
    revision = submit(alice)

    assert check(revision) == "failed"
    assert "secret detail" not in str(list(revision.checks.values()))


def test_checking_twice_is_checking_once(alice, ran):
    revision = submit(alice)
    check(revision)

    assert check(revision) == "void" and Review.objects.count() == 2 and len(ran) == 1


def test_two_workers_do_not_check_the_same(alice, ran, settings):
    revision = submit(alice)
    place = settings.HUB.path("showcase", "checking", f"{revision.pk}.lock")
    place.parent.mkdir(parents=True)
    with place.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert check(revision) == "busy" and tasks.queue_lost() == 0
    assert check(revision) == "in-review"


def test_what_a_killed_worker_left_is_queued_again_at_a_start_and_only_once(alice, ran):
    revision = submit(alice)  # its task is gone with the worker
    assert not DBTaskResult.objects.exists()

    tasks.start()
    tasks.start()

    assert DBTaskResult.objects.filter(task_path=tasks.check_revision.module_path).count() == 1
    call_command("db_worker", batch=True, startup_delay=False, interval=0, queue_name="*")
    revision.refresh_from_db()
    assert revision.state == "in-review"


def test_recalled_during_the_run_it_is_stopped_and_nothing_is_decided(alice, monkeypatch):
    monkeypatch.setattr(checking, "ASKED_EVERY", 0)
    revision = submit(alice)

    def recalled(_settings, _files, _manifest, notebook, stop=lambda: False):
        assert not stop()
        sharing.revoke(alice, revision.publication)
        assert stop()
        return run.Ran(None, [], "", "", 0, stopped=True)

    monkeypatch.setattr(run, "run", recalled)

    assert check(revision) == "void" and revision.state == "shared" and not Review.objects.exists()


def test_a_newer_revision_takes_the_place_of_one_that_waits(alice, ran):
    first = in_review(alice)
    second = submit(alice, "Changed", first.publication.slug)

    first.refresh_from_db()
    assert first.state == "shared" and not first.reviews.exists()
    assert second.state == "checking" and check(first) == "void"


def test_a_run_that_failed_is_failed_with_its_cell(alice, monkeypatch):
    found = [Finding("c2", "ZeroDivisionError: division by zero", "ZeroDivisionError: division by zero", "severe")]
    monkeypatch.setattr(run, "run", lambda *_args: run.Ran(None, found, "i", "", 1))
    revision = submit(alice)

    assert check(revision) == "failed"
    assert revision.checks.get(name="runs").found[0]["where"] == "c2" and revision.built == {}
    assert revision.checks.get(name="same").outcome == Check.Outcome.WARNED


def test_a_revision_itself_never_changes_by_being_checked(alice, ran):
    revision = submit(alice)
    facts = Revision.objects.filter(pk=revision.pk).values(*Revision.FIXED).get()

    check(revision)

    assert Revision.objects.filter(pk=revision.pk).values(*Revision.FIXED).get() == facts
