"""Jobs: what runs and ends. One `run(settings, task) -> Outcome` for building pages, checking, grading and methods.

Trust boundary: a job is code of somebody else. It has no network, no capabilities, a read-only root, a user of its own
and hard limits; it sees the files that it was given and nothing of the hub. What it leaves is data: regular files
of limited size, whose names are checked before anything of ours opens them.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from regional_hub.hub import engine, homes, jobs_left
from regional_hub.hub.kinds import Mount
from regional_hub.settings import Settings

IN, OUT = "/job/in", "/job/out"
LOG_BYTES = 200_000
LOOK_COSTS = 50  # a look at what a job has written is followed by a pause of so many times what it took
FILES_MEANWHILE = 10  # while it runs a job may have so many times the files that it may leave
Ended = Literal["done", "failed", "memory", "time", "output", "stopped"]


class JobError(Exception):
    """A job could not be run at all: no engine, no image, no room. What it did itself is in its `Outcome`."""


@dataclass(frozen=True)
class Limits:
    """Hard limits of one job; `output_mb` is all that it may leave behind, and the largest single file."""

    memory_mb: int = 1024
    cpus: float = 1.0
    pids: int = 256
    seconds: float = 300
    output_mb: int = 64
    files: int = 2000


@dataclass(frozen=True)
class Task:
    """One job. `inputs` are files below /job/in by relative name; `mounts` are further folders, always read-only."""

    image: str
    command: Sequence[str]
    inputs: Mapping[str, bytes | Path] = field(default_factory=dict)
    limits: Limits = Limits()
    mounts: Sequence[Mount] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a job ended. `log` is the end of what it printed; `outputs` are its files, by relative name."""

    ended: Ended
    code: int
    seconds: float
    log: str
    outputs: Mapping[str, Path]

    @property
    def ok(self) -> bool:
        return self.ended == "done"


Stop = Callable[[], bool]
Run = Callable[[Settings, Task, Path, Stop], tuple[Ended, int, str]]


def now_and_then(stop: Stop, seconds: float) -> Stop:
    """The same question, put at most once in so many seconds; in between the answer is no."""
    asked = time.monotonic()

    def seldom() -> bool:
        nonlocal asked
        if time.monotonic() - asked < seconds:
            return False
        asked = time.monotonic()
        return stop()

    return seldom


@contextmanager
def run(settings: Settings, task: Task, stop: Stop = lambda: False) -> Iterator[Outcome]:
    """Run a job and give its outcome; its files are there until the block ends.

    `stop` is asked about every quarter of a second; once it says so the job is killed. Raises JobError.
    """
    folder = settings.path("jobs", f"{time.time_ns():x}-{secrets.token_hex(4)}")
    began = time.monotonic()
    runs = _runner(settings)
    with _held(settings, folder):
        _lay_out(folder, task, owner(settings))
        ended, code, log = runs(settings, task, folder, stop)
        outputs, problem = collect(folder / "out", task.limits)
        if problem and ended in ("done", "failed"):
            ended, log = "output", f"{log}\n{problem}"
        yield Outcome(ended, code, time.monotonic() - began, log, outputs)


@contextmanager
def _held(settings: Settings, folder: Path) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(jobs_left.held(settings, folder))
        except OSError as error:
            raise JobError(f"the job's files could not be written: {error.strerror or error}") from error
        yield


def _runner(settings: Settings) -> Run:
    kind = engine.spawner_kind(settings)
    if kind == "docker":
        from regional_hub.hub.jobs_docker import run_container

        return run_container
    if kind == "local":
        from regional_hub.hub.jobs_local import run_process

        return run_process
    raise JobError("jobs run on a single server only so far; on a cluster there is no runner for them yet")


def owner(settings: Settings) -> tuple[int, int]:
    """User and group of a job: those of containers, a number of the hub's own for processes, else our own."""
    if os.geteuid() != 0:
        return os.getuid(), os.getgid()
    own = 1000 if engine.spawner_kind(settings) == "docker" else settings.spawner.local_uid_base
    return own, own


def _lay_out(folder: Path, task: Task, ids: tuple[int, int]) -> None:
    """Write the inputs, and an empty folder that the job may fill. Raises JobError for a name that leads elsewhere."""
    inside, outside = folder / "in", folder / "out"
    try:
        inside.mkdir()
        outside.mkdir()
        for name, content in task.inputs.items():
            place = inside / checked_name(name)
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, place, follow_symlinks=True)
            else:
                place.write_bytes(content)
        folder.chmod(0o711)
        homes.give(inside, *ids)
        homes.give(outside, *ids)
    except OSError as error:
        raise JobError(f"the job's files could not be written: {error.strerror or error}") from error


def checked_name(name: str) -> str:
    """A relative name below a folder. Raises JobError for one that leads out of it."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise JobError(f"{name!r} is not the name of a file below a folder")
    return str(path)


def collect(folder: Path, limits: Limits) -> tuple[dict[str, Path], str]:
    """The regular files that a job left, and what is wrong with them ("" where nothing is).

    Links, pipes and devices are not followed and not given; too much or too many is a fault, and nothing is given.
    """
    found: dict[str, Path] = {}
    odd: list[str] = []
    total = 0
    for base, folders, files in os.walk(folder, followlinks=False):
        for name in [*folders, *files]:
            path = Path(base, name)
            facts = path.lstat()
            relative = str(path.relative_to(folder))
            if stat.S_ISREG(facts.st_mode) and facts.st_nlink == 1:
                found[relative] = path
                total += facts.st_size
            elif not stat.S_ISDIR(facts.st_mode):
                odd.append(relative)
        if len(found) > limits.files or total > limits.output_mb << 20:
            return {}, f"the job left more than {limits.files} files or {limits.output_mb} MB"
    if odd:
        return {}, f"the job left something that is not a plain file: {', '.join(sorted(odd)[:5])}"
    return found, ""


def watch(task: Task, out: Path, alive: Callable[[], bool], stop: Stop) -> Ended | None:
    """Wait until a job ends by itself (None), or say why it must be ended."""
    deadline = time.monotonic() + task.limits.seconds
    wait, next_look = 0.02, 0.0
    while alive():
        now = time.monotonic()
        if now > deadline:
            return "time"
        if stop():
            return "stopped"
        if now >= next_look:
            if _too_much(out, task.limits):
                return "output"
            took = time.monotonic() - now
            next_look = now + took * LOOK_COSTS
        time.sleep(wait)
        wait = min(0.25, wait * 1.5)
    return None


def _too_much(folder: Path, limits: Limits) -> bool:
    """Whether a job has written more than it may leave, or so many files that looking at them would cost too much."""
    size = seen = 0
    waiting = [folder]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:  # gone meanwhile
            for entry in entries:
                seen += 1
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                else:
                    with contextlib.suppress(OSError):
                        size += entry.stat(follow_symlinks=False).st_size
                if size > limits.output_mb << 20 or seen > limits.files * FILES_MEANWHILE:
                    return True
    return False
