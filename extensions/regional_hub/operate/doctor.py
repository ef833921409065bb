"""`./hub doctor`: checks a hub from outside, from inside a container, and by doing what a person would do."""

from __future__ import annotations

import email.utils
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import click

from regional_hub import settings as hub_settings
from regional_hub.cli import Failure, common, say, tell
from regional_hub.hub import engine, images, network
from regional_hub.operate import probe, processes, servers
from regional_hub.sdg import map_settings
from regional_hub.sdg.explorer.boundaries import BoundaryError
from regional_hub.settings import Settings

SYNTHETIC = "doctor-check"
MARKS = {"ok": "✓", "warn": "!", "fail": "✗"}


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, how it is, and what to do about it."""

    check: str
    level: Literal["ok", "warn", "fail"]
    message: str


def finding(check: str, level: Literal["ok", "warn", "fail"], english: str, chinese: str) -> Finding:
    """A finding in the operator's language."""
    return Finding(check, level, tell(english, chinese))


def check_engine(settings: Settings) -> Iterator[Finding]:
    kind = engine.spawner_kind(settings)
    if kind != "docker":
        yield finding(
            "engine", "warn", f"servers run as `{kind}`: for evaluation only", f"服务器以“{kind}”方式运行：仅供评估"
        )
        return
    client = engine.client()
    if client is None:
        yield finding("engine", "fail", "no Docker engine answers: start it", "Docker 引擎没有响应：请启动它")
        return
    version = client.version()["Version"]
    yield finding("engine", "ok", f"Docker {version} answers", f"Docker {version} 正常")
    running = images.of_this_start(settings)
    if running != images.current(settings):
        yield finding(
            "images",
            "warn",
            f"servers start {running}; this checkout has a newer image: restart the hub to use it",
            f"服务器使用 {running}；当前代码有更新的镜像，重启系统后生效",
        )
    for ref in (running, *settings.spawner.allowed_images):
        if images.exists(settings, ref):
            yield finding("images", "ok", f"{ref} is here", f"{ref} 已就绪")
        else:
            yield finding("images", "fail", f"{ref} is missing: ./hub image build", f"缺少 {ref}：./hub image build")


def check_ports(settings: Settings) -> Iterator[Finding]:
    states = processes.states(settings)
    if not states:
        for name, port in settings.ports.all().items():
            if not processes.port_free("127.0.0.1", port):
                yield finding("ports", "fail", f"{port} ({name}) is taken", f"{port}（{name}）已被占用")
        yield finding("processes", "fail", "the hub does not run: ./hub up", "系统未运行：./hub up")
        return
    for name, state in states.items():
        if state != "RUNNING":
            yield finding(
                "processes",
                "fail",
                f"{name} is {state}; its log: {settings.run_dir}/logs/{name}.log",
                f"{name} 状态为 {state}；日志：{settings.run_dir}/logs/{name}.log",
            )
    for name, url in processes.health(settings).items():
        good = processes.answers(url)
        yield finding("ports", "ok" if good else "fail", f"{name}: {url}", f"{name}：{url}")


def check_disk(settings: Settings) -> Iterator[Finding]:
    usage = shutil.disk_usage(settings.data_dir)
    free = usage.free / 2**30
    level: Literal["ok", "warn", "fail"] = "fail" if free < 1 else "warn" if usage.free < usage.total / 10 else "ok"
    yield finding(
        "disk", level, f"{free:.1f} GB free in {settings.data_dir}", f"{settings.data_dir} 剩余 {free:.1f} GB"
    )
    secrets = settings.path("secrets")
    if secrets.exists() and secrets.stat().st_mode & 0o077:
        yield finding("disk", "fail", f"{secrets} is open to others: chmod 700", f"{secrets} 对他人可读：chmod 700")


def check_database(_settings: Settings) -> Iterator[Finding]:
    command = [sys.executable, "-m", "regional_hub.portal.manage", "migrate", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        yield finding(
            "database",
            "fail",
            f"the portal's database is not up to date or not readable: {(done.stderr or done.stdout)[-300:].strip()}",
            f"门户数据库不可读或需要迁移：{(done.stderr or done.stdout)[-300:].strip()}",
        )
        return
    yield finding("database", "ok", "the portal's database is up to date", "门户数据库正常")


def check_address(settings: Settings) -> Iterator[Finding]:
    """The public address, its certificate, and a subdomain for apps."""
    place = urlsplit(settings.url)
    host = place.hostname or ""
    if not settings.secure:
        loopback = host in ("127.0.0.1", "localhost", "::1")
        yield finding(
            "tls",
            "ok" if loopback else "fail",
            "no TLS: fine on this machine alone"
            if loopback
            else f"{settings.url} has no TLS: passwords cross in clear",
            "未启用 TLS：仅本机使用时可以接受" if loopback else f"{settings.url} 未启用 TLS：密码将以明文传输",
        )
    else:
        yield from _check_certificate(host, place.port or 443)
    try:
        socket.getaddrinfo(f"app.{host}", None)
    except OSError:
        yield finding(
            "subdomains",
            "warn",
            f"no subdomain app.{host}: apps of the showcase share the hub's address and are sandboxed instead",
            f"没有子域名 app.{host}：展示应用将与主站同域，并以沙箱隔离",
        )
        return
    yield finding("subdomains", "ok", f"app.{host} resolves", f"app.{host} 可解析")


def _check_certificate(host: str, port: int) -> Iterator[Finding]:
    try:
        with (
            socket.create_connection((host, port), timeout=10) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure,
        ):
            expires = ssl.cert_time_to_seconds(str((secure.getpeercert() or {})["notAfter"]))
    except (OSError, KeyError) as error:
        yield finding("tls", "fail", f"{host}:{port}: {error}", f"{host}:{port}：{error}")
        return
    days = int((expires - time.time()) / 86400)
    level: Literal["ok", "warn"] = "warn" if days < 21 else "ok"
    yield finding("tls", level, f"the certificate ends in {days} days", f"证书将在 {days} 天后到期")


def check_clock(settings: Settings) -> Iterator[Finding]:
    """Signed times of exams and releases need a right clock: is it kept by a time service?"""
    try:
        with urllib.request.urlopen(processes.health(settings)["hub"], timeout=5) as reply:  # noqa: S310 loopback
            there = email.utils.parsedate_to_datetime(reply.headers["Date"]).timestamp()
        if abs(there - time.time()) > 2:
            yield finding("clock", "fail", "Hub and this command disagree about the time", "Hub 与本机时间不一致")
    except (OSError, TypeError, ValueError):
        pass
    done = (
        subprocess.run(
            ["timedatectl", "show", "-p", "NTPSynchronized", "--value"], capture_output=True, text=True, check=False
        )
        if shutil.which("timedatectl")
        else None
    )
    if done is not None and done.stdout.strip() == "yes":
        yield finding("clock", "ok", "kept by a time service", "已与时间服务同步")
    else:
        yield finding(
            "clock", "warn", "not known to be kept by a time service (NTP)", "无法确认是否与时间服务（NTP）同步"
        )


def check_isolation(settings: Settings) -> Iterator[Finding]:
    """From inside a container on the servers' network: what must be closed, and what must be open."""
    if engine.spawner_kind(settings) != "docker" or engine.client() is None:
        return
    try:
        faults = probe.isolation(settings)
    except (network.NetworkError, probe.ProbeError) as error:
        yield finding("isolation", "fail", str(error), str(error))
        return
    for fault in faults:
        yield finding(
            "isolation",
            "fail",
            f"{fault}. The firewall rules are missing or changed: `./hub up` as root sets them, or `./hub install`",
            f"{fault}。防火墙规则缺失或被修改：以 root 运行 ./hub up 或 ./hub install 可恢复",
        )
    if not faults:
        yield finding("isolation", "ok", "containers reach what they should, and no more", "容器网络隔离正常")


def check_notebook(settings: Settings) -> Iterator[Finding]:
    """A synthetic person starts a server, reads the catalog and computes."""
    from regional_hub.operate.remote import RemoteError, Server

    if not processes.states(settings):
        return
    try:
        servers.call(settings, "PUT", f"/people/{SYNTHETIC}", {"groups": []})
        with Server(settings, SYNTHETIC) as server:
            seconds = server.start()
            answer = server.kernel().run(probe.NOTEBOOK).text.strip()
        facts: dict[str, Any] = json.loads(answer.splitlines()[-1])
    except (RemoteError, OSError, ValueError, IndexError, urllib.error.URLError) as error:
        yield finding("notebook", "fail", f"a notebook does not run: {error}", f"笔记本无法运行：{error}")
        return
    finally:
        try:
            servers.call(settings, "DELETE", f"/people/{SYNTHETIC}")
        except OSError as error:
            say(str(error), err=True)
    yield finding(
        "notebook",
        "ok",
        f"a server was ready in {seconds:.1f} s; the catalog has {facts['entries']} entries",
        f"服务器 {seconds:.1f} 秒就绪；目录中有 {facts['entries']} 个条目",
    )


def check_maps(settings: Settings) -> Iterator[Finding]:
    """Boundaries that cannot be used leave pages with tiles; the operator learns why here."""
    try:
        given = map_settings.of(settings)
    except BoundaryError as error:
        yield finding("maps", "fail", f"boundaries: {error}", f"地图边界文件不能使用：{error}")
        return
    if given is not None:
        count = len(given.codes)
        yield finding("maps", "ok", f"boundaries of {count} areas: {given.path}", f"{count} 个地区的边界：{given.path}")


CHECKS: list[Callable[[Settings], Iterator[Finding]]] = [
    check_engine,
    check_ports,
    check_disk,
    check_database,
    check_address,
    check_clock,
    check_maps,
    check_isolation,
    check_notebook,
]


@click.command()
@click.option("--no-notebook", is_flag=True, help="Do not start a server as a synthetic person.")
@common
def doctor(no_notebook: bool) -> dict[str, Any]:
    """Check engine, images, ports, disk, database, address, clock, isolation, and run one notebook."""
    settings = hub_settings.load()
    os.environ["HUB_DATA"] = str(settings.data_dir)
    found: list[Finding] = []
    for check in CHECKS:
        if no_notebook and check is check_notebook:
            continue
        for one in check(settings):
            found.append(one)
            say(f"{MARKS[one.level]} {one.check:<11} {one.message}")
    facts = {"ok": all(one.level != "fail" for one in found), "findings": [asdict(one) for one in found]}
    if not facts["ok"]:
        raise Failure(tell("something needs attention", "有问题需要处理"), **facts)
    return facts
