"""Whole hubs for tests: started by `./hub up` as an operator would, in a folder and on ports of their own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regional_hub import settings as hub_settings
from regional_hub.hub import network
from regional_hub.operate.remote import Server
from regional_hub.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"
BLOCK = 8  # ports of one hub


def free_ports() -> int:
    """The first port of a free block."""
    for first in range(20000 + os.getpid() % 500 * BLOCK, 32000, BLOCK):
        if all(_free(port) for port in range(first, first + BLOCK)):
            return first
    raise RuntimeError("no free block of ports")


@contextmanager
def open_folder() -> Iterator[Path]:
    """A data folder that other users can pass through, as pytest's own are not; removed at the end."""
    with tempfile.TemporaryDirectory(prefix="regional-hub-test-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o711)
        yield Path(place) / "data"


def _free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def clean_environment(**more: str) -> dict[str, str]:
    """This environment without settings of another hub, in English."""
    kept = {key: value for key, value in os.environ.items() if not re.match(r"HUB_|DJANGO_", key)}
    return {**kept, "LC_ALL": "C.UTF-8", **more}


def run(data: Path, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 600) -> Any:
    """`./hub ...` on this data folder; the finished process with its output as text."""
    command = [str(ROOT / "hub"), *arguments, "--data", str(data)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=False, env=clean_environment(**(env or {}))
    )


@dataclass
class Hub:
    """A running hub."""

    data: Path
    url: str
    admin: str
    password: str
    env: dict[str, str]
    facts: dict[str, Any]

    @property
    def settings(self) -> Settings:
        return hub_settings.load({"HUB_DATA": str(self.data), **self.env})

    def cli(self, *arguments: str, code: int = 0) -> Any:
        """`./hub ... --json`: the parsed answer; fails unless the exit code is the expected one."""
        done = run(self.data, *arguments, "--json", env=self.env)
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    def python(self, code: str) -> None:
        """Run code in the portal's own process environment, as `manage shell` does; fails with what it says."""
        command = [sys.executable, "-m", "regional_hub.portal.manage", "shell", "--no-imports", "-c", code]
        environment = clean_environment(HUB_DATA=str(self.data), **self.env)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr

    def add_person(self, name: str, *groups: str) -> str:
        """An account in these groups; returns its one-time password."""
        return str(self.cli("user", "add", name, "--groups", ",".join(groups))["password"])

    def server(self, owner: str, server: str = "") -> Server:
        return Server(self.settings, owner, server)

    def log(self, process: str) -> str:
        return (self.settings.run_dir / "logs" / f"{process}.log").read_text(errors="replace")


def start(data: Path, spawner: str = "docker", *options: str, **env: str) -> Hub:
    """Start a hub in the background and wait until all answers. Environment names use `HUB_SECTION__KEY`."""
    env = {"HUB_CATALOGS__SAMPLE_ROWS": "200000", **env}
    port = free_ports()
    done = run(data, "up", "--detach", "--json", "--port", str(port), "--spawner", spawner, *options, env=env)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    facts = json.loads(done.stdout.strip().splitlines()[-1])
    return Hub(data, facts["url"], facts["admin"], facts["password"], env, facts)


def stop(hub: Hub) -> None:
    """Stop it and take away all that it made on the machine."""
    try:
        run(hub.data, "down", env=hub.env)
    finally:
        if network.can_set_firewall():
            network.remove_firewall(hub.settings)
        network.remove(hub.settings)
