"""A dask-gateway back end on one Docker engine: each cluster is a network of its own, a scheduler and workers on it.

Everything is found again by name and label, never by memory: a gateway that was killed at any instant goes on with what
runs, and removes what belongs to no cluster that lives. Containers are hardened as servers are: no capability, no new
privilege, not root, read-only but for one volume, hard limits, and out of reach of other clusters.
"""

from __future__ import annotations

import asyncio
import io
import ipaddress
import tarfile
import time
from collections.abc import AsyncIterator, Callable
from functools import cached_property
from typing import Any

import docker
from dask_gateway_server.backends.base import ClusterConfig, PublicException
from dask_gateway_server.backends.db_base import DBBackendBase, JobStatus
from dask_gateway_server.traitlets import Type
from docker.errors import APIError, ImageNotFound, NotFound
from docker.types import IPAMConfig, IPAMPool, Mount
from traitlets import Dict, Instance, Unicode, default

from regional_hub.hub import engine
from regional_hub.hub.gateway import ClusterTraits, DatabasePolicyMixin, hosts_named

CLUSTER = "org.regional-hub.cluster"
WORKER = "org.regional-hub.worker"
OWNER = "org.regional-hub.owner"
UID = 1000
PLACE = "/dask"  # the one writable place: TLS files and what workers spill to disk
NANNY_MEMORY = 128 * 2**20  # what the process beside a worker takes of the container's memory
PREFIX_LENGTH = 27  # 29 containers in one cluster


class DockerClusterConfig(ClusterTraits, ClusterConfig):
    image = Unicode(config=True)


class DockerBackend(DatabasePolicyMixin, DBBackendBase):
    """Schedulers and workers as containers of the engine that DOCKER_HOST or the usual socket names."""

    cluster_config_class = Type(
        DockerClusterConfig, klass="dask_gateway_server.backends.base.ClusterConfig", config=True
    )
    mounts = Dict(help="Folders of the host that workers see read-only: {on the host: inside}.", config=True)
    _networks = Instance(asyncio.Lock)

    @default("_networks")
    def _make_lock_for_networks(self) -> asyncio.Lock:
        return asyncio.Lock()

    # --- names

    @property
    def _instance(self) -> str:
        return self.settings.instance

    def _prefix(self, cluster: Any) -> str:
        return f"rh{self._instance}-dask-{cluster.name[:12]}"

    def _scheduler(self, cluster: Any) -> str:
        return f"{self._prefix(cluster)}-scheduler"

    def _worker(self, worker: Any) -> str:
        return f"{self._prefix(worker.cluster)}-{worker.name[:12]}"

    def _labels(self, cluster: Any, worker: str = "") -> dict[str, str]:
        mine = {CLUSTER: cluster.name, OWNER: cluster.username, WORKER: worker}
        return {**engine.labels(self.settings, "cluster"), **mine}

    @property
    def _mine(self) -> dict[str, list[str]]:
        return {"label": [f"{key}={value}" for key, value in engine.labels(self.settings, "cluster").items()]}

    # --- the engine

    @cached_property
    def _api(self) -> docker.APIClient:
        return docker.APIClient(
            timeout=60, num_pools=self.parallelism, **docker.utils.kwargs_from_env(), version="auto"
        )

    async def _call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """One call of the engine's API in a thread; the client is made on first use: an engine may be away at start."""

        def run() -> Any:
            return getattr(self._api, method)(*args, **kwargs)

        return await asyncio.to_thread(run)

    async def do_setup(self) -> None:
        try:
            await self.sweep()
        except (docker.errors.DockerException, OSError) as error:
            self.log.error("The Docker engine does not answer, trying again until it does: %s", error)

    async def do_cleanup(self) -> None:
        if "_api" in self.__dict__:
            self._api.close()

    async def watch(self) -> None:
        await super().watch()
        await self.sweep()

    async def sweep(self) -> None:
        """Remove containers, networks and volumes of ours that belong to no living cluster or worker.

        A living one is in the database before the first thing of it is made, so nothing in the making is taken away.
        """
        found = await self._call("containers", all=True, filters=self._mine)
        networks = await self._call("networks", filters=self._mine)
        volumes = (await self._call("volumes", filters=self._mine))["Volumes"] or []
        living = {cluster.name: cluster for cluster in self.alive()}  # read after the engine was asked

        def orphan(labels: dict[str, str]) -> bool:
            cluster = living.get(labels.get(CLUSTER, ""))
            if cluster is None:
                return True
            worker = labels.get(WORKER)
            return bool(worker) and (
                worker not in cluster.workers or cluster.workers[worker].status >= JobStatus.STOPPED
            )

        for container in found:
            if orphan(container["Labels"]):
                self.log.info("Removing what a cluster left behind: container %s", container["Names"])
                await self._remove_container(container["Id"])
        for network in networks:
            if orphan(network["Labels"]):
                await self._remove_network(network["Id"])
        for volume in volumes:
            if orphan(volume["Labels"]):
                await self._forgive(self._call("remove_volume", volume["Name"]), 404, 409)

    async def _forgive(self, call: Any, *codes: int) -> None:
        try:
            await call
        except APIError as error:
            if error.status_code not in codes:
                raise

    async def _remove_container(self, name: str) -> None:
        await self._forgive(self._call("remove_container", name, force=True, v=True), 404, 409)  # 409: being removed

    async def _remove_network(self, name: str) -> None:
        await self._forgive(self._call("remove_network", name), 404)

    async def check_image(self, image: str) -> None:
        try:
            await self._call("inspect_image", image)
        except ImageNotFound as error:
            raise PublicException(
                f"Image {image!r} is not on this machine; restart your server to get the current one, or ask an "
                f"administrator to run `./hub image build`. / 本机没有镜像 {image!r}，请重启您的服务器或联系管理员。"
            ) from error
        except (docker.errors.DockerException, OSError) as error:
            self.log.error("The Docker engine does not answer: %s", error)
            raise PublicException(
                "The container engine does not answer; try again in a minute. / 容器引擎暂无响应，请稍后再试。"
            ) from error

    # --- a network per cluster

    async def _network(self, cluster: Any) -> dict[str, str]:
        """Make the cluster's network, or find it: a gateway killed in the middle starts the cluster again."""
        async with self._networks:
            networks = await self._call("networks")
            for network in networks:
                if network["Name"] == self._prefix(cluster):
                    return {"network": network["Id"], "subnet": network["IPAM"]["Config"][0]["Subnet"]}
            used = [
                ipaddress.ip_network(pool["Subnet"])
                for network in networks
                for pool in (network["IPAM"] or {}).get("Config") or []
                if "." in pool.get("Subnet", "")
            ]
            pool = ipaddress.IPv4Network(self.settings.network.cluster_pool)
            for number, subnet in enumerate(pool.subnets(new_prefix=PREFIX_LENGTH)):
                if not any(subnet.overlaps(other) for other in used):
                    with_id = await self._create_network(cluster, number, subnet)
                    if with_id:
                        return {"network": with_id, "subnet": str(subnet)}
        raise RuntimeError(f"no free /{PREFIX_LENGTH} network in network.cluster_pool = {pool}")

    async def _create_network(self, cluster: Any, number: int, subnet: ipaddress.IPv4Network) -> str | None:
        """None when another hub on the machine took the addresses in between."""
        try:
            made = await self._call(
                "create_network",
                self._prefix(cluster),
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))]),
                options={"com.docker.network.bridge.name": f"rh{self._instance}d{number}"},
                labels=self._labels(cluster),
                check_duplicate=True,
            )
        except APIError as error:
            if error.status_code == 403 and "overlap" in str(error.explanation).lower():
                return None
            raise
        return str(made["Id"])

    def check_addresses(self, cluster: Any, message: dict[str, Any]) -> None:
        """A scheduler says where the gateway's proxy sends people: only into its own network, never to the host."""
        subnet = ipaddress.IPv4Network(cluster.state["subnet"])
        for host in hosts_named(message):
            inside = {str(address) for address in subnet} - {str(subnet[1])}  # that one is this host
            if host not in inside:
                raise PublicException(f"{host} is not in this cluster's network {subnet}")

    # --- containers

    def get_tls_paths(self, cluster: Any) -> tuple[str, str]:
        return f"{PLACE}/tls/dask.crt", f"{PLACE}/tls/dask.pem"

    def worker_nthreads_memory_limit_args(self, cluster: Any) -> tuple[str, str]:
        memory = cluster.config.worker_memory
        return str(cluster.config.worker_threads), str(max(memory - NANNY_MEMORY, memory // 2))

    def get_env(self, cluster: Any) -> dict[str, str]:
        place = {"HOME": f"{PLACE}/work", "DASK_TEMPORARY_DIRECTORY": f"{PLACE}/work"}
        return {**super().get_env(cluster), **place}

    def _files(self, cluster: Any) -> bytes:
        """The volume's content as a tar archive: TLS files and the working folder, the container user's alone."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for folder in ("tls", "work"):
                self._add(archive, folder, None)
            for path, data in zip(self.get_tls_paths(cluster), (cluster.tls_cert, cluster.tls_key), strict=True):
                self._add(archive, path.removeprefix(PLACE + "/"), data)
        return buffer.getvalue()

    @staticmethod
    def _add(archive: tarfile.TarFile, name: str, data: bytes | None) -> None:
        entry = tarfile.TarInfo(name)
        entry.uid = entry.gid = UID
        entry.mtime = int(time.time())
        entry.type = tarfile.DIRTYPE if data is None else tarfile.REGTYPE
        entry.mode = 0o700 if data is None else 0o400
        entry.size = len(data or b"")
        archive.addfile(entry, io.BytesIO(data or b""))

    def _host_config(self, cluster: Any, labels: dict[str, str], memory: int, cpus: float, pids: int) -> dict[str, Any]:
        mounts = [Mount(inside, host, type="bind", read_only=True) for host, inside in self.mounts.items()]
        mounts.append(Mount(PLACE, None, type="volume", labels=labels))
        made: dict[str, Any] = self._api.create_host_config(
            network_mode=cluster.state["network"],
            mounts=mounts,
            init=True,
            mem_limit=memory,
            memswap_limit=memory,
            cpu_period=100_000,
            cpu_quota=int(cpus * 100_000),
            pids_limit=pids,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            tmpfs={"/tmp": "rw,nosuid,nodev,size=64m"},  # noqa: S108 - in the container
            log_config={"Type": "json-file", "Config": {"max-size": "5m", "max-file": "1"}},
        )
        return made

    async def _start(
        self, name: str, cluster: Any, command: list[str], env: dict[str, str], host: Callable[[], Any]
    ) -> None:
        """Make and start a container under its name; one that a killed gateway left half made is made anew."""
        await self._remove_container(name)
        host_config = await asyncio.to_thread(host)
        await self._call(
            "create_container",
            cluster.config.image,
            name=name,
            command=command,
            environment=env,
            user=f"{UID}:{UID}",
            working_dir=f"{PLACE}/work",
            labels=host_config["Mounts"][-1]["VolumeOptions"]["Labels"],
            host_config=host_config,
        )
        await self._call("put_archive", name, PLACE, self._files(cluster))
        await self._call("start", name)

    async def do_start_cluster(self, cluster: Any) -> AsyncIterator[dict[str, str]]:
        cluster.state = await self._network(cluster)
        yield cluster.state
        config, labels = cluster.config, self._labels(cluster)
        await self._start(
            self._scheduler(cluster),
            cluster,
            self.get_scheduler_command(cluster),
            self.get_scheduler_env(cluster),
            lambda: self._host_config(cluster, labels, config.scheduler_memory, config.scheduler_cores, 256),
        )
        yield cluster.state

    async def do_stop_cluster(self, cluster: Any) -> None:
        if cluster.target == JobStatus.FAILED:
            await self._log_last_words(cluster)
        mine = await self._call("containers", all=True, filters={"label": f"{CLUSTER}={cluster.name}"})
        for container in mine:
            await self._remove_container(container["Id"])
        await self._remove_network(self._prefix(cluster))

    async def _log_last_words(self, cluster: Any) -> None:
        try:
            text = await self._call("logs", self._scheduler(cluster), tail=20)
        except NotFound:
            return
        self.log.warning("Last words of the scheduler of %s:\n%s", cluster.name, text.decode(errors="replace"))

    async def do_start_worker(self, worker: Any) -> AsyncIterator[dict[str, str]]:
        cluster = worker.cluster
        config, labels = cluster.config, self._labels(cluster, worker.name)
        yield {"container": self._worker(worker)}
        await self._start(
            self._worker(worker),
            cluster,
            self.get_worker_command(cluster, worker.name),
            self.get_worker_env(cluster),
            lambda: self._host_config(cluster, labels, config.worker_memory, config.worker_cpus, config.worker_pids),
        )

    async def do_stop_worker(self, worker: Any) -> None:
        await self._remove_container(self._worker(worker))

    async def _running(self) -> set[str]:
        up = await self._call("containers", filters=self._mine)
        return {name.removeprefix("/") for container in up for name in container["Names"]}

    async def do_check_clusters(self, clusters: list[Any]) -> list[bool]:
        up = await self._running()
        return [self._scheduler(cluster) in up for cluster in clusters]

    async def do_check_workers(self, workers: list[Any]) -> list[bool]:
        up = await self._running()
        return [self._worker(worker) in up for worker in workers]
