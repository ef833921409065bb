"""The Hub and the servers of apps as the portal meets them, played for tests of who gets a place."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from regional_hub.hub.api import HubDown, HubError, Server
from regional_hub.hub.kinds import SHOWCASE
from regional_hub.showcase.actions import apps
from regional_hub.showcase.live_client import AppState, SeatState


def server(slug: str, state: str = "running") -> Server:
    pending = {"starting": "spawn", "stopping": "stop"}.get(state, "")
    return Server(SHOWCASE, slug, state == "running", pending, "", datetime.now(UTC), None, {}, {})


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
            self.there[name] = server(name)
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
