"""What `./hub doctor` does inside containers: attempts that must fail, and a short notebook that must run."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import dataclass

from docker.errors import APIError, ImageNotFound

from regional_hub.hub import engine, images, network
from regional_hub.settings import Settings

NOTEBOOK = """
import json, intake, xarray, dask, ipywidgets
print(json.dumps({"entries": len(list(intake.cat))}))
"""
# Tries each address for a moment and prints which could be connected to.
ATTEMPTS = """
import json, socket, sys
found = []
for host, port in json.loads(sys.argv[1]):
    try:
        socket.create_connection((host, port), timeout=1.5).close()
        found.append(True)
    except OSError:
        found.append(False)
print(json.dumps(found))
"""


class ProbeError(RuntimeError):
    """The probe itself could not run."""


@dataclass(frozen=True)
class Attempt:
    """One connection from inside a container, and whether it must succeed."""

    host: str
    port: int
    what: str
    open: bool


def attempts(settings: Settings, secret_port: int) -> list[Attempt]:
    """From the servers' network: the services that people need, and what nobody may reach."""
    host = network.host_address(settings, "lab")
    ports = settings.ports
    services = {"hub": ports.hub, "portal": ports.portal, "data": ports.data, "gateway": ports.gateway}
    found = [Attempt(host, port, name, True) for name, port in services.items()]
    found.append(Attempt(host, secret_port, "another port of this host", False))
    found.append(Attempt(host, ports.gateway_api, "the gateway's private API", False))
    return found


def isolation(settings: Settings) -> list[str]:
    """Run the attempts in a container; returns a sentence for each that went the wrong way."""
    host = network.host_address(settings, "lab")
    with socket.create_server(
        (host, 0)
    ) as bait:  # stands for any service of the host that is none of people's business
        threading.Thread(target=_accept, args=(bait,), daemon=True).start()
        tries = attempts(settings, bait.getsockname()[1])
        results = _run(settings, [(one.host, one.port) for one in tries])
    faults = []
    for one, reached in zip(tries, results, strict=True):
        if reached and not one.open:
            faults.append(f"a container reaches {one.what} ({one.host}:{one.port})")
        if one.open and not reached:
            faults.append(f"a container does not reach the {one.what} service ({one.host}:{one.port})")
    return faults


def _accept(bait: socket.socket) -> None:
    while True:
        try:
            bait.accept()[0].close()
        except OSError:
            return


def _run(settings: Settings, addresses: list[tuple[str, int]]) -> list[bool]:
    client = engine.client()
    if client is None:
        raise ProbeError("no Docker engine answers")
    try:
        output = client.containers.run(
            images.of_this_start(settings),
            ["python", "-c", ATTEMPTS, json.dumps(addresses)],
            network=network.name(settings, "lab"),
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            labels=engine.labels(settings, "probe"),
            remove=True,
        )
    except (APIError, ImageNotFound) as error:
        raise ProbeError(f"the probe container does not run: {error}") from error
    answer: list[bool] = json.loads(output)
    return answer
