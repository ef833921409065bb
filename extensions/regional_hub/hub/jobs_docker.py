"""Jobs in containers: the Docker engine holds the limits of `jobs.py`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import docker
import docker.errors
import requests.exceptions
from docker.types import Ulimit

from regional_hub.hub import engine, jobs
from regional_hub.hub.jobs import IN, LOG_BYTES, OUT, Ended, JobError, Stop, Task
from regional_hub.settings import Settings

TEMPORARY_MB = 256
FOLDER = "org.regional-hub.job"  # a label: the name of the job's folder
AWAY = (requests.exceptions.RequestException, docker.errors.DockerException)


def run_container(settings: Settings, task: Task, folder: Path, stop: Stop) -> tuple[Ended, int, str]:
    """Run one job in a container of its own, which is gone afterwards. Raises JobError."""
    client = engine.client(timeout=60)
    if client is None:
        raise JobError("no container engine answers")
    try:
        container = client.containers.create(task.image, list(task.command), **_settings(settings, task, folder))
    except docker.errors.ImageNotFound as error:
        raise JobError(f"the image {task.image} is not on this machine") from error
    except AWAY as error:
        raise JobError(f"the container engine refused: {error}") from error
    try:
        container.start()
        cut = jobs.watch(task, folder / "out", lambda: _runs(container), stop)
        if cut:
            container.kill()
        return _ending(container, cut)
    except AWAY as error:
        raise JobError(f"the container engine stopped answering: {error}") from error
    finally:
        remove(container)


def _settings(settings: Settings, task: Task, folder: Path) -> dict[str, Any]:
    limits, (uid, gid) = task.limits, jobs.owner(settings)
    memory = limits.memory_mb << 20
    mounts = {str(mount.host): {"bind": mount.inside, "mode": "ro"} for mount in task.mounts}
    mounts |= {
        str(folder / "in"): {"bind": IN, "mode": "ro"},
        str(folder / "out"): {"bind": OUT, "mode": "rw"},
    }
    scratch = f"size={TEMPORARY_MB}m,mode=1777,nosuid,nodev"
    return {
        "user": f"{uid}:{gid}",
        "working_dir": OUT,
        "environment": {"HOME": "/tmp", "TMPDIR": "/tmp", **task.environment},  # noqa: S108 its own tmpfs
        "volumes": mounts,
        "tmpfs": {"/tmp": scratch},  # noqa: S108 its own tmpfs
        "network_mode": "none",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "init": True,
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": int(limits.cpus * 1e9),
        "pids_limit": limits.pids,
        "ulimits": [Ulimit(name="fsize", soft=limits.output_mb << 20, hard=limits.output_mb << 20)],
        "labels": {**engine.labels(settings, "job"), FOLDER: folder.name},
        "log_config": {"type": "json-file", "config": {"max-size": "2m", "max-file": "1"}},
        "detach": True,
    }


def _runs(container: Any) -> bool:
    container.reload()
    return container.status in ("created", "running", "paused", "restarting")


def _ending(container: Any, cut: Ended | None) -> tuple[Ended, int, str]:
    container.reload()
    state = container.attrs["State"]
    code = int(state.get("ExitCode", -1))
    log = container.logs(tail=2000)[-LOG_BYTES:].decode("utf-8", "replace")
    if cut:
        return cut, code, log
    if state.get("OOMKilled"):
        return "memory", code, log
    return ("done" if code == 0 else "failed"), code, log


def containers(settings: Settings) -> dict[str, Any]:
    """Containers of jobs by the name of the job's folder; none where no engine answers."""
    client = engine.client(timeout=20)
    if client is None:
        return {}
    labels = [f"{key}={value}" for key, value in engine.labels(settings, "job").items()]
    found = client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
    return {container.labels.get(FOLDER, container.id): container for container in found}


def remove(container: Any) -> None:
    """End a container of a job; one that is gone already is no fault."""
    with contextlib.suppress(*AWAY):
        container.remove(force=True, v=True)
