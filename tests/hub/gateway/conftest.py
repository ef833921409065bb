"""Hub and gateway for the tests here, one pair per module."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dask_gateway import Gateway, GatewayCluster

from regional_hub.hub import engine, gateway_process, network
from regional_hub.settings import ROOT, Settings, load
from tests.hub.gateway.world import HUB_CONFIG, SERVER, EngineSocket, GatewayUnderTest, Hub, free_block

# The very configuration of the hub, with quicker clocks.
CONFIG = """
load_subconfig({path!r})
c = get_config()
c.PolicyMixin.owner_check_period = 1
c.PolicyMixin.owner_grace = 600
c.DatabasePolicyMixin.watch_period = 1
c.ClusterConfig.adaptive_period = 1
c.DBBackendBase.cluster_heartbeat_period = 2
"""


def _make_hub(place: Path, settings: Settings) -> Hub:
    (place / "config.py").write_text(textwrap.dedent(HUB_CONFIG))
    (place / "server.py").write_text(textwrap.dedent(SERVER))
    tokens = {"gateway": settings.secret("gateway-api-token"), "test": "1" * 32}
    url = f"http://{gateway_process.host(settings)}:{settings.ports.gateway}"
    return Hub(settings.ports.public, place, tokens, url)


def _lab_image(client: Any) -> str:
    """The newest lab image on this machine; building one takes minutes and is not a matter of these tests."""
    found = [image for image in client.images.list("regional-hub/lab") if image.tags]
    if not found:
        pytest.skip("no lab image on this machine; `./hub image build lab` makes it")
    newest = max(found, key=lambda image: image.attrs["Created"])
    return str(newest.tags[0])


@contextmanager
def running_world(kind: str, place: Path, config_text: str) -> Iterator[GatewayUnderTest]:
    """Hub, proxy and gateway of one back end in a folder of their own; all gone afterwards."""
    env = {
        "HUB_DATA": str(place),
        "HUB_PORTS__PUBLIC": str(free_block()),
        "HUB_SPAWNER__KIND": kind,
        "HUB_SPAWNER__ALLOWED_IMAGES": '["example.org/missing:1"]',
        "HUB_GATEWAY__CLUSTERS_PER_PERSON": "2",
        "HUB_GATEWAY__CLUSTER_WORKERS": "2",
        "PYTHONPATH": str(ROOT / "extensions"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    settings = load(env)
    image, docker_socket = "", None
    if kind == "docker":
        client = engine.client()
        if client is None:
            pytest.skip("no Docker engine answers")
        image = _lab_image(client)
        network.ensure(settings)
        docker_socket = EngineSocket(place / "docker.sock")
        env["DOCKER_HOST"] = f"unix://{docker_socket.path}"
    (place / "logs").mkdir()
    config = place / "dask_gateway_config.py"
    config.write_text(config_text.format(path=str(ROOT / "hub_config" / "dask_gateway_config.py")))
    hub = _make_hub(place, settings)
    gateway = GatewayUnderTest(settings, hub, env, image, config, docker_socket)
    try:
        hub.start()
        gateway.start_proxy()
        gateway.start_server()
        yield gateway
    finally:
        gateway.stop()
        if hub.process is not None:
            hub.process.stop()
        if docker_socket is not None:
            docker_socket.close()
            gateway_process.remove_containers(settings)
            network.remove(settings)


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayUnderTest]:
    """Hub and gateway; a module chooses another back end, or more configuration, by `BACKEND` and `MORE_CONFIG`."""
    kind = getattr(request.module, "BACKEND", "docker")
    place = tmp_path_factory.mktemp(f"gateway-{kind}")
    for above in (place, *place.parents[:3]):
        above.chmod(above.stat().st_mode | 0o011)  # the local back end's processes are somebody else's
    with running_world(kind, place, CONFIG + getattr(request.module, "MORE_CONFIG", "")) as gateway:
        yield gateway


@pytest.fixture
def bench(world: GatewayUnderTest) -> Iterator[GatewayUnderTest]:
    """The same, with no cluster of an earlier test left when the next one starts."""
    yield world
    if world.server is None or not world.server.runs:  # a test that failed in the middle of a fault
        world.start_server()
    world.clear()


@pytest.fixture(autouse=True)
def _no_finalizers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are closed by `clear`. dask-gateway's finalizers wait for Dask's own thread: for ever, if Python collects
    a client in that very thread (2026.3)."""
    for kind in (Gateway, GatewayCluster):
        monkeypatch.setattr(kind, "__del__", lambda _self: None)
