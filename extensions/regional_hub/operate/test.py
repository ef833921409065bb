"""`./hub test`: everything a fresh machine needs, then ruff, mypy and pytest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from regional_hub.cli import Failure
from regional_hub.hub import engine
from regional_hub.settings import ROOT

# What to look for, and the Debian package that brings it.
TOOLS = {
    "dockerd": "docker.io",
    "iptables": "iptables",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "chromium": "chromium",
    "/usr/share/fonts/opentype/noto": "fonts-noto-cjk",
    "xgettext": "gettext",
}


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--quick", is_flag=True, help="No containers, no browser, no whole hub: under two minutes.")
@click.option("--tests-only", is_flag=True, help="Leave out ruff and mypy.")
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def test(quick: bool, tests_only: bool, pytest_arguments: tuple[str, ...]) -> None:
    """Check and test the project; further arguments go to pytest."""
    os.chdir(ROOT)
    failed = [] if tests_only else [name for name in ("ruff", "format", "mypy") if not _check(name)]
    daemon = None
    arguments = list(pytest_arguments)
    if quick:
        arguments += ["-m", "not docker and not browser and not hub"]
    else:
        _install_tools()
        daemon = _start_engine()
    try:
        with tempfile.TemporaryDirectory(prefix="hub-test-") as state:  # no test touches the checkout's own state
            env = {**os.environ, "HUB_DATA": state}
            code = subprocess.run([sys.executable, "-m", "pytest", *arguments], check=False, env=env).returncode
    finally:
        if daemon is not None:
            daemon.terminate()
            daemon.wait(60)
    if failed:
        click.echo(f"hub: failed before pytest: {', '.join(failed)}", err=True)
    sys.exit(code or len(failed))


def _check(name: str) -> bool:
    commands: dict[str, list[str]] = {
        "ruff": ["ruff", "check", "."],
        "format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy"],
    }
    return subprocess.run([sys.executable, "-m", *commands[name]], check=False).returncode == 0


def _install_tools() -> None:
    """Debian's packages for containers and the browser; needs root where any is missing."""
    missing = [package for tool, package in TOOLS.items() if not (shutil.which(tool) or Path(tool).exists())]
    if not missing:
        return
    if os.geteuid() != 0:
        raise Failure(f"these Debian packages are needed for the tests: {' '.join(missing)}; or use --quick")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "--no-install-recommends", *missing]):
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"`{' '.join(command)}` failed:\n{done.stderr[-2000:]}")


def _forget_dead_engine() -> None:
    """A killed engine leaves its process ids behind; another program that has one now keeps it from starting."""
    for name, place in (("dockerd", "docker.pid"), ("containerd", "docker/containerd/containerd.pid")):
        file = Path("/var/run") / place
        try:
            alive = Path(f"/proc/{file.read_text().strip()}/comm").read_text().strip() == name
        except OSError:
            alive = False
        if not alive:
            file.unlink(missing_ok=True)


def _start_engine() -> subprocess.Popen[bytes] | None:
    """A Docker engine for the tests where none answers; ended with them."""
    if engine.client(timeout=5) is not None:
        return None
    if os.geteuid() != 0:
        raise Failure("no Docker engine answers, and starting one needs root; or use --quick")
    _forget_dead_engine()
    with tempfile.NamedTemporaryFile(prefix="dockerd-", suffix=".log", delete=False) as log:
        daemon = subprocess.Popen(["dockerd"], stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    for _ in range(300):
        if engine.client(timeout=5) is not None:
            return daemon
        if daemon.poll() is not None:
            break
        time.sleep(0.2)
    raise Failure(f"the Docker engine does not start; its log ends so:\n{Path(log.name).read_text()[-2000:]}")
