"""Clusters as containers: made, found again, apart from one another, and gone without a trace."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.docker


def test_a_cluster_computes_on_two_workers_and_leaves_nothing_behind(world):
    client = world.client("alice", "researchers")

    cluster = world.cluster(client)
    cluster.scale(2)
    dask = cluster.get_client()
    dask.wait_for_workers(2, timeout=60)
    answer = dask.submit(sum, range(10)).result(timeout=30)

    assert answer == 45
    cluster.close(shutdown=True)
