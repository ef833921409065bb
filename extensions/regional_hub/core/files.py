"""Files by what is in them: kept once under the SHA-256 of their content, and never changed.

Plain Python: it knows neither Django nor who may read what.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DIGEST = re.compile(r"[0-9a-f]{64}")
CHUNK = 1 << 20


class TooLarge(ValueError):
    """More bytes than are allowed; nothing was kept."""


class Damaged(Exception):
    """A kept file is missing or is not what its name says; it must come back from a backup."""


@dataclass(frozen=True)
class Kept:
    """A file that is kept: its name in the store, and its size in bytes."""

    sha256: str
    size: int


class Files:
    """A folder of files named by their content. Any number of processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes | Iterable[bytes], limit: int | None = None) -> Kept:
        """Keep a content, given whole or piece by piece. Raises TooLarge beyond `limit` bytes."""
        pieces = [content] if isinstance(content, bytes) else content
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{secrets.token_hex(8)}.tmp"
        digest, size = hashlib.sha256(), 0
        try:
            with temporary.open("xb") as file:
                for piece in pieces:
                    size += len(piece)
                    if limit is not None and size > limit:
                        raise TooLarge(f"more than {limit:,} bytes")
                    digest.update(piece)
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            temporary.chmod(0o444)
            place = self._place(digest.hexdigest())
            place.parent.mkdir(exist_ok=True)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
        return Kept(digest.hexdigest(), size)

    def path(self, sha256: str) -> Path:
        """Where a content lies. Raises Damaged where it is not there, ValueError for what is no digest."""
        place = self._place(sha256)
        if not place.is_file():
            raise Damaged(f"{sha256}: not in {self.folder}")
        return place

    def read(self, sha256: str) -> bytes:
        """A whole content, checked. Raises Damaged."""
        data = self.path(sha256).read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Damaged(f"{sha256}: the content changed since it was kept")
        return data

    def __contains__(self, sha256: str) -> bool:
        return self._place(sha256).is_file()

    def _place(self, sha256: str) -> Path:
        if not DIGEST.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not a SHA-256")
        return self.folder / sha256[:2] / sha256[2:]
