"""A small JupyterHub with our pages and nothing else of ours: no proxy, no portal, servers that wait or fail."""

import asyncio
import os

from jupyterhub.auth import DummyAuthenticator
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from tornado import web

from regional_hub import settings
from regional_hub.hub import pages

c = get_config()  # noqa: F821
data = settings.data_dir()
port = int(os.environ["PAGES_HUB_PORT"])


class NoProxy(Proxy):
    """The test's browser talks to the Hub itself."""

    should_start = False
    routes: dict = {}

    async def add_route(self, routespec, target, data):
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec):
        self.routes.pop(routespec, None)

    async def get_all_routes(self):
        return self.routes


class OnDemand(Spawner):
    """Starts never, fails in our words or fails in a way nobody foresaw, by the name of its user."""

    def _options_form_default(self):
        return '<p lang="zxx">form</p>' if self.user.name == "chooser" else ""

    async def progress(self):
        yield {"progress": 20, "message": "Starting a server of size Small", "message_zh": "正在启动小型服务器"}
        yield {"progress": 50, "message": "Spawning server..."}

    async def start(self):
        await asyncio.sleep(1.5)
        if self.user.name == "unlucky":
            problem = web.HTTPError(500)
            problem.jupyterhub_message = "The image is missing. / 缺少镜像。"
            raise problem
        if self.user.name == "unforeseen":
            raise RuntimeError("flux capacitor exploded")
        await asyncio.sleep(600)

    async def stop(self, now=False):
        await asyncio.sleep(3)

    async def poll(self):
        return 0


c.JupyterHub.bind_url = f"http://127.0.0.1:{port + 1}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port}"
c.JupyterHub.db_url = f"sqlite:///{data}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(data / "cookie")
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = DummyAuthenticator
c.Authenticator.allow_all = True
c.Authenticator.auto_login = "PAGES_HUB_AUTO_LOGIN" in os.environ
c.Authenticator.admin_users = {"admin"}
c.JupyterHub.spawner_class = OnDemand
c.JupyterHub.allow_named_servers = True
c.JupyterHub.services = [
    {
        "name": "charts",
        "url": "http://127.0.0.1:9",
        "api_token": "charts-token-123456789",
        "oauth_redirect_uri": f"http://127.0.0.1:{port}/services/charts/oauth_callback",
        "oauth_client_id": "service-charts",
        "oauth_no_confirm": False,
        "oauth_client_allowed_scopes": ["self"],
    }
]
c.JupyterHub.load_roles = [{"name": "user", "scopes": ["self", "access:services", "shares!user", "read:users:name"]}]
pages.install(c, settings.load())
