"""A client of the Hub's API, used by the portal and by commands with the portal's service token.

It knows JupyterHub's addresses and answers, and nothing of Django. Every fault is a `HubError` with words for a person;
`HubDown` means that trying again later makes sense.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from regional_hub.settings import Settings

TOKEN = "portal-api-token"  # noqa: S105  (a secret's name)
SERVICE = "portal"


class HubError(Exception):
    """The Hub refused: `status` is its HTTP status and the message its reason."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class HubDown(HubError):
    """The Hub did not answer, or could not at the moment."""


@dataclass(frozen=True)
class Server:
    """One server of a Hub user: `name` is empty for the default one; `ended` tells in both languages why it died."""

    owner: str
    name: str
    ready: bool
    pending: str
    url: str
    started: datetime | None
    last_activity: datetime | None
    options: Mapping[str, Any]
    ended: Mapping[str, str]

    @property
    def state(self) -> str:
        """`running`, `starting`, `stopping` or `stopped`."""
        if self.pending:
            return "stopping" if self.pending == "stop" else "starting"
        return "running" if self.ready else "stopped"

    @property
    def profile(self) -> str:
        return str(self.options.get("profile", ""))


@dataclass(frozen=True)
class Holder:
    """Whose a token is: a Hub user or a service by `name`, and what the token may (`scopes`, expanded)."""

    name: str
    is_user: bool
    scopes: frozenset[str]

    @property
    def server(self) -> str | None:
        """The name of the server that the token was made for (empty for the default one), None for other tokens."""
        for scope in sorted(self.scopes):
            kind, _, place = scope.partition("!server=")
            if kind == "access:servers" and place.startswith(f"{self.name}/"):
                return place.removeprefix(f"{self.name}/")
        return None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _server(owner: str, model: Mapping[str, Any]) -> Server:
    return Server(
        owner=owner,
        name=model.get("name") or "",
        ready=bool(model.get("ready")),
        pending=model.get("pending") or "",
        url=model.get("url") or "",
        started=_time(model.get("started")),
        last_activity=_time(model.get("last_activity")),
        options=model.get("user_options") or {},
        ended=(model.get("state") or {}).get("ended") or {},
    )


def base_url(settings: Settings) -> str:
    """Where the Hub's API answers: loopback on a single server; `REGIONAL_HUB_API` on a cluster."""
    return os.environ.get("REGIONAL_HUB_API") or f"http://127.0.0.1:{settings.ports.hub}/hub/api"


def _server_path(owner: str, name: str) -> str:
    owner = quote(owner, safe="")
    return f"/users/{owner}/servers/{quote(name, safe='')}" if name else f"/users/{owner}/server"


def _fault(answer: httpx.Response) -> HubError:
    try:
        message = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        message = answer.reason_phrase or f"status {answer.status_code}"
    kind = HubDown if answer.status_code in (429, 502, 503, 504) else HubError
    return kind(message, answer.status_code)


class HubApi:
    """The Hub's API. Calls are short: a start is asked for here and followed by `progress`."""

    def __init__(self, settings: Settings, timeout: float = 5, transport: httpx.BaseTransport | None = None) -> None:
        self._headers = {"Authorization": f"token {settings.secret(TOKEN)}"}
        self._base = base_url(settings)
        self._timeout = httpx.Timeout(timeout, connect=2)
        self._transport = transport

    def _call(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            with httpx.Client(
                headers=self._headers, timeout=self._timeout, transport=self._transport, trust_env=False
            ) as client:
                answer = client.request(method, self._base + path, **more)
        except httpx.TransportError as error:
            raise HubDown(f"the Hub does not answer ({type(error).__name__})") from error
        if answer.is_error:
            raise _fault(answer)
        return answer

    def version(self) -> str:
        return str(self._call("GET", "/").json()["version"])

    def put_person(
        self,
        name: str,
        groups: Collection[str],
        *,
        admin: bool,
        open_to: Collection[str] = (),
        display_name: str = "",
    ) -> None:
        """Make the Hub's user and its groups exactly this; members of `open_to` may use all its servers.

        `display_name` is how others see the person where they work in one server; empty leaves it as it is.
        """
        body: dict[str, Any] = {"groups": sorted(groups), "admin": admin, "open_to": sorted(open_to)}
        body |= {"display_name": display_name} if display_name else {}
        self._call("PUT", f"/people/{quote(name, safe='')}", json=body, timeout=15)

    def delete_person(self, name: str) -> None:
        """Stop all servers, end sign-ins and tokens, and delete the Hub's user; also fine when there is none."""
        self._call("DELETE", f"/people/{quote(name, safe='')}", timeout=15)

    def servers(self, owner: str) -> list[Server]:
        """All servers that the Hub knows of this user, stopped ones too; none when it does not know the user."""
        try:
            model = self._call("GET", f"/users/{quote(owner, safe='')}?include_stopped_servers").json()
        except HubError as error:
            if error.status == 404:
                return []
            raise
        return [_server(owner, found) for found in (model.get("servers") or {}).values()]

    def running(self) -> list[Server]:
        """Every server of every user that is not stopped."""
        found: list[Server] = []
        offset: int | None = 0
        while offset is not None:
            answer = self._call(
                "GET",
                f"/users?state=active&offset={offset}&limit=200",
                headers={"Accept": "application/jupyterhub-pagination+json"},
            ).json()
            for user in answer["items"]:
                found += [_server(user["name"], model) for model in (user.get("servers") or {}).values()]
            following = answer["_pagination"].get("next")
            offset = following["offset"] if following else None
        return [server for server in found if server.state != "stopped"]

    def start(self, owner: str, name: str, options: Mapping[str, str]) -> None:
        """Ask for a server. Returns when the Hub has begun, which may be before or after the server is up."""
        try:
            self._call("POST", _server_path(owner, name), json=dict(options), timeout=httpx.Timeout(3, connect=2))
        except HubDown as error:
            if not isinstance(error.__cause__, httpx.ReadTimeout):
                raise

    def stop(self, owner: str, name: str, *, forget: bool = False) -> None:
        """Stop a server; `forget` also removes a named one from the list."""
        body = {"json": {"remove": True}} if forget and name else {}
        try:
            self._call("DELETE", _server_path(owner, name), **body, timeout=httpx.Timeout(3, connect=2))
        except HubDown as error:
            if not isinstance(error.__cause__, httpx.ReadTimeout):
                raise

    def token(self, owner: str, *, scopes: Collection[str], days: int | None, note: str) -> str:
        """A token of this Hub user for scripts; `scopes` empty means all that the user may."""
        body: dict[str, Any] = {"note": note}
        if days is not None:
            body["expires_in"] = days * 86400
        if scopes:
            body["scopes"] = list(scopes)
        return str(self._call("POST", f"/users/{quote(owner, safe='')}/tokens", json=body).json()["token"])

    def whose(self, token: str) -> Holder | None:
        """Whose a token is that somebody shows us; None for one that the Hub does not know. Raises HubDown."""
        try:
            model = self._call("GET", "/user", headers={"Authorization": f"token {token}"}).json()
        except HubDown:
            raise
        except HubError:
            return None
        return Holder(str(model["name"]), model.get("kind") == "user", frozenset(model.get("scopes") or ()))

    def failure(self, owner: str, name: str) -> Mapping[str, Any] | None:
        """The last event of a start that has just failed, until the Hub restarts or the server starts again."""
        address = f"{self._base}{_server_path(owner, name)}/progress"
        timeout = httpx.Timeout(2, connect=2)
        try:
            with (
                httpx.Client(
                    headers=self._headers, timeout=timeout, transport=self._transport, trust_env=False
                ) as client,
                client.stream("GET", address) as answer,
            ):
                if answer.is_error:
                    return None
                for line in answer.iter_lines():
                    if line.startswith("data:"):
                        event = json.loads(line.removeprefix("data:"))
                        return event if event.get("failed") else None
        except (httpx.TransportError, ValueError):
            return None
        return None

    async def progress(self, owner: str, name: str) -> AsyncIterator[dict[str, Any]]:
        """Events of a starting server: `progress` 0 to 100, `message`, and at the end `ready` or `failed`.

        Raises HubError 400 when the server neither starts nor has just failed.
        """
        address = f"{self._base}{_server_path(owner, name)}/progress"
        timeout = httpx.Timeout(30, connect=2)
        try:
            async with (
                httpx.AsyncClient(headers=self._headers, timeout=timeout, trust_env=False) as client,
                client.stream("GET", address) as answer,
            ):
                if answer.is_error:
                    await answer.aread()
                    raise _fault(answer)
                async for line in answer.aiter_lines():
                    if line.startswith("data:"):
                        with contextlib.suppress(ValueError):
                            yield json.loads(line.removeprefix("data:"))
        except httpx.TransportError as error:
            raise HubDown(f"the Hub does not answer ({type(error).__name__})") from error
