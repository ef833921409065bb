"""A notebook's page as a typeset document: its pieces as a tree of plain elements, which a Typst template knows.

Trust boundary: a stranger's page, and pictures. Texts reach Typst as JSON, which it shows and never reads as mark-up;
the work is done by a process apart (`print_worker`) with limits of time and memory, in a folder that has nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from regional_hub.showcase import print_tree, print_worker
from regional_hub.showcase.render import Page

TEMPLATE = Path(__file__).with_name("print") / "notebook.typ"
SECONDS = 60
WAITING = 4
LOOK = 1
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg"}
_room = threading.BoundedSemaphore(WAITING)


class Busy(Exception):
    """Too many documents are being made."""


class Unprintable(Exception):
    """The document could not be made; the message is for the log."""


@dataclass(frozen=True)
class Sheet:
    """What stands around the notebook, in the reader's language; `on` is a date as in 2026-11-24."""

    language: str
    title: str
    summary: str
    by: str
    on: str
    site: str
    address: str
    cited: str
    licence: str
    cut: str


def name(key: str, sheet: Sheet) -> str:
    """Under which a document is kept: what it was made of, and how it looks."""
    said = json.dumps([key, asdict(sheet), LOOK, TEMPLATE.read_text("utf-8")], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest() + ".pdf"


def pdf(page: Page, sheet: Sheet) -> bytes:
    """The document, tagged for screen readers. Raises Busy and Unprintable."""
    if not _room.acquire(blocking=False):
        raise Busy
    try:
        with tempfile.TemporaryDirectory(prefix="print-") as folder:
            return _made(page, sheet, Path(folder))
    finally:
        _room.release()


def _made(page: Page, sheet: Sheet, folder: Path) -> bytes:
    tree = print_tree.tree(page)
    for number, address in enumerate(tree.pictures):
        mime, _comma, data = address.removeprefix("data:").partition(";base64,")
        (folder / f"{number}.{ENDINGS[mime]}").write_bytes(base64.b64decode(data))
    names = [f"{n}.{ENDINGS[each[5:].partition(';')[0]]}" for n, each in enumerate(tree.pictures)]
    facts = {**asdict(sheet), "nodes": tree.nodes, "pictures": names, "is_cut": tree.is_cut}
    (folder / "notebook.typ").write_bytes(TEMPLATE.read_bytes())
    (folder / "data.json").write_text(json.dumps(facts, ensure_ascii=False), "utf-8")
    command = [sys.executable, "-I", str(Path(print_worker.__file__)), str(folder)]
    kept = {one: os.environ[one] for one in ("PATH", "LANG") if one in os.environ}
    try:
        done = subprocess.run(command, env=kept, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Unprintable(f"it took more than {SECONDS} s") from None
    if done.returncode:
        raise Unprintable(done.stderr.decode(errors="replace")[-2000:])
    return (folder / "notebook.pdf").read_bytes()
