"""The servers of live apps: laying out what was reviewed, starting and stopping, and what each says of itself.

Trust boundary: an app runs code of an author's. It is started from the reviewed revision alone, without options, by
the portal alone (the Hub refuses everybody else), and what it answers says no more than which of our seats have a
kernel. Nothing here waits for an app: whoever wants one calls again.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import shutil
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from regional_hub.core import directory
from regional_hub.core.files import Damaged
from regional_hub.hub import images
from regional_hub.hub.api import HubError, Server
from regional_hub.hub.kinds import SHOWCASE
from regional_hub.showcase import bundle
from regional_hub.showcase.actions.sharing import files
from regional_hub.showcase.admission import App
from regional_hub.showcase.bundle_faults import BundleError
from regional_hub.showcase.live_client import LiveClient
from regional_hub.showcase.models import LiveApp, Publication

_log = logging.getLogger(__name__)
FRESH = 2.0  # seconds for which an answer stands; somebody who waits for a start looks more often
FRESH_STARTING = 0.7
BUSY = 15.0  # seconds without an answer until visitors are told that an app starts
SOON = timedelta(seconds=1)
PAUSE = timedelta(seconds=10)  # between two looks at an app that is to start, doubled at each start in vain
LONGEST_PAUSE = timedelta(minutes=15)
HUNG = timedelta(seconds=90)  # without an answer
IN_VAIN = 4  # starts after which visitors are told instead of waiting


@dataclass(frozen=True)
class _Seen:
    """What was seen of an app, and when it was last looked at and last answered, by the monotonic clock."""

    app: App = field(default_factory=App)
    at: float = float("-inf")
    answered: float = float("-inf")


_seen: dict[str, _Seen] = {}  # of this process, by slug


def folder(slug: str) -> Path:
    """What an app's server has of its publication, read-only (`hub.kinds`)."""
    return settings.HUB.path("showcase", "live", slug)


def digest(publication: Publication) -> str:
    """Of what visitors get; empty for what is not public."""
    return publication.public_revision.digest if publication.public_revision and publication.is_public else ""


def plan(publication: Publication) -> dict[str, Any]:
    """The app.json of a public app (`lab.live.plan`)."""
    assert publication.public_revision is not None
    limits = settings.HUB.showcase
    return {
        "slug": publication.slug,
        "digest": publication.public_revision.digest,
        "entry": publication.public_revision.entry,
        "title": publication.title,
        "title_zh": publication.title_zh,
        "kernels": limits.kernels_per_app,
        "memory_mb": limits.kernel_memory_mb,
        "idle_seconds": limits.idle_minutes * 60,
        "away_seconds": limits.away_seconds,
        "preheat": limits.preheat,
        "frame_ancestors": settings.HUB.url,
    }


def mark(publication: Publication) -> str:
    """Changes when the app is to be started anew: with its plan, and with the lab image of a new start of the hub."""
    facts = {**plan(publication), "image": images.of_this_start(settings.HUB)}
    return hashlib.sha256(bundle.canonical(facts)).hexdigest()


def lay_out(publication: Publication) -> str:
    """Put what a server is to run where it finds it, whole or not at all; returns the plan's mark.

    Only while no server runs: one that does has the folder of before. Raises Damaged and BundleError.
    """
    assert publication.public_revision is not None
    place = folder(publication.slug)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.parent.chmod(0o755)  # the server is another user's
    fresh = place.with_name(f".{place.name}.{secrets.token_hex(6)}.new")
    try:
        bundle.unpack(files(), publication.public_revision.manifest, fresh / "bundle")
        (fresh / "app.json").write_bytes(bundle.canonical(plan(publication)))
        fresh.chmod(0o755)
        (fresh / "app.json").chmod(0o444)
        remove(publication.slug)
        fresh.rename(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return mark(publication)


def remove(slug: str) -> None:
    """Take an app's files away."""
    shutil.rmtree(folder(slug), ignore_errors=True)


def running() -> dict[str, Server]:
    """Servers of apps that are not stopped, by slug. Raises HubError."""
    return {server.name: server for server in directory.hub().servers(SHOWCASE) if server.state != "stopped"}


def observe(publications: Iterable[Publication]) -> dict[str, App]:
    """What is known of each app now, by slug; what was seen a moment ago is not asked again."""
    found = {publication.slug: _look(publication) for publication in publications}
    if any(not app.answers and not app.is_down for app in found.values()):
        found |= _down(found)
    return found


def is_ready(slug: str) -> bool:
    """Whether an app may be opened: it answers, or did a moment ago and is only busy."""
    seen = _seen.get(slug, _Seen())
    return seen.app.answers or (not seen.app.is_down and time.monotonic() - seen.answered < BUSY)


def forget(slug: str) -> None:
    """What was seen of an app holds no longer."""
    _seen.pop(slug, None)


def look_again(slug: str) -> None:
    """What was seen of an app is older than what we know now."""
    if seen := _seen.get(slug):
        _seen[slug] = replace(seen, at=float("-inf"))


def _look(publication: Publication) -> App:
    before = _seen.get(publication.slug, _Seen())
    if time.monotonic() - before.at < (FRESH if before.app.answers else FRESH_STARTING):
        return before.app
    asked = time.time()  # what it says may be as old as the question
    wanted = digest(publication)
    state = LiveClient(settings.HUB).state(publication.slug, wanted) if wanted else None
    if state is None or state.digest != wanted:
        app = App(asked)
    else:
        app = App(asked, answers=True, seats=frozenset(seat.seat for seat in state.seats))
        _note_answer(publication)
    now = time.monotonic()
    _seen[publication.slug] = _Seen(app, now, now if app.answers else before.answered)
    return app


def _note_answer(publication: Publication) -> None:
    now = timezone.now()
    LiveApp.objects.filter(publication=publication).exclude(tries=0, answered_at__gt=now - HUNG / 4).update(
        tries=0, answered_at=now
    )


def _down(apps: dict[str, App]) -> dict[str, App]:
    """Those that do not answer because there is no server, by the Hub's word, asked after they did not answer."""
    try:
        there = running()
    except HubError:
        return {}
    found = {slug: App(app.at, is_down=True) for slug, app in apps.items() if not app.answers and slug not in there}
    for slug, app in found.items():
        _seen[slug] = replace(_seen.get(slug, _Seen()), app=app)
    return found


def end(publication: Publication, seat: str) -> bool:
    """End the kernel of a seat; whether there is none any more."""
    ended = LiveClient(settings.HUB).end(publication.slug, digest(publication), seat)
    if ended:
        look_again(publication.slug)
    return ended


def does_not_start(publication: Publication) -> bool:
    """Whether it was started in vain several times, and is not to be tried at the moment."""
    return LiveApp.objects.filter(
        publication=publication, tries__gte=IN_VAIN, not_before__gt=timezone.now() + PAUSE
    ).exists()


def ensure(publication: Publication, busy: Collection[str]) -> None:
    """See to it that an app which does not answer comes up. `busy`: the apps that somebody has a place in.

    The row's `not_before` lets one process at a time look, less often the more starts were in vain.
    """
    app, _made = LiveApp.objects.get_or_create(publication=publication)
    now = timezone.now()
    pause = min(LONGEST_PAUSE, PAUSE * 2 ** min(app.tries, 10))
    if not LiveApp.objects.filter(pk=app.pk, not_before__lte=now).update(not_before=now + pause):
        return
    try:
        done = _bring_up(app, publication, running(), busy)
    except HubError as error:
        _log.warning("the live app %s cannot be started: %s", publication, error)
        return
    except (Damaged, BundleError, OSError) as error:
        _log.error("the live app %s cannot be laid out: %s", publication, error)
        LiveApp.objects.filter(pk=app.pk).update(tries=app.tries + 1)
        return
    if not done:
        LiveApp.objects.filter(pk=app.pk).update(not_before=now + SOON)


def _bring_up(app: LiveApp, publication: Publication, there: dict[str, Server], busy: Collection[str]) -> bool:
    """One step towards an app that answers; False when the next is to follow soon."""
    server = there.get(publication.slug)
    if server is None:
        if len(there) >= settings.HUB.showcase.apps:
            return _make_room(there, busy)
        _start(app, publication)
        return True
    if server.state == "running" and (app.plan != mark(publication) or _is_hung(app, server)):
        stop(publication.slug)
        return False
    return server.state != "stopping"


def _is_hung(app: LiveApp, server: Server) -> bool:
    last = max(filter(None, (server.started, app.answered_at)), default=None)
    return last is not None and timezone.now() - last > HUNG


def _make_room(there: dict[str, Server], busy: Collection[str]) -> bool:
    """Stop the app without visitors that was used least lately. Never ready at once: a stop takes a moment."""
    used = dict(LiveApp.objects.filter(publication__slug__in=there).values_list("publication__slug", "used_at"))
    if any(server.state == "stopping" for server in there.values()):
        return False
    idle = sorted((slug for slug in there if slug not in busy), key=lambda slug: used.get(slug, timezone.now()))
    if idle:
        stop(idle[0])
    return False


def _start(app: LiveApp, publication: Publication) -> None:
    marked, now = lay_out(publication), timezone.now()
    LiveApp.objects.filter(pk=app.pk).update(plan=marked, tries=app.tries + 1, used_at=now)
    forget(publication.slug)
    hub = directory.hub()
    try:
        hub.start(SHOWCASE, publication.slug, {})
    except HubError as error:
        if error.status != 404:
            raise
        directory.touch([SHOWCASE])  # a Hub that has never heard of the account whose servers apps are
        directory.tell(SHOWCASE)
        hub.start(SHOWCASE, publication.slug, {})


def stop(slug: str) -> None:
    """Have an app's server stop, with all its kernels; the next look at it tells whether it did."""
    forget(slug)
    try:
        directory.hub().stop(SHOWCASE, slug, forget=True)
    except HubError as error:
        if error.status != 404:
            _log.warning("the live app %s was not stopped, and will be tried again: %s", slug, error)
