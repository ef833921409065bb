"""Visitors' places in live apps: asking, waiting, sitting, leaving. `admission` decides; here it is asked and obeyed.

`settle` is the one place where decisions are made and written, one after the other (`one_at_a_time`), so no more
kernels are given than the limits allow, however many processes serve pages. Apps are observed before rows are read: a
seat that an app knows and we do not is then a stray, and not one that was given a moment ago.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from regional_hub.core.locks import one_at_a_time
from regional_hub.showcase import admission
from regional_hub.showcase.actions import apps
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.admission import HELD, PATIENCE, PATIENCE_HIDDEN, START, App, Decision, Limits, State, Why
from regional_hub.showcase.live_client import frame_address
from regional_hub.showcase.models import LiveApp, Publication, Seat

_LOCK = 0x5248_5345
_EVERY = 1.0  # seconds between two looks of a process at everything, when nobody asks for more
_RELOAD = timedelta(seconds=3)  # a page that closes may come back within
_FRESH = timedelta(seconds=10)  # a row is written when less than this is left, not each time a page asks
_READ_WHY = timedelta(minutes=10)
_COUNTED = timedelta(days=1)
_VISITS = 50  # that an estimate is made from
_ACTIVE = (*HELD, State.WAITING)
_SITTING = 10  # seconds after which a page with the app asks again
_STARTING = 1

_WHY = {
    Why.LEFT: _("You left the app."),
    Why.SILENT: _("This page did not ask for a while, so it is no longer in the queue."),
    Why.LATE: _("Your place was kept for half a minute, and then given to somebody else."),
    Why.ENDED: _("Your time in the app is over: nothing was done for a while, or the connection was lost."),
    Why.CRASHED: _("The app stopped unexpectedly. Run it again."),
    Why.FAULT: _("The app does not start. Those who run this site can see why; try again later."),
    Why.CHANGED: _("There is a newer version of this app. Run it again."),
    Why.GONE: _("This app is no longer public."),
    Why.STOPPED: _("This app was stopped by those who run this site."),
}


@dataclass(frozen=True)
class Standing:
    """Where a visitor stands: `none`, `waiting`, `starting`, `seated` (`address` is the frame's) or `over`.

    `place` in the queue is counted from 1, `minutes` is a rough guess or None, `text` says it in the reader's
    language, and after `again` seconds the page asks again (0: never).
    """

    state: str
    place: int | None = None
    minutes: int | None = None
    address: str = ""
    text: str = ""
    again: float = 0


def limits() -> Limits:
    """What the settings allow."""
    most = settings.HUB.showcase
    return Limits(most.kernels, most.kernels_per_app, most.kernels_per_address, most.apps)


def ask(publication: Publication, visitor: str, address: str, tab: str) -> None:
    """A place in an app, or in its queue, for a visitor; who has one keeps it, and `tab` has it from now on.

    Raises Problem where no more may wait, or the app does not start.
    """
    now = timezone.now()
    with transaction.atomic():
        one_at_a_time(_LOCK)
        mine = Seat.objects.filter(publication=publication, visitor=visitor)
        if not mine.filter(state__in=_ACTIVE).exclude(state=State.ENDING).update(tab=tab):
            _check_room(publication, address)
            mine.update(visitor="")
            due = now + timedelta(seconds=PATIENCE)
            Seat.objects.create(
                publication=publication, visitor=visitor, address=address, tab=tab, asked_at=now, since=now, due_at=due
            )
    settle(now=True)


def _check_room(publication: Publication, address: str) -> None:
    if apps.does_not_start(publication):
        raise Problem("fault", _WHY[Why.FAULT])
    if not admission.may_queue(_read(), address, limits()):
        raise Problem("full", _("Too many wait for live apps at the moment, or too many at your address."))


def look(visitor: str, publication: Publication, *, hidden: bool = False) -> Standing:
    """Where a visitor stands. To look is to be there: a good-bye of a page that was only reloaded is forgotten.

    `hidden`: its page is not in front, where browsers let clocks tick once a minute.
    """
    if not visitor:
        return Standing("none")
    seat = _mine(visitor, publication)
    if seat is None:
        return Standing("none")
    if seat.state in _ACTIVE:
        _note(seat, hidden)
        settle()
        seat.refresh_from_db()
    return _standing(seat, publication)


def _mine(visitor: str, publication: Publication) -> Seat | None:
    return Seat.objects.filter(publication=publication, visitor=visitor).order_by("-asked_at", "-pk").first()


def _note(seat: Seat, hidden: bool) -> None:
    """Its page is there: so much longer may it be silent. Who was admitted has START in all to come, and no more."""
    now = timezone.now()
    wanted = seat.due_at
    if seat.state == State.WAITING:
        patience = timedelta(seconds=PATIENCE_HIDDEN if hidden else PATIENCE)
        wanted = now + patience if seat.due_at is None or seat.due_at < now + patience - _FRESH else seat.due_at
    elif seat.state == State.TAKEN:
        wanted = None
    elif seat.state == State.ADMITTED and seat.due_at is not None and seat.due_at < now + _RELOAD:
        wanted = min(now + _FRESH, seat.since + timedelta(seconds=START))
    if (wanted, hidden) != (seat.due_at, seat.hidden):
        Seat.objects.filter(pk=seat.pk, state=seat.state).update(due_at=wanted, hidden=hidden)


def _standing(seat: Seat, publication: Publication) -> Standing:
    if seat.state == State.WAITING:
        return _waiting(seat)
    if seat.state in (State.ADMITTED, State.TAKEN):
        if seat.state == State.ADMITTED and not apps.is_ready(publication.slug):
            return Standing("starting", text=str(_("The app is starting.")), again=_STARTING)
        language = "zh" if (get_language() or "").startswith("zh") else "en"
        address = frame_address(settings.HUB, publication.slug, seat.id.hex, apps.digest(publication), language)
        return Standing("seated", address=address, text=str(_("The app is yours while you use it.")), again=_SITTING)
    return Standing("over", text=str(_WHY.get(Why(seat.why or Why.LEFT), "")))


def _waiting(seat: Seat) -> Standing:
    queue, me = _last["queue"], _pure(seat)
    number = admission.place(queue.seats, me)
    minutes = admission.minutes(queue.seats, me, queue.lengths_of(seat.publication))
    text = _("All places in the app are taken. You are number %(number)s in the queue.") % {"number": number}
    if minutes:
        estimate = ngettext(
            "A place will be free in about a minute.", "A place will be free in about %(minutes)s minutes.", minutes
        )
        text = f"{text} {estimate % {'minutes': minutes}}"
    return Standing("waiting", number, minutes, text=text, again=admission.ask_again(number))


def leave(visitor: str, publication: Publication, tab: str) -> None:
    """Give the place up: with the button (no `tab`) at once; a page that closes might be one that is reloaded.

    The good-bye of a page that is not the visitor's last one is nothing.
    """
    mine = Seat.objects.filter(publication=publication, visitor=visitor)
    if tab:
        mine.filter(tab=tab, state__in=(State.WAITING, State.ADMITTED, State.TAKEN)).update(
            due_at=timezone.now() + _RELOAD
        )
        return
    _end(mine, Why.LEFT)
    settle(now=True)


def _end(rows: QuerySet[Seat], why: Why, *, waiting: bool = True) -> None:
    """End seats: who waits has none any more, and who may have a kernel is held until that is ended."""
    changed = {"since": timezone.now(), "why": why, "due_at": None}
    with transaction.atomic():
        one_at_a_time(_LOCK)
        if waiting:
            rows.filter(state=State.WAITING).update(state=State.OVER, address="", **changed)
        rows.filter(state__in=(State.ADMITTED, State.TAKEN)).update(state=State.ENDING, **changed)


def close(publication: Publication, why: Why) -> None:
    """End an app's server and every place in it. Who waits for one that only changed goes on waiting."""
    _end(Seat.objects.filter(publication=publication), why, waiting=why != Why.CHANGED)
    apps.stop(publication.slug)
    if why == Why.GONE:
        apps.remove(publication.slug)


# --- deciding


def _time(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


def _pure(seat: Seat) -> admission.Seat:
    return admission.Seat(
        id=seat.id.hex,
        app=seat.publication.slug,
        address=seat.address,
        state=State(seat.state),
        asked=seat.asked_at.timestamp(),
        due=_time(seat.due_at),
        since=seat.since.timestamp(),
        hidden=seat.hidden,
    )


@dataclass(frozen=True)
class _Queue:
    """All seats when they were last decided about: what those who wait are told until the next time.

    `at` is by the monotonic clock.
    """

    at: float = float("-inf")
    seats: list[admission.Seat] = field(default_factory=list)
    lengths: dict[int, list[float]] = field(default_factory=dict)

    def lengths_of(self, publication: Publication) -> list[float]:
        """Seconds that visits of this app lasted lately."""
        if publication.pk not in self.lengths:
            ended = Seat.objects.filter(publication=publication, state=State.OVER, taken_at__isnull=False)
            times = ended.order_by("-since").values_list("since", "taken_at")[:_VISITS]
            self.lengths[publication.pk] = [(over - taken).total_seconds() for over, taken in times]
        return self.lengths[publication.pk]


def _read() -> list[admission.Seat]:
    return [_pure(seat) for seat in Seat.objects.filter(state__in=_ACTIVE).select_related("publication")]


_settling = threading.Lock()
_last = {"queue": _Queue()}


def settle(*, now: bool = False, also: Collection[Publication] = ()) -> None:
    """Decide about all seats, write it, and do what follows. `now`: do not take a decision of a moment ago for it.

    `also`: apps to look at in which nobody has a place, for kernels that nobody was given.
    """
    if not _settling.acquire(blocking=now):
        return
    try:
        if now or time.monotonic() - _last["queue"].at >= _EVERY:
            _settle({publication.slug: publication for publication in also})
    finally:
        _settling.release()


def _settle(publications: dict[str, Publication]) -> None:
    with_seats = Publication.objects.filter(seats__state__in=_ACTIVE).select_related("public_revision").distinct()
    publications |= {publication.slug: publication for publication in with_seats}
    known = apps.observe(publications.values())
    everybody = _read()
    decision = admission.decide(everybody, known, limits(), time.time())
    if not decision.is_empty:
        with transaction.atomic():
            one_at_a_time(_LOCK)
            decision = admission.decide(_read(), known, limits(), time.time())
            _write(decision, known)
            everybody = _read()
    _follow(decision, known, publications, everybody)
    _last["queue"] = _Queue(time.monotonic(), everybody)


def _write(decision: Decision, known: Mapping[str, App]) -> None:
    now = timezone.now()
    for seat, why in decision.over.items():
        _over(Q(pk=seat), why)
    for seat, why in decision.ending.items():
        Seat.objects.filter(pk=seat).update(state=State.ENDING, why=why, since=now, due_at=None)
    for seat in Seat.objects.filter(pk__in=decision.admitted).select_related("publication"):
        ready = known.get(seat.publication.slug, App()).answers
        wait = timedelta(seconds=_pure(seat).take if ready else START)
        Seat.objects.filter(pk=seat.pk).update(state=State.ADMITTED, since=now, due_at=now + wait)
    Seat.objects.filter(pk__in=decision.taken).update(state=State.TAKEN, since=now, taken_at=now, due_at=None)
    for seat, due in decision.due.items():
        Seat.objects.filter(pk=seat).update(due_at=datetime.fromtimestamp(due, UTC))


def _over(which: Q, why: Why) -> None:
    """A seat that was ended before keeps the reason why."""
    ended = {"state": State.OVER, "address": "", "due_at": None}
    Seat.objects.filter(which).exclude(state=State.ENDING).update(why=why, since=timezone.now(), **ended)
    Seat.objects.filter(which, state=State.ENDING).update(**ended)


def _follow(
    decision: Decision,
    known: Mapping[str, App],
    publications: Mapping[str, Publication],
    everybody: Collection[admission.Seat],
) -> None:
    """Start apps that somebody was admitted to, and end kernels that nobody has any more."""
    busy = {seat.app for seat in everybody if seat.state in HELD}
    for slug in {seat.app for seat in everybody if seat.state == State.ADMITTED} & publications.keys():
        if not known.get(slug, App()).answers:
            apps.ensure(publications[slug], busy)
    for seat in everybody:
        ends = seat.state == State.ENDING and seat.app in publications
        if ends and apps.end(publications[seat.app], seat.id):
            _over(Q(pk=seat.id), Why.LEFT)
    for slug, stray in decision.strays:
        apps.end(publications[slug], stray)


# --- each minute


def tend() -> int:
    """What nobody's click does: forget, preheat featured apps, stop those that nobody uses or that are not public.

    Returns how many servers of apps there were. Raises HubError.
    """
    _forget()
    there = set(apps.running())
    found = Publication.objects.filter(kind=Publication.Kind.APP).select_related("public_revision", "live_app")
    looked_at = {each.slug: each for each in found.filter(Q(slug__in=there) | Q(featured=True))}
    public = {slug: each for slug, each in looked_at.items() if each.is_public}
    for slug in there - set(public):
        if slug in looked_at:
            close(looked_at[slug], Why.GONE)
        else:
            apps.stop(slug)
    settle(now=True, also=[publication for slug, publication in public.items() if slug in there])
    held = Seat.objects.filter(state__in=HELD)
    busy = set(held.values_list("publication__slug", flat=True))
    LiveApp.objects.filter(publication__slug__in=busy).update(used_at=timezone.now())
    preheated = [each for each in public.values() if each.featured][: settings.HUB.showcase.apps]
    for slug in there & set(public) - busy:
        if _is_done_with(public[slug], is_kept=public[slug] in preheated):
            apps.stop(slug)
    for publication in preheated:
        if not apps.is_ready(publication.slug):
            apps.ensure(publication, busy | {each.slug for each in preheated})
    return len(there)


def _is_done_with(publication: Publication, *, is_kept: bool) -> bool:
    app: LiveApp | None = getattr(publication, "live_app", None)
    if app is None or app.plan != apps.mark(publication):
        return True
    return not is_kept and app.used_at < timezone.now() - timedelta(minutes=settings.HUB.showcase.idle_minutes)


def _forget() -> None:
    now = timezone.now()
    over = Seat.objects.filter(state=State.OVER)
    over.filter(since__lt=now - _READ_WHY).exclude(visitor="").update(visitor="")
    over.filter(since__lt=now - _COUNTED).delete()
    for publication in Publication.objects.filter(live_app__isnull=False).select_related("public_revision"):
        if not publication.is_public:
            LiveApp.objects.filter(publication=publication).delete()
            apps.remove(publication.slug)
