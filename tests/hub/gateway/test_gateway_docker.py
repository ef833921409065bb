"""Clusters as containers: hardened, apart from one another, on the notebook's own image, and gone without a trace."""

from __future__ import annotations

import docker
import httpx
import pytest

from regional_hub.hub import engine, gateway_process, network
from tests.hub.gateway.world import eventually

pytestmark = pytest.mark.docker


@pytest.fixture
def daemon() -> docker.DockerClient:
    client = engine.client()
    assert client is not None
    return client


def ours(world, daemon) -> list:
    """Containers, networks and volumes of clusters that are there now."""
    mine = {"label": [f"{k}={v}" for k, v in engine.labels(world.settings, "cluster").items()]}
    return [
        *daemon.containers.list(all=True, filters=mine, ignore_removed=True),
        *daemon.networks.list(filters=mine),
        *daemon.volumes.list(filters=mine),
    ]


def containers(world, daemon, cluster) -> dict:
    """The cluster's containers by role: scheduler, and workers by name."""
    found = daemon.containers.list(filters={"label": f"org.regional-hub.cluster={cluster.name}"})
    return {one.labels["org.regional-hub.worker"] or "scheduler": one for one in found}


def worker_container(world, daemon, cluster):
    return next(one for name, one in containers(world, daemon, cluster).items() if name != "scheduler")


def run(container, code: str) -> str:
    done = container.exec_run(["python", "-c", code])
    return done.output.decode()


def test_a_cluster_computes_on_two_workers_and_leaves_nothing_behind(bench, daemon):
    client = bench.client("alice", "researchers")

    cluster = bench.cluster(client)
    cluster.scale(2)
    dask = cluster.get_client()
    dask.wait_for_workers(2, timeout=60)

    assert dask.submit(sum, range(10)).result(timeout=30) == 45
    assert len(ours(bench, daemon)) == 3 + 1 + 3
    cluster.close(shutdown=True)
    eventually(lambda: not ours(bench, daemon))


def test_containers_are_hardened(bench, daemon):
    cluster = bench.cluster(bench.client("alice", "researchers"), profile="medium")
    cluster.scale(1)
    cluster.get_client().wait_for_workers(1, timeout=60)

    for container in containers(bench, daemon, cluster).values():
        config, host = container.attrs["Config"], container.attrs["HostConfig"]
        assert config["User"] == "1000:1000"
        assert config["Image"] == bench.image
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert host["ReadonlyRootfs"] is True
        assert host["Memory"] == host["MemorySwap"] > 0
        assert host["PidsLimit"] > 0
        assert all(mount["Type"] == "volume" or mount["RW"] is False for mount in container.attrs["Mounts"])
        assert "docker.sock" not in str(container.attrs["Mounts"])
    worker = worker_container(bench, daemon, cluster)
    assert worker.attrs["HostConfig"]["Memory"] == 4 * 2**30
    assert worker.attrs["HostConfig"]["CpuQuota"] == 200_000
    assert "Read-only file system" in run(worker, "open('/opt/mine', 'w')")
    bridge = daemon.networks.list(filters={"label": f"org.regional-hub.cluster={cluster.name}"})[0]
    bridge.reload()
    interface = bridge.attrs["Options"]["com.docker.network.bridge.name"]
    assert interface.startswith(network.bridge(bench.settings, "cluster"))


def test_clusters_of_two_people_cannot_reach_each_other(bench, daemon):
    mine, hers = bench.cluster(bench.client("alice")), bench.cluster(bench.client("bob"))
    mine.scale(1)
    mine.get_client().wait_for_workers(1, timeout=60)
    addresses = {}
    for cluster in (mine, hers):
        scheduler = containers(bench, daemon, cluster)["scheduler"]
        (net,) = scheduler.attrs["NetworkSettings"]["Networks"].values()
        addresses[cluster.name] = net["IPAddress"]
        listening = run(
            scheduler, "print([l.split()[1] for l in open('/proc/net/tcp') if l.split()[3] == '0A' and '7F:' not in l])"
        )
        port = int(eval(listening)[0].split(":")[1], 16)
        addresses[cluster.name] = (net["IPAddress"], port)

    probe = "import socket; socket.create_connection({place}, 3); print('reached')"
    worker = worker_container(bench, daemon, mine)

    assert "reached" in run(worker, probe.format(place=addresses[mine.name]))
    assert "reached" not in run(worker, probe.format(place=addresses[hers.name]))


def test_an_image_that_is_missing_is_named_at_once(bench, daemon):
    client = bench.client("alice")

    with pytest.raises(
        ValueError, match=r"'example.org/missing:1' is not on this machine.*hub image build.*本机没有镜像"
    ):
        bench.submit(client, image="example.org/missing:1")
    with pytest.raises(ValueError, match=r"'alpine:3' is not allowed; allowed: regional-hub/lab"):
        bench.submit(client, image="alpine:3")
    assert not ours(bench, daemon)


def test_a_notebook_needs_only_its_environment(bench, daemon):
    """In a container on the lab network: no argument, no configuration but the variables that the spawner gives."""
    bench.hub.person("alice", "researchers")
    code = (
        "from dask_gateway import GatewayCluster\n"
        "cluster = GatewayCluster(); cluster.scale(2); client = cluster.get_client()\n"
        "client.wait_for_workers(2, timeout=60)\n"
        "import dask.array as da\n"
        "print('sum', da.ones((1000, 1000), chunks=100).sum().compute(), cluster.dashboard_link)\n"
        "cluster.close()\n"
    )
    env = gateway_process.client_environment(bench.settings, bench.image)

    printed = daemon.containers.run(
        bench.image,
        ["python", "-c", code],
        environment=env | {"JUPYTERHUB_API_TOKEN": bench.hub.token("alice"), "HOME": "/tmp"},
        network=network.name(bench.settings, "lab"),
        user="1000:1000",
        remove=True,
        stderr=True,
    ).decode()

    assert "sum 1000000.0" in printed
    assert f"{bench.settings.url}/services/dask-gateway/clusters/" in printed


def test_the_lab_extension_makes_clusters_through_the_gateway(bench, daemon):
    bench.hub.person("alice", "researchers")
    code = (
        "import asyncio\n"
        "from dask_labextension.manager import DaskClusterManager\n"
        "async def main():\n"
        "    manager = DaskClusterManager(); await manager.initialized\n"
        "    model = await manager.start_cluster(configuration={'workers': 1})\n"
        "    print(model['name'], model['dashboard_link'])\n"
        "    await manager.close_cluster(model['id'])\n"
        "asyncio.run(main())\n"
    )
    env = gateway_process.client_environment(bench.settings, bench.image)

    printed = daemon.containers.run(
        bench.image,
        ["python", "-c", code],
        environment=env | {"JUPYTERHUB_API_TOKEN": bench.hub.token("alice"), "HOME": "/tmp"},
        network=network.name(bench.settings, "lab"),
        user="1000:1000",
        remove=True,
        stderr=True,
    ).decode()

    assert "GatewayCluster 1" in printed
    assert "/services/dask-gateway/clusters/" in printed


def test_dashboards_open_through_the_front_door(bench):
    cluster = bench.cluster(bench.client("alice"))
    base = f"{bench.settings.url}/services/dask-gateway/clusters/{cluster.name}"

    page = eventually(lambda: (r := httpx.get(f"{base}/status", timeout=20)).status_code == 200 and r)
    plots = httpx.get(f"{base}/individual-plots.json", timeout=20)

    assert "Dask" in page.text
    assert "Individual Task Stream" in plots.json()
