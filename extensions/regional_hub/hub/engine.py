"""The Docker engine: whether one answers, and the labels by which everything of ours is found again."""

from __future__ import annotations

import docker
from docker.errors import DockerException

from regional_hub.settings import Settings

INSTANCE = "org.regional-hub.instance"
ROLE = "org.regional-hub.role"


def client(timeout: int = 60) -> docker.DockerClient | None:
    """A client of the engine that DOCKER_HOST or the usual socket names; None where none answers."""
    try:
        found = docker.from_env(timeout=timeout)
        found.ping()
    except (DockerException, OSError):
        return None
    return found


def spawner_kind(settings: Settings) -> str:
    """`docker`, `local` or `kubernetes`: what `spawner.kind = "auto"` means on this machine now."""
    if settings.spawner.kind != "auto":
        return settings.spawner.kind
    return "docker" if client(timeout=5) else "local"


def labels(settings: Settings, role: str) -> dict[str, str]:
    """Labels of a container or network of this hub; role: server, cluster, job, network or probe."""
    return {INSTANCE: settings.instance, ROLE: role}
