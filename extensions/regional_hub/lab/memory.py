"""IPython extension: a kernel that was killed for its memory says so in the next cell.

Jupyter only shows that a kernel died. The kernel counts the memory kills of its container (cgroup v2 `memory.events`,
v1 `memory.oom_control`) when it starts; when it is started again under the same id and the count has grown, it tells.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/sys/fs/cgroup/memory/memory.oom_control"))


def kills(counters: tuple[Path, ...] = COUNTERS) -> int:
    """How often the kernel of the machine killed a process of this container for its memory; 0 where nobody counts."""
    for place in counters:
        try:
            lines = place.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, number = line.partition(" ")
            if name == "oom_kill":
                return int(number)
    return 0


def note(kernel_id: str, now: int, folder: Path) -> bool:
    """Remember the count for this kernel; True when it grew since this kernel was started before."""
    place = folder / f"memory-kills-{kernel_id}"
    try:
        before = int(place.read_text())
    except (OSError, ValueError):
        before = None
    folder.mkdir(parents=True, exist_ok=True)
    place.write_text(str(now))
    return before is not None and now > before


def message(limit_bytes: int | None) -> str:
    """What the person reads."""
    size = f" ({limit_bytes / 2**30:g} GB)" if limit_bytes else ""
    return (
        f"The kernel was restarted because it used more than this server's memory{size}. All variables are gone.\n"
        "Read less at once, use Dask, or start a larger server.\n"
        f"内核使用的内存超过了服务器上限{size}，已被重新启动，所有变量均已丢失。\n"
        "请减少一次读取的数据、使用 Dask 或选择更大的服务器。"
    )


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython in each kernel (`/opt/env/etc/ipython/ipython_config.py`)."""
    kernel = getattr(shell, "kernel", None)
    connection = getattr(getattr(kernel, "parent", None), "connection_file", "")
    if not connection:
        return
    folder = Path(tempfile.gettempdir()) / f"regional-hub-{os.getuid()}"
    if not note(Path(connection).stem, kills(), folder):
        return
    limit = os.environ.get("MEM_LIMIT", "")

    def tell(_info: Any) -> None:
        shell.events.unregister("pre_run_cell", tell)
        print(message(int(limit) if limit.isdigit() else None), file=sys.stderr)

    shell.events.register("pre_run_cell", tell)
