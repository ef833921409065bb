"""`./hub install`: a systemd unit that runs `./hub up`, and the firewall rules as a script that runs before it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from regional_hub import settings as hub_settings
from regional_hub.cli import Failure, common, say, tell
from regional_hub.hub import engine, network
from regional_hub.settings import ROOT

UNIT = """\
[Unit]
Description=Regional Hub
After=network-online.target docker.service
Wants=network-online.target docker.service

[Service]
Type=exec
WorkingDirectory={root}
Environment=HUB_DATA={data}
ExecStart={root}/hub up
# SIGTERM leaves users' servers running; the next start finds them. Only our own processes are ended.
KillMode=mixed
TimeoutStopSec=60
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""
RULES = """\
[Unit]
Description=Regional Hub: what containers may reach
After=docker.service
PartOf=docker.service
Before=regional-hub.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh {script}

[Install]
WantedBy=multi-user.target regional-hub.service
"""


@click.command()
@click.option("--prefix", default="/", help="Write below this folder instead of /, to look before you leap.")
@common
def install(prefix: str) -> dict[str, Any]:
    """Write systemd units and firewall rules. Needs root unless --prefix is given."""
    if prefix == "/" and os.geteuid() != 0:
        raise Failure(
            tell(
                "writing to /etc needs root; or look first with --prefix DIR",
                "写入 /etc 需要 root；可先用 --prefix DIR 查看",
            )
        )
    settings = hub_settings.load()
    top = Path(prefix)
    written = {top / "etc/systemd/system/regional-hub.service": UNIT.format(root=ROOT, data=settings.data_dir)}
    if engine.spawner_kind(settings) == "docker":
        script = "etc/regional-hub/firewall.sh"
        written[top / script] = network.firewall_script(settings)
        written[top / "etc/systemd/system/regional-hub-firewall.service"] = RULES.format(script=f"/{script}")
    for place, text in written.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        say(str(place))
    say(
        tell(
            "Now: systemctl daemon-reload && systemctl enable --now regional-hub-firewall regional-hub",
            "接下来：systemctl daemon-reload && systemctl enable --now regional-hub-firewall regional-hub",
        )
    )
    return {"written": [str(place) for place in written]}
