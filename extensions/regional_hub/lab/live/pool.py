"""The kernels of an app: never too many, some that have run the notebook before anybody asks, all watched.

Voila's own pool starts a kernel for whoever comes when it is empty, has no upper bound and never looks at the data
again; this one counts every kernel from before it starts until after it ended.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from regional_hub.lab.live import limits, plan
from regional_hub.lab.live.plan import AppPlan
from regional_hub.lab.live.render import LiveRenderer, Page
from regional_hub.lab.live.seats import Reason, Seat, Seats

OLDEST = 6 * 3600.0  # seconds after which a preheated kernel is made anew
LOOK_AT_DATA = 15.0  # seconds between looks for a new release
ARRIVING = 2.0  # seconds that who comes has the machine for their page, before kernels are heated again
HOLD_ON = 30.0  # seconds before heating is tried again after it failed; doubled each time
ALLOWED = ["comm_open", "comm_close", "comm_msg", "comm_info_request", "kernel_info_request"]
LOG = logging.getLogger("regional_hub.live")


class Full(RuntimeError):
    """No kernel is free and none may be started."""


class LiveKernels(AsyncMappingKernelManager):
    """Kernels as Jupyter's server runs them; nothing starts, restarts or culls them but the pool."""

    def initialize_culler(self) -> None:
        self._initialized_culler = True


@dataclass
class Warm:
    """A kernel with its page, before and after somebody sits there."""

    release: str
    born: float
    page: Page = field(default_factory=Page)
    kernel: str = field(default_factory=lambda: str(uuid.uuid4()))
    pid: int = 0
    task: asyncio.Task[None] | None = None


class Pool:
    """All kernels of one app. `render` makes a renderer for the notebook; `shut` closes the websockets of a seat."""

    def __init__(
        self,
        app: AppPlan,
        kernels: LiveKernels,
        render: Callable[[], LiveRenderer],
        shut: Callable[[Seat, Reason], None],
    ) -> None:
        self.app, self.kernels, self.render, self.shut = app, kernels, render, shut
        self.seats = Seats()
        self.warm: list[Warm] = []  # nobody's yet
        self.used: dict[str, Warm] = {}  # by seat
        self.ending = 0  # kernels that are on their way out still take memory
        self.release = plan.release()
        self._looked = self._hold = self._arrival = 0.0
        self._patience = HOLD_ON
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def count(self) -> int:
        return len(self.warm) + len(self.used) + self.ending

    @property
    def ready(self) -> int:
        return sum(1 for one in self.warm if one.page.done)

    def sit(self, name: str) -> Warm:
        """The kernel and page of this seat: its own, else a preheated, else a new one. Raises Full."""
        if name in self.used:
            return self.used[name]
        now, whole = time.monotonic(), len(self.warm) >= self.app.preheat
        if self.warm:
            self.warm.sort(key=lambda one: not one.page.done)
            place = self.warm.pop(0)
        elif self.count < self.app.kernels:
            place = self._start()
        else:
            raise Full
        if whole:  # who comes while kernels are owed does not put them off
            self._arrival = now + ARRIVING
        self.used[name] = place
        self.seats.sit(name, place.kernel, now)
        return place

    def fill(self) -> None:
        """Heat as many as there should be, within the bound; not while somebody's page is loading."""
        if time.monotonic() < max(self._hold, self._arrival):
            return
        while len(self.warm) < self.app.preheat and self.count < self.app.kernels:
            self.warm.append(self._start())

    def _start(self) -> Warm:
        place = Warm(self.release, time.monotonic())
        place.task = self._spawn(self._make(place))
        return place

    async def _make(self, place: Warm) -> None:
        """Start the kernel, run the notebook, and tell the page part by part: its head before there is a kernel."""
        try:
            renderer = self.render()
            await renderer.initialize()
            booting = self._spawn(self._boot(place, renderer.notebook.metadata.kernelspec.name))
            try:
                async for part, _ in renderer.generate_content_generator(place.kernel, asyncio.shield(booting)):
                    await place.page.add(part)
            finally:  # whoever ends this place must find its kernel
                await asyncio.wait([booting])
            self._patience = HOLD_ON
        except asyncio.CancelledError:
            raise
        except Exception:
            LOG.exception("A kernel could not run the notebook")
            self._hold, self._patience = time.monotonic() + self._patience, min(self._patience * 2, 900.0)
            await self._lose(place)
        finally:
            await place.page.finish()

    async def _boot(self, place: Warm, name: str) -> Any:
        """The manager of a kernel that was started and has its limits."""
        env, cwd = plan.kernel_environment(), str(self.app.notebook.parent)
        await self.kernels.start_kernel(kernel_id=place.kernel, kernel_name=name, cwd=cwd, env=env)
        manager = self.kernels.get_kernel(place.kernel)
        provisioner: Any = manager.provisioner
        place.pid = int(provisioner.pid)
        limits.confine(place.pid, self.app.memory_mb)
        return manager

    async def _lose(self, place: Warm) -> None:
        for seat, used in list(self.used.items()):
            if used is place:
                await self.end(seat, "crash")
        if place in self.warm:
            self.warm.remove(place)
            await self._stop(place)

    async def end(self, name: str, reason: Reason) -> bool:
        """End a seat and its kernel; False where nobody sat there."""
        seat, place = self.seats.end(name, reason), self.used.pop(name, None)
        if seat is None or place is None:
            return False
        LOG.info("seat %s ended: %s", name[:8], reason)
        await place.page.add(f'<script>window.liveEnded&&liveEnded("{reason}")</script>')
        self.shut(seat, reason)
        await self._stop(place)
        self.fill()
        return True

    async def _stop(self, place: Warm) -> None:
        self.ending += 1
        try:
            if place.task and place.task is not asyncio.current_task():
                place.task.cancel()
                await asyncio.wait([place.task], timeout=5)
            if place.kernel and place.kernel in self.kernels:
                with suppress(Exception):
                    await self.kernels.shutdown_kernel(place.kernel, now=True)
        finally:
            self.ending -= 1

    async def watch(self) -> None:
        """Look after all kernels, once a second, for as long as the server runs."""
        self.fill()
        while True:
            await asyncio.sleep(1)
            try:
                await self.sweep(time.monotonic())
            except Exception:
                LOG.exception("The watch over kernels went wrong; it goes on")

    async def sweep(self, now: float) -> None:
        """End what is dead, too large, or over; make stale preheated kernels anew."""
        if now - self._looked > LOOK_AT_DATA:
            self._looked, self.release = now, plan.release()
        used = limits.usage()
        for name, seat in list(self.seats.taken.items()):
            reason = await self._fault(self.used[name], used)
            reason = reason or seat.over(now, self.app.idle_seconds, self.app.away_seconds)
            if reason:
                self._spawn(self.end(name, reason))
        for place in list(self.warm):
            stale = place.page.done and (place.release != self.release or now - place.born > OLDEST)
            fault = await self._fault(place, used)
            if fault:
                LOG.warning("A preheated kernel is gone: %s", fault)
                self._hold, self._patience = now + self._patience, min(self._patience * 2, 900.0)
            if (stale or fault) and place in self.warm:
                self.warm.remove(place)
                self._spawn(self._stop(place))
        self.fill()

    async def _fault(self, place: Warm, used: dict[int, int]) -> Reason | None:
        if not place.pid:
            return None
        if place.kernel not in self.kernels or not await ensure_async(self.kernels.get_kernel(place.kernel).is_alive()):
            return "crash"
        return "memory" if used.get(place.pid, 0) > self.app.memory_mb * 2**20 else None

    def _spawn(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
