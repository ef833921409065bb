"""Policy of the Dask gateway, shared by all back ends: what people may choose, caps over all clusters of a person,
clusters that end with their owner's server, and distrust of what a scheduler says about itself.

Trust boundary: `cluster_options` and scale requests come from people; heartbeats come from a scheduler in which its
owner runs any code. The caps are therefore enforced where the gateway starts workers, not where it is asked to.
"""

from __future__ import annotations

import asyncio
import copy
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote, urlsplit

import aiohttp
from aiohttp import web
from dask_gateway_server.auth import JupyterHubAuthenticator
from dask_gateway_server.backends.base import PublicException
from dask_gateway_server.backends.db_base import JobStatus
from dask_gateway_server.models import User
from dask_gateway_server.options import Bool as BoolOption
from dask_gateway_server.options import Options, Select, String
from traitlets import Bool, Float, HasTraits, Instance, Integer, List, Unicode, default
from traitlets.config import Configurable

from regional_hub.hub import gateway_policy as policy
from regional_hub.settings import Settings

PREFIX = "/services/dask-gateway"
SERVICE = "dask-gateway"


class ClusterTraits(HasTraits):
    """What our policy remembers with a cluster, beside what dask-gateway does."""

    profile = Unicode(config=True)
    keep = Bool(False, config=True)
    owner_groups = List(Unicode(), config=True)
    worker_cpus = Float(1, min=0, config=True)
    worker_pids = Integer(256, config=True)


class HubAuthenticator(JupyterHubAuthenticator):
    """Sign-in by a token of the Hub, which must carry the scope `access:services!service=dask-gateway`."""

    async def authenticate(self, request: web.Request) -> User:
        try:
            return await super().authenticate(request)
        except web.HTTPInternalServerError as error:  # what the Hub answers to a token it does not know: not our fault
            raise web.HTTPUnauthorized(
                reason="The Hub does not accept this token (403): unknown, expired or revoked",
                headers={"WWW-Authenticate": "jupyterhub"},
            ) from error


class ImageOption(String):
    """The image of scheduler and workers; any text is refused that settings do not allow to this person."""

    def __init__(self, settings: Settings, groups: set[str], default: str) -> None:
        self._allowed = lambda image: policy.image_allowed(settings, groups, image)
        self._listed = [policy.repository(settings.spawner.image) + ":…", *settings.spawner.allowed_images]
        super().__init__("image", default=default, label="Image")

    def validate(self, x: Any) -> str:
        image = super().validate(x)
        if image and not self._allowed(image):
            listed = ", ".join(self._listed)
            raise ValueError(
                f"image {image!r} is not allowed; allowed: {listed} / 不允许使用镜像 {image!r}，可用：{listed}"
            )
        return str(image)


class PolicyMixin(Configurable):
    """Put before a dask-gateway back end. A back end says what it holds by `holds`, `find` and `alive`."""

    settings = Instance(Settings, config=True)
    hub_api_url = Unicode(help="The Hub's API, asked which owners have a running server.", config=True)
    hub_api_token = Unicode(config=True)
    default_image = Unicode(
        "", help="Image of a cluster whose maker names none; empty: there is no choice of image.", config=True
    )
    owner_check_period = Float(30, help="Seconds between two looks at who has a server.", config=True)
    owner_grace = Float(120, help="Seconds that an owner must be without a server before clusters end.", config=True)

    _admission = Instance(asyncio.Lock)
    _loops: list[asyncio.Task[None]]

    @default("_admission")
    def _make_lock(self) -> asyncio.Lock:
        return asyncio.Lock()

    # --- what a back end says

    def find(self, name: str) -> Any:
        """The cluster of this name as the back end keeps it, or None."""
        raise NotImplementedError

    def alive(self) -> list[Any]:
        """Clusters that hold something, of all people."""
        raise NotImplementedError

    def workers_of(self, cluster: Any) -> int:
        """How many workers a cluster holds or has been promised."""
        raise NotImplementedError

    def check_addresses(self, cluster: Any, message: dict[str, Any]) -> None:
        """Raise PublicException when a scheduler names addresses that are not its own."""

    async def check_image(self, image: str) -> None:
        """Raise PublicException when the image cannot be run here."""

    # --- life

    async def setup(self, app: web.Application) -> None:
        self._groups: dict[str, frozenset[str]] = {}
        self._wanted: dict[str, int] = {}
        app.middlewares.append(self._say_what_is_held)
        await super().setup(app)  # type: ignore[misc]
        session = cast(aiohttp.ClientSession, self.session)  # type: ignore[has-type]
        await session.close()
        self.session = _session_without_redirects()
        self._loops = [asyncio.create_task(self._forever(self._check_owners, self.owner_check_period))]

    async def cleanup(self) -> None:
        for loop in getattr(self, "_loops", []):
            loop.cancel()
            with suppress(asyncio.CancelledError):
                await loop
        await super().cleanup()  # type: ignore[misc]

    async def _forever(self, step: Callable[[], Awaitable[None]], period: float) -> None:
        while True:
            await asyncio.sleep(period)
            try:
                await step()
            except Exception as error:
                self.log.warning("%s: %s: %s", step.__name__, type(error).__name__, error)  # type: ignore[attr-defined]

    # --- what people may choose

    async def get_cluster_options(self, user: User) -> Options:
        self._groups[user.name] = frozenset(user.groups)
        profiles = policy.worker_profiles(self.settings, user.groups)
        if not profiles:
            raise PublicException("No worker size is open to your groups. / 您所在的组没有可用的工作进程规格。")
        fields = [
            Select("profile", list(profiles), label="Size of a worker"),
            BoolOption("keep", False, label="Keep when my server stops"),
        ]
        if self.default_image:
            fields.append(ImageOption(self.settings, set(user.groups), self.default_image))

        def handler(chosen: Any) -> dict[str, Any]:
            size = profiles[chosen.profile]
            found = {
                "profile": chosen.profile,
                "keep": chosen.keep,
                "owner_groups": sorted(user.groups),
                "worker_cores": max(1, math.ceil(size.cpus)),
                "worker_cpus": size.cpus,
                "worker_memory": int(size.memory_gb * policy.GIB),
                "worker_pids": size.pids,
                "scheduler_memory": policy.SCHEDULER_MEMORY,
            }
            return found | ({"image": chosen.image or self.default_image} if self.default_image else {})

        return Options(*fields, handler=handler)

    async def start_cluster(self, user: User, cluster_options: dict[str, Any]) -> str:
        async with self._admission:  # two requests at once see each other
            _, config = await self.process_cluster_options(user, cluster_options)  # type: ignore[attr-defined]
            new = policy.Hold("", 0, config.worker_memory, config.worker_cpus, config.scheduler_memory)
            reason = policy.refusal(self._caps(user.name), new, self.holds(user.name))
            if reason:
                raise PublicException(reason)
            if self.default_image:
                await self.check_image(config.image)
            return str(await super().start_cluster(user, cluster_options))  # type: ignore[misc]

    # --- caps

    def _caps(self, owner: str, remembered: list[str] | None = None) -> policy.Caps:
        groups = self._groups.get(owner)
        return policy.caps(self.settings, remembered or [] if groups is None else groups)

    def _hold(self, cluster: Any) -> policy.Hold:
        config = cluster.config
        return policy.Hold(
            cluster.name,
            self.workers_of(cluster),
            config["worker_memory"],
            config["worker_cpus"],
            config["scheduler_memory"],
        )

    def holds(self, owner: str) -> list[policy.Hold]:
        """What all clusters of a person take of the caps."""
        return [self._hold(cluster) for cluster in self.alive() if cluster.username == owner]

    def _room(self, cluster: Any) -> tuple[policy.Caps, policy.Hold, list[policy.Hold]]:
        others = [hold for hold in self.holds(cluster.username) if hold.cluster != cluster.name]
        return self._caps(cluster.username, cluster.config.get("owner_groups")), self._hold(cluster), others

    async def on_cluster_heartbeat(self, cluster_name: str, msg: dict[str, Any]) -> None:
        cluster = self.find(cluster_name)
        if cluster is not None:
            self.check_addresses(cluster, msg)
            self._wanted[cluster_name] = msg["count"]
            msg = {**msg, "count": min(msg["count"], policy.limit(*self._room(cluster)).workers)}
        await super().on_cluster_heartbeat(cluster_name, msg)  # type: ignore[misc]

    def notice(self, cluster_name: str, wanted: int | None = None) -> str | None:
        """Why a cluster has fewer workers than wanted (by default: than its scheduler asked for last)."""
        cluster = self.find(cluster_name)
        if cluster is None:
            return None
        wanted = self._wanted.get(cluster_name, 0) if wanted is None else wanted
        return policy.shortfall(*self._room(cluster), wanted)

    @web.middleware
    async def _say_what_is_held(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """A request to scale beyond the caps is held, and its answer says so: the client shows it as a warning."""
        response: web.StreamResponse = await handler(request)
        action = request.path.rpartition("/")[2]
        if request.method != "POST" or action not in ("scale", "adapt") or response.status != 200:
            return response
        asked = await request.json()
        wanted = max(asked.get(key) or 0 for key in ("count", "minimum", "maximum"))
        if asked.get("active", True) and (text := self.notice(request.match_info["cluster_name"], wanted)):
            return web.json_response({"ok": False, "msg": text})
        return response

    async def get_cluster(self, cluster_name: str, wait: bool = False) -> Any:
        return self._with_notice(await super().get_cluster(cluster_name, wait=wait))  # type: ignore[misc]

    async def list_clusters(self, username: str | None = None, statuses: Any = None) -> list[Any]:
        found = await super().list_clusters(username=username, statuses=statuses)  # type: ignore[misc]
        return [self._with_notice(cluster) for cluster in found]

    def _with_notice(self, model: Any) -> Any:
        if model is None or not (text := self.notice(model.name)):
            return model
        told = copy.copy(model)
        told.options = {**model.options, "notice": text}
        return told

    # --- clusters end with their owner's server

    async def _check_owners(self) -> None:
        """Stop clusters whose owner has had no server for `owner_grace`. A Hub that does not answer stops nothing."""
        owners = {c.username for c in self.alive() if not c.username.startswith("service:")}
        self._wanted = {c.name: self._wanted.get(c.name, 0) for c in self.alive()}
        absent = self.__dict__.setdefault("_absent", {})
        for owner in [*absent]:
            if owner not in owners:
                del absent[owner]
        try:
            for owner in sorted(owners):
                if await self._has_server(owner):
                    absent.pop(owner, None)
                else:
                    absent.setdefault(owner, time.monotonic())
        except (aiohttp.ClientError, TimeoutError):
            absent.clear()
            raise
        gone = {owner for owner, since in absent.items() if time.monotonic() - since >= self.owner_grace}
        for cluster in self.alive():
            if cluster.username in gone and not cluster.config.get("keep"):
                self.log.info("Owner %s has no server, stopping cluster %s", cluster.username, cluster.name)  # type: ignore[attr-defined]
                await self.stop_cluster(cluster.name)  # type: ignore[attr-defined]

    async def _has_server(self, owner: str) -> bool:
        url = f"{self.hub_api_url}/users/{quote(owner, safe='')}"
        headers = {"Authorization": f"token {self.hub_api_token}"}
        async with self.session.get(url, headers=headers, timeout=aiohttp.ClientTimeout(total=15)) as answer:
            if answer.status == 404:  # the person is gone
                return False
            answer.raise_for_status()
            person = await answer.json()
        self._groups[owner] = frozenset(person.get("groups", ()))
        if "servers" not in person:
            raise aiohttp.ClientError("the gateway's service token lacks the scope read:servers")
        return bool(person["servers"])


class DatabasePolicyMixin(PolicyMixin):
    """The same for back ends that keep their clusters in dask-gateway's own database: docker and local."""

    watch_period = Float(
        5, help="Seconds between two looks at running schedulers and at what was left behind.", config=True
    )

    async def setup(self, app: web.Application) -> None:
        await super().setup(app)
        self._count_events_from_now()
        self._loops.append(asyncio.create_task(self._forever(self.watch, self.watch_period)))

    def _count_events_from_now(self) -> None:
        """Make a proxy that outlived another gateway server load all routes anew.

        Events are counted from 1 in each server's life; a proxy that asks for those after the last it saw would miss
        what this server did before the proxy came back. Counted from the time, its number is too old, which it is told.
        """
        proxy, now = self.proxy, int(time.time() * 1000)  # type: ignore[attr-defined]
        proxy.events = [{**event, "id": event["id"] + now} for event in proxy.events]
        proxy.offset += now
        proxy._next_id += now

    def find(self, name: str) -> Any:
        return self.db.get_cluster(name)  # type: ignore[attr-defined]

    def alive(self) -> list[Any]:
        return [c for c in self.db.name_to_cluster.values() if c.status < JobStatus.STOPPED]  # type: ignore[attr-defined]

    def workers_of(self, cluster: Any) -> int:
        there = sum(1 for worker in cluster.workers.values() if worker.status < JobStatus.STOPPED)
        return max(there, int(cluster.count))

    async def watch(self) -> None:
        """End clusters whose scheduler died: dask-gateway itself would see it only by missed heartbeats."""
        running = [c for c in self.alive() if c.status == JobStatus.RUNNING and c.target == JobStatus.RUNNING]
        up = await self.do_check_clusters(running)  # type: ignore[attr-defined]
        for cluster, ok in zip(running, up, strict=True):
            if not ok:
                self.log.warning("Scheduler of cluster %s is gone, stopping what is left", cluster.name)  # type: ignore[attr-defined]
                await self.stop_cluster(cluster.name, failed=True)  # type: ignore[attr-defined]


def hosts_named(message: dict[str, Any]) -> list[str]:
    """The hosts in a heartbeat's addresses. Raises PublicException when one of them is not an address."""
    found = []
    for key in ("scheduler_address", "dashboard_address", "api_address"):
        if address := message.get(key):
            try:
                host = urlsplit(address).hostname
            except (TypeError, ValueError, AttributeError):
                host = None
            if not host:
                raise PublicException(f"{key} is not an address: {address!r}")
            found.append(host)
    return found


def _session_without_redirects() -> aiohttp.ClientSession:
    """The gateway posts to addresses that schedulers gave it: none of them sends it elsewhere."""

    async def stop(_session: aiohttp.ClientSession, _context: SimpleNamespace, facts: Any) -> None:
        raise aiohttp.ClientError(f"{facts.url} redirects, which is not followed")

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(stop)
    return aiohttp.ClientSession(trace_configs=[trace])
