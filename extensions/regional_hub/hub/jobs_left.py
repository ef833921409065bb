"""What is left of jobs whose process died with them, found and removed; jobs that somebody runs are let alone.

Who runs a job holds the lock in its folder, which the system lets go when that process ends, however it ends. It knows
nothing of tasks and queues: whether a job is run again is for those who wanted it.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

from regional_hub.hub import leftovers
from regional_hub.settings import Settings

HELD = "held"
MARK = "REGIONAL_HUB_JOB"  # in the environment of a job that is a plain process: the name of its folder


@contextlib.contextmanager
def held(settings: Settings, folder: Path) -> Iterator[None]:
    """Make a job's folder, and hold it until the block ends; then it is removed. Raises OSError."""
    try:
        with _alone(settings):
            folder.mkdir(parents=True)
            lock = (folder / HELD).open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)
        with lock:
            yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(settings: Settings) -> int:
    """Remove containers, processes and folders of jobs that nobody runs any more; how many jobs there were.

    May be called while jobs run, by several processes at once.
    """
    from regional_hub.hub import jobs_docker

    containers = jobs_docker.containers(settings)  # asked first: a job that begins meanwhile is not among them
    with _alone(settings):
        folders = [place for place in settings.path("jobs").glob("*") if place.is_dir()]
        dead = {place.name for place in folders if not _is_held(place)}
    living = {place.name for place in folders} - dead
    for name in containers.keys() - living:
        jobs_docker.remove(containers[name])
    for name in dead:
        leftovers.end_processes(MARK, name)
        shutil.rmtree(settings.path("jobs", name), ignore_errors=True)
    return len(dead | (containers.keys() - living))


def _is_held(folder: Path) -> bool:
    try:
        with (folder / HELD).open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Nobody makes a folder of a job while another looks which are held."""
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    with (settings.run_dir / "jobs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
