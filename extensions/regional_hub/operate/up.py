"""`./hub up`, `down` and `status`: the whole hub on a single server."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import click

from regional_hub import settings as hub_settings
from regional_hub.cli import Failure, common, say, tell
from regional_hub.hub import engine, images, jobs_left, kinds, network, samples
from regional_hub.operate import processes, servers
from regional_hub.settings import Settings, SettingsError

FOLDERS = {"run": 0o700, "db": 0o700, "secrets": 0o700, "mail": 0o700, "homes": 0o711, "exams": 0o711, "shared": 0o755}
MINIMUM_FREE = 512 * 2**20  # bytes: below that a start would end half done


@click.command()
@click.option("--port", type=click.IntRange(1, 65528), help="Port of the front door [default: 8000].")
@click.option("--spawner", type=click.Choice(["auto", "docker", "local"]), help="How servers run [default: auto].")
@click.option("--empty", is_flag=True, help="Load no sample content.")
@click.option("--detach", is_flag=True, help="Run in the background once all answers.")
@common
def up(port: int | None, spawner: str | None, empty: bool, detach: bool) -> dict[str, Any] | None:
    """Set up what is missing and start everything. Ctrl-C stops it again."""
    begun = time.monotonic()
    place = hub_settings.data_dir()
    lock = _prepare_folders(place)
    options = _options(place, port, spawner)
    settings = hub_settings.load()
    _check_ports(settings)
    kind = engine.spawner_kind(settings)
    _keep_kind(options, kind)
    _prepare_engine(settings, kind)
    _show_shared_folders(settings, kind)
    first = _prepare_portal()
    if not empty:
        _load_samples(settings)
    processes.remember(settings, options)
    supervisor = processes.start(settings)
    missing = processes.wait_until_up(settings, 120, lambda: supervisor.poll() is None)
    if missing:
        tails = "\n".join(f"--- {name}\n{processes.last_lines(settings, name)}" for name in missing)
        processes.stop(settings)
        raise Failure(f"these parts do not answer: {', '.join(missing)}; their logs end so:\n{tails}")
    facts = {
        "url": settings.url,
        "admin": first["admin"],
        "password": first["password"],
        "spawner": kind,
        "data": str(settings.data_dir),
        "seconds": round(time.monotonic() - begun, 1),
    }
    _announce(facts)
    if detach:
        lock.close()  # the background hub is found by its supervisor
        return facts
    if click.get_current_context().params["as_json"]:
        click.echo(json.dumps(facts), nl=True)
    _stay(settings, supervisor)
    return None


def _prepare_folders(place: Path) -> IO[str]:
    """Make the folders of state, each open to those who need it only, and hold the start lock."""
    try:
        place.mkdir(parents=True, exist_ok=True, mode=0o711)
        for name, mode in FOLDERS.items():
            (place / name).mkdir(exist_ok=True, mode=mode)
            (place / name).chmod(mode)  # a restored backup may have opened it
        free = shutil.disk_usage(place).free
        if free < MINIMUM_FREE:
            raise OSError(errno.ENOSPC, f"only {free // 2**20} MB free, {MINIMUM_FREE // 2**20} MB needed")
        lock = (place / "run" / "up.lock").open("w")
    except OSError as error:
        raise Failure(
            tell(
                f"the data folder {place} cannot be used: {error.strerror}. Make room, or choose another by --data DIR",
                f"数据目录 {place} 无法使用：{error.strerror}。请清理磁盘，或用 --data DIR 指定其他目录",
            )
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise Failure(
            tell(f"a hub is already starting or running on {place}", f"{place} 上已有一个正在启动或运行的实例")
        ) from None
    settings = hub_settings.load()
    if processes.pid(settings) is not None:
        raise Failure(
            tell(
                f"the hub on {place} is already running at {settings.url}; `./hub down` stops it",
                f"{place} 上的实例已在运行：{settings.url}；可用 ./hub down 停止",
            )
        )
    return lock


def _options(place: Path, port: int | None, spawner: str | None) -> dict[str, object]:
    """What the command line says goes to all processes by the environment, and to later commands by a file."""
    options: dict[str, object] = {}
    if port:
        options["ports"] = {"public": port}
        os.environ["HUB_PORTS__PUBLIC"] = str(port)
    if spawner:
        options["spawner"] = {"kind": spawner}
        os.environ["HUB_SPAWNER__KIND"] = spawner
    (place / "run" / "options.json").unlink(missing_ok=True)
    os.environ["HUB_DATA"] = str(place.resolve())
    return options


def _keep_kind(options: dict[str, object], kind: str) -> None:
    """What `auto` means is decided once: a Hub restarted while the engine is away must not fall back to processes."""
    options["spawner"] = {"kind": kind}
    os.environ["HUB_SPAWNER__KIND"] = kind


def _check_ports(settings: Settings) -> None:
    for name, port in settings.ports.all().items():
        address = settings.ports.bind if name == "public" else "127.0.0.1"
        if not processes.port_free(address, port):
            raise Failure(
                tell(
                    f"port {port} ({name}) is taken by another program. The hub needs {settings.ports.public} and the "
                    "seven ports after it; choose others by --port",
                    f"端口 {port}（{name}）已被其他程序占用。系统需要 {settings.ports.public} 及其后七个端口，"
                    "可用 --port 另选",
                ),
                port=port,
            )


def _prepare_engine(settings: Settings, kind: str) -> None:
    """Networks, rules and images where an engine answers; a plain warning where none does."""
    if kind == "local":
        say(
            tell(
                "WARNING: no container engine is used. Servers are plain processes: nobody is kept apart from anybody, "
                "limits are not held and exams are refused. For evaluation only.",
                "警告：未使用容器引擎。服务器以普通进程运行：用户之间没有隔离，资源限制不生效，考试不可用。仅供评估。",
            ),
            err=True,
        )
        return
    try:
        network.ensure(settings)
        if settings.network.firewall == "auto" and network.can_set_firewall():
            network.apply_firewall(settings)
        elif settings.network.firewall == "auto":
            say(
                tell(
                    "WARNING: the firewall rules were not set (this needs root and iptables): containers may reach "
                    "private networks and other ports of this host. `./hub install` writes the rules.",
                    "警告：未设置防火墙规则（需要 root 和 iptables）：容器可能访问内网和本机其他端口。"
                    "./hub install 可写入规则。",
                ),
                err=True,
            )
        images.pin(settings, images.ensure(settings, ["lab"], say)["lab"])
    except (network.NetworkError, images.ImageError) as error:
        raise Failure(str(error)) from error


def _prepare_portal() -> dict[str, Any]:
    """Databases, first administrator, translations, page assets: one process of the portal."""
    done = subprocess.run(
        [sys.executable, "-m", "regional_hub.portal.manage", "prepare"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failure(f"preparing the portal failed:\n{(done.stderr or done.stdout).strip()[-3000:]}")
    facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return facts


def _show_shared_folders(settings: Settings, kind: str) -> None:
    """A place below the shared folder for each further one: a folder to mount on, or a link without an engine."""
    for name, folder in settings.spawner.shared_folders.items():
        place = settings.shared_dir / name
        if not Path(folder).is_dir():
            raise Failure(f"setting spawner.shared_folders.{name}: there is no folder {folder}")
        _show(place, folder, kind)
    _show_releases(settings, kind)


def _show(place: Path, folder: Path | str, kind: str) -> None:
    if place.is_symlink():
        place.unlink()
    if kind != "local":
        place.mkdir(exist_ok=True)
    elif place.is_dir():
        place.rmdir()
    if kind == "local":
        place.symlink_to(folder)


def _show_releases(settings: Settings, kind: str) -> None:
    """The same for the open releases of the SDG database; where it cannot be, servers ask the SDMX service."""
    place, releases = settings.shared_dir / kinds.SDG, kinds.open_releases(settings)
    releases.mkdir(parents=True, exist_ok=True)
    if place.is_dir() and not place.is_symlink() and any(place.iterdir()):
        raise Failure(f"{place}: the releases of the SDG database are shown here; move what is in it elsewhere")
    try:
        _show(place, releases, kind)
    except OSError as error:
        say(
            tell(
                f"Servers do not see the SDG releases as files ({error}); they ask the SDMX service.",
                f"服务器无法以文件形式看到SDG版本（{error}），将改用SDMX服务。",
            ),
            err=True,
        )


def _load_samples(settings: Settings) -> None:
    try:
        samples.ensure(settings, say)
    except samples.SampleError as error:
        raise Failure(str(error)) from error


def _announce(facts: dict[str, Any]) -> None:
    say(tell(f"The hub runs at {facts['url']}", f"系统已运行：{facts['url']}"))
    if facts["password"]:
        say(
            tell(
                f"First administrator: {facts['admin']}, one-time password: {facts['password']} (shown only now)",
                f"首位管理员：{facts['admin']}，一次性密码：{facts['password']}（仅显示这一次）",
            )
        )


def _stay(settings: Settings, supervisor: subprocess.Popen[bytes]) -> None:
    """Stay until Ctrl-C, which also ends users' servers, or SIGTERM, which leaves them running."""
    stopped: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _frame: stopped.append(received))
    while not stopped and supervisor.poll() is None:
        time.sleep(0.2)
    if supervisor.poll() == 0:  # by `./hub down`: not a failure that systemd should mend
        return
    if supervisor.poll() is not None:
        raise Failure(f"supervisor ended; see {settings.run_dir}/logs/supervisord.log")
    say(tell("Stopping…", "正在停止……"))
    if signal.SIGINT in stopped:
        servers.stop_all(settings)
    processes.stop(settings)


@click.command()
@click.option("--keep-servers", is_flag=True, help="Leave users' servers running; the next start finds them.")
@common
def down(keep_servers: bool) -> dict[str, Any]:
    """Stop the hub, and users' servers and clusters with it."""
    settings = hub_settings.load()
    stopped = [] if keep_servers else servers.stop_all(settings)
    ran = processes.stop(settings)
    (settings.run_dir / "options.json").unlink(missing_ok=True)
    jobs_left.sweep(settings)
    if not keep_servers:
        servers.sweep(settings)
    say(tell("Stopped.", "已停止。") if ran else tell("It did not run.", "未在运行。"))
    return {"stopped": ran, "servers": stopped}


@click.command()
@common
def status() -> dict[str, Any]:
    """What runs, and where. Exit code 1 when a part does not answer."""
    try:
        settings = hub_settings.load()
    except SettingsError as error:
        raise Failure(str(error)) from error
    states = processes.states(settings)
    answering = {name: processes.answers(url) for name, url in processes.health(settings).items()} if states else {}
    facts = {
        "running": bool(states),
        "url": settings.url,
        "data": str(settings.data_dir),
        "processes": states,
        "answers": answering,
    }
    if not states:
        say(tell(f"No hub runs on {settings.data_dir}.", f"{settings.data_dir} 上没有运行中的实例。"))
        raise Failure(tell("not running", "未在运行"), **facts)
    say(f"{settings.url}  ({settings.data_dir})")
    for name, state in states.items():
        note = "" if answering.get(name, True) else tell("  does not answer", "  无响应")
        say(f"  {name:<14} {state}{note}")
    if not all(answering.values()):
        raise Failure(tell("a part does not answer", "有组件无响应"), **facts)
    return facts
