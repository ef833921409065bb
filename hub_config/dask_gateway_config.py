"""Dask Gateway: `dask-gateway-server -f hub_config/dask_gateway_config.py`. Why: docs/explanation/dask-gateway.md."""

import base64
import os
import sys

from regional_hub.hub import gateway_process
from regional_hub.hub.kinds import CATALOGS, SHARED, shared_mounts
from regional_hub.settings import ROOT, load

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - traitlets gives it
settings = load()
backend = gateway_process.backend(settings)
in_pods = backend == "kubernetes"

# Who: people's tokens are asked of the Hub, each time, so that whoever is locked out there is locked out here at once.
hub_api = os.environ.get("JUPYTERHUB_API_URL") or f"http://127.0.0.1:{settings.ports.hub}/hub/api"
hub_token = os.environ.get("JUPYTERHUB_API_TOKEN") or settings.secret("gateway-api-token")
c.DaskGateway.authenticator_class = "regional_hub.hub.gateway.HubAuthenticator"
c.JupyterHubAuthenticator.jupyterhub_service_name = "dask-gateway"  # without it any token of the Hub gets in
c.JupyterHubAuthenticator.jupyterhub_api_url = hub_api
c.JupyterHubAuthenticator.jupyterhub_api_token = hub_token
c.JupyterHubAuthenticator.cache_max_age = 0

# What people may have.
c.PolicyMixin.settings = settings
c.PolicyMixin.hub_api_url = hub_api
c.PolicyMixin.hub_api_token = hub_token
c.ClusterConfig.idle_timeout = settings.gateway.idle_minutes * 60
c.ClusterConfig.scheduler_cmd = ["dask", "scheduler"]  # the old scripts are gone from distributed
c.ClusterConfig.worker_cmd = ["dask", "worker"]

if in_pods:  # addresses, routes and pods are the chart's
    c.DaskGateway.backend_class = "regional_hub.hub.gateway_kubernetes.KubernetesBackend"
    c.PolicyMixin.default_image = os.environ.get("REGIONAL_HUB_IMAGE") or settings.spawner.image
else:
    host, ports = gateway_process.host(settings), settings.ports
    folder = settings.path("gateway")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    c.DaskGateway.address = f"{host}:{ports.gateway_api}"
    c.DBBackendBase.api_url = f"http://{host}:{ports.gateway_api}/api"
    c.DBBackendBase.db_url = f"sqlite:///{folder / 'gateway.sqlite'}"
    c.DBBackendBase.db_encrypt_keys = [base64.b64encode(bytes.fromhex(settings.secret("gateway-db-key"))).decode()]
    c.DBBackendBase.stop_clusters_on_shutdown = False  # restarting the gateway ends nobody's computation
    c.DBBackendBase.cluster_start_timeout = 120
    c.DBBackendBase.worker_start_timeout = 120
    c.DBBackendBase.cluster_heartbeat_period = 10
    c.DBBackendBase.cluster_heartbeat_timeout = 90
    c.DBBackendBase.cluster_status_period = 3
    c.DBBackendBase.worker_status_period = 3
    c.Proxy.externally_managed = True  # a process of its own: killing the gateway cuts no connection
    c.Proxy.prefix = gateway_process.PREFIX
    c.Proxy.address = f"{host}:{ports.gateway}"
    c.Proxy.tcp_address = f"{host}:{ports.gateway_tls}"
    c.Proxy.api_token = settings.secret("gateway-proxy-token")

environment = {"INTAKE_PATH": str(ROOT / "catalogs"), "REGIONAL_HUB_SHARED": str(settings.shared_dir)}
if backend == "docker":
    from regional_hub.hub.images import of_this_start

    c.DaskGateway.backend_class = "regional_hub.hub.gateway_docker.DockerBackend"
    c.PolicyMixin.default_image = of_this_start(settings)
    folders = {mount.host: mount.inside for mount in shared_mounts(settings)} | {ROOT / "catalogs": CATALOGS}
    c.DockerBackend.mounts = {str(host): inside for host, inside in folders.items() if host.is_dir()}
    environment = {"INTAKE_PATH": CATALOGS, "REGIONAL_HUB_SHARED": SHARED}
elif backend == "local":
    c.DaskGateway.backend_class = "regional_hub.hub.gateway_local.LocalBackend"
    c.LocalBackend.clusters_directory = str(settings.path("clusters"))
    dask, guard = [sys.executable, "-m", "dask"], "regional_hub.hub.tls_guard"
    c.ClusterConfig.scheduler_cmd = [*dask, "scheduler", "--preload", guard]
    c.ClusterConfig.worker_cmd = [*dask, "worker", "--preload", guard, "--preload-nanny", guard]
if not in_pods:
    data = f"http://{host}:{settings.ports.data}"
    environment |= {"REGIONAL_HUB_DATA_URL": data, "REGIONAL_HUB_URL": settings.url}
c.ClusterConfig.environment = environment | settings.images.proxies()
