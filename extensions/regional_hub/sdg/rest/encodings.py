"""Compresses a stream as it goes out: what has been written so far can always be read so far."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import pyarrow as pa

GZIP_LEVEL = 5
# Compressed bytes are handed on after the first piece, then whenever this much was taken in.
FLUSH_BYTES = 1 << 20


def compressed(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The same stream, encoded as `gzip`, `zstd` or `identity`."""
    if encoding == "gzip":
        yield from _gzip(chunks)
    elif encoding == "zstd":
        yield from _zstd(chunks)
    else:
        yield from chunks


def _gzip(chunks: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    first = True
    for chunk in chunks:
        out = packer.compress(chunk)
        if first:
            out += packer.flush(zlib.Z_SYNC_FLUSH)
            first = False
        if out:
            yield out
    yield packer.flush()


class _Sink:
    """A file that gives back what was written to it."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    sink = _Sink()
    stream = pa.CompressedOutputStream(pa.PythonFile(sink, "w"), "zstd")
    waiting = FLUSH_BYTES
    for chunk in chunks:
        stream.write(chunk)
        waiting += len(chunk)
        if waiting >= FLUSH_BYTES:
            stream.flush()
            waiting = 0
        if out := sink.taken():
            yield out
    stream.close()
    yield sink.taken()
