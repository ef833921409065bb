"""Our JupyterHub: it listens on each network's own address, and gives the portal two calls that keep people in step.

Trust boundary: `/hub/api/people/` is for the portal's service token alone (scope `admin:users`); the Hub believes what
the portal says about groups, and nobody else.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from jupyterhub import orm, roles
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.app import JupyterHub
from jupyterhub.scopes import needs_scope
from jupyterhub.utils import maybe_future
from tornado import web
from tornado.ioloop import PeriodicCallback
from traitlets import Integer, List, Unicode

from regional_hub.hub import leftovers


class PersonHandler(APIHandler):
    """A person, or a service account such as `project-water`, as the portal knows it."""

    def _body(self) -> dict[str, Any]:
        body = self.get_json_body() or {}
        known: dict[str, type] = {"groups": list, "admin": bool, "open_to": list, "display_name": str}
        for key, value in body.items():
            if key not in known:
                raise web.HTTPError(400, f"Unknown field: {key}")
            if not isinstance(value, known[key]):
                raise web.HTTPError(400, f"{key} must be a {known[key].__name__}")
        return body

    @needs_scope("admin:users")
    async def put(self, name: str) -> None:
        """Create where missing, and make groups, administrator's rights and `open_to` exactly what is said.

        `display_name` is how others see the person where they work in one server.
        """
        body = self._body()
        user = self.find_user(name)
        if user is None:
            if not self.authenticator.validate_username(name):
                raise web.HTTPError(400, f"Invalid username: {name}")
            user = self.user_from_username(name)
            await maybe_future(self.authenticator.add_user(user))
        user.sync_groups(body.get("groups", []))
        user.admin = body.get("admin", False)
        if shown := body.get("display_name"):
            # `name` stays the user's: JupyterLab makes addresses of the Hub from it.
            user.orm_user.user_info = {"display_name": shown}
        roles.assign_default_roles(self.db, entity=user)
        self._open_servers(name, set(body.get("open_to", [])))
        self.db.commit()
        self.write(json.dumps(self.user_model(user)))

    def _open_servers(self, name: str, groups: set[str]) -> None:
        """Members of `groups` may open all servers of `name`; members of other groups may not."""
        role_name = f"open-{name}"
        role = orm.Role.find(self.db, role_name)
        if role is None and not groups:
            return
        if role is None:
            roles.create_role(
                self.db,
                {"name": role_name, "scopes": [f"access:servers!user={name}", f"read:users:name!user={name}"]},
            )
            role = orm.Role.find(self.db, role_name)
        for group in list(role.groups):
            if group.name not in groups:
                roles.strip_role(self.db, group, role)
        for group_name in groups:
            group = orm.Group.find(self.db, group_name)
            if group is None:
                group = orm.Group(name=group_name)
                self.db.add(group)
            roles.grant_role(self.db, group, role)

    @needs_scope("admin:users")
    async def delete(self, name: str) -> None:
        """Stop all servers, then forget the person: tokens, sign-ins and sessions go with them."""
        user = self.find_user(name)
        if user is not None:
            await asyncio.gather(*(self._stop(user, server) for server in list(user.spawners)))
            await maybe_future(self.authenticator.delete_user(user))
            await user.delete_spawners()
            self.users.delete(user)
        self.set_status(204)

    async def _stop(self, user: Any, server: str) -> None:
        spawner = user.spawners[server]
        for _ in range(300):
            if not spawner.pending:
                break
            await asyncio.sleep(0.1)
        if spawner.active:
            await self.stop_single_user(user, server)
        for _ in range(300):
            if not spawner.active and not spawner.pending:
                return
            await asyncio.sleep(0.1)
        raise web.HTTPError(503, f"A server of {user.name} does not stop; try again")


class RegionalHub(JupyterHub):
    """JupyterHub on loopback and on the host's side of each network that may reach it."""

    name = "regional-hub"
    extra_addresses = List(Unicode(), config=True, help="Further addresses to listen on, with the Hub's port.")
    leftovers_every = Integer(
        30, config=True, help="Seconds between two looks for containers without a server; 0: never."
    )

    async def init_api_tokens(self) -> None:
        """Services' tokens are exactly the configured ones: a secret that was replaced lets nobody in any more."""
        await super().init_api_tokens()
        for service in self.services:
            row = orm.Service.find(self.db, service["name"])
            for token in list(row.api_tokens) if row else []:
                if not token.match(service["api_token"]):
                    self.db.delete(token)
        self.db.commit()

    async def start(self) -> None:
        await super().start()
        PeriodicCallback(self.proxy.check_running, self.proxy.check_running_interval * 1000).start()
        if self.leftovers_every:
            PeriodicCallback(self.remove_leftovers, self.leftovers_every * 1000).start()
        if self.http_server is None:
            return
        for address in self.extra_addresses:
            self.http_server.listen(self.hub.port, address=address)
            self.log.info("Hub also listens on %s:%s", address, self.hub.port)

    async def remove_leftovers(self) -> None:
        """Take away containers that a fault of the engine left behind."""
        for name in await leftovers.remove(self.spawner_class.hub_settings, self._containers_in_use):
            self.log.warning("Removed the container %s: no server stands behind it", name)

    def _containers_in_use(self) -> set[str]:
        servers = [server for user in self.users.values() for server in user.spawners.values()]
        return {server.container_name for server in servers if server.active or server.pending}


HANDLERS = [(r"/api/people/([^/]+)", PersonHandler)]

main = RegionalHub.launch_instance

if __name__ == "__main__":
    main()
