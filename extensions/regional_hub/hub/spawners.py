"""The three ways to run a server of a kind: a container, a plain process, a pod. `kinds.plan` decides, these translate.

Trust boundary: whatever a person sends along with "start" is judged by `kinds.plan` before anything is made.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import docker.errors
import requests.exceptions
from dockerspawner import DockerSpawner
from jupyterhub.spawner import SimpleLocalProcessSpawner
from tornado import web

from regional_hub.hub import engine, gateway_process, homes, kinds, leftovers, network, tickets, waiting
from regional_hub.settings import ROOT, Settings

CONTAINER_USER = 1000
MARK = "REGIONAL_HUB_SERVER"  # by which processes of a local server are found, whoever their parent is


class SpawnProblem(web.HTTPError):
    """A server that cannot start; what the person reads is in both languages, with what to do now."""

    def __init__(self, status: int, message: str, message_zh: str) -> None:
        self.jupyterhub_message = f"{message} / {message_zh}"
        super().__init__(status, self.jupyterhub_message.replace("%", "%%"), reason=None)


class ServerOfAKind:
    """Mixin before a spawner: plans the server, tells its progress, and remembers why it ended."""

    hub_settings: Settings
    lab_image: str
    host_addresses: dict[str, str]
    ended: dict[str, str] | None = None

    user: Any
    name: str
    log: Any
    server: Any
    handler: Any  # of the request that asks for this start
    poll: Callable[[], Awaitable[str | int | None]]

    def make_plan(self) -> kinds.Plan:
        """Judge who asks and the options, and decide everything; raises SpawnProblem."""
        app = kinds.kind_of(self.user.name, self.name).name == "app"
        if app:
            self._only_the_portal_starts_apps()
            self.poll_interval = 5  # seconds; visitors see an app that died until the Hub knows
        groups = [group.name for group in self.user.orm_user.groups]
        limit = self.hub_settings.showcase.apps if app else self.hub_settings.spawner.servers_per_person
        running = sum(1 for other in self.user.spawners.values() if other is not self and other.active)
        if running >= limit:
            raise SpawnProblem(
                409,
                f"You already run {running} servers, the most there may be. Stop one first.",
                f"您已在运行 {running} 个服务器，达到上限。请先停止一个。",
            )
        options = {key: value for key, value in self.user_options.items() if key not in ("next", "_xsrf")}
        try:
            return kinds.plan(self.hub_settings, self.user.name, self.name, groups, options, self.lab_image)
        except kinds.PlanError as refused:
            raise SpawnProblem(403, refused.message, refused.message_zh) from refused

    user_options: dict[str, Any]

    def _only_the_portal_starts_apps(self) -> None:
        """Not even an administrator by the Hub's pages: the portal counts visitors and lays out what was reviewed."""
        asker: Any = getattr(self.handler, "current_user", None)
        if (getattr(asker, "kind", ""), getattr(asker, "name", "")) != ("service", "portal"):
            raise SpawnProblem(
                403,
                "Live apps are started by their pages in the Showcase only.",
                "在线应用只能由成果展示的页面启动。",
            )

    def common_environment(self, plan: kinds.Plan) -> dict[str, str]:
        """What code in a server is told about the hub."""
        host = self.host_addresses[plan.kind.network]
        ports = self.hub_settings.ports
        data = (
            ports.portal if plan.kind.network == "exam" else ports.data
        )  # exams reach the portal alone, which serves both
        env = {**plan.environment, "REGIONAL_HUB_DATA_URL": f"http://{host}:{data}"}
        if plan.kind.network == "lab":
            env |= gateway_process.client_environment(self.hub_settings, plan.image)
        images = self.hub_settings.images
        env |= images.proxies()
        if images.pypi_mirror:
            env |= {"PIP_INDEX_URL": images.pypi_mirror, "UV_DEFAULT_INDEX": images.pypi_mirror}
        return env

    async def token_scopes(self) -> list[str]:
        """What the token inside the server may do; the Hub asks before `start`, and gives no more than theirs."""
        return list(kinds.kind_of(self.user.name, self.name).scopes)

    def ensure_home(self, plan: kinds.Plan, uid: int, gid: int) -> None:
        """Make the person's home; a full disk is told as such."""
        if plan.home is None:
            return
        try:
            homes.ensure(plan.home, uid, gid, samples=plan.kind.name in ("lab", "project"))
        except OSError as error:
            self.log.exception("No home for %s", self.user.name)
            raise SpawnProblem(
                507,
                f"Your home folder could not be made ({error.strerror}). Is the disk full? Tell an administrator.",
                f"无法创建您的主目录（{error.strerror}）。服务器磁盘可能已满，请联系管理员。",
            ) from error

    async def until_it_answers(self, place: tuple[str, int]) -> tuple[str, int]:
        """Returns `place` once the server answers there; one that ends instead is told at once, not at the timeout."""
        ip, port = place
        url = f"http://{ip}:{port}{self.server.base_url}api"
        status = await waiting.for_answer(url, self.poll, self.hub_settings.spawner.start_timeout_seconds)
        if status is None:
            return place
        raise SpawnProblem(
            500,
            f"Your server ended while it was starting ({status}). Tell an administrator.",
            f"您的服务器在启动过程中结束（{status}）。请联系管理员。",
        )

    def app_command(self, folder: str, address: str, port: int, base_url: str) -> list[str]:
        """The server of one reviewed notebook for visitors (`regional_hub.lab.live`)."""
        return [
            *("-m", "regional_hub.lab.live", folder),
            *("--ip", address, "--port", str(port), "--base-url", base_url),
        ]

    def app_environment(self, env: dict[str, str]) -> dict[str, str]:
        """An app's environment has nothing worth stealing: no token, no address of the Hub, no private key."""
        kept = {key: value for key, value in env.items() if not key.startswith(("JUPYTERHUB_", "JPY_"))}
        return kept | {"REGIONAL_HUB_LIVE_KEY": tickets.public_text(self.hub_settings)}

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """Events for the progress bar, in both languages."""
        profile = self.hub_settings.profiles.get(
            str(self.user_options.get("profile") or self.hub_settings.spawner.default_profile)
        )
        if profile is not None:
            size = f"{profile.memory_gb:g} GB, {profile.cpus:g} CPU"
            yield {
                "progress": 20,
                "message": f"Starting a server of size {profile.title} ({size})",
                "message_zh": f"正在启动{profile.title_zh}服务器（{size}）",
            }
        yield {"progress": 60, "message": "Waiting for the server to answer", "message_zh": "正在等待服务器响应"}

    def get_state(self) -> dict[str, Any]:
        state = super().get_state()  # type: ignore[misc]
        if self.ended:
            state["ended"] = self.ended
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)  # type: ignore[misc]
        self.ended = state.get("ended")


class DockerServer(ServerOfAKind, DockerSpawner):
    """A container per server, on the network of its kind."""

    def template_namespace(self) -> dict[str, Any]:
        return {**super().template_namespace(), "instance": self.hub_settings.instance}

    def _owner_ids(self) -> tuple[int, int]:
        """The user in containers: 1000 when the Hub is root and can hand homes over, else the Hub's own user."""
        return (CONTAINER_USER, CONTAINER_USER) if os.geteuid() == 0 else (os.getuid(), os.getgid())

    def apply_plan(self, plan: kinds.Plan) -> None:
        """Set the container's limits, mounts and network from the plan."""
        self.plan = plan
        self.image = plan.image
        self.mem_limit = plan.memory_bytes
        self.cpu_limit = plan.profile.cpus
        self.network_name = network.name(self.hub_settings, plan.kind.network)
        self.volumes = {str(m.host): m.inside for m in plan.mounts if not m.read_only}
        self.read_only_volumes = {str(m.host): m.inside for m in plan.mounts if m.read_only}
        uid, gid = self._owner_ids()
        labels = engine.labels(self.hub_settings, "server") | {"org.regional-hub.kind": plan.kind.name}
        self.extra_create_kwargs = {"user": f"{uid}:{gid}", "labels": labels}
        self.extra_host_config = {
            "auto_remove": False,  # a dead container is looked at before it goes: it may have run out of memory
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges"],
            "init": True,
            "pids_limit": plan.profile.pids,
            "memswap_limit": plan.memory_bytes,
            "log_config": {"type": "json-file", "config": {"max-size": "10m", "max-file": "2"}},
        }
        if plan.kind.name == "app":
            self.cmd = ["python"]
            self.args = self.app_command(kinds.APP, "0.0.0.0", self.port, self.server.base_url)  # noqa: S104 its own network
            owner = f"uid={uid},gid={gid},mode=0700"
            self.extra_host_config |= {
                "read_only": True,
                "tmpfs": {"/tmp": "size=256m,mode=1777", kinds.HOME: f"size=64m,{owner}"},  # noqa: S108 the container's
            }

    def get_env(self) -> dict[str, str]:
        env = super().get_env()
        plan = self.plan
        host = self.host_addresses[plan.kind.network]
        api = f"http://{host}:{self.hub_settings.ports.hub}{self.hub.base_url}api"
        env |= self.common_environment(plan)
        env |= {
            "JUPYTERHUB_API_URL": api,
            "JUPYTERHUB_ACTIVITY_URL": f"{api}/users/{self.user.name}/activity",
            "JUPYTER_CONFIG_PATH": f"/opt/regional-hub/kinds/{plan.kind.name}",
            "INTAKE_PATH": kinds.CATALOGS,
            "INTAKE_CATALOG_PATH": f'["{kinds.CATALOGS}"]',  # what intake 2's `intake.cat` reads, a list
            "REGIONAL_HUB_SHARED": kinds.SHARED,
            "HOME": kinds.HOME,
            "USER": "jovyan",
        }
        return self.app_environment(env) if plan.kind.name == "app" else env

    async def start(self) -> tuple[str, int]:
        plan = self.make_plan()
        self.ended = None
        self.ensure_home(plan, *self._owner_ids())
        self.apply_plan(plan)
        try:
            return await self.until_it_answers(await super().start())
        except docker.errors.ImageNotFound as error:
            raise SpawnProblem(
                503,
                f"The image {plan.image} is not on this machine. An administrator can build it: ./hub image build",
                f"本机没有镜像 {plan.image}。管理员可以运行 ./hub image build 构建。",
            ) from error
        except docker.errors.APIError as error:
            self.log.exception("The engine refused %s", self.container_name)
            raise SpawnProblem(
                500, f"The container engine refused: {error.explanation}", f"容器引擎拒绝：{error.explanation}"
            ) from error
        except (requests.exceptions.RequestException, docker.errors.DockerException) as error:
            self.log.warning("The engine does not answer: %s", error)
            raise SpawnProblem(
                503,
                "The container engine does not answer. Try again in a minute, or tell an administrator.",
                "容器引擎没有响应。请稍后重试，或联系管理员。",
            ) from error

    async def check_allowed(self, image: str) -> str:
        return image  # judged in kinds.plan

    async def poll(self) -> str | int | None:
        """None while it runs, else why it ended. An engine that does not answer ends nobody's server."""
        try:
            container = await self.docker("inspect_container", self.container_name)
        except docker.errors.NotFound:
            self.object_id = ""
            return 0
        except (requests.exceptions.RequestException, docker.errors.DockerException) as error:
            self.log.warning("The engine does not answer about %s: %s", self.container_name, error)
            return None if self.object_id else 0
        self.object_id = container["Id"]
        state = container["State"]
        if state["Running"]:
            return None
        if state.get("OOMKilled"):
            limit = f"{(container['HostConfig'].get('Memory') or 0) / 2**30:g} GB"
            self.ended = {
                "message": f"Your server used more than its {limit} of memory and was stopped. Choose a larger size.",
                "message_zh": f"您的服务器使用的内存超过 {limit} 的上限，已被停止。请选择更大的规格。",
            }
        return f"ExitCode={state['ExitCode']}, OOMKilled={state.get('OOMKilled')}"


class LocalServer(ServerOfAKind, SimpleLocalProcessSpawner):
    """A plain process per server, for evaluation: limits are not held, and exams are refused.

    Trust boundary: it never runs as root. Started by root, each person's server has a uid of its own.
    """

    def _ids(self) -> tuple[int, int]:
        if os.geteuid() != 0:
            return os.getuid(), os.getgid()
        own = self.hub_settings.spawner.local_uid_base + int(self.user.orm_user.id)
        return own, own

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        uid, gid = self._ids()
        home = self.home_dir
        drops = os.geteuid() == 0

        def preexec() -> None:
            if drops:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
            os.umask(0o077)
            os.chdir(home)

        return preexec

    def get_env(self) -> dict[str, str]:
        env = super().get_env()
        plan = self.plan
        env |= self.common_environment(plan)
        env |= {
            "PATH": f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "JUPYTER_CONFIG_PATH": f"{ROOT / 'images' / 'lab' / 'kinds' / plan.kind.name}:{ROOT / 'hub_config'}",
            "INTAKE_PATH": str(ROOT / "catalogs"),
            "INTAKE_CATALOG_PATH": f'["{ROOT / "catalogs"}"]',
            "REGIONAL_HUB_SHARED": str(self.hub_settings.shared_dir),
            MARK: self._mark(),
        }
        env.pop("PYTHONPATH", None)
        return self.app_environment(env) if plan.kind.name == "app" else env

    async def start(self) -> tuple[str, int]:
        plan = self.plan = self.make_plan()
        self.ended = None
        if plan.kind.name == "exam":
            raise SpawnProblem(
                403,
                "Exams need a container engine: without one, nothing keeps trainees apart.",
                "考试需要容器引擎：没有容器就无法隔离考生。",
            )
        self.ensure_home(plan, *self._ids())
        self.home_dir = str(plan.home or self.hub_settings.path("run"))
        if plan.kind.name == "app":
            self.home_dir, folder = self._app_copy(plan)
            self.cmd = [sys.executable]
            self.args = self.app_command(folder, "127.0.0.1", self.port, self.server.base_url)
        else:
            self.cmd = [str(Path(sys.prefix) / "bin" / "jupyterhub-singleuser")]
        return await self.until_it_answers(await super().start())

    def _app_copy(self, plan: kinds.Plan) -> tuple[str, str]:
        """A home to work in, and a copy of the reviewed folder: nothing mounts read-only here; code gets no original.

        Where the Hub is root the copy stays root's; where not, the app has the Hub's uid and could change its copy.
        """
        place = self.hub_settings.path("run", "apps", plan.server)
        shutil.rmtree(place, ignore_errors=True)
        folder = place / "app"
        shutil.copytree(kinds.app_folder(self.hub_settings, plan.server), folder, symlinks=True)
        for found in (place, folder, *folder.rglob("*")):
            if not found.is_symlink():
                found.chmod(0o755 if found in (place, folder) or found.is_dir() else 0o444)
        home = place / "home"
        home.mkdir(mode=0o700)
        homes.give(home, *self._ids())
        return str(home), str(folder)

    def _mark(self) -> str:
        return f"{self.hub_settings.instance}/{self.user.name}/{self.name}"

    async def stop(self, now: bool = False) -> None:
        """Also ends what code in the server started: kernels, and their children, have sessions of their own."""
        await super().stop(now=now)
        if ended := leftovers.end_processes(MARK, self._mark()):
            self.log.info("Ended %d processes that the server of %s left behind", ended, self.user.name)


def of_kind(kind: str) -> type:
    """The spawner of this kind. The client of Kubernetes is loaded where it is asked for: it takes most of a second."""
    if kind == "kubernetes":
        from regional_hub.hub.spawner_kubernetes import KubernetesServer

        return KubernetesServer
    return {"docker": DockerServer, "local": LocalServer}[kind]
