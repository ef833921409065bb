"""A cell whose answer came unheard ends all the same, and all that it prints is kept, however late it comes."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import nbformat.v4 as v4
import pytest
import zmq
from jupyter_client.channels import AsyncZMQSocketChannel
from nbclient.output_widget import OutputWidget

from regional_hub.lab.awake import AwakeClient

CELLS = """
import ipywidgets
out = ipywidgets.Output()
with out: print(1)
"""


def test_a_cell_ends_though_the_news_of_its_answer_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    send = OutputWidget.send

    def send_and_take_the_news(widget: OutputWidget, *args: Any, **kwargs: Any) -> None:
        send(widget, *args, **kwargs)
        socket = zmq.Socket.shadow(widget.kernel_client.shell_channel.socket.underlying)
        ends = time.monotonic() + 5
        while not socket.get(zmq.EVENTS) & zmq.POLLIN:  # looking takes them, as sending may
            assert time.monotonic() < ends
        written.append(widget)

    monkeypatch.setattr(OutputWidget, "send", send_and_take_the_news)
    notebook = v4.new_notebook(cells=[v4.new_code_cell(CELLS)])

    client = AwakeClient(notebook, timeout=600, kernel_name="python3")
    asyncio.run(asyncio.wait_for(client.async_execute(), 30))

    assert len(written) == 1
    assert notebook.cells[0].execution_count == 1


def test_what_a_cell_printed_is_kept_though_it_comes_later_than_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    get = AsyncZMQSocketChannel.get_msg

    async def get_slowly(channel: AsyncZMQSocketChannel, *args: Any, **kwargs: Any) -> Any:
        if channel.socket.type == zmq.SUB:
            await asyncio.sleep(0.5)
        return await get(channel, *args, **kwargs)

    monkeypatch.setattr(AsyncZMQSocketChannel, "get_msg", get_slowly)
    cell = v4.new_code_cell("for n in range(7): print(n, flush=True)")

    AwakeClient(v4.new_notebook(cells=[cell]), kernel_name="python3").execute()

    assert "".join(output["text"] for output in cell.outputs) == "".join(f"{n}\n" for n in range(7))
