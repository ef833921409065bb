"""Who gets in, what they may have, and clusters that end with their owner's server: on a running gateway."""

from __future__ import annotations

import json
import time
import warnings

import pytest
from aiohttp import ClientResponseError
from dask_gateway import GatewayWarning

from tests.hub.gateway.world import eventually

pytestmark = pytest.mark.docker
MORE_CONFIG = "c.PolicyMixin.owner_grace = 3\n"


@pytest.fixture
def own_server(bench):
    """People with a running server, so that their clusters stay."""

    def start(name: str) -> None:
        bench.hub.person(name, "researchers")
        bench.hub.server(name, True)
        started.append(name)

    started: list[str] = []
    yield start
    for name in started:
        if bench.hub.api("GET", f"/users/{name}")["servers"]:
            bench.hub.server(name, False)


def running(client) -> set[str]:
    return {cluster.name for cluster in client.list_clusters()}


# --- who


def test_a_token_without_the_scope_does_not_get_in(bench):
    bench.hub.person("carol")
    token = bench.hub.token("carol", scopes=["read:users:name!user"])

    with pytest.raises(ClientResponseError, match="401"):
        bench.client("carol", token=token).list_clusters()


def test_a_token_that_is_nobodys_does_not_get_in(bench):
    bench.hub.person("carol")

    with pytest.raises(ClientResponseError, match="401"):
        bench.client("carol", token="0" * 32).list_clusters()


def test_a_revoked_token_is_refused_at_once(bench):
    bench.hub.person("carol")
    client = bench.client("carol", token=bench.hub.token("carol"))
    assert client.list_clusters() == []

    for one in bench.hub.api("GET", "/users/carol/tokens")["api_tokens"]:
        bench.hub.api("DELETE", f"/users/carol/tokens/{one['id']}")

    with pytest.raises(ClientResponseError, match="401"):
        client.list_clusters()


def test_anothers_token_opens_none_of_ones_clusters(bench, own_server):
    own_server("alice")
    cluster = bench.cluster(bench.client("alice", "researchers"))
    bob = bench.client("bob")

    assert bob.list_clusters() == []
    for act in (bob.get_cluster, bob.stop_cluster, lambda name: bob.scale_cluster(name, 1)):
        with pytest.raises(ClientResponseError, match="403"):
            act(cluster.name)
    assert cluster.name in running(bench.clients[0])


# --- what


def test_worker_sizes_are_those_of_ones_groups(bench):
    trainee, researcher = bench.client("dora", "trainees"), bench.client("alice", "researchers")

    with pytest.raises(ValueError, match="'medium' is not a valid option for profile"):
        bench.submit(trainee, profile="medium")
    assert list(researcher.cluster_options(use_local_defaults=False)) == ["profile", "keep", "image"]


def test_an_unknown_option_is_named(bench):
    with pytest.raises(ValueError, match=r"Unknown fields.*gpus"):
        bench.submit(bench.client("alice"), gpus=1)


def test_one_cluster_too_many_is_refused_with_cap_and_use(bench, own_server):
    own_server("alice")
    client = bench.client("alice")
    bench.cluster(client)
    bench.cluster(client)

    with pytest.raises(ValueError, match=r"You have 2 clusters and may have 2 at once .* / 您已有 2 个集群"):
        bench.submit(client)
    assert len(running(client)) == 2


def test_caps_hold_over_all_clusters_and_give_way_when_there_is_room(bench, own_server):
    own_server("erik")  # no group with more: two workers in all
    bench.hub.api("DELETE", "/groups/researchers/users", {"users": ["erik"]})
    client = bench.client("erik")
    first, second = bench.cluster(client), bench.cluster(client)
    first.scale(1)
    first.get_client().wait_for_workers(1, timeout=60)

    with pytest.warns(GatewayWarning, match="3 workers asked for, 1 can run now: your cap is 2 workers.*hold 1"):
        second.scale(3)
    eventually(lambda: len(second.scheduler_info["workers"]) == 1, 60)
    time.sleep(5)  # two heartbeats
    assert len(second.scheduler_info["workers"]) == 1
    held = next(one for one in client.list_clusters() if one.name == second.name)
    assert "1 can run now" in held.options["notice"]

    first.scale(0)
    eventually(lambda: len(second.scheduler_info["workers"]) == 2, 60)


def test_a_scheduler_that_lies_gets_no_more_workers(bench, own_server):
    """The owner runs any code in the scheduler, token and all: what it posts to the gateway is capped there."""
    own_server("erik")
    bench.hub.api("DELETE", "/groups/researchers/users", {"users": ["erik"]})
    cluster = bench.cluster(bench.client("erik"))
    dask = cluster.get_client()

    def lie(dask_scheduler):
        service = dask_scheduler.services["gateway"]
        service.count = 50

    dask.run_on_scheduler(lie)
    eventually(lambda: len(cluster.scheduler_info["workers"]) == 2, 60)
    time.sleep(5)
    assert len(cluster.scheduler_info["workers"]) == 2


def test_adaptive_scaling_follows_the_work_up_and_down(bench, own_server):
    own_server("alice")
    cluster = bench.cluster(bench.client("alice", "researchers"))
    dask = cluster.get_client()
    with warnings.catch_warnings():
        warnings.simplefilter("error", GatewayWarning)
        cluster.adapt(minimum=0, maximum=2)

    def slow(number):
        time.sleep(0.5)
        return number

    answers = dask.map(slow, range(60))
    eventually(lambda: len(cluster.scheduler_info["workers"]) == 2, 60)
    assert sum(dask.gather(answers)) == sum(range(60))
    del answers
    eventually(lambda: len(cluster.scheduler_info["workers"]) == 0, 60)


def test_adaptive_scaling_beyond_the_cap_says_so_and_is_held(bench, own_server):
    own_server("erik")
    bench.hub.api("DELETE", "/groups/researchers/users", {"users": ["erik"]})
    cluster = bench.cluster(bench.client("erik"))

    with pytest.warns(GatewayWarning, match="5 workers asked for, 2 can run now"):
        cluster.adapt(minimum=3, maximum=5)

    eventually(lambda: len(cluster.scheduler_info["workers"]) == 2, 60)
    time.sleep(4)
    assert len(cluster.scheduler_info["workers"]) == 2


# --- how long


def test_clusters_end_with_their_owners_server_unless_kept(bench, own_server):
    own_server("frida")
    client = bench.client("frida")
    ends, stays = bench.cluster(client), bench.cluster(client, keep=True)
    time.sleep(5)  # longer than the grace: the server runs, both stay
    assert running(client) == {ends.name, stays.name}

    bench.hub.server("frida", False)

    eventually(lambda: running(client) == {stays.name})
    time.sleep(3)
    assert running(client) == {stays.name}


def test_a_hub_that_is_away_ends_no_cluster(bench, own_server):
    own_server("gerd")
    client = bench.client("gerd")
    cluster = bench.cluster(client)
    scheduler = cluster.get_client()

    bench.hub.process.stop()
    try:
        time.sleep(6)  # twice the grace
        assert scheduler.run_on_scheduler(lambda: "here") == "here"
    finally:
        bench.hub.start()
    time.sleep(5)
    assert running(client) == {cluster.name}


def test_the_report_of_a_cluster_is_plain_json(bench, own_server):
    own_server("alice")
    client = bench.client("alice")
    cluster = bench.cluster(client)

    options = client.get_cluster(cluster.name).options

    assert json.loads(json.dumps(options)) == {"profile": "small", "keep": False, "image": bench.image}
