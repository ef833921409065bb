"""What the portal asks of a running app, through the front door. Its answers are a stranger's: small, checked, late.

Nothing that an app says gives anybody a place: it says which of the seats that the portal gave have a kernel.
"""

from __future__ import annotations

import os
import time
from typing import Annotated

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from regional_hub.hub.tickets import PORTAL, Ticket, private_key, sign
from regional_hub.settings import Settings

SECONDS = 2.0
LARGEST = 256 * 1024
TICKET_SECONDS = 120  # time to open the app; who sits there needs no ticket any more


class SeatState(BaseModel):
    model_config = ConfigDict(extra="ignore")

    seat: str = Field(pattern=r"^[0-9a-f]{32}$")
    connected: bool
    idle_seconds: float = Field(ge=0)


class AppState(BaseModel):
    """What an app says of itself."""

    model_config = ConfigDict(extra="ignore")

    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    ready: int = Field(ge=0, le=10_000)
    kernels: int = Field(ge=0, le=10_000)
    release: str = Field(max_length=200)
    seats: Annotated[list[SeatState], Field(max_length=2000)]


def front_door(settings: Settings) -> str:
    """Where apps answer for us: beside us on a single server; `REGIONAL_HUB_FRONT_DOOR` on a cluster."""
    bind = settings.ports.bind
    host = "127.0.0.1" if bind in ("0.0.0.0", "") else bind  # noqa: S104 comparison
    return os.environ.get("REGIONAL_HUB_FRONT_DOOR") or f"http://{host}:{settings.ports.public}"


def frame_address(settings: Settings, slug: str, seat: str, digest: str, language: str) -> str:
    """What a visitor's browser opens, for the next two minutes."""
    ticket = sign(private_key(settings), Ticket(slug, seat, digest, int(time.time()) + TICKET_SECONDS))
    return f"{settings.showcase.live_origin}/user/showcase/{slug}/live?ticket={ticket}&lang={language}"


class LiveClient:
    """Calls to apps; `transport` is for tests."""

    def __init__(self, settings: Settings, transport: httpx.BaseTransport | None = None) -> None:
        self._settings, self._transport = settings, transport

    def _call(self, method: str, slug: str, digest: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Status and body. Raises httpx.HTTPError where nothing sensible came in time."""
        ticket = sign(private_key(self._settings), Ticket(slug, PORTAL, digest, int(time.time()) + 30))
        address = f"{front_door(self._settings)}/user/showcase/{slug}/live/{path}"
        headers = {"Authorization": f"Ticket {ticket}"}
        ends = time.monotonic() + SECONDS
        with (
            httpx.Client(timeout=SECONDS, transport=self._transport, trust_env=False) as client,
            client.stream(method, address, headers=headers, json=body) as answer,
        ):
            content = b""
            for piece in answer.iter_bytes():
                content += piece
                if len(content) > LARGEST or time.monotonic() > ends:
                    raise httpx.ReadError("too much, or too slow")
            return answer.status_code, content

    def state(self, slug: str, digest: str) -> AppState | None:
        """What an app says; None when it does not answer, or not as agreed."""
        try:
            status, content = self._call("GET", slug, digest, "state")
            return AppState.model_validate_json(content) if status == 200 else None
        except (httpx.HTTPError, ValidationError):
            return None

    def end(self, slug: str, digest: str, seat: str) -> bool:
        """End a seat's kernel and make its ticket worthless; whether the app says that this is so."""
        try:
            status, _content = self._call("POST", slug, digest, "end", {"seat": seat})
        except httpx.HTTPError:
            return False
        return status in (204, 404, 410)  # 410: what the portal says where no app is
