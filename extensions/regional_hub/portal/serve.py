"""`python -m regional_hub.portal.serve portal|data`: the site on all addresses where its service is reached."""

from __future__ import annotations

import os
import socket
import sys
import threading

import uvicorn

from regional_hub import settings as hub_settings
from regional_hub.settings import Settings

SERVICES = ("portal", "data")


def _addresses(settings: Settings, service: str) -> list[str]:
    if fixed := os.environ.get("REGIONAL_HUB_LISTENS"):  # on a cluster: "0.0.0.0"
        return fixed.split(",")
    from regional_hub.hub import network

    return network.listen_addresses(settings, service)


def _listen(addresses: list[str], port: int) -> list[socket.socket]:
    """Sockets bound and ready. Raises OSError, which names the address, when another process has one."""
    sockets = []
    for address in addresses:
        listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError as error:
            raise OSError(error.errno, f"{address}:{port}: {error.strerror}") from error
        listener.listen(2048)
        listener.set_inheritable(True)
        sockets.append(listener)
    return sockets


def _keep_open_folder(settings: Settings) -> None:
    """Servers mount the releases that are public whole: bring that folder up to date now, and when an embargo ends."""
    from regional_hub.sdg import open_folder

    threading.Thread(target=open_folder.keep, args=(settings.path("sdg"),), name="open-folder", daemon=True).start()


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in SERVICES:
        sys.exit("usage: python -m regional_hub.portal.serve portal|data")
    service = sys.argv[1]
    settings = hub_settings.load()
    addresses = _addresses(settings, service)
    port = settings.ports.portal if service == "portal" else settings.ports.data
    try:
        sockets = _listen(addresses, port)
    except OSError as error:
        sys.exit(f"hub: {service} cannot listen: {error}")
    os.environ["REGIONAL_HUB_LISTENS"] = ",".join(addresses)

    from regional_hub.portal.asgi import application, site

    if service == "data":
        _keep_open_folder(settings)
        site.warm()

    config = uvicorn.Config(
        application,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=5,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run(sockets=sockets)


if __name__ == "__main__":
    main()
