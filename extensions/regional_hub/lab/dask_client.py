"""IPython extension: a refused Dask cluster cannot stop Dask for the rest of the session.

dask-gateway's clients close themselves when they are collected, and wait for Dask's own thread to do it. When Python
happens to collect one in that very thread (after a refusal, say), the thread waits for itself for ever. There, we leave
the closing to the end of the kernel.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

CLASSES = ("Gateway", "GatewayCluster")


def _in_own_loop(client: Any) -> bool:
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        return False
    owner = getattr(client, "gateway", client)
    loop = getattr(owner, "loop", None)
    return loop is not None and running is loop.asyncio_loop


def _finalizer(close: Callable[[Any], None]) -> Callable[[Any], None]:
    def finalize(client: Any) -> None:
        if not _in_own_loop(client):
            close(client)

    finalize.tamed = True  # type: ignore[attr-defined]
    return finalize


def tame(module: Any) -> None:
    """Replace the finalizers of `dask_gateway.client`; calling it again changes nothing."""
    for name in CLASSES:
        kind = getattr(module, name)
        if not hasattr(kind.__del__, "tamed"):
            kind.__del__ = _finalizer(kind.__del__)


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython in each kernel; dask-gateway itself is imported only by those who use it."""

    def look(_result: Any) -> None:
        if module := sys.modules.get("dask_gateway.client"):
            tame(module)
            shell.events.unregister("post_run_cell", look)

    shell.events.register("post_run_cell", look)
