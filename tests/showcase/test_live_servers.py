"""The servers of live apps: what they are given, when they start and stop, and what the operator sees of them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner
from django.utils import timezone

from regional_hub.core import directory
from regional_hub.core.models import AuditEntry
from regional_hub.hub import images
from regional_hub.showcase.actions import apps, seats
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.commands import showcase
from regional_hub.showcase.models import LiveApp, Publication, Seat
from tests.showcase import world
from tests.showcase.live_apps import WATER, WIND, enters, settle, state

pytestmark = pytest.mark.django_db


def test_an_app_gets_the_reviewed_files_and_its_limits(stage, water, allow):
    allow(kernels_per_app=5, preheat=2)
    seats.ask(water, "ann", "a", "t")

    place = apps.folder("water")
    assert (place / "bundle" / water.public_revision.entry).is_file()
    facts = apps.plan(water)
    assert (facts["kernels"], facts["preheat"], facts["digest"]) == (5, 2, water.public_revision.digest)
    assert list(place.parent.glob(".*")) == []


def test_what_is_laid_out_can_be_served(stage, water):
    from regional_hub.lab.live import plan

    apps.lay_out(water)

    assert plan.read(apps.folder("water")).notebook.is_file()


def test_a_hub_that_never_heard_of_the_account_of_apps_is_told_of_it(stage, water, django_capture_on_commit_callbacks):
    stage.knows = False

    with django_capture_on_commit_callbacks(execute=True):
        seats.ask(water, "ann", "a", "t")

    assert stage.knows
    assert stage.log == [("start", "water")]


def test_when_no_more_apps_may_run_the_one_without_visitors_makes_room(stage, allow):
    allow(apps=1)
    water, wind = sorted(world.publish(WATER, WIND), key=lambda each: each.slug)
    enters(stage, water, "ann")
    seats.ask(wind, "bob", "b", "t")
    settle(stage)
    assert state(wind, "bob") == "waiting"

    seats.leave("ann", water, "")
    for _each in range(3):
        settle(stage)

    assert state(wind, "bob") == "seated"
    assert set(stage.there) == {"wind"}


def test_an_app_that_does_not_come_up_is_tried_less_and_less_and_then_visitors_are_told(stage, water):
    stage.starts = False
    seats.ask(water, "ann", "a", "t")
    seats.settle(now=True)
    assert len(stage.log) == 1

    for _each in range(4):
        settle(stage)
    assert LiveApp.objects.get().not_before > timezone.now() + timedelta(minutes=1)
    with pytest.raises(Problem, match="does not start"):
        seats.ask(water, "bob", "b", "t")

    stage.starts = True
    settle(stage)
    settle(stage)
    assert LiveApp.objects.get().tries == 0
    seats.ask(water, "bob", "b", "t")


def test_each_minute_featured_apps_start_idle_ones_stop_and_old_visits_are_forgotten(stage, allow):
    water, wind = sorted(world.publish(WATER, WIND), key=lambda each: each.slug)
    Publication.objects.filter(pk=wind.pk).update(featured=True)
    seat = enters(stage, water, "ann")
    seats.tend()
    assert ("start", "wind") in stage.log

    seats.leave("ann", water, "")
    settle(stage)
    LiveApp.objects.update(used_at=timezone.now() - timedelta(hours=1))
    Seat.objects.update(since=timezone.now() - timedelta(hours=1))
    stage.sees_anew()
    seats.tend()

    assert set(stage.there) == {"wind"}
    assert Seat.objects.get(pk=seat.pk).visitor == Seat.objects.get(pk=seat.pk).address == ""
    Seat.objects.update(since=timezone.now() - timedelta(days=2))
    seats.tend()
    assert not Seat.objects.exists()


def test_each_minute_what_is_public_no_longer_is_stopped_and_what_changed_starts_anew(stage, water, allow):
    enters(stage, water, "ann")
    seats.leave("ann", water, "")
    settle(stage)
    allow(kernels_per_app=2)
    seats.tend()
    assert stage.there == {}

    enters(stage, water, "ann")
    Publication.objects.update(expires_on=timezone.now().date() - timedelta(days=3))
    stage.sees_anew()
    seats.tend()
    assert stage.there == {}
    assert not apps.folder("water").exists()


def test_after_an_upgrade_a_running_app_starts_anew_in_the_new_image(stage, water, settings):
    settings.HUB.run_dir.mkdir(parents=True)
    images.pin(settings.HUB, "regional-hub/lab:1")
    Publication.objects.update(featured=True)
    enters(stage, water, "ann")
    seats.leave("ann", water, "")
    settle(stage)
    seats.tend()
    assert set(stage.there) == {"water"}

    images.pin(settings.HUB, "regional-hub/lab:2")
    seats.tend()
    settle(stage)
    seats.tend()

    assert [what for what, _slug in stage.log if what != "end"] == ["start", "stop", "start"]


def test_a_touch_of_the_account_of_apps_never_deletes_it(stage, django_capture_on_commit_callbacks):
    stage.knows = False

    with django_capture_on_commit_callbacks(execute=True):
        directory.touch(["showcase"])

    assert stage.knows


# --- the command line


def command(*arguments):
    result = CliRunner().invoke(showcase, [*arguments, "--json"])
    return result.exit_code, json.loads(result.output)


def test_the_operator_sees_how_many_sit_and_wait_and_stops_an_app(stage, water, allow):
    allow(kernels=1)
    enters(stage, water, "ann")
    seats.ask(water, "bob", "b", "t")
    listed = {"app": "water", "state": "running", "inside": 1, "waiting": 1}
    assert command("apps") == (0, {"apps": [listed]})

    assert command("stop", "water")[0] == 0

    assert stage.there == {}
    assert AuditEntry.objects.order_by("-pk").first().verb == "stop app"
    settle(stage)
    assert "stopped by those" in seats.look("ann", water).text
    assert command("apps") == (0, {"apps": []})


def test_the_operator_is_told_of_a_name_that_is_none_and_of_a_hub_that_is_down(stage):
    assert command("stop", "nothing") == (
        1,
        {"error": "there is no live app nothing; `./hub showcase apps` lists those that run"},
    )

    stage.is_up = False
    assert command("apps") == (1, {"error": "the Hub does not answer"})
