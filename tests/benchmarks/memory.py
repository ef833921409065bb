"""How much memory the parts of a running hub and its servers' containers use."""

from __future__ import annotations

import xmlrpc.client
from pathlib import Path

import docker
import psutil
from supervisor.xmlrpc import SupervisorTransport

from regional_hub.hub import engine
from regional_hub.settings import Settings

MB = 2**20


def processes(settings: Settings) -> dict[str, int]:
    """The process id of each part, by its name."""
    transport = SupervisorTransport(serverurl=f"unix://{settings.run_dir}/supervisor.sock")
    supervisor = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
    found: list[dict[str, object]] = supervisor.supervisor.getAllProcessInfo()  # type: ignore[assignment]
    return {str(process["name"]): int(str(process["pid"])) for process in found}


def own(pid: int) -> float:
    """Megabytes of one process: the resident set in which shared pages count in part (PSS)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return proportional(text) / 1024


def proportional(rollup: str) -> int:
    """The `Pss` line of a `smaps_rollup`, in kB."""
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def resident(pid: int) -> float:
    """Megabytes of one process in main memory (RSS)."""
    return float(psutil.Process(pid).memory_info().rss) / MB


def with_children(pid: int) -> float:
    """Megabytes of a process and all that it started, as PSS."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(own(process.pid) for process in family)


def containers(settings: Settings) -> dict[str, float]:
    """Megabytes of each server's container, as `docker stats` counts them: without files' pages that may be dropped."""
    client = docker.from_env()
    found = client.containers.list(filters={"label": f"{engine.INSTANCE}={settings.instance}"})
    return {container.name: in_use(container.stats(stream=False)["memory_stats"]) / MB for container in found}


def in_use(stats: dict[str, object]) -> int:
    """Bytes in use of an engine's `memory_stats`, for both versions of control groups."""
    detail = stats.get("stats")
    assert isinstance(detail, dict)
    droppable = detail.get("total_inactive_file", detail.get("inactive_file", 0))
    return int(str(stats["usage"])) - int(droppable or 0)
