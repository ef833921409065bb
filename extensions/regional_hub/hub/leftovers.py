"""What no server of the Hub stands behind any more, found by its mark and removed.

Containers: a start or stop that the engine's absence cut short. Processes: what a person's code started and left. It
knows nothing of JupyterHub: it is told what is in use.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Collection
from pathlib import Path

import requests.exceptions
from docker.errors import DockerException, NotFound

from regional_hub.hub import engine
from regional_hub.settings import Settings


def _of_servers(settings: Settings) -> list[str]:
    client = engine.client(timeout=20)
    if client is None:
        return []
    labels = [f"{key}={value}" for key, value in engine.labels(settings, "server").items()]
    return [found.name for found in client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)]


def _remove(name: str) -> bool:
    client = engine.client(timeout=60)
    if client is None:
        return False
    try:
        client.containers.get(name).remove(force=True, v=True)
    except NotFound:
        return False
    return True


async def remove(settings: Settings, in_use: Callable[[], Collection[str]]) -> list[str]:
    """Remove servers' containers whose names `in_use` does not give; their names. An engine that is away: none.

    `in_use` is asked after the engine was, so that a server which is just starting is never taken for a leftover.
    """
    try:
        found = await asyncio.to_thread(_of_servers, settings)
        left = [name for name in found if name not in in_use()]
        return [name for name in left if await asyncio.to_thread(_remove, name)]
    except (DockerException, requests.exceptions.RequestException):
        return []


def end_processes(variable: str, value: str) -> int:
    """Kill every process that inherited this environment variable with exactly this value; how many there were."""
    wanted = f"{variable}={value}".encode()
    ended = 0
    for place in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if wanted in place.read_bytes().split(b"\0"):
                os.kill(int(place.parent.name), signal.SIGKILL)
                ended += 1
    return ended
