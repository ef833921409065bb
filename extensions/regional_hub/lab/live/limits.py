"""What a kernel may use of the machine: set from outside right after it was started, inherited by what it starts.

What the processes of a kernel use together is watched (`usage`). The hard limit is on private mappings (RLIMIT_DATA:
heap and anonymous memory, not the libraries that kernels share), so a cell that asks for far too much at once gets a
MemoryError and the kernel lives. It counts what is mapped, used or not, and has room for engines that map ahead.
"""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path

NICE = 5  # the server that carries everybody's messages comes first
OOM_SCORE = 900  # of 1000: kernels die before the server
AHEAD_MB = 2048  # what V8, in which Vega draws charts (vl-convert), maps and hardly touches: about 1,600
_PAGE = os.sysconf("SC_PAGE_SIZE")


def confine(pid: int, memory_mb: int) -> None:
    """Limit one process and all that it will start. A process that ended meanwhile is no fault."""
    limit = (memory_mb + AHEAD_MB) * 2**20
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))
        resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        os.setpriority(os.PRIO_PROCESS, pid, NICE)
    with contextlib.suppress(OSError):
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(OOM_SCORE))


def usage() -> dict[int, int]:
    """Bytes of private resident memory by session: a kernel is the leader of its own, named by its pid."""
    found: dict[int, int] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
                resident, shared = Path(entry.path, "statm").read_text().split()[1:3]
                session = int(fields[3])
                found[session] = found.get(session, 0) + (int(resident) - int(shared)) * _PAGE
    return found
