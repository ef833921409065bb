"""Who may use a live app now, who waits, and for about how long. Pure: it knows neither Django, nor apps, nor clocks.

A seat is one visitor's place in one app, and at most one kernel. From the moment it is admitted until its kernel is
known to have ended it is *held*, and no more seats are held than the limits allow: `decide` is the one place where a
seat comes to be held, so whoever applies its decisions one after the other never starts more kernels than admitted.

Seconds are of one clock, which the caller brings.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

PATIENCE = 20.0  # seconds a waiting page may be silent
PATIENCE_HIDDEN = 90.0  # browsers let the clocks of hidden pages tick once a minute
TAKE = 30.0  # seconds an admitted visitor has to open the app, once it is ready
START = 180.0  # seconds an app has to start for somebody who was admitted
QUEUE = 400  # visitors who may wait, all apps together
QUEUE_PER_PLACE = 3  # per address, for each place that it may have
FEWEST_VISITS = 3  # ended visits before an estimate means anything


class State(StrEnum):
    WAITING = "waiting"
    ADMITTED = "admitted"  # may open the app
    TAKEN = "taken"  # its kernel was seen
    ENDING = "ending"  # is to have no kernel any more, but may have one still
    OVER = "over"


class Why(StrEnum):
    """Why a seat is over."""

    LEFT = "left"
    SILENT = "silent"  # waited, and its page stopped asking
    LATE = "late"  # was admitted, and did not come
    ENDED = "ended"  # the app ended it: idle, away, too long
    CRASHED = "crashed"  # the app died
    FAULT = "fault"  # the app does not start
    CHANGED = "changed"  # the app has a new revision
    GONE = "gone"  # the publication is no longer public
    STOPPED = "stopped"  # the staff stopped the app


HELD = frozenset({State.ADMITTED, State.TAKEN, State.ENDING})


@dataclass(frozen=True)
class Limits:
    """The most seats held: in total, in one app, from one address; and the most apps that have any."""

    kernels: int
    per_app: int
    per_address: int
    apps: int


@dataclass(frozen=True)
class Seat:
    """One place. `asked` orders the queue; by `due` somebody who waits, or is to come, must have been heard of.

    `since` is when its state last changed: what an app said before proves nothing about it.
    """

    id: str
    app: str
    address: str
    state: State
    asked: float
    due: float | None = None
    since: float = 0.0
    hidden: bool = False  # its page is not in front, so it is slow to come

    @property
    def take(self) -> float:
        return PATIENCE_HIDDEN if self.hidden else TAKE


@dataclass(frozen=True)
class App:
    """What is known of an app at a moment: whether it answers, with which seats, or that it does not run."""

    at: float = 0.0
    answers: bool = False
    seats: frozenset[str] = frozenset()
    is_down: bool = False


@dataclass
class Decision:
    """What is to change, by seat."""

    over: dict[str, Why] = field(default_factory=dict)
    ending: dict[str, Why] = field(default_factory=dict)  # their kernels are to be ended first
    admitted: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    due: dict[str, float] = field(default_factory=dict)  # from now on there is a time to come until
    strays: list[tuple[str, str]] = field(default_factory=list)  # (app, seat) with a kernel that nobody was given

    @property
    def is_empty(self) -> bool:
        return not (self.over or self.ending or self.admitted or self.taken or self.due or self.strays)


def network(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one customer has. What is neither is one too."""
    try:
        found = ip_address(address.partition("%")[0].strip())
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return f"{IPv6Address(int(found) >> 64 << 64)}/64"
    return str(found)


def decide(seats: Collection[Seat], apps: Mapping[str, App], limits: Limits, now: float) -> Decision:
    """What becomes of all seats: those whose time is over end, and free places go to those who wait."""
    decision = Decision()
    kept: list[Seat] = []
    for seat in seats:
        app = apps.get(seat.app, App())
        if not _end(seat, app, now, decision):
            _progress(seat, app, now, decision)
            kept.append(seat)
    _admit(kept, limits, now, decision)
    known = {seat.id for seat in seats}
    decision.strays = [(name, seat) for name, app in apps.items() for seat in sorted(app.seats - known)]
    return decision


def _end(seat: Seat, app: App, now: float, decision: Decision) -> bool:
    """Whether a seat ends for good. One with a kernel, or that may have one, is held until there is none.

    A seat that is to end is over when its app runs no more, or (the caller's matter) the app said that it ended it:
    not being seen there is not enough while its ticket may be under way.
    """
    late, newer = seat.due is not None and now > seat.due, app.at > seat.since
    match seat.state:
        case State.WAITING if late:
            decision.over[seat.id] = Why.SILENT
        case State.ENDING if app.is_down and newer:
            decision.over[seat.id] = Why.LEFT
        case State.TAKEN if app.is_down and newer:
            decision.over[seat.id] = Why.CRASHED
        case State.TAKEN if app.answers and newer and seat.id not in app.seats:
            decision.over[seat.id] = Why.ENDED
        case State.TAKEN if late:  # it said good-bye and did not come back
            decision.ending[seat.id] = Why.LEFT
        case State.ADMITTED if late and seat.id not in app.seats:
            decision.ending[seat.id] = Why.LATE if app.answers else Why.FAULT
    return seat.id in decision.over


def _progress(seat: Seat, app: App, now: float, decision: Decision) -> None:
    if seat.id in decision.ending or seat.state != State.ADMITTED or not app.answers:
        return
    if seat.id in app.seats:
        decision.taken.append(seat.id)
    elif seat.due is not None and seat.due > now + seat.take:  # it waited for the app, which is ready now
        decision.due[seat.id] = now + seat.take


def _admit(seats: Sequence[Seat], limits: Limits, now: float, decision: Decision) -> None:
    held = [seat for seat in seats if seat.state in HELD]
    waiting = sorted((seat for seat in seats if seat.state == State.WAITING), key=lambda seat: (seat.asked, seat.id))
    while (found := _next(held, waiting, limits)) is not None:
        waiting.remove(found)
        held.append(found)
        decision.admitted.append(found.id)


def _next(held: Sequence[Seat], waiting: Sequence[Seat], limits: Limits) -> Seat | None:
    """Who is next: of the app that has fewest places, whoever asked first and may."""
    if len(held) >= limits.kernels:
        return None
    by_app = Counter(seat.app for seat in held)
    by_address = Counter(seat.address for seat in held)
    may = [
        seat
        for seat in waiting
        if by_app[seat.app] < limits.per_app
        and by_address[seat.address] < limits.per_address
        and (by_app[seat.app] or len(by_app) < limits.apps)
    ]
    return min(may, key=lambda seat: (by_app[seat.app], seat.asked, seat.id), default=None)


def may_queue(seats: Collection[Seat], address: str, limits: Limits) -> bool:
    """Whether one more from this address may wait: neither one address nor all together fill memory with waiting."""
    waiting = [seat for seat in seats if seat.state == State.WAITING]
    theirs = sum(1 for seat in waiting if seat.address == address)
    return len(waiting) < QUEUE and theirs < QUEUE_PER_PLACE * limits.per_address


def place(seats: Collection[Seat], seat: Seat) -> int:
    """The number in the queue of its app, from 1."""
    return 1 + sum(
        1
        for each in seats
        if each.app == seat.app and each.state == State.WAITING and (each.asked, each.id) < (seat.asked, seat.id)
    )


def minutes(seats: Collection[Seat], seat: Seat, lengths: Sequence[float]) -> int | None:
    """About how many minutes until this seat is admitted; None when too few visits have ended to say.

    `lengths`: seconds of recent visits. Places come free at the rate of held places by the length of a visit; where the
    total is what is scarce, apps with a queue share it. A rough number, rounded up to one that says so.
    """
    if len(lengths) < FEWEST_VISITS:
        return None
    held = Counter(each.app for each in seats if each.state in HELD)
    queues = {each.app for each in seats if each.state == State.WAITING}
    share = max(held[seat.app], sum(held.values()) / max(1, len(queues)), 1)
    if held[seat.app]:
        share = min(share, held[seat.app])
    exact = place(seats, seat) * statistics.median(lengths) / share / 60
    return next((step for step in (1, 2, 3, 5, 10, 15, 20, 30, 45, 60) if exact <= step), math.ceil(exact / 30) * 30)


def ask_again(number: int) -> float:
    """Seconds until a waiting page asks again: at the head of the queue soon, at its end less often."""
    return min(8.0, 3.0 + number / 20)
