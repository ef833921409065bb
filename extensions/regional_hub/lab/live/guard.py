"""What every answer of an app's server has in common: its headers, no cookie, and nothing told of faults."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tornado import web

if TYPE_CHECKING:
    from regional_hub.lab.live.app import LiveApp

SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-downloads"
_HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(:[0-9]{1,5})?|\[[0-9a-fA-F:.]{2,45}\](:[0-9]{1,5})?")


def policy(host: str, base_url: str, frame_ancestors: str, origin: str) -> str:
    """The Content-Security-Policy. The notebook may run and draw what it likes, and reach its own app alone.

    Without an origin of its own an app is sandboxed into an opaque one: no cookies, no storage, no page around it.
    `host` is the one that the browser asked for; one that is no host name leaves the app no address at all.
    """
    known = _HOST.fullmatch(host)
    files = " ".join(f"{scheme}://{host}{base_url}voila/" for scheme in ("http", "https")) if known else "'none'"
    own = " ".join(f"{scheme}://{host}{base_url}" for scheme in ("http", "https", "ws", "wss")) if known else "'none'"
    return "; ".join(
        [
            SANDBOX + (" allow-same-origin" if origin else ""),
            "default-src 'none'",
            f"script-src {files} 'unsafe-inline' 'unsafe-eval'",
            f"style-src {files} 'unsafe-inline'",
            f"img-src {files} data: blob:",
            f"font-src {files} data:",
            "media-src data: blob:",
            "worker-src blob:",
            f"connect-src {own}",
            f"frame-ancestors {frame_ancestors}" + ("" if origin else " 'self'"),  # the site may have a second name
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


class Guarded(web.RequestHandler):
    """Mixin before a handler."""

    @property
    def live(self) -> LiveApp:
        found: LiveApp = self.settings["live"]
        return found

    def set_default_headers(self) -> None:
        live = self.live
        self.clear_header("Server")
        host = self.request.host
        self.set_header("Content-Security-Policy", policy(host, live.base_url, live.plan.frame_ancestors, live.origin))
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Robots-Tag", "noindex")

    def set_cookie(self, *_args: Any, **_kwargs: Any) -> None:
        """No cookies: in a sandbox they are no use, and on the portal's address they would be a leak."""

    def check_xsrf_cookie(self) -> None:
        """What changes something asks for a signed ticket or a kernel's id, never for a cookie."""

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{status_code}\n")


class Nothing(Guarded):
    """Whatever else is asked for: files, other notebooks, REST calls on kernels, terminals."""

    def prepare(self) -> None:
        raise web.HTTPError(404)
