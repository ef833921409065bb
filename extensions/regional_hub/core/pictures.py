"""Charts as SVG, PNG and PDF: drawn by a process of its own, kept on disk by their content.

Trust boundary: a specification is made of other people's data. Whatever it does to the renderer (an engine for
JavaScript) happens in a process without network access of ours that is ended after a time limit and replaced; the site
only waits, and says so when too many wait.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from regional_hub.core import picture_worker

Format = Literal["svg", "png", "pdf"]
FORMATS: tuple[Format, ...] = ("svg", "png", "pdf")
SECONDS = 20.0
WAITING = 8
# A worker is replaced after so many pictures: the engine's memory grows.
PICTURES = 300
KEPT_BYTES = 200 * 1024 * 1024
LOOK_AFTER = 100


class Busy(Exception):
    """Too many pictures are waiting; `seconds` is when to ask again."""

    seconds = 5


class Undrawable(Exception):
    """The renderer refused or took too long; the message is for the log."""


class Painter:
    """Draws one picture at a time in a worker process; others wait, up to `waiting` of them."""

    def __init__(self, seconds: float = SECONDS, waiting: int = WAITING, pictures: int = PICTURES) -> None:
        self.seconds, self.pictures = seconds, pictures
        self._room = threading.BoundedSemaphore(waiting)
        self._turn = threading.Lock()
        self._worker: subprocess.Popen[bytes] | None = None
        self._drawn = 0

    def draw(self, spec: Mapping[str, Any], format: Format, scale: float = 2.0) -> bytes:
        """A picture of a Vega-Lite specification. Raises Busy, and Undrawable for what cannot be drawn in time."""
        if not self._room.acquire(blocking=False):
            raise Busy
        try:
            if not self._turn.acquire(timeout=self.seconds):
                raise Busy
            try:
                return self._draw(json.dumps({"spec": spec, "format": format, "scale": scale}).encode())
            finally:
                self._turn.release()
        finally:
            self._room.release()

    def _draw(self, request: bytes) -> bytes:
        end = time.monotonic() + self.seconds
        worker = self._ready()
        assert worker.stdin and worker.stdout
        try:
            worker.stdin.write(struct.pack(">I", len(request)) + request)
            worker.stdin.flush()
            good, size = struct.unpack(">BI", _read(worker.stdout.fileno(), 5, end))
            answer = _read(worker.stdout.fileno(), size, end)
        except (OSError, EOFError, TimeoutError) as error:
            self.stop()
            raise Undrawable(f"the renderer ended or took more than {self.seconds:g} s: {error}") from error
        self._drawn += 1
        if self._drawn >= self.pictures:
            self.stop()
        if not good:
            raise Undrawable(answer.decode(errors="replace"))
        return answer

    def _ready(self) -> subprocess.Popen[bytes]:
        if self._worker is None or self._worker.poll() is not None:
            self._drawn = 0
            command = [sys.executable, "-I", str(Path(picture_worker.__file__))]
            # Nothing of our environment: no secret, no proxy.
            kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
            self._worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=kept, bufsize=0)
        return self._worker

    def stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.kill()
            worker.wait()
            for pipe in (worker.stdin, worker.stdout):
                if pipe:
                    pipe.close()


def _read(pipe: int, size: int, end: float) -> bytes:
    """Exactly so many bytes until a moment. Raises TimeoutError and EOFError."""
    found = bytearray()
    while len(found) < size:
        left = end - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            raise TimeoutError("time is up")
        part = os.read(pipe, min(size - len(found), 1 << 20))
        if not part:
            raise EOFError("the process ended")
        found += part
    return bytes(found)


class Gallery:
    """Pictures below a folder, by the hash of what they show. The least lately shown leave when there are too many."""

    def __init__(self, folder: Path, painter: Painter, most: int = KEPT_BYTES) -> None:
        self.folder, self.painter, self.most = folder, painter, most
        self._added = 0

    def picture(self, spec: Mapping[str, Any], format: Format, scale: float = 2.0) -> bytes:
        """The picture, drawn when it is not there yet. Raises what Painter.draw does."""
        said = json.dumps([spec, format, scale, picture_worker.VERSION], sort_keys=True, ensure_ascii=False)
        name = hashlib.sha256(said.encode()).hexdigest()
        path = self.folder / name[:2] / f"{name}.{format}"
        with contextlib.suppress(OSError):
            data = path.read_bytes()
            os.utime(path)
            return data
        data = self.painter.draw(spec, format, scale)
        with contextlib.suppress(OSError):  # a full disk keeps nobody from seeing the picture
            self._keep(path, data)
        return data

    def _keep(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        self._added += 1
        if self._added % LOOK_AFTER == 1:
            self.evict()

    def evict(self) -> None:
        """Remove the pictures that were shown longest ago until the rest fits."""
        found = []
        for path in self.folder.glob("*/*"):
            with contextlib.suppress(OSError):
                state = path.stat()
                found.append((state.st_mtime, state.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.most:
                break
            path.unlink(missing_ok=True)
            total -= size


_PAINTER = Painter()
atexit.register(_PAINTER.stop)


def gallery(folder: Path) -> Gallery:
    """The pictures below a folder, drawn by this process's one worker."""
    found = _GALLERIES.get(folder)
    if found is None:
        found = _GALLERIES[folder] = Gallery(folder, _PAINTER)
    return found


_GALLERIES: dict[Path, Gallery] = {}
