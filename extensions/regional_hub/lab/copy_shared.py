"""A copy of what somebody shared, in one's own home: from a page of the hub with one click, or by `hub get`.

Trust boundary: `…/regional-hub/copy` is asked by whoever made a link, so only a browser that came from the hub's own
pages may; the hub is asked as the server's owner, and says who may read. Files go below `shared-with-me`, under names
that are checked once more, and over nothing that is there.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import secrets
import shutil
import zipfile
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from regional_hub.lab import share_mark
from regional_hub.lab.share import MB, ShareError, Showcase
from regional_hub.lab.share_names import BadName, check_name, check_together

FOLDER = "shared-with-me"
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
MOST_BYTES = 2000 * MB
MOST_COPIES = 100


def copy(showcase: Showcase, home: Path, slug: str, number: int | None = None) -> Path:
    """Copy a revision (the newest one by default) below the home; returns where its notebook lies. Raises ShareError.

    What was copied before and is as it was is not copied again; where it was changed, the copy goes beside it.
    """
    if not SLUG.fullmatch(slug):
        raise ShareError("no-publication", "this is no publication's address", "发布地址无效")
    found = showcase.call("GET", f"publications/{slug}")
    revisions = {each["number"]: each for each in found["revisions"]}
    number = number or max(revisions, default=0)
    if number not in revisions:
        raise ShareError(
            "no-revision", f"{slug} has no revision {number} for you", f"{slug} 没有您可读的第 {number} 版"
        )
    files = _files(showcase.call("GET", f"publications/{slug}/{number}/bundle"))
    try:
        return _save(home, f"{slug}-r{number}", files) / str(revisions[number]["entry"])
    except OSError as error:
        raise ShareError("not-saved", f"it could not be saved: {error}", f"无法保存：{error}") from None


def _files(packed: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
                raise ValueError("too large")
            files = {
                check_name(entry.filename): _clean(entry.filename, archive.read(entry)) for entry in archive.infolist()
            }
        check_together(files)
    except (zipfile.BadZipFile, BadName, ValueError) as error:
        raise ShareError("bad-bundle", f"the hub sent no bundle: {error}", "Hub 返回的内容无效") from None
    return files


def _clean(name: str, data: bytes) -> bytes:
    """Without a mark that a sender may have left: nobody proposes to somebody else what their copy is a revision of."""
    return share_mark.without(data) if name.endswith(".ipynb") else data


def _save(home: Path, name: str, files: dict[str, bytes]) -> Path:
    folder = home / FOLDER
    folder.mkdir(exist_ok=True)
    if folder.resolve() != home.resolve() / FOLDER:
        raise PermissionError(f"{folder} leads out of the home")
    fresh = folder / f".{name}.{secrets.token_hex(4)}.new"
    try:
        for file, data in files.items():
            place = fresh / file
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        for count in range(1, MOST_COPIES):
            target = folder / (name if count == 1 else f"{name}-{count}")
            if _same(target, files):
                return target
            if not os.path.lexists(target):
                fresh.rename(target)
                return target
        raise FileExistsError(f"there are {MOST_COPIES} copies of {name} already")
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _same(folder: Path, files: dict[str, bytes]) -> bool:
    """Whether a folder has these files, unchanged; what else is in it does not matter."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return all((folder / name).is_file() and (folder / name).read_bytes() == data for name, data in files.items())


def handler() -> Any:
    """The handler of `…/regional-hub/copy?slug=…&number=…`, made where a Jupyter server is there to have it."""
    from jupyter_server.base.handlers import JupyterHandler
    from jupyter_server.utils import url_path_join
    from tornado import web

    class Copy(JupyterHandler):
        @web.authenticated
        async def get(self) -> None:
            if self.request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
                raise web.HTTPError(403, "open copies from the pages of the hub")
            slug, number = self.get_query_argument("slug", ""), self.get_query_argument("number", "")
            home = Path(self.settings.get("server_root_dir", "~")).expanduser()
            try:
                wanted = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else None
                work = partial(copy, Showcase(), home, slug, wanted)
                saved = await asyncio.get_running_loop().run_in_executor(None, work)
            except ShareError as error:
                status = 404 if error.code in ("no-publication", "no-revision") else 502
                raise web.HTTPError(status, f"{error.en} / {error.zh}".replace("%", "%%")) from None
            self.redirect(url_path_join(self.base_url, "lab/tree", quote(str(saved.relative_to(home)))))

    return Copy
