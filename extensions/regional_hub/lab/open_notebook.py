"""Jupyter server extension: saves a notebook that a page of the hub made into the home, and opens it.

`…/regional-hub/open?path=/sdg/…/notebook.ipynb?…` is where "Open in the Lab" leads. Trust boundary: the address comes
from whoever made the link, so the path must be one of a page's notebook, it is fetched from the hub itself and nowhere
else (no redirects), only a browser that came from the hub's own pages may ask, and no file is ever overwritten.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest

FOLDER = "sdg"
LARGEST = 8 * 1024 * 1024
SECONDS = 30
MOST_COPIES = 100
PATH = re.compile(r"/sdg/(?:[A-Za-z0-9_.@$-]+/){1,4}notebook\.ipynb")
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,8})?")
NAME = re.compile(r"[^\w.-]+")


class NotANotebook(Exception):
    """What came is not what was asked for; the message says why."""


def checked(asked: str) -> str:
    """The path and query if they are those of a notebook below /sdg/. Raises ValueError."""
    parts = urlsplit(asked)
    strange = parts.scheme or parts.netloc or parts.fragment or "\\" in asked or any(ord(c) < 33 for c in asked)
    path = unquote(parts.path)
    if strange or path != parts.path or ".." in path or not PATH.fullmatch(path):
        raise ValueError("not the address of a notebook of this hub")
    return path + (f"?{parts.query}" if parts.query else "")


def notebook(data: bytes) -> dict[str, Any]:
    """The notebook in an answer. Raises NotANotebook."""
    try:
        found = json.loads(data)
    except ValueError:
        raise NotANotebook("it is not JSON") from None
    if not isinstance(found, dict) or found.get("nbformat") != 4 or not isinstance(found.get("cells"), list):
        raise NotANotebook("it is not a notebook of format 4")
    return found


def save(home: Path, name: str, data: bytes) -> Path:
    """Keep a notebook below the home under a name that is free; the same content twice is one file.

    Raises OSError, and FileExistsError where there are too many of that name.
    """
    folder = home / FOLDER
    folder.mkdir(exist_ok=True)
    if folder.resolve() != home.resolve() / FOLDER:
        raise PermissionError(f"{folder} leads out of the home")
    stem = NAME.sub("", name).strip(".")[:80] or "chart"
    for number in range(1, MOST_COPIES):
        path = folder / (f"{stem}.ipynb" if number == 1 else f"{stem}-{number}.ipynb")
        try:
            # O_EXCL also refuses a link that somebody put there.
            with path.open("xb") as file:
                file.write(data)
            return path
        except FileExistsError:
            if not path.is_symlink() and path.is_file() and path.read_bytes() == data:
                return path
    raise FileExistsError(f"there are {MOST_COPIES} notebooks called {stem} already")


class Open(JupyterHandler):
    """Fetches, saves, and leads on to JupyterLab."""

    @web.authenticated
    async def get(self) -> None:
        if self.request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            raise web.HTTPError(403, "open notebooks from the pages of the hub")
        try:
            path = checked(self.get_query_argument("path", ""))
        except ValueError as error:
            raise web.HTTPError(400, str(error)) from None
        data = await self._fetch(path)
        try:
            notebook(data)
        except NotANotebook as error:
            raise web.HTTPError(502, f"the hub sent no notebook: {error}") from None
        home = Path(self.settings.get("server_root_dir", "~")).expanduser()
        try:
            saved = save(home, path.split("/")[-2], data)
        except OSError as error:
            raise web.HTTPError(507, f"the notebook could not be saved: {error}") from None
        self.redirect(url_path_join(self.base_url, "lab/tree", quote(str(saved.relative_to(home)))))

    async def _fetch(self, path: str) -> bytes:
        hub = os.environ.get("REGIONAL_HUB_DATA_URL") or os.environ.get("REGIONAL_HUB_URL") or ""
        if not hub.startswith(("http://", "https://")):
            raise web.HTTPError(503, "this server does not know its hub")
        language = self.get_cookie("hub_language") or ""
        headers = {"Cookie": f"hub_language={language}"} if LANGUAGE.fullmatch(language) else {}
        request = HTTPRequest(
            hub.rstrip("/") + path,
            headers=headers,
            follow_redirects=False,
            request_timeout=SECONDS,
            decompress_response=False,
        )
        try:
            answer = await AsyncHTTPClient(max_body_size=LARGEST, force_instance=True).fetch(request)
        except HTTPClientError as error:
            raise web.HTTPError(502, f"the hub answered {error.code}") from None
        except OSError as error:
            raise web.HTTPError(502, f"the hub cannot be reached: {error}") from None
        return bytes(answer.body)


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(app: Any) -> None:
    from regional_hub.lab import copy_shared

    base = app.web_app.settings["base_url"]
    opening = (url_path_join(base, "regional-hub/open"), Open)
    copying = (url_path_join(base, "regional-hub/copy"), copy_shared.handler())
    app.web_app.add_handlers(".*$", [opening, copying])
