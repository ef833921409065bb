"""Jupyter server extension: loads other extensions when a browser first asks for them, not before a server is ready.

The Dask panel's extension imports `distributed` and Voila's imports `nbconvert`: together a quarter of a server's
start, and memory in every idle server. Until then their paths load them and answer with a redirect to themselves.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

# The extension's module -> the part of the URL after the server's base that it answers, and what takes long to import.
EXTENSIONS = {"dask_labextension": ("dask", "dask.distributed"), "voila.server_extension": ("voila", "nbconvert")}


class Later:
    """One extension that waits for its first request."""

    def __init__(self, app: Any, module: str, path: str, slow: str) -> None:
        self.app, self.module, self.slow = app, module, slow
        self.loading: asyncio.Task[None] | None = None
        self.router = app.web_app.default_router
        before = list(self.router.rules)
        pattern = url_path_join(app.web_app.settings["base_url"], path) + r"(?:/.*)?"
        app.web_app.add_handlers(".*$", [(pattern, Waiting, {"later": self})])
        (self.rule,) = (rule for rule in self.router.rules if rule not in before)

    async def load(self) -> None:
        """Load it once, however many ask; an extension that fails is logged, and its paths are then not found."""
        if self.loading is None:
            self.loading = asyncio.ensure_future(self._load())
        await asyncio.shield(self.loading)

    async def _load(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(None, import_module, self.slow)
            manager = self.app.extension_manager
            manager.add_extension(self.module, enabled=True)
            manager.link_extension(self.module)
            manager.load_extension(self.module)
        except Exception:
            self.app.log.exception("%s could not be loaded", self.module)
        finally:
            self.router.rules.remove(self.rule)


class Waiting(JupyterHandler):
    """Stands where the extension's own handlers will be."""

    def initialize(self, later: Later) -> None:
        self.later = later

    @web.authenticated
    async def get(self) -> None:
        await self.later.load()
        self.redirect(self.request.uri or "/", status=307)  # the same method and body again, now to the extension

    post = put = patch = delete = get


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(app: Any) -> None:
    for module, (path, slow) in EXTENSIONS.items():
        Later(app, module, path, slow)
