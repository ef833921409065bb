"""Who gets a place in a live app, who waits, and what becomes of a place: the actions, with the Hub and apps played."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone, translation

from regional_hub.showcase import tasks
from regional_hub.showcase.actions import apps, seats, sharing
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.admission import State, Why
from regional_hub.showcase.models import Seat
from tests.showcase.live_apps import enters, settle, state
from tests.showcase.races import at_once, in_a_file

pytestmark = pytest.mark.django_db


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


def test_an_app_that_is_only_slow_to_answer_does_not_look_as_if_it_started_again(stage, water):
    seats.ask(water, "ann", "a", "t")
    settle(stage)
    assert state(water, "ann") == "seated"

    stage.kernels.pop("water")
    apps.look_again("water")
    seats.settle(now=True)

    assert state(water, "ann") == "seated"


def test_a_kernel_that_nobody_was_given_is_ended(stage, water):
    enters(stage, water, "ann")
    stage.kernels["water"].add("f" * 32)

    settle(stage)

    assert ("end", "f" * 32) in stage.log
    assert state(water, "ann") == "seated"


def test_a_kernel_is_ended_once(stage, water):
    enters(stage, water, "bob", "b")
    seat = enters(stage, water, "ann")

    seats.leave("ann", water, "")
    seats.settle(now=True)
    seats.settle(now=True)

    assert [what for what in stage.log if what[0] == "end"] == [("end", seat.pk.hex)]


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
