"""Admission to live apps: never more than the limits, first come first served, fair between apps, honest about time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from regional_hub.showcase import admission
from regional_hub.showcase.admission import HELD, App, Limits, Seat, State, Why, decide

LIMITS = Limits(kernels=4, per_app=3, per_address=2, apps=2)


def waiting(name: str, app: str = "a", address: str = "", asked: float = 0.0, due: float | None = 1e9) -> Seat:
    return Seat(name, app, address or f"address of {name}", State.WAITING, asked, due)


def held(name: str, app: str = "a", state: State = State.TAKEN, **more: object) -> Seat:
    return replace(waiting(name, app), state=state, due=None, **more)  # type: ignore[arg-type]


def running(*seats: str, at: float = 50.0) -> App:
    return App(at=at, answers=True, seats=frozenset(seats))


# -- who is next -------------------------------------------------------------------------------------------------------


def test_who_asked_first_is_admitted_first() -> None:
    seats = [waiting("late", asked=2), waiting("first", asked=1)]

    assert decide(seats, {}, replace(LIMITS, kernels=1), 10).admitted == ["first"]


def test_a_crowd_at_one_app_leaves_room_for_another() -> None:
    crowd = [waiting(f"a{number}", asked=number) for number in range(9)]

    admitted = decide([*crowd, waiting("b", "b", asked=99)], {}, LIMITS, 100).admitted

    assert "b" in admitted and len(admitted) == LIMITS.kernels


def test_an_address_that_has_its_share_holds_up_nobody_behind_it() -> None:
    greedy = [waiting(f"g{number}", address="office", asked=number) for number in range(500)]

    admitted = decide([*greedy, waiting("other", asked=501)], {}, LIMITS, 600).admitted

    assert admitted == ["g0", "g1", "other"]


def test_no_more_apps_have_visitors_than_may_run() -> None:
    seats = [waiting(name, name, asked=number) for number, name in enumerate("abc")]

    assert decide(seats, {}, LIMITS, 10).admitted == ["a", "b"]


def test_one_address_cannot_fill_the_queue() -> None:
    seats = [waiting(str(number), address="office") for number in range(admission.QUEUE_PER_PLACE * 2)]

    assert not admission.may_queue(seats, "office", LIMITS)
    assert admission.may_queue(seats, "home", LIMITS)


# -- how seats end -----------------------------------------------------------------------------------------------------


def test_a_page_that_stopped_asking_leaves_the_queue() -> None:
    assert decide([waiting("w", due=20)], {}, LIMITS, 20.1).over == {"w": Why.SILENT}


def test_who_is_admitted_and_does_not_come_is_held_until_the_app_ended_the_ticket() -> None:
    seat = held("s", state=State.ADMITTED)

    decision = decide([replace(seat, due=30.0)], {"a": running()}, LIMITS, 31)
    ending = decide([replace(seat, state=State.ENDING, since=31)], {"a": running(at=40)}, LIMITS, 41)

    assert decision.ending == {"s": Why.LATE} and not decision.over
    assert ending.is_empty


def test_the_time_to_come_begins_when_the_app_is_ready() -> None:
    seat = replace(held("s", state=State.ADMITTED), due=180.0)

    assert decide([seat], {"a": App(at=9)}, LIMITS, 10).is_empty
    assert decide([seat], {"a": running()}, LIMITS, 60).due == {"s": 60 + admission.TAKE}
    assert decide([replace(seat, hidden=True)], {"a": running()}, LIMITS, 60).due == {
        "s": 60 + admission.PATIENCE_HIDDEN
    }


def test_a_kernel_that_is_seen_takes_the_seat_and_one_that_is_gone_frees_it() -> None:
    admitted = replace(held("s", state=State.ADMITTED), due=70.0)

    assert decide([admitted], {"a": running("s")}, LIMITS, 60).taken == ["s"]
    assert decide([held("s")], {"a": running()}, LIMITS, 60).over == {"s": Why.ENDED}


def test_what_an_app_said_before_a_seat_was_taken_proves_nothing() -> None:
    assert decide([held("s", since=55)], {"a": running(at=50)}, LIMITS, 60).is_empty


def test_an_app_that_is_silent_ends_nobody_and_one_that_died_everybody() -> None:
    seats = [held("s"), held("e", state=State.ENDING)]

    assert decide(seats, {"a": App(at=50)}, LIMITS, 60).is_empty
    assert decide(seats, {"a": App(at=50, is_down=True)}, LIMITS, 60).over == {"s": Why.CRASHED, "e": Why.LEFT}


def test_a_kernel_that_nobody_was_given_is_named() -> None:
    assert decide([held("s")], {"a": running("s", "x")}, LIMITS, 60).strays == [("a", "x")]


# -- never more than admitted ------------------------------------------------------------------------------------------


def apply(seats: dict[str, Seat], decision: admission.Decision, now: float) -> None:
    """What `decide` says, as the portal writes it down."""
    for name in decision.over:
        del seats[name]
    for name in decision.ending:
        seats[name] = replace(seats[name], state=State.ENDING, due=None, since=now)
    for name in decision.admitted:
        seats[name] = replace(seats[name], state=State.ADMITTED, due=now + admission.START, since=now)
    for name in decision.taken:
        seats[name] = replace(seats[name], state=State.TAKEN, due=None, since=now)
    for name, due in decision.due.items():
        seats[name] = replace(seats[name], due=due)


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "open", "leave", "close", "die", "wait"]), st.integers(0, 30)), max_size=60
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_never_more_kernels_than_admitted_whatever_happens_in_whatever_order(steps: list[tuple[str, int]]) -> None:
    seats: dict[str, Seat] = {}
    kernels: dict[str, set[str]] = {"a": set(), "b": set(), "c": set()}
    now = 1.0
    for number, (step, which) in enumerate(steps):
        now += which / 3
        held_now = sorted(name for name, seat in seats.items() if seat.state in HELD)
        name = held_now[which % len(held_now)] if held_now else ""
        if step == "ask":
            asked = f"s{number}"
            seats[asked] = waiting(asked, "abc"[which % 3], f"n{which % 4}", now, now + admission.PATIENCE)
        elif step == "open" and name and seats[name].state != State.ENDING:
            kernels[seats[name].app].add(name)
        elif step == "leave" and name:
            seats[name] = replace(seats[name], state=State.ENDING, due=None, since=now)
        elif step == "close" and name:
            kernels[seats[name].app].discard(name)
        down = "abc"[which % 3] if step == "die" else ""
        if down:
            kernels[down].clear()
        said = {
            app: App(at=now, is_down=True) if app == down else App(now, True, frozenset(open_now))
            for app, open_now in kernels.items()
        }
        apply(seats, decide(list(seats.values()), said, LIMITS, now + 0.1), now + 0.1)
        for ending in [each for each in seats.values() if each.state == State.ENDING and which % 2]:
            kernels[ending.app].discard(ending.id)  # the app did as it was told
            del seats[ending.id]
        of_seats = [seat for seat in seats.values() if seat.state in HELD]
        with_kernel = set().union(*kernels.values())
        assert with_kernel <= {seat.id for seat in of_seats}
        assert len(of_seats) <= LIMITS.kernels
        assert max(Counter(seat.app for seat in of_seats).values(), default=0) <= LIMITS.per_app
        assert max(Counter(seat.address for seat in of_seats).values(), default=0) <= LIMITS.per_address
        assert len({seat.app for seat in of_seats}) <= LIMITS.apps


# -- what people are told ----------------------------------------------------------------------------------------------


def test_places_are_numbered_within_the_queue_of_an_app() -> None:
    seats = [waiting("b1", "b", asked=0), waiting("a1", asked=1), waiting("a2", asked=2)]

    assert [admission.place(seats, seat) for seat in seats] == [1, 1, 2]


def test_no_estimate_is_made_up() -> None:
    seats = [held("s"), waiting("w")]

    assert admission.minutes(seats, seats[1], [60.0, 60.0]) is None


def test_the_estimate_follows_the_length_of_visits_and_the_place_in_the_queue() -> None:
    seats = [held("s1"), held("s2"), *(waiting(f"w{number}", asked=number) for number in range(4))]

    told = [admission.minutes(seats, seat, [100.0, 120.0, 9000.0]) for seat in seats[2:]]

    assert told == [1, 2, 3, 5]  # one place each minute, rounded up to steps


@pytest.mark.parametrize(
    ("address", "one"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no address", "unknown"),
    ],
)
def test_what_counts_as_one_address(address: str, one: str) -> None:
    assert admission.network(address) == one


def test_a_long_queue_is_asked_about_less_often_but_within_its_patience() -> None:
    assert admission.ask_again(1) < admission.ask_again(60) <= admission.PATIENCE / 2
