"""The portal as an ASGI application, and whom it believes about where a request comes from."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any

from django.core.asgi import get_asgi_application
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from regional_hub import settings as hub_settings
from regional_hub.portal.body_limit import BodyLimit
from regional_hub.portal.visitors import VisitorsPages
from regional_hub.settings import Settings

if TYPE_CHECKING:
    from regional_hub.sdg.rest.app import SdmxApplication

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "regional_hub.portal.settings")

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
FORWARDED = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"forwarded")


class FrontDoor:
    """Takes a visitor's address from the proxy and from nobody else, and the scheme from the hub's own address.

    A container that connects to us directly may claim what it likes: its headers are removed.
    """

    def __init__(self, application: Application, trusted: Collection[str], scheme: str) -> None:
        self._application, self._trusted, self._scheme = application, frozenset(trusted), scheme

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = self._seen_from_outside(scope)
        await self._application(scope, receive, send)

    def _seen_from_outside(self, scope: dict[str, Any]) -> dict[str, Any]:
        client = scope.get("client") or ("127.0.0.1", 0)
        address = client[0]
        if address in self._trusted:
            hops = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for").decode("latin-1")
            address = self._visitor([hop.strip() for hop in hops.split(",") if hop.strip()], address)
        headers = [(name, value) for name, value in scope["headers"] if name not in FORWARDED]
        return {**scope, "client": (address, client[1]), "scheme": self._scheme, "headers": headers}

    def _visitor(self, hops: list[str], peer: str) -> str:
        """The last hop that is not ours; whatever stands before it may be invented."""
        for hop in reversed(hops):
            if hop not in self._trusted:
                return hop
        return hops[0] if hops else peer


def _trusted() -> list[str]:
    """Loopback, our own addresses, and on a cluster the proxies named in `REGIONAL_HUB_PROXIES`."""
    named = ",".join(os.environ.get(name, "") for name in ("REGIONAL_HUB_LISTENS", "REGIONAL_HUB_PROXIES"))
    return ["127.0.0.1", "::1", *(address for address in named.split(",") if address)]


class WithSdmx:
    """The site, and beside it the SDMX service below `/sdmx/`, which knows nothing of Django."""

    def __init__(self, site: Application, settings: Settings) -> None:
        self._site, self._settings = site, settings
        self._service: SdmxApplication | None = None
        self._making = threading.Lock()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/sdmx/"):
            await self._site(scope, receive, send)
            return
        service = self._service
        if service is None:
            service = await asyncio.to_thread(self._sdmx)  # pages do not wait while it is made
        await service(scope, receive, send)

    def warm(self) -> None:
        """Read in the background what the first requests would wait for; a fault in it is in the log only."""
        threading.Thread(target=self._warm, name="warm", daemon=True).start()

    def _warm(self) -> None:
        try:
            self._sdmx().warm()
        except Exception:
            logging.getLogger(__name__).exception("the SDMX service could not read ahead")

    def _sdmx(self) -> SdmxApplication:
        """Made when it is first needed: the portal's process, which has no data to serve, does without."""
        with self._making:
            if self._service is None:
                from regional_hub.sdg.loading import Room
                from regional_hub.sdg.rest.app import application as service

                room = Room(self._settings.path("sdg"))
                self._service = service(
                    room.store, room.registry, library=room.metadata, sender=self._settings.sdg.sender
                )
            return self._service


def _before(site: Application) -> VisitorsPages:
    """What answers for the site where it may. Publications that change are forgotten there."""
    from regional_hub.showcase.actions import readings  # Django was not set up when this module was imported
    from regional_hub.showcase.models import Publication

    pages = VisitorsPages(site, readings.count_again)

    def changed(**_more: Any) -> None:
        transaction.on_commit(pages.forget)

    for signal in (post_save, post_delete):
        signal.connect(changed, sender=Publication, dispatch_uid="visitors' pages", weak=False)
    return pages


settings = hub_settings.load()
site = WithSdmx(get_asgi_application(), settings)
application = FrontDoor(_before(BodyLimit(site, settings)), _trusted(), "https" if settings.secure else "http")
