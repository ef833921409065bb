"""A guard for Dask over TLS where Python uses OpenSSL 3.5 or newer (CPython issue 148594).

There CPython leaves the EPIPE of one TLS connection in OpenSSL's error queue, which all connections of a thread share;
the next read on another, healthy connection then reports BrokenPipeError, and Dask drops it. A read never fails by
EPIPE of itself, and reporting it empties the queue: reading once more is safe.

Dask loads this module by name as a preload of scheduler, nanny, worker and client (hub_config/dask_gateway_config.py);
images are built on OpenSSL 3.0 and do not need it.
"""

from __future__ import annotations

import functools
import ssl
from typing import Any

from tornado.iostream import SSLIOStream

AFFECTED = (3, 5)
ATTEMPTS = 3


def needed() -> bool:
    """Whether this Python's OpenSSL is one of those with the fault."""
    return ssl.OPENSSL_VERSION_INFO[:2] >= AFFECTED


def install() -> bool:
    """Guard all TLS streams of this process; False where OpenSSL needs no guard. Twice is as good as once."""
    if not needed():
        return False
    read = SSLIOStream.read_from_fd
    if hasattr(read, "__wrapped__"):
        return True

    @functools.wraps(read)
    def read_from_fd(self: SSLIOStream, buf: bytearray | memoryview) -> int | None:
        for attempt in range(ATTEMPTS):
            try:
                return read(self, buf)
            except BrokenPipeError:  # another connection's
                if attempt == ATTEMPTS - 1:
                    raise
        return None

    SSLIOStream.read_from_fd = read_from_fd  # type: ignore[method-assign]
    return True


def dask_setup(_owner: Any) -> None:
    """Called by Dask once a scheduler, nanny, worker or client is up; the guard is in place since the import."""


install()
