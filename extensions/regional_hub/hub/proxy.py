"""The front door's routes: the portal at `/`, the Hub at `/hub/`, `/user/` and `/services/`.

The proxy runs as a process of its own, so that a restart of the Hub cuts nobody off.
"""

from __future__ import annotations

from jupyterhub.proxy import ConfigurableHTTPProxy


class FrontDoor(ConfigurableHTTPProxy):
    """JupyterHub's proxy that gets all its routes back within seconds after it was restarted by supervisor.

    JupyterHub itself watches only a proxy that it started; of another's restart it learns after five minutes.
    """

    should_start = False

    async def check_running(self) -> None:
        """A new proxy has no routes: put all back. Called every `check_running_interval` seconds."""
        routes = await self.get_all_routes()
        if not set(self.extra_routes) <= set(routes):
            self.log.warning("The proxy was restarted: its routes are put back")
            await self.check_routes(self.app.users, self.app._service_map, routes)
