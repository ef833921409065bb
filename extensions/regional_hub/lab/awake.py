"""Running cells without nbclient's deadlock, and without losing what they print on a busy machine.

nbclient writes the states of Output widgets into the socket on which it waits for the answer of the cell. libzmq tells
of new messages once, and writing may take the news: the cell is done then, and nobody hears of it (nbclient issue 312).
So somebody looks now and then while a cell runs.

What a cell prints comes by another socket. When the answer is there, nbclient waits four seconds for the rest of it and
then goes on without, silently: too short where twenty kernels start at once.
"""

from __future__ import annotations

import asyncio
from typing import Any

from nbclient import NotebookClient
from traitlets import default

EVERY = 0.1  # seconds
A_LOOK = 1  # millisecond; it is the call that wakes who waits, not the time
PRINTED = 60  # seconds for the rest of what a cell printed


class AwakeClient(NotebookClient):
    """A NotebookClient that hears of all. Its kernel client is asynchronous, as it is by default."""

    @default("iopub_timeout")
    def _iopub_timeout(self) -> int:
        return PRINTED

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
