"""Clusters as plain processes: never root's, found again, ended whole, and idle ones after a while."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from tests.hub.gateway.world import eventually

BACKEND = "local"
MORE_CONFIG = "c.ClusterConfig.idle_timeout = 12\n"
pytestmark = pytest.mark.hub


def processes(cluster_name: str) -> list[psutil.Process]:
    """All processes of a cluster: scheduler, nannies and workers."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("DASK_GATEWAY_CLUSTER_NAME") == cluster_name:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_cluster_computes_as_nobody_important_and_ends_whole(bench):
    cluster = bench.cluster(bench.client("alice", "researchers"))
    cluster.scale(2)
    dask = cluster.get_client()
    dask.wait_for_workers(2, timeout=90)

    assert dask.submit(sum, range(10)).result(timeout=30) == 45
    alive = processes(cluster.name)
    assert len(alive) >= 3
    if os.geteuid() == 0:
        uids = {process.uids().real for process in alive}
        assert len(uids) == 1
        assert uids.pop() > bench.settings.spawner.local_uid_base
        assert dask.run(os.getgroups) == {key: [] for key in dask.scheduler_info()["workers"]}
    folder = Path(bench.settings.path("clusters", cluster.name))
    assert (folder.stat().st_mode & 0o777, (folder / "dask.pem").stat().st_mode & 0o777) == (0o700, 0o400)
    cluster.close(shutdown=True)
    eventually(lambda: not processes(cluster.name) and not folder.exists())


@pytest.mark.skipif(os.geteuid() != 0, reason="only a gateway of root's can give clusters users of their own")
def test_two_clusters_cannot_read_each_others_keys(bench):
    mine, hers = bench.cluster(bench.client("alice")), bench.cluster(bench.client("bob"))
    key = str(bench.settings.path("clusters", hers.name, "dask.pem"))

    with pytest.raises(PermissionError):
        mine.get_client().run_on_scheduler(lambda: Path(key).read_text())


def test_the_guard_is_asked_in_every_process(bench):
    cluster = bench.cluster(bench.client("alice"))
    cluster.scale(1)
    dask = cluster.get_client()
    dask.wait_for_workers(1, timeout=90)

    def loaded():
        import sys

        return "regional_hub.hub.tls_guard" in sys.modules

    assert dask.run_on_scheduler(loaded) is True
    assert set(dask.run(loaded).values()) == {True}
    assert set(dask.run(loaded, nanny=True).values()) == {True}


def test_a_killed_gateway_finds_its_processes_again(bench):
    client = bench.client("alice")
    cluster = bench.cluster(client)
    dask = cluster.get_client()

    bench.server.send(signal.SIGKILL)
    assert dask.run_on_scheduler(lambda: "here") == "here"
    bench.start_server()

    assert cluster.name in {one.name for one in client.list_clusters()}
    client.stop_cluster(cluster.name)
    eventually(lambda: not processes(cluster.name))


def test_an_idle_cluster_ends(bench):
    client = bench.client("alice")
    cluster = bench.cluster(client)

    eventually(lambda: cluster.name not in {one.name for one in client.list_clusters()}, 40)
    eventually(lambda: not processes(cluster.name))
