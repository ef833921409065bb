"""Killed gateways, killed containers and an engine that is away: computations go on, and nothing is left behind."""

from __future__ import annotations

import signal
import time

import docker
import pytest

from regional_hub.hub import engine, gateway_process
from tests.hub.gateway.world import eventually

pytestmark = pytest.mark.docker


@pytest.fixture
def daemon() -> docker.DockerClient:
    client = engine.client()
    assert client is not None
    return client


def ours(world, daemon) -> list:
    mine = {"label": [f"{k}={v}" for k, v in engine.labels(world.settings, "cluster").items()]}
    containers = daemon.containers.list(all=True, filters=mine, ignore_removed=True)
    return [*containers, *daemon.networks.list(filters=mine), *daemon.volumes.list(filters=mine)]


def container(world, daemon, cluster, worker: bool):
    found = daemon.containers.list(filters={"label": f"org.regional-hub.cluster={cluster.name}"})
    return next(one for one in found if bool(one.labels["org.regional-hub.worker"]) == worker)


@pytest.fixture
def slowly():
    """A function that travels to workers by value: they have no module of these tests."""

    def wait_and_return(number):
        import time

        time.sleep(0.3)
        return number

    return wait_and_return


def test_a_killed_gateway_cuts_nothing_and_finds_its_clusters_again(bench, slowly):
    client = bench.client("alice", "researchers")
    cluster = bench.cluster(client)
    cluster.scale(1)
    dask = cluster.get_client()
    dask.wait_for_workers(1, timeout=60)
    answers = dask.map(slowly, range(30))

    bench.server.send(signal.SIGKILL)
    assert sum(dask.gather(answers)) == sum(range(30))  # through the proxy, without the server
    bench.start_server()

    assert [one.name for one in client.list_clusters()] == [cluster.name]
    cluster.scale(2)
    dask.wait_for_workers(2, timeout=60)
    another = bench.cluster(client)  # a route that the old proxy must learn of
    assert another.get_client().run_on_scheduler(lambda: "new") == "new"
    with client.connect(cluster.name) as again:
        assert again.get_client().run_on_scheduler(lambda: "old") == "old"


def test_a_gateway_killed_while_clusters_start_finishes_or_removes_them(bench, daemon):
    client = bench.client("alice", "researchers")
    name = client.submit(image=bench.image)
    time.sleep(0.3)

    bench.server.send(signal.SIGKILL)
    bench.start_server()

    with client.connect(name) as cluster:
        assert cluster.get_client().run_on_scheduler(lambda: "here") == "here"
    client.stop_cluster(name)
    eventually(lambda: not ours(bench, daemon))


def test_a_killed_scheduler_ends_its_cluster_and_leaves_nothing(bench, daemon):
    client = bench.client("alice", "researchers")
    cluster = bench.cluster(client)
    cluster.scale(1)
    cluster.get_client().wait_for_workers(1, timeout=60)

    container(bench, daemon, cluster, worker=False).kill()

    eventually(lambda: cluster.name in {one.name for one in client.list_clusters(status="failed")}, 20)
    eventually(lambda: not ours(bench, daemon))


def test_a_killed_worker_is_replaced(bench, daemon, slowly):
    cluster = bench.cluster(bench.client("alice", "researchers"))
    cluster.scale(1)
    dask = cluster.get_client()
    dask.wait_for_workers(1, timeout=60)
    first = container(bench, daemon, cluster, worker=True)

    first.kill()

    eventually(lambda: first.id not in {one.id for one in daemon.containers.list(all=True)}, 30)
    assert dask.submit(slowly, 7).result(timeout=60) == 7


def test_what_a_dead_gateway_left_is_removed(bench, daemon):
    bench.server.send(signal.SIGKILL)
    labels = engine.labels(bench.settings, "cluster") | {"org.regional-hub.cluster": "f" * 32}
    daemon.networks.create("left-behind", labels=labels)
    daemon.containers.create(bench.image, ["sleep", "600"], name="left-behind", labels=labels, network="left-behind")
    foreign = engine.labels(bench.settings, "cluster") | {"org.regional-hub.instance": "ffffff"}
    others = daemon.containers.create(bench.image, ["sleep", "600"], labels=foreign)

    try:
        bench.start_server()
        eventually(lambda: not ours(bench, daemon))
        others.reload()  # another hub's on the same engine is not ours to remove
    finally:
        others.remove()


def test_an_engine_that_is_away_is_said_and_survived(bench, daemon):
    client = bench.client("alice", "researchers")
    cluster = bench.cluster(client)

    bench.engine.cut()
    try:
        with pytest.raises(ValueError, match="container engine does not answer"):
            bench.submit(client)
        assert cluster.get_client().run_on_scheduler(lambda: "here") == "here"
        client.stop_cluster(cluster.name)  # cannot be carried out now
        time.sleep(3)
    finally:
        bench.engine.mend()

    eventually(lambda: not ours(bench, daemon), 20)
    assert bench.cluster(client).status == "running"


def test_a_gateway_starts_before_its_engine(bench):
    bench.server.send(signal.SIGTERM)
    bench.engine.cut()
    try:
        bench.start_server(REGIONAL_HUB_GATEWAY_HOST=gateway_process.host(bench.settings))  # else asked of the engine
    finally:
        bench.engine.mend()

    assert bench.cluster(bench.client("alice", "researchers")).status == "running"


def test_an_image_without_dask_fails_with_an_error_and_leaves_nothing(bench, daemon):
    client = bench.client("alice", "researchers")
    base = next(tag for image in daemon.images.list("regional-hub/base") for tag in image.tags)
    daemon.images.get(base).tag("regional-hub/lab", "broken-for-test")

    try:
        name = bench.submit(client, image="regional-hub/lab:broken-for-test")
        eventually(lambda: name in {one.name for one in client.list_clusters(status="failed")})
        eventually(lambda: not ours(bench, daemon))
    finally:
        daemon.images.remove("regional-hub/lab:broken-for-test")
