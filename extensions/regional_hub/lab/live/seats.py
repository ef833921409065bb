"""Who sits where: seats, their deadlines, and the pace of messages. It knows neither Jupyter nor clocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Reason = Literal["left", "away", "idle", "long", "crash", "memory", "portal"]
SOCKETS = 3  # of one kernel at once: the page's own, and one that is still closing
LONGEST = 4 * 3600.0  # seconds a seat may last, whatever the visitor does
LEAVING = 8.0  # seconds between the page's good-bye and the end: a reload is back before
NOT_CONNECTED = 60.0  # seconds a page has at least to load and connect
MEMORY = 4096  # ended seats that are remembered


@dataclass
class Seat:
    """One visitor's place; times are seconds of one clock."""

    name: str
    kernel: str
    began: float
    asked: float  # when the visitor last did something
    gone: float | None  # since when no websocket is open
    leaving: bool = False
    sockets: int = 0
    ever: bool = False  # whether a websocket was ever open

    def connect(self) -> None:
        self.sockets += 1
        self.gone, self.leaving, self.ever = None, False, True

    def disconnect(self, now: float) -> None:
        self.sockets -= 1
        if self.sockets <= 0:
            self.sockets, self.gone = 0, now

    def over(self, now: float, idle: float, away: float) -> Reason | None:
        """Why this seat's time is over, or None."""
        if now - self.began > LONGEST:
            return "long"
        if self.gone is not None:
            grace = LEAVING if self.leaving else away if self.ever else max(away, NOT_CONNECTED)
            if now - self.gone > grace:
                return "left" if self.leaving else "away"
        if now - self.asked > idle:
            return "idle"
        return None


@dataclass
class Seats:
    """All seats of an app. A seat that ended stays ended: its ticket opens nothing any more."""

    taken: dict[str, Seat] = field(default_factory=dict)
    ended: dict[str, Reason] = field(default_factory=dict)

    def sit(self, name: str, kernel: str, now: float) -> Seat:
        seat = self.taken[name] = Seat(name, kernel, began=now, asked=now, gone=now)
        return seat

    def end(self, name: str, reason: Reason) -> Seat | None:
        """The seat, no longer taken; None where it was not, which is remembered as well."""
        while len(self.ended) >= MEMORY:
            del self.ended[next(iter(self.ended))]
        self.ended.setdefault(name, reason)
        return self.taken.pop(name, None)

    def of_kernel(self, kernel: str) -> Seat | None:
        return next((seat for seat in self.taken.values() if seat.kernel == kernel), None)


@dataclass
class Bucket:
    """A pace: `rate` a second, and `size` at once; `wait` says how long whoever took too much must hold on."""

    rate: float
    size: float
    level: float = 0.0
    at: float = 0.0

    def wait(self, cost: float, now: float) -> float:
        self.level = max(0.0, self.level - (now - self.at) * self.rate) + cost
        self.at = now
        return max(0.0, (self.level - self.size) / self.rate)
