"""JupyterHub on a cluster: the same configuration, at the addresses of the services in `chart/`."""

import os

from regional_hub import settings as hub_settings
from regional_hub.operate import run

settings = hub_settings.load()
ports = settings.ports
load_subconfig(str(hub_settings.ROOT / "hub_config" / "jupyterhub_config.py"))  # type: ignore[name-defined]  # noqa: F821
c = get_config()  # type: ignore[name-defined]  # noqa: F821

hub = "http://hub:8081"
portal = f"http://regional-hub-portal:{ports.portal}"
gateway = f"http://{os.environ['REGIONAL_HUB_GATEWAY_HOST']}:{ports.gateway}"

# --- front door: the proxy is the Zero to JupyterHub chart's
c.JupyterHub.hub_bind_url = "http://:8081"
c.JupyterHub.hub_connect_url = hub
c.RegionalHub.extra_addresses = []
c.Proxy.extra_routes = {
    "/": portal,
    "/sdmx/": f"http://regional-hub-data:{ports.data}",
    "/intake/": f"http://regional-hub-data:{ports.data}",
    "/user/": hub,
    "/services/": hub,
    "/services/dask-gateway/": gateway,
    "/user/showcase/": portal,
}
c.ConfigurableHTTPProxy.api_url = "http://proxy-api:8001"
c.ConfigurableHTTPProxy.auth_token = os.environ["CONFIGPROXY_AUTH_TOKEN"]
c.JupyterHub.upgrade_db = True

# --- identity: asked of the portal inside the cluster
c.GenericOAuthenticator.token_url = f"{portal}/identity/o/api/token"
c.GenericOAuthenticator.userdata_url = f"{portal}/identity/o/api/userinfo"

# --- the culler runs below the Hub here, in its pod
for service in c.JupyterHub.services:
    if service["name"] == "idle-culler" and settings.spawner.idle_minutes:
        service["command"] = run.culler(settings)[0]

# --- servers: labels by which the chart's network policies know them
c.JupyterHub.spawner_class.host_addresses = {name: "regional-hub-data" for name in ("lab", "exam", "app")}
c.KubeSpawner.namespace = os.environ["POD_NAMESPACE"]
c.KubeSpawner.common_labels = {"app": "jupyterhub", "release": os.environ["HELM_RELEASE_NAME"]}
c.KubeSpawner.image_pull_secrets = [name for name in os.environ.get("REGIONAL_HUB_PULL_SECRETS", "").split(",") if name]
