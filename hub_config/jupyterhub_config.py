"""JupyterHub: the front door's routes, identity from the portal, servers of a kind, and who may do what."""

from regional_hub import settings as hub_settings
from regional_hub.hub import app, engine, gateway_process, images, network, pages, proxy, spawners

settings = hub_settings.load()
ports = settings.ports
kind = engine.spawner_kind(settings)
portal = f"http://127.0.0.1:{ports.portal}"
hub = f"http://127.0.0.1:{ports.hub}"

c = get_config()  # noqa: F821
pages.install(c, settings)

# --- front door
c.JupyterHub.bind_url = f"http://{ports.bind}:{ports.public}"
c.JupyterHub.hub_bind_url = hub
c.RegionalHub.extra_addresses = network.listen_addresses(settings, "hub")[1:]
c.RegionalHub.leftovers_every = 30 if kind == "docker" else 0
c.JupyterHub.hub_routespec = "/hub/"
c.JupyterHub.proxy_class = proxy.FrontDoor
c.Proxy.extra_routes = {
    "/": portal,
    "/sdmx/": f"http://127.0.0.1:{ports.data}",
    "/intake/": f"http://127.0.0.1:{ports.data}",
    "/user/": hub,
    "/services/": hub,
    "/services/dask-gateway/": f"http://{gateway_process.host(settings)}:{ports.gateway}",
    "/user/showcase/": portal,
}
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{ports.proxy_api}"
c.ConfigurableHTTPProxy.auth_token = settings.secret("proxy-auth-token")
c.ConfigurableHTTPProxy.check_running_interval = 2
c.JupyterHub.public_url = settings.url + "/"

# --- state
c.JupyterHub.db_url = settings.database.hub_url or f"sqlite:///{settings.path('db', 'hub.sqlite')}"
c.JupyterHub.upgrade_db = True  # after an upgrade of JupyterHub; it copies an SQLite file first
c.JupyterHub.cookie_secret = bytes.fromhex(settings.secret("hub-cookie-secret"))
c.CryptKeeper.keys = [bytes.fromhex(settings.secret("auth-state-key"))]
c.JupyterHub.cleanup_servers = False  # restarting the Hub ends nobody's kernel
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.extra_handlers = app.HANDLERS

# --- identity: the portal is the one directory
c.JupyterHub.authenticator_class = "oauthenticator.generic.GenericOAuthenticator"
c.Authenticator.auto_login = True
c.Authenticator.enable_auth_state = True
c.Authenticator.manage_groups = True
c.Authenticator.auth_refresh_age = 300
c.Authenticator.username_pattern = r"[a-z][a-z0-9-]{1,49}"
c.GenericOAuthenticator.client_id = "jupyterhub"
c.GenericOAuthenticator.client_secret = settings.secret("oidc-client-secret")
c.GenericOAuthenticator.oauth_callback_url = f"{settings.url}/hub/oauth_callback"
c.GenericOAuthenticator.authorize_url = f"{settings.url}/identity/o/authorize"
c.GenericOAuthenticator.token_url = f"{portal}/identity/o/api/token"
c.GenericOAuthenticator.userdata_url = f"{portal}/identity/o/api/userinfo"
c.GenericOAuthenticator.scope = ["openid", "profile", "email", "groups"]
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.auth_state_groups_key = "oauth_user.groups"
c.GenericOAuthenticator.admin_groups = {"admins"}
c.GenericOAuthenticator.allow_all = True  # whoever the portal lets in; it refuses disabled people
c.GenericOAuthenticator.enable_pkce = True
c.GenericOAuthenticator.logout_redirect_url = f"{settings.url}/accounts/logout/"

# --- servers
spawner = spawners.of_kind(kind)
spawner.hub_settings = settings
spawner.lab_image = images.of_this_start(settings) if kind == "docker" else settings.spawner.image
spawner.host_addresses = {name: network.host_address(settings, name) for name in network.LETTERS}
c.JupyterHub.spawner_class = spawner
c.Spawner.server_token_scopes = spawner.token_scopes
c.JupyterHub.allow_named_servers = True
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = settings.spawner.start_timeout_seconds
c.Spawner.http_timeout = settings.spawner.start_timeout_seconds
c.Spawner.options_from_form = lambda form: {name: values[0] for name, values in form.items()}
c.Spawner.args = ["--HubOAuth.cache_max_age=5", "--ServerApp.terminado_settings={'shell_command': ['/bin/bash']}"]
c.JupyterHub.concurrent_spawn_limit = 50
# The progress page after a second. (At 0 the request ends before the spawn has committed, and rolls it back.)
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1}
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.remove = True
c.DockerSpawner.pull_policy = "ifnotpresent" if settings.images.registry else "never"
c.DockerSpawner.name_template = "regional-hub-" + settings.instance + "-{username}--{servername}"

# --- who may do what
# All run beside the Hub, not below it: a killed Hub leaves none behind, and none makes its start wait.
c.JupyterHub.services = [
    {"name": "portal", "api_token": settings.secret("portal-api-token")},
    {"name": "dask-gateway", "api_token": settings.secret("gateway-api-token")},
    {"name": "idle-culler", "api_token": settings.secret("culler-api-token")},
]
c.JupyterHub.load_roles = [
    {
        "name": "portal",
        "services": ["portal"],
        "scopes": ["admin:users", "admin:servers", "admin:groups", "tokens", "read:hub", "list:services", "shares"],
    },
    {
        "name": "dask-gateway",
        "services": ["dask-gateway"],
        "scopes": ["read:users:name", "read:users:groups", "list:users", "read:servers"],
    },
    {"name": "user", "scopes": ["self", "access:services!service=dask-gateway"]},
    {
        "name": "idle-culler",
        "services": ["idle-culler"],
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
    },
]
