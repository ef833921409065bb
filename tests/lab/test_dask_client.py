"""dask-gateway's finalizers, called in Dask's own thread."""

import asyncio

import dask_gateway
import pytest

from regional_hub.lab import dask_client


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (dask_gateway.Gateway, dask_gateway.GatewayCluster):
        monkeypatch.setattr(kind, "__del__", kind.__del__)


@pytest.mark.usefixtures("untouched")
def test_client_collected_in_dasks_own_thread_does_not_stop_it() -> None:
    dask_client.tame(dask_gateway.client)
    client = dask_gateway.Gateway("http://127.0.0.1:1", auth="basic")

    async def collect() -> str:
        client.__del__()
        return "goes on"

    loop = client.loop.asyncio_loop
    assert asyncio.run_coroutine_threadsafe(collect(), loop).result(timeout=5) == "goes on"
    client.close()


@pytest.mark.usefixtures("untouched")
def test_client_collected_elsewhere_is_closed() -> None:
    dask_client.tame(dask_gateway.client)
    client = dask_gateway.Gateway("http://127.0.0.1:1", auth="basic")
    loop = client.loop.asyncio_loop

    client.__del__()

    assert client._session is None and not loop.is_running()


@pytest.mark.usefixtures("untouched")
def test_taming_twice_changes_nothing() -> None:
    dask_client.tame(dask_gateway.client)
    first = dask_gateway.Gateway.__del__

    dask_client.tame(dask_gateway.client)

    assert dask_gateway.Gateway.__del__ is first
