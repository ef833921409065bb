"""Methods: who runs, sees and ends what, limits, the worker, and the pages of form and result."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from regional_hub.core.permissions import NotAllowed
from regional_hub.hub.jobs import JobError
from regional_hub.showcase import method_run
from regional_hub.showcase.actions import methods, running, sharing
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.bundle_faults import BundleError
from regional_hub.showcase.method_run import BadValues
from regional_hub.showcase.models import Publication, Run
from tests.showcase.methods import method, method_bytes, perform, public_method

pytestmark = pytest.mark.django_db
HERE = "192.0.2.7"


def text(response):
    return response.content.decode()


def refused(code, *given, **more):
    with pytest.raises(Problem) as problem:
        methods.start(*given, **more)
    assert problem.value.code == code


# -- sharing -----------------------------------------------------------------------------------------------------------


def test_what_a_notebook_declares_is_noted_whatever_its_sender_says(alice):
    revision = method(alice)

    assert [one["name"] for one in revision.manifest["parameters"]] == [
        "count",
        "word",
        "ways",
        "numbers",
        "day",
        "fast",
    ]


def test_a_method_with_a_wrong_declaration_is_not_shared(alice):
    with pytest.raises(BundleError, match="line 1 of the cell") as bad:
        method(alice, data=method_bytes("x = f()"))

    assert "第 1 行" in bad.value.zh and not Publication.objects.exists()


# -- who may -----------------------------------------------------------------------------------------------------------


def test_readers_run_what_they_may_read_and_nobody_else_does(alice, bob, make_person):
    from regional_hub.showcase.actions.sharing import To

    revision, stranger = method(alice, To(people=["bob"])), make_person("eve", "researchers")

    assert methods.start(bob, revision, {}, HERE).by == bob
    for actor in (stranger, None):
        refused("no-method", actor, revision, {}, HERE)


def test_visitors_run_the_public_revision_of_what_was_opened_and_nothing_else(alice, bob):
    revision = public_method(alice, is_open=False)
    refused("no-method", None, revision, {}, HERE)
    with pytest.raises(NotAllowed):
        methods.open_to_public(bob, revision.publication, True)

    methods.open_to_public(alice, revision.publication, True)
    run = methods.start(None, revision, {}, HERE)
    newer = sharing.publish(alice, _other(), None, None, slug="sums").revision

    assert run.by is None and methods.is_open(run)
    refused("no-method", None, newer, {}, HERE)
    sharing.withdraw(alice, revision.publication, "wrong")
    assert not methods.may_see(None, run) and methods.find(None, run.pk) is None


def _other():
    from regional_hub.showcase.bundle import Bundle

    return Bundle("sums.ipynb", {"sums.ipynb": method_bytes("count: int = 1")})


def test_a_page_is_no_method(alice):
    revision = method(alice)
    Publication.objects.update(kind="page")
    revision.publication.refresh_from_db()

    refused("no-method", alice, revision, {}, HERE)


def test_a_run_is_seen_by_who_ran_it_and_staff_who_may_read_the_method(alice, bob, admin, make_person):
    run = methods.start(bob, method(alice), {}, HERE)
    staff, other = make_person("zoe", "staff"), make_person("eve", "researchers")

    seen = {person.username for person in (alice, bob, admin, staff, other) if methods.may_see(person, run)}
    stopped = {person.username for person in (alice, bob, admin, staff, other) if methods.may_stop(person, run)}

    assert seen == {"bob", "boss", "zoe"} and stopped == {"bob", "boss"}
    assert not methods.may_see(None, run)
    run.by = None  # the account is gone: that opens nothing
    assert not methods.may_see(None, run) and not methods.may_see(other, run)


def test_whose_right_to_read_was_taken_back_loses_the_run(alice, bob):
    from regional_hub.showcase.actions.sharing import To

    revision = method(alice, To(people=["bob"]))
    run = methods.start(bob, revision, {}, HERE)

    sharing.revoke(alice, revision.publication)

    assert methods.find(bob, run.pk) is None
    assert running.perform(str(run.pk)) == "failed"


# -- values and limits -------------------------------------------------------------------------------------------------


def test_what_is_not_declared_is_named_and_nothing_is_queued(alice):
    revision = method(alice)

    with pytest.raises(BadValues) as bad:
        methods.start(alice, revision, {"cuont": 1, "count": 10, "word": "\x00"}, HERE)

    assert set(bad.value.faults) == {"cuont", "count", "word"} and "there are: count" in bad.value.faults["cuont"][0]
    assert not Run.objects.exists()


def test_one_caller_waits_for_a_few_runs_and_so_do_all_together(alice, settings):
    own = settings.HUB.showcase.model_copy(update={"method_waiting_each": 2, "method_waiting": 3})
    settings.HUB = settings.HUB.model_copy(update={"showcase": own})
    revision = public_method(alice)
    for _ in range(2):
        methods.start(None, revision, {}, "2001:db8::1")

    refused("too-many", None, revision, {}, "2001:db8::ffff")  # one network of IPv6 is one caller
    methods.start(None, revision, {}, "2001:db8:0:1::1")
    refused("queue-full", alice, revision, {}, HERE)


def test_a_caller_has_a_number_of_runs_an_hour(alice, settings):
    own = settings.HUB.showcase.model_copy(update={"method_public_hourly": 2})
    settings.HUB = settings.HUB.model_copy(update={"showcase": own})
    revision = public_method(alice)
    for _ in range(2):
        methods.dismiss(None, methods.start(None, revision, {}, HERE))

    refused("too-often", None, revision, {}, HERE)
    assert methods.start(None, revision, {}, "192.0.2.8")
    Run.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert methods.start(None, revision, {}, HERE)


def test_addresses_are_not_kept(alice):
    run = methods.start(None, public_method(alice), {}, HERE)
    assert HERE not in str(run.result)

    Run.objects.update(created_at=timezone.now() - timedelta(days=2))
    methods.prune()

    run.refresh_from_db()
    assert run.result["caller"] == ""


# -- the worker --------------------------------------------------------------------------------------------------------


@pytest.fixture
def queued(django_capture_on_commit_callbacks):
    def do(*given):
        with django_capture_on_commit_callbacks(execute=True):
            return methods.start(*given)

    return do


def test_a_run_is_queued_for_the_jobs_worker_and_performed_once(alice, queued, monkeypatch):
    run = queued(alice, method(alice), {"count": 3}, HERE)
    waiting = DBTaskResult.objects.filter(task_path=running.run_method.module_path)
    assert [(one.queue_name, one.args_kwargs["args"]) for one in waiting] == [("jobs", [str(run.pk)])]

    perform(run, monkeypatch)

    assert run.state == "successful" and run.parameters["count"] == 3 and run.started_at and run.ended_at
    assert running.perform(str(run.pk)) == "void"


def test_a_run_whose_worker_was_killed_is_queued_again_but_not_without_end(alice, monkeypatch):
    run = methods.start(alice, method(alice), {}, HERE)
    Run.objects.filter(pk=run.pk).update(state="running")  # its worker is gone, and so is its task

    assert running.queue_lost() == 1 and running.queue_lost() == 0
    Run.objects.filter(pk=run.pk).update(result={**run.result, "tries": 3})
    monkeypatch.setattr(method_run, "perform", lambda *given: pytest.fail("a fourth time"))

    assert running.perform(str(run.pk)) == "failed"


def test_two_workers_never_perform_the_same_run(alice):
    run = methods.start(alice, method(alice), {}, HERE)

    with running.alone(str(run.pk)) as mine:
        assert mine and running.perform(str(run.pk)) == "busy" and running.queue_lost() == 0


def test_a_run_that_is_stopped_ends_its_job_and_keeps_nothing(alice, monkeypatch):
    run = methods.start(alice, method(alice), {}, HERE)
    monkeypatch.setattr(running, "ASKED_EVERY", 0)

    def job(_settings, _files, _kept, _manifest, _parameters, stop):
        assert not stop()
        methods.dismiss(alice, Run.objects.get(pk=run.pk))
        assert stop()
        return method_run.Ended("dismissed")

    monkeypatch.setattr(method_run, "perform", job)

    assert running.perform(str(run.pk)) == "dismissed"
    run.refresh_from_db()
    assert run.state == "dismissed" and "files" not in run.result


def test_a_hub_that_cannot_run_says_so_without_its_own_details(alice, monkeypatch):
    run = methods.start(alice, method(alice), {}, HERE)

    def job(*_given):
        raise JobError("the image /secret/place is not here")

    monkeypatch.setattr(method_run, "perform", job)
    running.perform(str(run.pk))
    run.refresh_from_db()

    assert run.state == "failed" and "secret" not in run.message and "日志" in methods.message(run, "zh-hans")


def test_results_go_after_their_time_with_files_that_nobody_needs(alice, monkeypatch):
    import os

    run = perform(methods.start(alice, method(alice), {}, HERE), monkeypatch)
    place = methods.kept().path(run.result["files"]["total.json"]["sha256"])
    os.utime(place, (0, 0))
    assert methods.prune() == 0 and place.exists()

    Run.objects.update(created_at=timezone.now() - timedelta(days=31))

    assert methods.prune() == 1 and not place.exists()


# -- pages -------------------------------------------------------------------------------------------------------------

GIVEN = {
    "p-count": "3",
    "p-word": "té 茶",
    "p-ways": ["a", "b"],
    "p-numbers": "1\n2.5\n",
    "p-day": "2025-02-28",
    "p-fast": "on",
}


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_form_has_a_field_for_each_parameter_in_the_readers_language(alice, as_, language):
    method(alice)
    client = as_(alice)
    client.cookies["hub_language"] = language

    page = text(client.get("/showcase/sums/run/?p-count=7&p-word=%22%3E%3Cscript%3E"))

    assert all(word in page for word in {"en": ["How many", "From 1 to 9"], "zh-hans": ["个数", "从 1 到 9"]}[language])
    assert (
        re.search(r'name="p-count" value="7"', page) and "<script>&" not in page and "&quot;&gt;&lt;script&gt;" in page
    )
    assert 'type="date"' in page and 'value="2024-01-31"' in page and 'type="checkbox" name="p-fast"' in page
    assert "showcase/sums/run/" in text(client.get("/showcase/sums/"))


def test_what_was_entered_runs_and_its_page_says_everything(alice, as_, monkeypatch):
    revision, client = method(alice), as_(alice)

    sent = client.post("/showcase/sums/run/", GIVEN)
    run = Run.objects.get()

    assert sent.headers["Location"] == f"/showcase/sums/runs/{run.pk}/"
    assert run.parameters == {
        "count": 3, "word": "té 茶", "ways": ["a", "b"], "numbers": [1.0, 2.5], "day": "2025-02-28", "fast": True,
    }  # fmt: skip
    waiting = text(client.get(sent.headers["Location"]))
    assert "hx-get" in waiting and '<meta http-equiv="refresh"' in waiting
    perform(run, monkeypatch)
    assert client.get(sent.headers["Location"] + "?part=state").headers["HX-Refresh"] == "true"
    page = text(client.get(sent.headers["Location"]))
    for words in (
        revision.digest,
        method_run.digest(run.parameters),
        "regional-hub/lab:latest",
        "&quot;total&quot;: 3.0",
        "té 茶",
    ):
        assert words in page, words
    assert "hx-get" not in page and 'id="cell-c1"' in page
    again = re.search(r'href="(/showcase/sums/run/\?[^"]*)"', page)[1].replace("&amp;", "&")
    assert 'name="p-count" value="3"' in text(client.get(again))


def test_what_does_not_fit_stands_at_its_field_and_nothing_is_lost(alice, as_):
    method(alice)

    response = as_(alice).post("/showcase/sums/run/", {**GIVEN, "p-count": "many", "p-numbers": "1\nx"})

    page = text(response)
    assert response.status_code == 422 and not Run.objects.exists()
    assert "a whole number" in page and "value 2: a number" in page
    assert 'value="many"' in page and "té 茶" in page


def test_a_full_queue_is_said_with_what_was_entered(alice, as_, settings):
    own = settings.HUB.showcase.model_copy(update={"method_waiting_each": 1})
    settings.HUB = settings.HUB.model_copy(update={"showcase": own})
    public_method(alice)
    client = as_(None)

    first, second = client.post("/showcase/sums/run/", GIVEN), client.post("/showcase/sums/run/", GIVEN)

    assert (first.status_code, second.status_code) == (302, 429) and 'value="3"' in text(second)


def test_results_are_sent_to_be_saved_and_never_shown(alice, as_, monkeypatch):
    run = perform(
        methods.start(alice, method(alice), {}, HERE), monkeypatch, **{"page.html": b"<script>alert(1)</script>"}
    )
    client, place = as_(alice), f"/showcase/sums/runs/{run.pk}/files/"

    page = client.get(place + "page.html")

    assert page.headers["Content-Type"] == "application/octet-stream"
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert page.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert client.get(place + "words.csv").headers["Content-Type"].startswith("text/csv")
    for name in ("../../x", "nothing.csv", "files"):
        assert client.get(place + name).status_code == 404


def test_runs_of_others_are_not_found_by_guessing(alice, bob, as_, monkeypatch):
    run = perform(methods.start(alice, method(alice), {}, HERE), monkeypatch)
    other = method(alice, title="Others").publication.slug

    for place in (f"sums/runs/{run.pk}/", f"sums/runs/{run.pk}/files/total.json", f"sums/runs/{uuid.uuid4()}/"):
        assert as_(bob).get(f"/showcase/{place}").status_code == 404
        assert as_(None).get(f"/showcase/{place}").headers["Location"].startswith("/accounts/login/")
    assert as_(bob).post(f"/showcase/sums/runs/{run.pk}/stop/").status_code == 404
    assert as_(alice).get(f"/showcase/{other}/runs/{run.pk}/").status_code == 404
    run.refresh_from_db()
    assert run.state == "successful"


def test_a_visitors_run_is_read_and_ended_by_its_link(alice, as_, monkeypatch):
    public_method(alice)
    place = as_(None).post("/showcase/sums/run/", GIVEN).headers["Location"]
    perform(Run.objects.get(), monkeypatch)

    page = as_(None).get(place)
    assert "Whoever has the link" in text(page) and page.headers["X-Robots-Tag"] == "noindex"
    assert as_(None, enforce_csrf_checks=True).post(place + "stop/").status_code == 403
    assert as_(None).post(place + "stop/").status_code == 302

    assert Run.objects.get().state == "dismissed" and as_(None).get(place + "files/total.json").status_code in (
        302,
        404,
    )


def test_its_author_opens_it_to_visitors_on_the_page_of_managing(alice, as_):
    public_method(alice, is_open=False)
    assert "showcase/sums/run/" not in text(as_(None).get("/showcase/sums/"))
    assert as_(None).get("/showcase/sums/run/").headers["Location"].startswith("/accounts/login/")

    assert as_(alice).post("/showcase/sums/manage/", {"do": "open", "open": "yes"}).status_code == 302

    assert "/showcase/sums/run/" in text(as_(None).get("/showcase/sums/"))
    assert as_(None).get("/showcase/sums/run/").status_code == 200
