"""A cell whose answer came unheard while an Output widget was written ends all the same."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import nbformat.v4 as v4
import pytest
import zmq
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
