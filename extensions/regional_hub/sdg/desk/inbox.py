"""Uploads: files that came in, and the work of taking them into a draft, which goes on when nobody watches.

An upload is a folder of its own with the files under numbers (their names are only kept as words) and `upload.json`,
which says how far the work is. Whoever runs it holds a lock, so that one that was cut off is known, and run again.
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from regional_hub.sdg import durable
from regional_hub.sdg.loading import Room

Step = Literal["waiting", "structure", "files", "validate", "done", "failed"]
IDENTIFIER = re.compile(r"\d{8}-\d{6}-[0-9a-f]{16}")
LONGEST_NAME = 120
KEPT_DAYS = 30
# What no name may hold: separators of folders, and characters that cannot be seen or turn the text around.
_ODD = re.compile(r"[\\/:*?\"<>|\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


class UnknownUpload(KeyError):
    """No such upload."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True)
class File:
    """A file that came in: the name of the file that holds it, the name it goes by, and its size in bytes."""

    place: str
    name: str
    bytes: int


@dataclass(frozen=True)
class Outcome:
    """What became of a file: taken in with so many rows, or why not, in both languages."""

    name: str
    taken: bool
    rows: int = 0
    replaced: bool = False
    why: str = ""
    why_zh: str = ""
    line: int | None = None


@dataclass
class Upload:
    """What is asked, and how far it is. `draft` is empty until a new one is made; `now` names the file at work."""

    id: str
    by: str
    at: str
    what: Literal["load", "validate"] = "load"
    files: list[File] = field(default_factory=list)
    structure: str = ""
    draft: str = ""
    empty: bool = False
    step: Step = "waiting"
    now: str = ""
    outcomes: list[Outcome] = field(default_factory=list)
    fault: str = ""
    fault_zh: str = ""
    started: bool = False

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def ended(self) -> bool:
        return self.step in ("done", "failed")


ADAPTER = TypeAdapter(Upload)


class Inbox:
    """The uploads below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def of(cls, room: Room) -> Inbox:
        return cls(room.folder / "uploads")

    def open(self) -> str:
        """A new, empty place for files; `begin` makes an upload of it, `forget` takes it away."""
        identifier = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(8)}"
        (self.folder / identifier).mkdir(parents=True)
        return identifier

    def place(self, identifier: str) -> Path:
        """The folder of an upload. Raises UnknownUpload."""
        folder = self.folder / identifier
        if not IDENTIFIER.fullmatch(identifier) or not folder.is_dir():
            raise UnknownUpload(f"no upload {identifier!r}")
        return folder

    def begin(self, upload: Upload) -> Upload:
        upload.files = _apart(upload.files)
        self.save(upload)
        return upload

    def save(self, upload: Upload) -> None:
        durable.write_json(self.place(upload.id) / "upload.json", asdict(upload))

    def get(self, identifier: str) -> Upload:
        path = self.place(identifier) / "upload.json"
        if not path.is_file():
            raise UnknownUpload(f"no upload {identifier!r}")
        return ADAPTER.validate_json(path.read_bytes())

    def forget(self, identifier: str) -> None:
        with suppress(UnknownUpload):
            shutil.rmtree(self.place(identifier), ignore_errors=True)

    def all(self) -> list[Upload]:
        """Every upload, the newest first."""
        found = sorted((each.parent.name for each in self.folder.glob("*/upload.json")), reverse=True)
        return [self.get(identifier) for identifier in found if IDENTIFIER.fullmatch(identifier)]

    def working(self, draft: str) -> list[Upload]:
        """The uploads that are changing a draft, or are about to."""
        return [each for each in self.all() if each.draft == draft and not each.ended and not self.cut_off(each)]

    def at_work(self, draft: str) -> Upload | None:
        """One of them."""
        return next(iter(self.working(draft)), None)

    def cut_off(self, upload: Upload) -> bool:
        """Whether its work was begun and nobody does it any more."""
        if upload.ended or not upload.started:
            return False
        try:
            with durable.lock(self.place(upload.id) / "lock", wait=0):
                return not self.get(upload.id).ended
        except durable.Busy:
            return False

    def prune(self) -> None:
        """Forget uploads that ended more than a month ago, and places where files came in and nothing followed."""
        old = f"{datetime.now(UTC) - timedelta(days=KEPT_DAYS):%Y%m%d-%H%M%S}"
        for upload in self.all():
            if upload.ended and upload.id < old:
                self.forget(upload.id)
        for folder in self.folder.iterdir() if self.folder.is_dir() else ():
            lonely = not (folder / "upload.json").exists() and time.time() - folder.stat().st_mtime > 86_400
            if lonely:
                shutil.rmtree(folder, ignore_errors=True)


def clean(name: str) -> str:
    """A name that a person recognises and that harms nothing: without folders and odd characters, not too long."""
    plain = unicodedata.normalize("NFC", name.replace("\\", "/").rpartition("/")[2])
    plain = _ODD.sub("_", plain).strip(" .") or "file"
    if len(plain) > LONGEST_NAME:
        stem, dot, suffix = plain.rpartition(".")
        end = f"{dot}{suffix}" if dot and len(suffix) <= 8 else ""
        plain = f"{(stem if end else plain)[: LONGEST_NAME - len(end) - 1]}…{end}"
    return plain


def _apart(files: Sequence[File]) -> list[File]:
    """No two files of one upload go by one name."""
    seen: dict[str, int] = {}
    found = []
    for file in files:
        seen[file.name] = seen.get(file.name, 0) + 1
        stem, dot, suffix = file.name.rpartition(".")
        number = f" ({seen[file.name]})" if seen[file.name] > 1 else ""
        name = f"{stem}{number}{dot}{suffix}" if dot else f"{file.name}{number}"
        found.append(replace(file, name=name))
    return found
