"""Writing that survives kill -9 and a power cut: a file is there whole or not at all, and one process changes it.

It knows files and locks, nothing of statistics.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Busy(Exception):
    """Another process holds the lock for longer than we wait."""


def write_json(path: Path, facts: Any) -> None:
    """Replace a JSON file by one rename; a reader sees the old text or the new one.

    The new file is always younger than the one before, however coarse the clock: by that readers know that it changed.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(facts, file, ensure_ascii=False, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileNotFoundError):
        least = path.stat().st_mtime_ns + 1
        if temporary.stat().st_mtime_ns < least:
            os.utime(temporary, ns=(least, least))
    temporary.replace(path)
    sync(path.parent)


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def sync(path: Path) -> None:
    """Have what was written to a file, or the names in a folder, reach the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def place(temporary: Path, folder: Path) -> None:
    """Give a finished folder its name; everything in it is on the disk before."""
    for path in temporary.iterdir():
        sync(path)
    sync(temporary)
    temporary.rename(folder)
    sync(folder.parent)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def lock(path: Path, wait: float = 60) -> Iterator[None]:
    """Hold an exclusive lock that the kernel drops when the process dies. Raises Busy after `wait` seconds."""
    with path.open("a") as file:
        end = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise Busy(f"{path.name}: another process has held it for {wait:g} s; try again") from None
                time.sleep(0.02)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
