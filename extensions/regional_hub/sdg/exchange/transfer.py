"""The body of one answer on its way to the disk: in parts where it must, never beyond a limit, and whole or not there.

The bytes are kept as they came, gzip included, because the ranges of HTTP count those; they are unpacked at the end.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from regional_hub.sdg import durable

CHUNK = 1 << 16


class TooLarge(Exception):
    """More bytes than one pull may take."""


class Truncated(Exception):
    """The body ends before its end."""


@dataclass(frozen=True)
class Kept:
    """What is known of bytes that came before: they may be continued only while the tag is still the same."""

    url: str
    accept: str
    tag: str
    encoding: str
    media: str


class Transfer:
    """A file that is being fetched: `<name>.part` with the raw bytes, `<name>.part.json` with what they are."""

    def __init__(self, into: Path, most_bytes: int) -> None:
        self.into = into
        self.part = into.with_name(f"{into.name}.part")
        self.facts = into.with_name(f"{into.name}.part.json")
        self.most_bytes = most_bytes

    def kept(self, url: str, accept: str) -> Kept | None:
        """Bytes of an earlier try that can be continued, of this very question."""
        try:
            kept = Kept(**durable.read_json(self.facts))
        except (OSError, ValueError, TypeError):
            return None
        fits = (kept.url, kept.accept) == (url, accept) and kept.tag and self.part.is_file()
        return kept if fits and self.part.stat().st_size else None

    @property
    def size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def begin(self, kept: Kept) -> None:
        """Start from the first byte; what was kept is dropped."""
        self.drop()
        durable.write_json(self.facts, asdict(kept))

    def drop(self) -> None:
        for path in (self.part, self.facts):
            path.unlink(missing_ok=True)

    def write(self, chunks: Iterator[bytes], expected: int | None) -> None:
        """Add bytes. Raises TooLarge as soon as there are or will be too many; what came before a fault stays."""
        if expected is not None:
            self._check(self.size + expected)
        with self.part.open("ab") as file:
            size = file.tell()
            for chunk in chunks:
                size += len(chunk)
                self._check(size)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())

    def finish(self, encoding: str) -> Path:
        """Unpack and give the file its name. Raises Truncated or TooLarge, ValueError for an encoding not asked for."""
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise ValueError(f"the body is packed as {encoding!r}, which nobody asked for")
        if encoding in ("", "identity"):
            self.part.replace(self.into)
        else:
            self._unpack()
        self.drop()
        durable.sync(self.into.parent)
        return self.into

    def _unpack(self) -> None:
        temporary = self.into.with_name(f".{self.into.name}.tmp")
        try:
            with gzip.open(self.part) as packed, temporary.open("wb") as file:
                size = 0
                while chunk := packed.read(CHUNK):
                    size += len(chunk)
                    self._check(size)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.into)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            self.drop()
            raise Truncated(f"the packed body is damaged or cut off: {error}") from error
        finally:
            temporary.unlink(missing_ok=True)

    def _check(self, size: int) -> None:
        if size > self.most_bytes:
            self.drop()
            raise TooLarge(f"more than the {self.most_bytes / 2**20:,.0f} MiB that one answer may have; ask for less")


def content_range(headers: Mapping[str, str]) -> int | None:
    """Where a partial answer starts (`Content-Range: bytes 100-199/200`), None where it does not say."""
    unit, _, rest = headers.get("content-range", "").partition(" ")
    start = rest.partition("-")[0]
    return int(start) if unit == "bytes" and start.isdigit() else None


def remove(folder: Path) -> None:
    """Remove a folder of what was fetched, as far as there is one."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
