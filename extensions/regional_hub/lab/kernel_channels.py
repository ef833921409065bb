"""The browser's line to a kernel, without two waits that JupyterLab's users feel at every cell and at every first one.

jupyter_server loads it by `kinds/*/jupyter_server_config.json` (of a `.d` folder it reads extensions alone).
"""

from __future__ import annotations

import asyncio

import zmq
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

RECONNECT = 10  # milliseconds between tries to reach a kernel that is still starting


class PromptChannels(ZMQChannelsWebsocketConnection):
    """Messages leave at once, and a kernel is found as soon as it listens."""

    async def prepare(self) -> None:
        """ZeroMQ's own 100 ms often miss the kernel's first answer, and the next question comes half a second later."""
        self.multi_kernel_manager.context.setsockopt(zmq.RECONNECT_IVL, RECONNECT)
        await super().prepare()

    def connect(self) -> asyncio.Future[None] | None:  # type: ignore[override]  # as the class above it has it
        """Without this a cell's last message waits 40 ms for the other side to acknowledge the one before (Nagle)."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
