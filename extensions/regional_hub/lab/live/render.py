"""A notebook to a page: Voila's renderer with faults in a plain sentence, and a page that many readers can follow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from jupyter_core.utils import ensure_async
from voila.execute import VoilaExecutor
from voila.notebook_renderer import NotebookRenderer

from regional_hub.lab.awake import AwakeClient
from regional_hub.lab.live import words

TEMPLATE = Path(__file__).parent / "page"
_MEMORY_FAULTS = ("MemoryError", "_ArrayMemoryError", "ArrowMemoryError")


def plain(kind: str, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The content of a kernel's message as visitors may see it; None where they may not see it at all.

    Tracebacks name paths, code and values; what is written to stderr is for authors.
    """
    if kind == "stream" and content.get("name") == "stderr":
        return None
    if kind == "error":
        sentence = words.both(words.MEMORY if content.get("ename") in _MEMORY_FAULTS else words.FAULT)
        return {"ename": "", "evalue": sentence, "traceback": [sentence]}
    return dict(content)


class LiveExecutor(AwakeClient, VoilaExecutor):
    """Runs the cells; what they say is made plain before it reaches an output or the state of an Output widget."""

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        content = plain(msg["msg_type"], msg["content"])
        if content is None:
            return None
        return super().process_message({**msg, "content": content}, cell, cell_index)

    def strip_code_cell_errors(self, cell: Any) -> Any:
        return cell  # they are plain already


class LiveRenderer(NotebookRenderer):
    """Voila's renderer with our executor. The kernel is not told its id: it opens the way to it."""

    kernel_started: bool

    async def _jinja_kernel_start(self, nb: Any, kernel_id: str, kernel_future: Any) -> str:
        assert not self.kernel_started, "kernel was already started"
        manager = await ensure_async(kernel_future)
        self.executor = LiveExecutor(nb, km=manager, config=self.traitlet_config, timeout=600)
        self.executor.kc = await self.executor.async_start_new_kernel_client()
        self.kernel_started = True
        return kernel_id


class Page:
    """A page that is being made: who comes early reads along, who comes late reads it from the start."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.done = False
        self._more = asyncio.Condition()

    async def add(self, part: str) -> None:
        async with self._more:
            self.parts.append(part)
            self._more.notify_all()

    async def finish(self) -> None:
        async with self._more:
            self.done = True
            self._more.notify_all()

    async def read(self) -> AsyncIterator[str]:
        at = 0
        while True:
            async with self._more:
                while len(self.parts) <= at and not self.done:
                    await self._more.wait()
                fresh, over = self.parts[at:], self.done
            at += len(fresh)
            if fresh:
                yield "".join(fresh)
            if over and at == len(self.parts):
                return
