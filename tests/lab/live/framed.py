"""The page around a live app, as the portal has one: a frame in a sandbox, and what that frame says."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PAGE = b"""<!DOCTYPE html><title>around</title><link rel="icon" href="data:,"><body><script>
const said = [];
let began = 0;
addEventListener("message", (event) => said.push({ ...event.data, after: performance.now() - began }));
const show = (address) => {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts allow-forms allow-popups allow-downloads");
  frame.width = 1000;
  frame.height = 700;
  began = performance.now();
  frame.src = address;
  document.body.append(frame);
};
</script>"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_args: Any) -> None:
        """Nothing."""


@contextlib.contextmanager
def around() -> Iterator[str]:
    """Serves that page; its origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
