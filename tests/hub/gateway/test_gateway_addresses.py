"""What a scheduler says about itself is not believed: the gateway's proxy must not be sent elsewhere by it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiohttp import ClientError, ClientSession, web
from dask_gateway_server.backends.base import PublicException

from regional_hub.hub import gateway
from regional_hub.hub.gateway_docker import DockerBackend
from regional_hub.hub.gateway_local import LocalBackend

CLUSTER = SimpleNamespace(state={"subnet": "10.201.0.32/27"})


def said(host: str) -> dict[str, str]:
    good = "10.201.0.34"
    return {
        "scheduler_address": f"tls://{good}:8786",
        "dashboard_address": f"http://{host}:8787",
        "api_address": f"http://{good}:8788",
    }


def test_addresses_in_the_clusters_own_network_are_taken():
    DockerBackend.check_addresses(None, CLUSTER, said("10.201.0.34"))
    DockerBackend.check_addresses(None, CLUSTER, {"scheduler_address": "tls://10.201.0.35:1", "dashboard_address": ""})


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "127.0.0.1",
        "10.201.0.33",  # the host itself, on this network
        "10.201.0.66",  # another cluster
        "localhost",
        "metadata.internal",
        "[::1]",
        "",
    ],
)
def test_other_addresses_are_refused(host):
    with pytest.raises(PublicException):
        DockerBackend.check_addresses(None, CLUSTER, said(host))


def test_a_local_scheduler_is_on_loopback():
    here = {"scheduler_address": "tls://127.0.0.1:1", "api_address": "http://127.0.0.1:2"}

    LocalBackend.check_addresses(None, CLUSTER, here)
    with pytest.raises(PublicException):
        LocalBackend.check_addresses(None, CLUSTER, {**here, "dashboard_address": "http://169.254.169.254:80"})


async def test_the_gateway_follows_no_redirect_of_a_scheduler(unused_tcp_port):
    async def away(_request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("http://127.0.0.1:1/elsewhere")

    app = web.Application()
    app.router.add_post("/api/comm", away)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()

    session: ClientSession = gateway._session_without_redirects()
    async with session:
        with pytest.raises(ClientError, match="redirects"):
            await session.post(f"http://127.0.0.1:{unused_tcp_port}/api/comm", json={})
    await runner.cleanup()
