"""The front door's routes: the portal at `/`, the Hub at `/hub/`, `/user/` and `/services/`.

The proxy runs as a process of its own, so that a restart of the Hub cuts nobody off.
"""

from __future__ import annotations

from jupyterhub.proxy import ConfigurableHTTPProxy


class FrontDoor(ConfigurableHTTPProxy):
    """JupyterHub's proxy that puts the extra routes back at once after the proxy itself was restarted."""

    should_start = False

    async def restore_routes(self) -> None:
        await super().restore_routes()
        for routespec, target in self.extra_routes.items():
            await self.add_route(routespec, target, {"extra": True})
