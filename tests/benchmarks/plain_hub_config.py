"""The peer's JupyterHub: stock classes and defaults, the plain image, and the limits that our smallest server has."""

import os

from regional_hub import settings as hub_settings
from regional_hub.settings import ROOT

settings = hub_settings.load()
ports, small = settings.ports, settings.profiles[settings.spawner.default_profile]

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - traitlets gives it
c.JupyterHub.bind_url = settings.url
c.JupyterHub.hub_bind_url = f"http://{os.environ['PLAIN_ADDRESS']}:{ports.hub}"
c.JupyterHub.db_url = f"sqlite:///{settings.data_dir / 'hub.sqlite'}"
c.JupyterHub.cookie_secret_file = str(settings.data_dir / "cookie")
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ports.proxy_api}"
c.ConfigurableHTTPProxy.command = [str(ROOT / "node_modules" / ".bin" / "configurable-http-proxy")]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "docker"
c.DockerSpawner.image = os.environ["PLAIN_IMAGE"]
c.DockerSpawner.network_name = os.environ["PLAIN_NETWORK"]
c.DockerSpawner.name_template = f"plain-{settings.instance}-" + "{username}"
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.remove = True
c.DockerSpawner.mem_limit = f"{small.memory_gb:g}G"
c.DockerSpawner.cpu_limit = small.cpus
c.JupyterHub.services = [{"name": "benchmark", "api_token": settings.secret("portal-api-token")}]
c.JupyterHub.load_roles = [
    {"name": "benchmark", "services": ["benchmark"], "scopes": ["admin:users", "admin:servers", "tokens"]}
]
