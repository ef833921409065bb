"""Jobs as plain processes, for evaluation on a machine without a container engine: limits are best effort.

Started by root, a job has a user of its own and no network; otherwise it is a process of our own user, and its log says
so.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from regional_hub.hub import jobs, leftovers
from regional_hub.hub.jobs import IN, LOG_BYTES, OUT, Ended, JobError, Stop, Task
from regional_hub.hub.jobs_left import MARK
from regional_hub.settings import Settings

WARNING = "This job ran as a plain process of the hub's own user: nothing kept it from files and network.\n"


def run_process(settings: Settings, task: Task, folder: Path, stop: Stop) -> tuple[Ended, int, str]:
    """Run one job as a process; all that it started is ended with it. Raises JobError."""
    command = _command(settings, task, folder)
    log = folder / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command,
            cwd=folder / "out",
            env=_environment(task, folder),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_confined(task),
        )
    try:
        cut = jobs.watch(task, folder / "out", lambda: process.poll() is None, stop)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        leftovers.end_processes(MARK, folder.name)
        code = process.wait(10)
    text = ("" if os.geteuid() == 0 else WARNING) + log.read_bytes()[-LOG_BYTES:].decode("utf-8", "replace")
    if cut:
        return cut, code, text
    if "MemoryError" in text[-2000:] and code:
        return "memory", code, text
    return ("done" if code == 0 else "failed"), code, text


def _command(settings: Settings, task: Task, folder: Path) -> list[str]:
    """The command with the folders of the host for those of the job; by root with a network and a user of its own."""
    places = {IN: str(folder / "in"), OUT: str(folder / "out")}
    places |= {mount.inside: str(mount.host) for mount in task.mounts}
    words = [_placed(word, places) for word in task.command]
    if not shutil.which(words[0], path=_environment(task, folder)["PATH"]):
        raise JobError(f"{words[0]} is not on this machine")
    if os.geteuid() != 0:
        return words
    uid, gid = jobs.owner(settings)
    return ["unshare", "--net", "--setgid", str(gid), "--setuid", str(uid), "--", *words]


def _placed(word: str, places: dict[str, str]) -> str:
    for inside, host in places.items():
        if word == inside or word.startswith(f"{inside}/"):
            return host + word[len(inside) :]
    return word


def _environment(task: Task, folder: Path) -> dict[str, str]:
    home = str(folder / "out")
    path = f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    given = {name: _placed(value, {IN: str(folder / "in"), OUT: home}) for name, value in task.environment.items()}
    return {"PATH": path, "LANG": "C.UTF-8", "HOME": home, **given, MARK: folder.name}


def _confined(task: Task) -> Callable[[], None]:
    """What the child does before it becomes the job."""
    limits = task.limits
    bounds = {
        resource.RLIMIT_DATA: limits.memory_mb << 20,
        resource.RLIMIT_FSIZE: limits.output_mb << 20,
        resource.RLIMIT_CPU: int(limits.seconds * max(1.0, limits.cpus)) + 1,
        resource.RLIMIT_CORE: 0,
    }
    drops = os.geteuid() == 0

    def confine() -> None:
        for kind, bound in bounds.items():
            resource.setrlimit(kind, (bound, bound))
        os.umask(0o077)
        if drops:
            os.setgroups([])

    return confine
