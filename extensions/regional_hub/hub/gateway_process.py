"""The gateway as processes: what supervisor runs, what a Dask client must know, and taking everything away.

It imports nothing of dask-gateway, so that commands which only need a command line start quickly.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import docker

from regional_hub.hub import engine, network
from regional_hub.settings import ROOT, Settings

PREFIX = "/services/dask-gateway"
CONFIG = ROOT / "hub_config" / "dask_gateway_config.py"


def backend(settings: Settings) -> str:
    """`docker`, `local` or `kubernetes`: `gateway.backend = "auto"` follows the spawner."""
    return engine.spawner_kind(settings) if settings.gateway.backend == "auto" else settings.gateway.backend


def host(settings: Settings) -> str:
    """The address that the gateway and its proxy bind, for servers, clusters and the front door; not a public one.

    On a cluster it is the name of a service: `REGIONAL_HUB_GATEWAY_HOST`.
    """
    return os.environ.get("REGIONAL_HUB_GATEWAY_HOST") or network.host_address(settings, "lab")


def server_command() -> list[str]:
    """The gateway server. Killing it ends no cluster and no connection."""
    return [sys.executable, "-m", "dask_gateway_server", "-f", str(CONFIG)]


def proxy_command(settings: Settings) -> list[str]:
    """The gateway's proxy, a process that outlives the server: HTTP for clients and dashboards, TLS by SNI."""
    spec = importlib.util.find_spec("dask_gateway_server")
    if spec is None or spec.origin is None:
        raise RuntimeError("dask-gateway-server is not installed")
    here, ports = host(settings), settings.ports
    return [
        str(Path(spec.origin).parent / "proxy" / "dask-gateway-proxy"),
        "-address",
        f"{here}:{ports.gateway}",
        "-tcp-address",
        f"{here}:{ports.gateway_tls}",
        "-api-url",
        f"http://{here}:{ports.gateway_api}/api/v1/routes",
        "-log-level",
        "warn",
    ]


def proxy_environment(settings: Settings) -> dict[str, str]:
    """Variables of the proxy, beside those of every process."""
    return {"DASK_GATEWAY_PROXY_TOKEN": settings.secret("gateway-proxy-token")}


def client_environment(settings: Settings, image: str = "") -> dict[str, str]:
    """Variables by which `GatewayCluster()` works in a server; `image` is the server's own, where it is a container."""
    here, ports = host(settings), settings.ports
    found = {
        "DASK_GATEWAY__ADDRESS": f"http://{here}:{ports.gateway}{PREFIX}",
        "DASK_GATEWAY__PROXY_ADDRESS": f"tls://{here}:{ports.gateway_tls}",
        "DASK_GATEWAY__PUBLIC_ADDRESS": f"{settings.url}{PREFIX}",
        "DASK_GATEWAY__AUTH__TYPE": "jupyterhub",
        "DASK_GATEWAY__HTTP_CLIENT__PROXY": "False",  # never through an institution's web proxy
        "DASK_LABEXTENSION__FACTORY__MODULE": "dask_gateway",
        "DASK_LABEXTENSION__FACTORY__CLASS": "GatewayCluster",
    }
    if backend(settings) == "local":
        found["DASK_DISTRIBUTED__CLIENT__PRELOAD"] = '["regional_hub.hub.tls_guard"]'
    elif image:
        found["DASK_GATEWAY__CLUSTER__OPTIONS__IMAGE"] = image
    return found


def remove_containers(settings: Settings) -> int:
    """Take all clusters' containers, networks and volumes away (`./hub down`); how many containers there were."""
    client = engine.client()
    if client is None:
        return 0
    mine = {"label": [f"{key}={value}" for key, value in engine.labels(settings, "cluster").items()]}
    containers = client.containers.list(all=True, filters=mine, ignore_removed=True)
    for container in containers:
        try:
            container.remove(force=True, v=True)
        except docker.errors.NotFound:
            continue
    for found in client.networks.list(filters=mine):
        found.remove()
    for volume in client.volumes.list(filters=mine):
        volume.remove()
    return len(containers)
