"""The Hub and the servers of apps as the portal meets them, played for tests of who gets a place."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from django.utils import timezone

from regional_hub.core import directory
from regional_hub.hub.api import HubDown, HubError, Server
from regional_hub.hub.kinds import SHOWCASE
from regional_hub.showcase.actions import apps, seats
from regional_hub.showcase.admission import State
from regional_hub.showcase.live_client import AppState, SeatState
from regional_hub.showcase.models import LiveApp, Seat
from tests.core.site import server
from tests.showcase import world
from tests.showcase.world import Work


@dataclass
class Stage:
    """Servers start and stop at once; each app has the kernels that a test put there."""

    there: dict[str, Server] = field(default_factory=dict)
    kernels: dict[str, set[str]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    log: list[tuple[str, str]] = field(default_factory=list)
    knows: bool = True  # whether the Hub has the account whose servers apps are
    is_up: bool = True
    starts: bool = True  # whether what is started comes up

    # --- the Hub

    def servers(self, _owner: str) -> list[Server]:
        if not self.is_up:
            raise HubDown("the Hub does not answer")
        return list(self.there.values())

    def start(self, _owner: str, name: str, options: dict[str, str]) -> None:
        assert options == {}
        if not self.knows:
            raise HubError("no such user", 404)
        self.log.append(("start", name))
        if self.starts:
            self.there[name] = server(SHOWCASE, name)
            self.kernels[name] = set()

    def stop(self, _owner: str, name: str, *, forget: bool = False) -> None:
        self.log.append(("stop", name))
        self.there.pop(name, None)
        self.kernels.pop(name, None)

    def put_person(self, name: str, groups: list[str], *, admin: bool, **_more: object) -> None:
        if name == SHOWCASE:
            assert (groups, admin) == ([], False)
            self.knows = True

    # --- the apps

    def __call__(self, _settings: object) -> Stage:
        return self

    def state(self, slug: str, digest: str) -> AppState | None:
        if slug not in self.kernels or self.digests.get(slug, digest) != digest:
            return None
        seats = [SeatState(seat=seat, connected=True, idle_seconds=0) for seat in sorted(self.kernels[slug])]
        return AppState(digest=digest, ready=1, kernels=len(seats) + 1, release="", seats=seats)

    def end(self, slug: str, _digest: str, seat: str) -> bool:
        if slug in self.kernels:
            self.kernels[slug].discard(seat)
            self.log.append(("end", seat))
        return slug in self.kernels

    # --- what tests do

    def sees_anew(self) -> None:
        apps._seen.clear()


WATER = Work("Water", "水资源", "Wells", "水井", ["water"], [6], "tomas", "app", picture="", days=2)
WIND = Work("Wind", "风", "Turbines", "风机", ["energy"], [7], "tomas", "app", picture="", days=1)


@pytest.fixture
def stage(monkeypatch):
    found = Stage()
    monkeypatch.setattr(directory, "hub", lambda: found)
    monkeypatch.setattr(apps, "LiveClient", found)
    monkeypatch.setitem(seats._last, "queue", seats._Queue())
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
