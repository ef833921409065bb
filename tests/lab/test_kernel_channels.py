"""Cells answer without the waits of Nagle and of ZeroMQ: on a real server, as each kind configures it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
import zmq
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from traitlets.utils.importstring import import_item

from regional_hub.lab import kernel_channels
from regional_hub.settings import ROOT

KINDS = ROOT / "images" / "lab" / "kinds"


class Handler:
    """As much of a websocket's handler as is asked for."""

    nodelay: bool | None = None

    def set_nodelay(self, value: bool) -> None:
        self.nodelay = value


@pytest.mark.parametrize("kind", ["lab", "project", "exam"])
def test_kind_uses_prompt_channels(kind: str) -> None:
    config: dict[str, Any] = json.loads((KINDS / kind / "jupyter_server_config.d" / "kernels.json").read_text())

    named = config["ServerApp"]["kernel_websocket_connection_class"]

    assert import_item(named) is kernel_channels.PromptChannels


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
