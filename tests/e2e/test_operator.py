"""The operator's commands on a running hub: what they say is true, also when something is wrong."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import httpx
import psutil
import pytest

from regional_hub.hub import network
from regional_hub.operate import processes
from tests import hubs
from tests.hubs import Hub

pytestmark = [pytest.mark.docker, pytest.mark.hub]


def test_doctor_finds_a_sound_hub_sound(hub: Hub) -> None:
    found = hub.cli("doctor")

    checks = {finding["check"] for finding in found["findings"]}
    assert found["ok"]
    assert {"engine", "images", "ports", "disk", "database", "tls", "subdomains", "clock", "isolation", "notebook"} <= (
        checks
    )


def test_doctor_says_plainly_when_the_firewall_rules_are_missing(hub: Hub) -> None:
    network.remove_firewall(hub.settings)
    try:
        found = hub.cli("doctor", "--no-notebook", code=1)
    finally:
        network.apply_firewall(hub.settings)

    faults = [finding["message"] for finding in found["findings"] if finding["level"] == "fail"]
    assert faults and all("firewall rules are missing" in fault for fault in faults)


def test_status_names_every_process_and_where_it_is(hub: Hub) -> None:
    found = hub.cli("status")

    assert found["url"] == hub.url
    assert set(found["processes"].values()) == {"RUNNING"}
    assert found["answers"] == {"portal": True, "hub": True, "data": True, "gateway": True}


def test_status_of_a_stopped_hub_is_exit_code_one(tmp_path: Path) -> None:
    done = hubs.run(tmp_path / "nothing", "status")

    assert done.returncode == 1 and "No hub runs" in done.stdout + done.stderr


def test_token_for_scripts_does_what_its_owner_may_and_no_more(hub: Hub) -> None:
    hub.add_person("nurlan", "researchers")

    token = hub.cli("token", "nurlan")["token"]

    headers = {"Authorization": f"token {token}"}
    own = httpx.get(f"{hub.url}/hub/api/user", headers=headers)
    assert own.json()["name"] == "nurlan"
    assert httpx.get(f"{hub.url}/hub/api/users", headers=headers).status_code == 403


def test_installed_rules_are_the_rules_that_run(hub: Hub, tmp_path: Path) -> None:
    written = hub.cli("install", "--prefix", str(tmp_path))["written"]

    script = tmp_path / "etc/regional-hub/firewall.sh"
    unit = (tmp_path / "etc/systemd/system/regional-hub.service").read_text()
    assert str(script) in written
    assert subprocess.run(["sh", "-n", str(script)], check=False).returncode == 0
    assert script.read_text() == network.firewall_script(hub.settings)
    assert str(hub.data) in unit and "/hub up" in unit


def test_nothing_secret_is_in_the_logs_or_on_a_command_line(hub: Hub) -> None:
    secrets = {path.name: path.read_text().strip() for path in hub.settings.path("secrets").iterdir()}
    logs = "".join(path.read_text(errors="replace") for path in (hub.settings.run_dir / "logs").glob("*.log"))
    lines = "".join(path.read_bytes().decode(errors="replace") for path in Path("/proc").glob("[0-9]*/cmdline"))

    for name, secret in secrets.items():
        assert secret not in logs, f"{name} is in a log"
        assert secret not in lines, f"{name} is on a command line"
    assert hub.password not in logs


def restart(hub: Hub) -> None:
    """End the Hub's process as a fault would; supervisor starts it again."""
    found = [p for p in psutil.process_iter(["cmdline"]) if "regional_hub.hub.app" in (p.info["cmdline"] or [])]
    mine = [p for p in found if p.environ().get("HUB_DATA") == str(hub.data)]
    assert len(mine) == 1
    mine[0].kill()
    mine[0].wait(10)
    deadline = time.monotonic() + 60
    while not processes.answers(processes.health(hub.settings)["hub"]):
        assert time.monotonic() < deadline, "the Hub did not come back"
        time.sleep(0.2)


def test_replaced_secret_of_a_service_lets_nobody_in_any_more(local_hub: Hub) -> None:
    place = local_hub.settings.path("secrets", "culler-api-token")
    old, new = place.read_text(), "f" * 64 + "\n"

    def status(token: str) -> int:
        headers = {"Authorization": f"token {token.strip()}"}
        return httpx.get(f"{local_hub.url}/hub/api/users", headers=headers).status_code

    assert status(old) == 200
    place.write_text(new)
    try:
        restart(local_hub)

        assert (status(old), status(new)) == (403, 200)
    finally:
        place.write_text(old)
        restart(local_hub)
