"""Running cells without nbclient's deadlock.

nbclient writes the states of Output widgets into the socket on which it waits for the answer of the cell. libzmq tells
of new messages once, and writing may take the news: the cell is done then, and nobody hears of it (nbclient issue 312).
So somebody looks now and then while a cell runs.
"""

from __future__ import annotations

import asyncio
from typing import Any

from nbclient import NotebookClient

EVERY = 0.1  # seconds
A_LOOK = 1  # millisecond; it is the call that wakes who waits, not the time


class AwakeClient(NotebookClient):
    """A NotebookClient that hears of each answer. Its kernel client is asynchronous, as it is by default."""

    async def async_execute_cell(self, *args: Any, **kwargs: Any) -> Any:
        looking = asyncio.ensure_future(self._look())
        try:
            return await super().async_execute_cell(*args, **kwargs)
        finally:
            looking.cancel()

    async def _look(self) -> None:
        while self.kc is not None:
            await asyncio.sleep(EVERY)
            await self.kc.shell_channel.socket.poll(A_LOOK)
