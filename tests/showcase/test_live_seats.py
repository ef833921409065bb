"""Who gets a place in a live app, who waits, and what becomes of a place: the actions, with the Hub and apps played."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone, translation

from regional_hub.core import directory
from regional_hub.showcase import tasks
from regional_hub.showcase.actions import apps, seats, sharing
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.admission import State, Why
from regional_hub.showcase.models import LiveApp, Publication, Seat
from tests.showcase import world
from tests.showcase.live_apps import Stage
from tests.showcase.races import at_once, in_a_file
from tests.showcase.world import Work

pytestmark = pytest.mark.django_db
WATER = Work("Water", "水资源", "Wells", "水井", ["water"], [6], "tomas", "app", picture="", days=2)
WIND = Work("Wind", "风", "Turbines", "风机", ["energy"], [7], "tomas", "app", picture="", days=1)


@pytest.fixture
def stage(monkeypatch):
    found = Stage()
    monkeypatch.setattr(directory, "hub", lambda: found)
    monkeypatch.setattr(apps, "LiveClient", found)
    monkeypatch.setitem(seats._settled, "at", 0.0)
    found.sees_anew()
    return found


@pytest.fixture
def water(stage):
    return world.publish(WATER)[0]


@pytest.fixture
def allow(settings):
    def allow(**limits):
        showcase = settings.HUB.showcase.model_copy(update=limits)
        settings.HUB = settings.HUB.model_copy(update={"showcase": showcase})

    return allow


def settle(stage):
    """What the next page to ask brings about, when some time has passed."""
    stage.sees_anew()
    LiveApp.objects.update(not_before=timezone.now())
    seats.settle(now=True)


def enters(stage, publication, visitor, address="a", tab="t"):
    """A visitor who asks, is admitted, and whose browser opens the frame."""
    seats.ask(publication, visitor, address, tab)
    settle(stage)
    seat = Seat.objects.get(publication=publication, visitor=visitor)
    if seat.state == State.ADMITTED:
        stage.kernels[publication.slug].add(seat.id.hex)
        settle(stage)
    return Seat.objects.get(pk=seat.pk)


def state(publication, visitor):
    return seats.look(visitor, publication).state


# --- asking and sitting


def test_the_first_visitor_starts_the_app_sees_it_start_and_sits(stage, water):
    seats.ask(water, "ann", "a", "t")
    assert stage.log == [("start", "water")]
    assert state(water, "ann") == "starting"

    settle(stage)
    standing = seats.look("ann", water)

    assert standing.state == "seated"
    assert standing.address.startswith("/user/showcase/water/live?ticket=")
    assert standing.address.endswith("&lang=en")


def test_a_second_visitor_joins_the_running_app(stage, water):
    enters(stage, water, "ann")

    enters(stage, water, "bob", "b")

    assert stage.log == [("start", "water")]
    assert [state(water, name) for name in ("ann", "bob")] == ["seated", "seated"]


def test_who_never_asked_stands_nowhere(stage, water):
    assert state(water, "") == state(water, "eve") == "none"


def test_who_asks_twice_has_one_place(stage, water):
    seats.ask(water, "ann", "a", "first")
    seats.ask(water, "ann", "a", "second")

    assert list(Seat.objects.values_list("tab", flat=True)) == ["second"]


def test_when_all_places_are_taken_one_waits_and_gets_in_when_somebody_leaves(stage, water, allow):
    allow(kernels=1)
    enters(stage, water, "ann")
    seats.ask(water, "bob", "b", "t")
    waiting = seats.look("bob", water)
    assert (waiting.state, waiting.place) == ("waiting", 1)
    assert "number 1" in waiting.text

    seats.leave("ann", water, "")
    settle(stage)

    assert state(water, "bob") == "seated"
    assert state(water, "ann") == "over"
    assert len(stage.kernels["water"]) == 0


def test_the_queue_is_told_in_the_readers_language_with_a_guess_of_minutes(stage, water, allow):
    allow(kernels=1)
    now = timezone.now()
    for _each in range(3):
        Seat.objects.create(
            publication=water, state=State.OVER, taken_at=now - timedelta(minutes=9), since=now, why=Why.LEFT
        )
    enters(stage, water, "ann")
    seats.ask(water, "bob", "b", "t")

    with translation.override("zh-hans"):
        waiting = seats.look("bob", water)

    assert waiting.minutes == 10
    assert waiting.text == "应用席位已满。您排在第 1 位。 约 10 分钟后会有空位。"


def test_one_address_has_only_so_many_places_and_others_pass_it_in_the_queue(stage, water, allow):
    allow(kernels_per_address=1)
    enters(stage, water, "ann", "office")
    seats.ask(water, "bob", "office", "t")
    seats.ask(water, "eve", "home", "t")
    settle(stage)

    assert [state(water, name) for name in ("ann", "bob", "eve")] == ["seated", "waiting", "seated"]


def test_one_address_cannot_fill_the_queue(stage, water, allow):
    allow(kernels=1, kernels_per_address=1)
    enters(stage, water, "ann", "home")

    with pytest.raises(Problem, match="Too many wait"):
        for number in range(10):
            seats.ask(water, f"bot {number}", "office", "t")

    assert Seat.objects.filter(state=State.WAITING).count() == 3
    seats.ask(water, "eve", "elsewhere", "t")


@pytest.mark.django_db(transaction=True)
def test_thirty_who_ask_at_once_get_no_more_places_than_there_are(stage, water, allow, tmp_path):
    allow(kernels=4)
    asks = [partial(seats.ask, water, f"visitor {number}", f"address {number}", "t") for number in range(30)]

    with in_a_file(tmp_path / "db.sqlite"):
        results = at_once(*asks)
        states = at_once(lambda: list(Seat.objects.values_list("state", flat=True)))[0]

    assert results == [None] * 30
    assert (states.count(State.ADMITTED), states.count(State.WAITING)) == (4, 26)


# --- leaving


def test_closing_the_tab_frees_the_place_and_a_reload_keeps_it(stage, water):
    seat = enters(stage, water, "ann", tab="tab")

    seats.leave("ann", water, "tab")
    assert Seat.objects.get(pk=seat.pk).due_at is not None
    assert state(water, "ann") == "seated"
    assert Seat.objects.get(pk=seat.pk).due_at is None

    seats.leave("ann", water, "tab")
    Seat.objects.filter(pk=seat.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    settle(stage)
    assert Seat.objects.get(pk=seat.pk).state == State.OVER
    assert stage.kernels["water"] == set()


def test_the_good_bye_of_an_older_tab_is_nothing(stage, water):
    seat = enters(stage, water, "ann", tab="old")
    seats.ask(water, "ann", "a", "new")

    seats.leave("ann", water, "old")

    assert Seat.objects.get(pk=seat.pk).due_at is None


def test_who_waits_and_does_not_ask_again_is_out_of_the_queue(stage, water, allow):
    allow(kernels=1)
    enters(stage, water, "ann")
    seats.ask(water, "bob", "b", "t")

    Seat.objects.filter(visitor="bob").update(due_at=timezone.now() - timedelta(seconds=1))
    settle(stage)

    assert state(water, "bob") == "over"


def test_who_was_admitted_and_only_asks_does_not_keep_a_place_for_ever(stage, water):
    seats.ask(water, "ann", "a", "t")
    settle(stage)
    past = timezone.now() - timedelta(minutes=4)
    Seat.objects.update(since=past, due_at=past)

    seats.look("ann", water)
    settle(stage)

    assert Seat.objects.get().state == State.OVER


# --- ends that apps and staff bring


def test_a_kernel_that_the_app_ended_frees_the_place(stage, water):
    seat = enters(stage, water, "ann")

    stage.kernels["water"].clear()
    settle(stage)

    assert Seat.objects.get(pk=seat.pk).why == Why.ENDED
    assert "over" in seats.look("ann", water).text


def test_an_app_that_crashed_says_so_and_starts_for_the_next(stage, water):
    enters(stage, water, "ann")
    stage.stop("", "water")
    settle(stage)

    assert "stopped unexpectedly" in seats.look("ann", water).text
    assert enters(stage, water, "bob", "b").state == State.TAKEN


def test_while_neither_the_app_nor_the_hub_answers_nobody_loses_a_place(stage, water):
    seat = enters(stage, water, "ann")
    kernels = stage.kernels.pop("water")
    stage.is_up = False
    settle(stage)
    assert Seat.objects.get(pk=seat.pk).state == State.TAKEN

    stage.kernels["water"], stage.is_up = kernels, True
    settle(stage)
    assert state(water, "ann") == "seated"


def test_a_kernel_that_nobody_was_given_is_ended(stage, water):
    enters(stage, water, "ann")
    stage.kernels["water"].add("f" * 32)

    settle(stage)

    assert ("end", "f" * 32) in stage.log
    assert state(water, "ann") == "seated"


def test_what_is_withdrawn_ends_at_once(stage, water, django_capture_on_commit_callbacks):
    enters(stage, water, "ann")

    with django_capture_on_commit_callbacks(execute=True):
        sharing.withdraw(water.author, water, "A mistake.")

    assert ("stop", "water") in stage.log
    assert not apps.folder("water").exists()
    settle(stage)
    assert Seat.objects.get().why == Why.GONE


def test_after_a_new_revision_those_inside_are_told_and_the_new_one_starts(
    stage, water, django_capture_on_commit_callbacks
):
    enters(stage, water, "ann")

    with django_capture_on_commit_callbacks(execute=True):
        tasks.on_published(None, revision=water.public_revision)
    settle(stage)

    assert "newer version" in seats.look("ann", water).text
    assert enters(stage, water, "bob", "b").state == State.TAKEN
    assert [what for what, _slug in stage.log if what != "end"] == ["start", "stop", "start"]


# --- the servers


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


def test_a_touch_of_the_account_of_apps_never_deletes_it(stage, django_capture_on_commit_callbacks):
    stage.knows = False

    with django_capture_on_commit_callbacks(execute=True):
        directory.touch(["showcase"])

    assert stage.knows
