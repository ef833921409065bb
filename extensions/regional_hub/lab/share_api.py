"""Jupyter server extension: what JupyterLab's Showcase panel and "Share…" ask, below `…/regional-hub/api/`.

Trust boundary. The browser never has the server's token: each call is one of a short list, and goes to the hub with
the token that this server holds. What changes something needs Jupyter's XSRF token and JSON, so no page elsewhere can
ask. Code that a person runs in the own server, or a trusted output shows in the own browser, acts as that person here
as everywhere in a Lab; nothing becomes public by it, as the hub's reviewers stand between. Paths stay below the home.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from regional_hub.lab import copy_shared, share, share_find, share_mark, share_pictures
from regional_hub.lab.catalog_list import entries
from regional_hub.lab.catalog_rows import rows
from regional_hub.lab.share import ShareError, Showcase
from regional_hub.lab.share_command import title
from regional_hub.lab.share_sending import Sendings

LARGEST = 256 * 1024  # bytes of a question from the browser
READ = "options|people|publications|shared"
LONGEST_SEARCH = 100
STATUS = dict.fromkeys(("no-file", "no-sending", "no-publication", "no-revision", "no-entry"), 404)
STATUS |= {"no-hub": 502, "busy": 429}
SAID = frozenset({"said", "readers", "slug", "note"})


def below(home: Path, path: Any) -> Path:
    """A file or folder in the home by its path there, never through a link out of it. Raises ShareError."""
    parts = path.split("/") if isinstance(path, str) else []
    if not parts or "\0" in path or "\\" in path or any(part in ("", ".", "..") for part in parts):
        raise ShareError("bad-path", "this is no path of a file in your home", "这不是您主目录中的文件路径")
    found = home / path
    if not found.resolve().is_relative_to(home.resolve()):
        raise ShareError("bad-path", f"{path} leads out of your home", f"{path} 指向主目录之外")
    if not found.exists():
        raise ShareError("no-file", f"{path} is not there; save it first", f"{path} 不存在，请先保存")
    return found


def planned(showcase: Showcase, home: Path, asked: Mapping[str, Any]) -> share.Plan:
    """What would be sent of what the browser asks for: `path`, and perhaps `entry`, `exclude`, `picture`."""
    exclude, entry, picture = asked.get("exclude", []), asked.get("entry", ""), asked.get("picture", "")
    plain = isinstance(entry, str) and isinstance(picture, str) and isinstance(exclude, list)
    if not plain or not all(isinstance(name, str) for name in exclude):
        raise ShareError(
            "bad-question", "`entry`, `exclude` and `picture` are texts", "entry、exclude 和 picture 应为文本"
        )
    limits = showcase.limits()
    made = share.plan(below(home, asked.get("path")), entry=entry, exclude=exclude, limits=limits)
    return share_pictures.add(made, picture, limits) if picture else made


def listed(showcase: Showcase, home: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """A plan for the browser, with title, pictures and earlier publications of the same notebook to choose from.

    `chosen` is the one that this is a revision of: its mark says so, and without one the file's name. A mark that is
    none of the person's own, in a copy of somebody else's notebook, chooses a new publication.
    """
    plan = planned(showcase, home, asked)
    mine = [each for each in showcase.call("GET", "publications") if not each["withdrawn_at"] and each["revisions"]]
    mark = share_mark.of(share_find.read(plan.folder / plan.entry))
    marked = [each for each in mine if each["slug"] == mark]
    named = [each for each in mine if each["revisions"][0]["entry"] == plan.entry and each not in marked]
    likely = marked or ([] if mark else named)
    return {
        "entry": plan.entry,
        "notebook": os.path.relpath(plan.folder / plan.entry, home),
        "files": [vars(item) for item in plan.files],
        "left_out": [vars(item) for item in plan.left_out],
        "size": plan.size,
        "title": title(plan),
        "pictures": share_pictures.found(plan),
        "earlier": marked + named,
        "chosen": likely[0]["slug"] if likely else "",
    }


def publish(showcase: Showcase, home: Path, asked: Mapping[str, Any], progress: Callable[[int, int], None]) -> Any:
    """Send what was listed. Raises ShareError, also where the files are no longer those that were shown."""
    facts = asked.get("facts")
    if not isinstance(facts, dict) or not SAID.issuperset(facts):
        raise ShareError("bad-question", "`facts` has said, readers, slug and note", "facts 的内容无效")
    plan = planned(showcase, home, asked)
    if sorted(item.name for item in plan.files) != sorted(map(str, asked.get("files") or [])):
        said = "other files would be sent than were shown; look at the list again", "文件清单已变化，请重新查看"
        raise ShareError("changed", *said)
    said_too = {"picture": plan.files[-1].name} if asked.get("picture") else {}
    return showcase.publish(plan, {**facts, **said_too}, progress)


def _said(error: ShareError) -> dict[str, Any]:
    return {"error": {"code": error.code, "en": error.en, "zh": error.zh}}


class Handler(APIHandler):
    """Answers in JSON; work that waits is done in threads of our own, so that it never holds up a kernel."""

    def initialize(self, threads: ThreadPoolExecutor, sendings: Sendings) -> None:
        self.threads, self.sendings = threads, sendings

    @property
    def home(self) -> Path:
        return Path(self.settings.get("server_root_dir", "~")).expanduser()

    async def tell(self, work: Callable[[], Any]) -> None:
        """The answer of a piece of work, or why there is none."""
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self.threads, work)
        except ShareError as error:
            self.set_status(STATUS.get(error.code, 400))
            answer = _said(error)
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(answer, ensure_ascii=False))

    def question(self) -> dict[str, Any]:
        """The JSON object that was sent."""
        if self.request.headers.get("Content-Type", "").partition(";")[0].strip() != "application/json":
            raise web.HTTPError(415, "send application/json")
        if len(self.request.body) > LARGEST:
            raise web.HTTPError(413, f"over {LARGEST} bytes")
        try:
            found = json.loads(self.request.body)
        except (ValueError, RecursionError):
            raise web.HTTPError(400, "this is no JSON") from None
        if not isinstance(found, dict):
            raise web.HTTPError(400, "send a JSON object")
        return found


class Read(Handler):
    """What the hub says: one of four questions, none of the caller's making."""

    @web.authenticated
    async def get(self, name: str) -> None:
        words = self.get_query_argument("q", "")[:LONGEST_SEARCH]
        more = {"params": {"q": words}} if name == "people" else {}
        await self.tell(lambda: Showcase().call("GET", name, **more))


class Catalog(Handler):
    """What data there is, from the catalogs' files in this server."""

    @web.authenticated
    async def get(self) -> None:
        await self.tell(entries)


class Rows(Handler):
    """The first rows of one of its entries."""

    @web.authenticated
    async def get(self, name: str) -> None:
        await self.tell(lambda: rows(name))


class Plan(Handler):
    """What would be sent; nothing is."""

    @web.authenticated
    async def post(self) -> None:
        asked = self.question()
        await self.tell(lambda: listed(Showcase(), self.home, asked))


class Publish(Handler):
    """Begins to send, and answers with a number to ask after."""

    @web.authenticated
    async def post(self) -> None:
        asked, home = self.question(), self.home
        await self.tell(lambda: {"sending": self.sendings.begin(partial(publish, Showcase(), home, asked))})


class Sending(Handler):
    """How far it is, and the answer."""

    @web.authenticated
    async def get(self, number: str) -> None:
        await self.tell(lambda: self.sendings.state(number))


class Copy(Handler):
    """A copy of what is shared with one."""

    @web.authenticated
    async def post(self) -> None:
        asked, home = self.question(), self.home
        slug, number = asked.get("slug"), asked.get("number")
        if not isinstance(slug, str) or not (number is None or type(number) is int):
            raise web.HTTPError(400, "`slug` is a text, `number` a number")
        await self.tell(lambda: {"path": copy_shared.copy(Showcase(), home, slug, number).relative_to(home).as_posix()})


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(app: Any) -> None:
    base = url_path_join(app.web_app.settings["base_url"], "regional-hub/api/")
    tools = {"threads": ThreadPoolExecutor(4, "regional-hub"), "sendings": Sendings()}
    paths = {
        f"({READ})": Read,
        "catalog": Catalog,
        r"catalog/([A-Za-z_]\w{0,99})/rows": Rows,
        "plan": Plan,
        "publish": Publish,
        r"sendings/([0-9a-f]{16})": Sending,
        "copy": Copy,
    }
    app.web_app.add_handlers(".*$", [(base + path, handler, tools) for path, handler in paths.items()])
