"""Built pages on disk: the pieces of a notebook's page and its prints, each under what it was made of.

A page is asked for by a key that names its notebook, its files and the version of the renderer, so it never grows old.
What is kept can go at any time: what is missing, or is not what it was, is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from regional_hub.showcase.render import RENDERER, Cell, Page
from regional_hub.showcase.render_text import Heading
from regional_hub.showcase.sanitise import Safe

SUM = 64  # characters of the SHA-256 before the content


class Pages:
    """A folder of built pages; any number of processes may use it at once, and none waits for another."""

    def __init__(self, folder: Path, version: str = str(RENDERER)) -> None:
        self.root, self.folder = folder, folder / version
        self._turns = [threading.Lock() for _ in range(64)]  # by name: a long print holds up no page

    def page(self, key: str, make: Callable[[], Page]) -> Page:
        """The pieces of a page. In one process many readers of a new page wait for one who makes it."""
        return _read(self.content(f"{key}.json", lambda: _write(make())))

    def content(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Bytes under a name that begins with a hash. Raises what `make` raises, which must not ask here itself.

        A full disk keeps nobody from reading.
        """
        place = self.folder / name[:2] / name
        kept = _kept(place)
        if kept is None:
            with self._turns[int(name[:2], 16) % len(self._turns)]:
                kept = _kept(place)
                if kept is None:
                    kept = make()
                    with suppress(OSError):
                        self._keep(place, kept)
        return kept

    def _keep(self, place: Path, content: bytes) -> None:
        if not self.folder.exists():
            self._forget_older()
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f".{place.name}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            temporary.write_bytes(hashlib.sha256(content).hexdigest().encode() + content)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)

    def _forget_older(self) -> None:
        """Pages of renderers before this one are not asked for any more."""
        for other in self.root.glob("*") if self.root.is_dir() else ():
            if other.name != self.folder.name:
                shutil.rmtree(other, ignore_errors=True)


def key(*parts: str) -> str:
    """A name for what was made of these."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _kept(place: Path) -> bytes | None:
    try:
        data = place.read_bytes()
    except OSError:
        return None
    content = data[SUM:]
    return content if hashlib.sha256(content).hexdigest().encode() == data[:SUM] else None


def _write(page: Page) -> bytes:
    return json.dumps(asdict(page), ensure_ascii=False).encode()


def _read(data: bytes) -> Page:
    """Only our own content gets here: it was checked against its sum."""
    found = json.loads(data)
    cells = [
        Cell(one["id"], one["number"], one["kind"], Safe(one["html"]), [Safe(each) for each in one["outputs"]])
        for one in found["cells"]
    ]
    return Page(cells, [Heading(**one) for one in found["contents"]], Safe(found["note"]))
