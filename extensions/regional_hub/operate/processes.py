"""The processes of a hub on a single server, kept alive by supervisor, and whether each answers."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from supervisor.xmlrpc import SupervisorTransport

from regional_hub.operate.run import recipes
from regional_hub.settings import Settings

# A process that must never be ended with its group: users' servers are children of the Hub.
HEADER = """\
[supervisord]
nodaemon=true
pidfile={run}/supervisord.pid
logfile={logs}/supervisord.log
childlogdir={logs}
minfds=16384
[unix_http_server]
file={run}/supervisor.sock
chmod=0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
"""
PROGRAM = """\
[program:{name}]
command={command}
directory={run}
autorestart=true
startsecs=2
startretries=1000000
stopwaitsecs=15
stopasgroup=false
killasgroup=false
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=20MB
stdout_logfile_backups=3
"""


def write_config(settings: Settings) -> Path:
    """supervisor's configuration, anew at each start; it holds no secret."""
    run, logs = settings.run_dir, settings.run_dir / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    places = {"run": _whole(str(run)), "logs": _whole(str(logs))}
    parts = [HEADER.format(**places)]
    for name, recipe in recipes(settings).items():
        command, secrets = recipe(settings)
        if secrets:  # only these go by way of `run`, which costs a start of Python each
            command = [sys.executable, "-m", "regional_hub.operate.run", name]
        parts.append(PROGRAM.format(name=name, command=_whole(shlex.join(command)), **places))
    place = run / "supervisord.conf"
    place.write_text("".join(parts), encoding="utf-8")
    return place


def _whole(text: str) -> str:
    """The text as supervisor's configuration needs it, where % begins a variable."""
    return text.replace("%", "%%")


def start(settings: Settings) -> subprocess.Popen[bytes]:
    """Start supervisor with all processes, in a session of its own, so that Ctrl-C reaches us alone."""
    config = write_config(settings)
    with (settings.run_dir / "logs" / "supervisord.out").open("wb") as out:
        return subprocess.Popen(
            [str(Path(sys.prefix) / "bin" / "supervisord"), "-c", str(config)],
            env={**os.environ, "HUB_DATA": str(settings.data_dir)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def pid(settings: Settings) -> int | None:
    """supervisor's process id when it runs."""
    try:
        number = int((settings.run_dir / "supervisord.pid").read_text())
        os.kill(number, 0)
        cmdline = Path(f"/proc/{number}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return number if b"supervisord" in cmdline else None


def stop(settings: Settings, timeout: float = 30) -> bool:
    """Ask supervisor to end everything; True when it ran. What does not end in time is killed."""
    number = pid(settings)
    if number is None:
        return False
    os.kill(number, signal.SIGTERM)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(number, os.WNOHANG)  # reaps it where it is our own child
        if pid(settings) is None:
            return True
        time.sleep(0.05)
    os.killpg(number, signal.SIGKILL)
    return True


def states(settings: Settings) -> dict[str, str]:
    """What supervisor says of each process: RUNNING, STARTING, BACKOFF, ... ; empty when it does not run."""
    import xmlrpc.client

    if pid(settings) is None:
        return {}
    transport = SupervisorTransport(serverurl=f"unix://{settings.run_dir}/supervisor.sock")
    server = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
    try:
        found = server.supervisor.getAllProcessInfo()
    except (OSError, xmlrpc.client.Error):
        return {}
    return {str(process["name"]): str(process["statename"]) for process in found}  # type: ignore[union-attr,index,call-overload]


def port_free(address: str, port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def answers(url: str, timeout: float = 5) -> bool:
    """Whether a page answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as reply:  # noqa: S310 our own loopback addresses
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def health(settings: Settings) -> dict[str, str]:
    """For each part the address that shows that it answers, through the front door where people come by it."""
    ports = settings.ports
    host = "127.0.0.1" if ports.bind == "0.0.0.0" else ports.bind  # noqa: S104 comparison
    front = f"http://{host}:{ports.public}"
    return {
        "portal": f"{front}/healthz",
        "hub": f"{front}/hub/api/",
        "data": f"http://127.0.0.1:{ports.data}/healthz",
        "gateway": f"{front}/services/dask-gateway/api/health",
    }


def wait_until_up(settings: Settings, timeout: float, running: Callable[[], bool]) -> list[str]:
    """Wait until all parts answer; returns the names of those that did not."""
    waiting = health(settings)
    deadline = time.monotonic() + timeout
    while waiting and time.monotonic() < deadline and running():
        waiting = {name: url for name, url in waiting.items() if not answers(url)}
        if waiting:
            time.sleep(0.1)
    return list(waiting)


def last_lines(settings: Settings, name: str, count: int = 12) -> str:
    """The end of a process's log, for an error message."""
    try:
        lines = (settings.run_dir / "logs" / f"{name}.log").read_text(errors="replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(lines[-count:])


def remember(settings: Settings, facts: dict[str, object]) -> None:
    """Keep what this start was told on its command line, for the other commands."""
    (settings.run_dir / "options.json").write_text(json.dumps(facts))
