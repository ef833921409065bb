"""Cells answer without the waits of Nagle and of ZeroMQ: on a real server, as each kind configures it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
import zmq
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from regional_hub.lab import kernel_channels
from regional_hub.settings import ROOT


class Handler:
    """As much of a websocket's handler as is asked for."""

    nodelay: bool | None = None

    def set_nodelay(self, value: bool) -> None:
        self.nodelay = value


@pytest.mark.parametrize("kind", ["lab", "project", "exam"])
def test_server_of_a_kind_uses_prompt_channels(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(ROOT / "images" / "lab" / "kinds" / kind))
    server = ServerApp()

    server.load_config_file()

    assert server.kernel_websocket_connection_class is kernel_channels.PromptChannels


def test_messages_leave_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", lambda _self: None)
    channels = kernel_channels.PromptChannels.__new__(kernel_channels.PromptChannels)
    handler = Handler()
    monkeypatch.setattr(kernel_channels.PromptChannels, "websocket_handler", handler)

    channels.connect()

    assert handler.nodelay is True


async def test_kernel_that_listens_late_is_found_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def nothing(_self: object) -> None:
        return None

    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "prepare", nothing)
    context = zmq.Context()
    manager = type("Manager", (), {"context": context})
    monkeypatch.setattr(kernel_channels.PromptChannels, "multi_kernel_manager", manager)
    channels = kernel_channels.PromptChannels.__new__(kernel_channels.PromptChannels)
    await channels.prepare()

    with context.socket(zmq.DEALER) as browser, zmq.Context() as other, other.socket(zmq.ROUTER) as kernel:
        browser.connect(f"ipc://{tmp_path}/kernel")
        browser.send(b"are you there?")
        await asyncio.sleep(0.5)
        kernel.bind(f"ipc://{tmp_path}/kernel")
        listening = time.monotonic()

        assert kernel.poll(2000)

        assert browser.getsockopt(zmq.RECONNECT_IVL) == kernel_channels.RECONNECT
        assert time.monotonic() - listening < 1
        browser.close(linger=0)
    context.term()
