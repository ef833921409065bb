"""One description, three spawners: what a plan becomes as container and pod, without starting any."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.objects import Hub, Server
from jupyterhub.orm import Server as ServerRow
from jupyterhub.orm import Spawner as Row

from regional_hub import settings as hub_settings
from regional_hub.hub import kinds, spawners, tickets
from regional_hub.settings import Settings


class Person:
    """As much of a Hub user as a spawner asks for."""

    def __init__(self, name: str, groups: tuple[str, ...] = ()) -> None:
        self.name = self.escaped_name = name
        self.id = 7
        self.url = f"/user/{name}/"
        self.spawners: dict[str, Any] = {}
        self.orm_user = type("Row", (), {"id": 7, "groups": [type("G", (), {"name": g}) for g in groups]})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return hub_settings.load({"HUB_DATA": str(tmp_path)})


def make(spawner: type, settings: Settings, owner: str = "wei", server: str = "", **options: Any) -> Any:
    spawner = type(spawner.__name__, (spawner,), {})
    spawner.hub_settings = settings
    spawner.lab_image = "regional-hub/lab:1"
    spawner.host_addresses = {"lab": "172.30.0.1", "exam": "172.30.1.1", "app": "172.30.2.1"}
    made = spawner(user=Person(owner), orm_spawner=Row(name=server), hub=Hub(port=8001), _mock=True)
    made.server = Server(
        orm_server=ServerRow(proto="http", ip="", port=8888, cookie_name="c", base_url=f"/user/{owner}/{server}/")
    )
    made.user_options = options
    return made


def test_container_has_the_limits_of_its_profile_and_no_privileges(settings: Settings) -> None:
    server = make(spawners.DockerServer, settings)

    server.apply_plan(server.make_plan())

    host = server.extra_host_config
    assert (server.mem_limit, host["memswap_limit"]) == (2 * 2**30, 2 * 2**30)
    assert server.cpu_limit == 1 and host["pids_limit"] == 512
    assert host["cap_drop"] == ["ALL"] and host["security_opt"] == ["no-new-privileges"]
    assert server.extra_create_kwargs["user"] != "0:0"
    assert list(server.volumes.values()) == [kinds.HOME]
    assert not any("docker.sock" in path for path in {**server.volumes, **server.read_only_volumes})


class Asker:
    """Of a request, as much as a spawner asks for: who makes it."""

    def __init__(self, name: str, kind: str, admin: bool = False) -> None:
        self.current_user = type("Asker", (), {"name": name, "kind": kind, "admin": admin})


PORTAL = Asker("portal", "service")


def lay_out(settings: Settings, slug: str) -> Path:
    folder = settings.path("showcase", "live", slug)
    folder.mkdir(parents=True)
    (folder / "app.json").write_text('{"kernels": 4, "memory_mb": 300}')
    return folder


@pytest.mark.parametrize(("owner", "name", "kind"), [("wei", "exam-1", "exam"), ("showcase", "map", "app")])
def test_container_is_on_the_network_of_its_kind(settings: Settings, owner: str, name: str, kind: str) -> None:
    lay_out(settings, "map")
    server = make(spawners.DockerServer, settings, owner, name)
    server.handler = PORTAL

    server.apply_plan(server.make_plan())

    assert server.network_name == f"regional-hub-{settings.instance}-{kind}"


def test_refusal_reaches_the_person_in_both_languages(settings: Settings) -> None:
    server = make(spawners.DockerServer, settings, profile="large")

    with pytest.raises(spawners.SpawnProblem) as refused:
        server.make_plan()

    assert "not open to your groups" in refused.value.jupyterhub_message
    assert "用户组" in refused.value.jupyterhub_message


def test_app_environment_has_no_token_and_of_the_ticket_key_the_public_half(settings: Settings) -> None:
    env = {"JUPYTERHUB_API_TOKEN": "s", "JPY_API_TOKEN": "s", "PATH": "/bin", "JUPYTERHUB_HOST": "h"}

    found = make(spawners.DockerServer, settings, "showcase", "map").app_environment(env)

    assert set(found) == {"PATH", "REGIONAL_HUB_LIVE_KEY"}
    assert found["REGIONAL_HUB_LIVE_KEY"] == tickets.public_text(settings)
    assert settings.secret("live-ticket-key") not in str(found)


@pytest.mark.parametrize(
    "asker",
    [
        None,
        Asker("wei", "user"),
        Asker("root-admin", "user", True),
        Asker("idle-culler", "service"),
        Asker("portal", "user"),
    ],
)
def test_apps_are_started_by_the_portal_alone(settings: Settings, asker: Asker | None) -> None:
    lay_out(settings, "map")
    server = make(spawners.DockerServer, settings, "showcase", "map")

    server.handler = asker
    with pytest.raises(spawners.SpawnProblem) as refused:
        server.make_plan()
    server.handler = PORTAL

    assert refused.value.status_code == 403 and "应用" in refused.value.jupyterhub_message
    assert server.make_plan().kind.name == "app"


def test_apps_have_a_limit_of_their_own(settings: Settings) -> None:
    lay_out(settings, "map")
    server = make(spawners.DockerServer, settings, "showcase", "map")
    server.handler = PORTAL
    others = {str(number): type("Other", (), {"active": True}) for number in range(settings.showcase.apps)}

    server.user.spawners = dict(list(others.items())[1:])
    server.make_plan()
    server.user.spawners = others
    with pytest.raises(spawners.SpawnProblem) as refused:
        server.make_plan()

    assert refused.value.status_code == 409


def test_container_of_an_app_writes_to_memory_alone(settings: Settings) -> None:
    lay_out(settings, "map")
    server = make(spawners.DockerServer, settings, "showcase", "map")
    server.handler = PORTAL

    server.apply_plan(server.make_plan())

    host = server.extra_host_config
    assert host["read_only"] is True and set(host["tmpfs"]) == {"/tmp", kinds.HOME}
    assert host["cap_drop"] == ["ALL"] and server.volumes == {}
    assert [server.cmd, server.args[:3]] == [["python"], ["-m", "regional_hub.lab.live", kinds.APP]]


def test_on_the_local_spawner_an_app_works_on_a_copy_that_it_cannot_write(settings: Settings) -> None:
    folder = lay_out(settings, "map")
    server = make(spawners.LocalServer, settings, "showcase", "map")
    server.handler = PORTAL

    home, copy = map(Path, server._app_copy(server.make_plan()))

    files = [place for place in copy.rglob("*") if place.is_file()]
    assert files and all(place.stat().st_mode & 0o222 == 0 for place in files)
    assert copy != folder and not home.is_relative_to(copy) and not copy.is_relative_to(home)
    assert copy.stat().st_uid == os.getuid()
    if os.geteuid() == 0:
        assert home.stat().st_uid == server._ids()[0] != 0


def test_token_scopes_follow_the_kind(settings: Settings) -> None:
    lab = asyncio.run(make(spawners.DockerServer, settings).token_scopes())
    exam = asyncio.run(make(spawners.DockerServer, settings, server="exam-1").token_scopes())

    assert "access:services!service=dask-gateway" in lab
    assert "access:services!service=dask-gateway" not in exam


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod's manifest is made without asking any cluster."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_options: None)
    monkeypatch.setattr("kubespawner.spawner.shared_client", lambda _kind: None)


def pod(settings: Settings, owner: str = "wei", server: str = "", **options: Any) -> Any:
    made = make(spawners.of_kind("kubernetes"), settings, owner, server, **options)
    made.namespace = "hub"
    made.pod_name = "jupyter-" + owner
    made.apply_plan(made.make_plan())
    made.get_env = lambda: {}  # the Hub's tokens are the Hub's to test
    return asyncio.run(made.get_pod_manifest())


def test_pod_runs_without_privileges_and_without_a_service_account(settings: Settings) -> None:
    spec = pod(settings).spec
    context = spec.containers[0].security_context

    assert spec.automount_service_account_token is False
    assert context["runAsNonRoot"] is True and context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}


def test_pod_has_the_limits_of_its_profile(settings: Settings) -> None:
    limits = pod(settings).spec.containers[0].resources.limits

    assert int(limits["memory"]) == 2 * 2**30 and float(limits["cpu"]) == 1


def test_pod_label_names_the_network_for_the_policies(settings: Settings) -> None:
    labels = pod(settings, server="exam-1").metadata.labels

    assert labels["org.regional-hub.network"] == "exam"


def test_pod_of_an_app_writes_to_memory_alone(settings: Settings) -> None:
    lay_out(settings, "map")
    made = make(spawners.of_kind("kubernetes"), settings, "showcase", "map")
    made.handler, made.namespace, made.pod_name, made.get_env = PORTAL, "hub", "jupyter-showcase", lambda: {}
    made.apply_plan(made.make_plan())

    container = asyncio.run(made.get_pod_manifest()).spec.containers[0]

    mounts = {mount.mount_path: mount for mount in container.volume_mounts}
    assert container.security_context["readOnlyRootFilesystem"] is True
    assert mounts[kinds.APP].read_only is True and mounts[kinds.APP].sub_path == "showcase/live/map"
    assert {path for path, mount in mounts.items() if not mount.read_only} == {"/tmp", kinds.HOME}
    assert container.args[:2] == ["python", "-m"]


def test_pod_mounts_the_home_read_write_and_shared_data_read_only(settings: Settings) -> None:
    mounts = {mount.mount_path: mount for mount in pod(settings).spec.containers[0].volume_mounts}

    assert mounts[kinds.HOME].read_only is False and mounts[kinds.HOME].sub_path == "homes/wei"
    assert mounts[kinds.SHARED].read_only is True
