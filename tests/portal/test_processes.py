"""`prepare` and `serve` as the supervisor runs them."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from regional_hub import settings as hub_settings
from regional_hub.portal.databases import database
from regional_hub.settings import SettingsError
from tests import hubs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The environment of a fresh hub on a free block of ports, prepared once; with what `prepare` printed."""
    kept = {key: value for key, value in os.environ.items() if not re.match(r"HUB_|DJANGO_|REGIONAL_HUB", key)}
    env = {
        **kept,
        "HUB_DATA": str(tmp_path_factory.mktemp("data")),
        "HUB_PORTS__PUBLIC": str(hubs.free_ports()),
        "HUB_SPAWNER__KIND": "local",
        "PYTHONPATH": str(ROOT / "extensions"),
    }
    return env, prepare(env)


def prepare(env):
    command = [sys.executable, "-m", "regional_hub.portal.manage", "prepare"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def serve(env, service):
    command = [sys.executable, "-m", "regional_hub.portal.serve", service]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_prepare_prints_one_line_with_a_password_for_once(world):
    env, printed = world

    first = json.loads(printed)
    assert first["admin"] == "admin"
    assert re.fullmatch(r"[0-9a-f]{4}(-[0-9a-f]{4}){3}", first["password"])
    assert first["password"] not in json.loads(prepare(env)).values()


def test_a_second_prepare_is_quick_and_shows_no_password(world):
    env, _printed = world
    began = time.monotonic()

    again = json.loads(prepare(env))

    assert again == {"admin": "admin", "password": None}
    assert time.monotonic() - began < 4


def test_page_assets_that_a_backup_left_out_are_made_again(world):
    env, _printed = world
    static = Path(env["HUB_DATA"]) / "static"
    shutil.rmtree(static)

    prepare(env)

    assert (static / "staticfiles.json").exists()


def test_of_two_first_starts_at_once_one_makes_the_administrator(world, tmp_path):
    env = {**world[0], "HUB_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "regional_hub.portal.manage", "prepare"]

    both = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _start in range(2)]
    printed = [json.loads(process.communicate(timeout=120)[0]) for process in both]

    assert sorted(answer["password"] is None for answer in printed) == [False, True]


def test_secrets_are_for_their_owner_only(world):
    env, _printed = world

    folder = Path(env["HUB_DATA"]) / "secrets"
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("service", ["portal", "data"])
def test_a_served_site_is_healthy_and_says_when_its_port_is_taken(world, service):
    env, _printed = world
    port = int(env["HUB_PORTS__PUBLIC"]) + (3 if service == "portal" else 4)
    process = serve(env, service)
    try:
        assert wait_for(f"http://127.0.0.1:{port}/healthz").json() == {"status": "ok"}
        page = httpx.get(f"http://127.0.0.1:{port}/accounts/login/", trust_env=False).text
        asset = re.search(r'href="(/static/regional_hub/theme\.[0-9a-f]+\.css)"', page)
        cached = httpx.get(f"http://127.0.0.1:{port}{asset[1]}", trust_env=False)
        assert "immutable" in cached.headers["Cache-Control"]

        second = serve(env, service)
        said, _nothing = second.communicate(timeout=30)
        assert second.returncode != 0
        assert f"127.0.0.1:{port}" in said
    finally:
        process.terminate()
        process.communicate(timeout=20)


def wait_for(address: str) -> httpx.Response:
    for _attempt in range(150):
        try:
            return httpx.get(address, trust_env=False)
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"nothing answers at {address}")


def with_address(tmp_path, address: str):
    return hub_settings.load({"HUB_DATA": str(tmp_path), "HUB_DATABASE__PORTAL_URL": address})


def test_a_postgresql_address(tmp_path):
    found = database(with_address(tmp_path, "postgresql://hub:p%40ss@db.example:6432/portal?sslmode=require"))

    assert found["ENGINE"].endswith("postgresql")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("hub", "p@ss", "db.example", "6432")
    assert found["NAME"] == "portal"
    assert found["OPTIONS"] == {"sslmode": "require"}


@pytest.mark.parametrize("address", ["mysql://x/y", "portal.sqlite", "postgresql://host"])
def test_another_address_is_an_error_that_names_the_setting(tmp_path, address):
    with pytest.raises(SettingsError, match=r"database\.portal_url"):
        database(with_address(tmp_path, address))


def test_sqlite_waits_for_its_turn(tmp_path):
    options = database(with_address(tmp_path, ""))["OPTIONS"]

    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert options["timeout"] >= 10
