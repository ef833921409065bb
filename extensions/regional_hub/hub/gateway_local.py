"""A dask-gateway back end of plain processes, for evaluation on a machine without a container engine.

Never as root: a gateway started by root gives each cluster a user id of its own, so that clusters of two people can
neither read each other's keys nor signal each other. Memory is watched by Dask's nanny only; there are no hard limits.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from dask_gateway_server.backends.base import ClusterConfig, PublicException
from dask_gateway_server.backends.db_base import DBBackendBase, JobStatus
from dask_gateway_server.traitlets import Type
from traitlets import List, Unicode

from regional_hub.hub.gateway import ClusterTraits, DatabasePolicyMixin, hosts_named

# Clusters' user ids lie this far above `spawner.local_uid_base`, out of the way of people's servers.
UID_OFFSET = 1_000_000


class LocalClusterConfig(ClusterTraits, ClusterConfig):
    pass


class LocalBackend(DatabasePolicyMixin, DBBackendBase):
    """Schedulers and workers as processes of this machine."""

    cluster_config_class = Type(
        LocalClusterConfig, klass="dask_gateway_server.backends.base.ClusterConfig", config=True
    )
    clusters_directory = Unicode(help="Working folders of clusters are made in here.", config=True)
    inherited = List(["PATH", "PYTHONPATH", "LANG", "LC_ALL"], help="Variables that clusters take over.", config=True)
    default_host = "127.0.0.1"

    def uid(self, cluster: Any) -> int | None:
        """The user id of a cluster's processes; None where the gateway itself is unprivileged."""
        return self.settings.spawner.local_uid_base + UID_OFFSET + int(cluster.id) if os.geteuid() == 0 else None

    def _folder(self, cluster: Any) -> Path:
        return Path(self.clusters_directory) / cluster.name

    def get_tls_paths(self, cluster: Any) -> tuple[str, str]:
        return str(self._folder(cluster) / "dask.crt"), str(self._folder(cluster) / "dask.pem")

    def get_env(self, cluster: Any) -> dict[str, str]:
        folder = str(self._folder(cluster))
        kept = {name: os.environ[name] for name in self.inherited if name in os.environ}
        place = {"HOME": folder, "DASK_TEMPORARY_DIRECTORY": folder}
        return {**kept, **super().get_env(cluster), **place}

    def check_addresses(self, cluster: Any, message: dict[str, Any]) -> None:
        if any(host != "127.0.0.1" for host in hosts_named(message)):
            raise PublicException("a scheduler of this machine listens on 127.0.0.1")

    def _make_folder(self, cluster: Any) -> None:
        folder, uid = self._folder(cluster), self.uid(cluster)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        for path, data in zip(self.get_tls_paths(cluster), (cluster.tls_cert, cluster.tls_key), strict=True):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as file:
                file.write(data)
            if uid is not None:
                os.chown(path, uid, uid)
        if uid is not None:
            os.chown(folder, uid, uid)

    async def _start(self, cluster: Any, command: list[str], env: dict[str, str], name: str) -> dict[str, Any]:
        uid = self.uid(cluster)
        identity = {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}
        log = os.open(
            self._folder(cluster) / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600
        )
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=env,
                cwd=self._folder(cluster),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                **identity,  # type: ignore[arg-type]
            )
        finally:
            os.close(log)
        return {"pid": process.pid, "born": _born(process.pid)}

    async def do_start_cluster(self, cluster: Any) -> AsyncIterator[dict[str, Any]]:
        self._make_folder(cluster)
        yield {}
        yield await self._start(
            cluster, self.get_scheduler_command(cluster), self.get_scheduler_env(cluster), "scheduler"
        )

    async def do_stop_cluster(self, cluster: Any) -> None:
        if cluster.target == JobStatus.FAILED:
            with suppress(OSError):
                words = (self._folder(cluster) / "scheduler.log").read_text(errors="replace")[-4000:]
                self.log.warning("Last words of the scheduler of %s:\n%s", cluster.name, words)
        await _stop(cluster.state)
        shutil.rmtree(self._folder(cluster), ignore_errors=True)

    async def do_start_worker(self, worker: Any) -> AsyncIterator[dict[str, Any]]:
        cluster = worker.cluster
        command = self.get_worker_command(cluster, worker.name)
        yield await self._start(cluster, command, self.get_worker_env(cluster), f"worker-{worker.name}")

    async def do_stop_worker(self, worker: Any) -> None:
        await _stop(worker.state)

    async def do_check_clusters(self, clusters: list[Any]) -> list[bool]:
        return [_runs(cluster.state) for cluster in clusters]

    async def do_check_workers(self, workers: list[Any]) -> list[bool]:
        return [_runs(worker.state) for worker in workers]


def _born(pid: int) -> str:
    """When a process started, in the kernel's clock ticks: with its id that names it for ever. "" when it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if words[0] == "Z" else words[19]


def _runs(state: dict[str, Any]) -> bool:
    """Whether the very process that was started still runs, not another one that got its number since."""
    return bool(state.get("pid")) and bool(state.get("born")) and _born(state["pid"]) == state["born"]


async def _stop(state: dict[str, Any]) -> None:
    """End a process and all it started: asked first, then made to."""
    if not _runs(state):
        return
    for sign, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.killpg(state["pid"], sign)
        while patience > 0 and _runs(state):
            await asyncio.sleep(0.1)
            patience -= 0.1
    with suppress(ProcessLookupError):
        os.killpg(state["pid"], signal.SIGKILL)  # what a nanny left in its group
