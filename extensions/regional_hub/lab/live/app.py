"""The server itself: Voila with our page, our addresses and our pool in place of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_path
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from traitlets.config import Config
from voila.app import Voila
from voila.utils import get_page_config

from regional_hub.lab import tickets
from regional_hub.lab.live import pack, pages, words
from regional_hub.lab.live import plan as plans
from regional_hub.lab.live.guard import Nothing
from regional_hub.lab.live.plan import AppPlan
from regional_hub.lab.live.pool import ALLOWED, LiveKernels, Pool
from regional_hub.lab.live.render import TEMPLATE, LiveRenderer
from regional_hub.lab.live.seats import Reason, Seat
from regional_hub.lab.live.socket import CODES, LARGEST, LiveConnection, LiveSocket

EXTENSIONS = ("@voila-dashboards/widgets-manager8", "@jupyter-widgets/jupyterlab-manager")
LOG = logging.getLogger("regional_hub.live")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?")


class LiveApp(Voila):
    """One app. What it serves comes from `plan`, never from the command line or a configuration file."""

    plan: AppPlan
    pool: Pool
    pack: pack.Pack
    origin: str

    def prepare(self, found: AppPlan, key: str, origin: str) -> None:
        """`key`: the portal's public key. Raises ValueError for one that is none."""
        self.plan, self.origin = found, origin if _ORIGIN.fullmatch(origin) else ""
        self.key = tickets.public_key(key)
        self.sockets: dict[str, set[LiveSocket]] = {}

    def ticket(self, text: str) -> tickets.Ticket:
        """Raises BadTicket."""
        return tickets.verify(self.key, text, self.plan.slug, time.time())

    def setup_template_dirs(self) -> None:
        super().setup_template_dirs()
        self.template_paths.insert(0, str(TEMPLATE))

    def init_settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = super().init_settings()
        self.contents_manager = LargeFileManager(parent=self, root_dir=str(self.plan.notebook.parent))
        self.kernel_manager.allowed_message_types = ALLOWED
        self.pool = Pool(self.plan, self.kernel_manager, self._renderer, self._shut)
        return {
            **settings,
            "live": self,
            "contents_manager": self.contents_manager,
            "kernel_websocket_connection_class": LiveConnection,
            "websocket_max_message_size": LARGEST,
            "default_handler_class": Nothing,
            "xsrf_cookies": False,
            "serve_traceback": False,
            "headers": {},
            "log_function": _log,
        }

    def init_handlers(self) -> list[Any]:
        shared = [Path(folder) for folder in jupyter_path()]
        files = {f"templates/{name}/static": [Path(path) for path in self.static_paths] for name in ("lab", "base")}
        files["static"] = [Path(path) for path in self.static_paths]
        files["api/themes"] = [Path(self.themes_dir)]
        for name in EXTENSIONS:
            roots = [root / kind / name for root in shared for kind in ("labextensions", "voila/labextensions")]
            files[f"labextensions/{name}"] = [root for root in roots if root.is_dir()]
        self.pack = pack.make(lambda path: pages.find(files, path), pack.named())
        base = self.base_url
        asyncio.get_event_loop_policy().get_event_loop().call_soon(
            lambda: setattr(self, "_watch", asyncio.ensure_future(self.pool.watch()))
        )
        return [(f"{base}api/kernels/{pages.KERNEL_ID}/channels", LiveSocket), *pages.handlers(base, files)]

    def _renderer(self) -> LiveRenderer:
        config = get_page_config(
            base_url=self.base_url,
            settings=self.app.settings,
            log=self.log,
            voila_configuration=self.voila_configuration,
        )
        facts = {"plan": self.plan, "back": self.plan.back(), "about": self.plan.about(), "reasons": words.REASONS}
        facts["pack"] = f"{self.base_url}voila/pack/{self.pack.name}"
        self.voila_configuration.config.VoilaConfiguration.resources = {"live": facts}
        return LiveRenderer(
            voila_configuration=self.voila_configuration,
            traitlet_config=self.config,
            notebook_path=self.plan.notebook.name,
            template_paths=self.template_paths,
            config_manager=self.config_manager,
            contents_manager=self.contents_manager,
            base_url=self.base_url,
            kernel_spec_manager=self.kernel_spec_manager,
            page_config=config,
            mathjax_config=None,
            mathjax_url=None,
        )

    def _shut(self, seat: Seat, reason: Reason) -> None:
        for socket in self.sockets.pop(seat.name, set()):
            socket.close(CODES[reason], reason)


def _log(handler: Any) -> None:
    """A line for what went wrong, without the query: it has the ticket."""
    status, request = handler.get_status(), handler.request
    if status >= 400:
        LOG.info("%d %s %s (%.0f ms)", status, request.method, request.path[:200], 1000 * request.request_time())


def configuration(port: int, address: str, base_url: str, connections: str) -> Config:
    """What Voila and Jupyter's server are told, all of it in one place."""
    c = Config()
    c.Voila.port, c.Voila.ip, c.Voila.base_url = port, address, base_url
    c.Voila.port_retries, c.Voila.open_browser = 0, False
    c.Voila.config_file_paths = []
    c.Voila.connection_dir_root = connections
    c.VoilaConfiguration.template = "lab"
    c.VoilaConfiguration.theme = "light"
    c.VoilaConfiguration.allow_template_override = "NO"
    c.VoilaConfiguration.allow_theme_override = "NO"
    c.VoilaConfiguration.strip_sources = True
    c.VoilaConfiguration.show_tracebacks = False
    c.VoilaConfiguration.preheat_kernel = False
    c.VoilaConfiguration.extension_allowlist = list(EXTENSIONS)
    c.VoilaConfiguration.multi_kernel_manager_class = LiveKernels
    c.KernelManager.autorestart = False
    c.KernelManager.transport = "ipc"
    c.MappingKernelManager.buffer_offline_messages = False
    return c


def main(argv: list[str] | None = None) -> None:
    """Serve one app until a signal ends it."""
    parser = argparse.ArgumentParser(prog="python -m regional_hub.lab.live", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ip", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--base-url", default="/")
    given = parser.parse_args(argv)
    logging.basicConfig(format="[%(name)s] %(message)s")
    LOG.setLevel(logging.INFO)
    base_url = "/" + given.base_url.strip("/") + "/" if given.base_url.strip("/") else "/"
    try:
        found = plans.read(given.folder)
        app = LiveApp()
        app.prepare(found, os.environ.get("REGIONAL_HUB_LIVE_KEY", ""), os.environ.get("REGIONAL_HUB_LIVE_ORIGIN", ""))
    except ValueError as fault:
        parser.exit(2, f"This app cannot be served: {fault}\n")
    connections = tempfile.mkdtemp(prefix="live-")  # 0700
    app.config = configuration(given.port, given.ip, base_url, connections)
    app.initialize([])
    app.start()
