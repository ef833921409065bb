"""Users' servers seen from the roof: stop them all, and leave nothing of this hub behind on the engine."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from regional_hub.hub import engine, gateway_process
from regional_hub.settings import Settings


def call(settings: Settings, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call of the Hub's API with the portal's token; the parsed answer, None when empty. Raises OSError."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{settings.ports.hub}/hub/api{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {settings.secret('portal-api-token')}"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
        text = reply.read()
    return json.loads(text) if text else None


def running(settings: Settings) -> list[tuple[str, str]]:
    """(owner, server name) of each server that runs."""
    people = call(settings, "GET", "/users?state=active&limit=1000")
    return [(person["name"], server) for person in people for server in person["servers"]]


def stop_all(settings: Settings, timeout: float = 30) -> list[str]:
    """Stop every server through the Hub, which knows how; returns their names. Silent when the Hub does not run."""
    try:
        found = running(settings)
        for owner, server in found:
            suffix = f"servers/{server}" if server else "server"
            call(settings, "DELETE", f"/users/{owner}/{suffix}")
        deadline = time.monotonic() + timeout
        while running(settings) and time.monotonic() < deadline:
            time.sleep(0.2)
    except (urllib.error.URLError, OSError):
        return []
    return [f"{owner}/{server}" for owner, server in found]


def _end_processes_below(folder: Path) -> None:
    """Clusters of the local edition are processes that work in a folder of their own."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                os.kill(int(process.name), signal.SIGTERM)
        except OSError:  # it ended meanwhile, or is another user's
            continue


def sweep(settings: Settings) -> None:
    """Remove what nobody will look after any more: containers of servers and jobs, clusters with their networks."""
    _end_processes_below(settings.path("clusters"))
    client = engine.client(timeout=20)
    if client is None:
        return
    gateway_process.remove_containers(settings)
    for container in client.containers.list(all=True, filters={"label": f"{engine.INSTANCE}={settings.instance}"}):
        container.remove(force=True, v=True)
