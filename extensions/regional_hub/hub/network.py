"""Trust boundary: what a container can reach.

Three bridges for servers, apart from one another and from every other network of the engine:

    lab    own bridge with a way out (lab and project servers)       Hub, portal, data, gateway
    exam   `internal`, no way out                                   Hub, portal
    app    `internal`, no way out                                   portal, data

and one per Dask cluster (made by the gateway back end under the bridge name prefix `rh<instance>d`), which reaches
the gateway and the data service. Containers on one server bridge do not reach each other (`enable_icc=false`). Docker
still lets a container reach every port bound on the host, and private networks beyond it: the firewall rules below
close both. They need root.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import APIError, NotFound
from docker.types import IPAMConfig, IPAMPool

from regional_hub.hub import engine
from regional_hub.settings import Settings

LETTERS = {"lab": "l", "exam": "e", "app": "a"}
INTERNAL = {"exam", "app"}
# What each network may reach on this host, by the name of the port.
OPEN = {
    "lab": ("hub", "portal", "data", "gateway", "gateway_tls"),
    "exam": ("hub", "portal"),
    "app": ("portal", "data"),
    "cluster": ("gateway_api", "data"),
}
# Which networks' addresses a service listens on, besides loopback.
LISTENS = {
    "hub": ("lab", "exam"),
    "portal": ("lab", "exam", "app"),
    "data": ("lab", "app"),
    "gateway": ("lab",),
}


class NetworkError(RuntimeError):
    """A network or rule that could not be made; the message says what is missing."""


def name(settings: Settings, network: str) -> str:
    """The engine's name of one of our networks."""
    return f"regional-hub-{settings.instance}-{network}"


def bridge(settings: Settings, network: str) -> str:
    """The host's interface of one of our networks (15 characters at most); `cluster` gives the common prefix."""
    letter = "d" if network == "cluster" else LETTERS[network]
    return f"rh{settings.instance}{letter}"


def _used(client: docker.DockerClient) -> list[ipaddress.IPv4Network]:
    used = []
    for network in client.networks.list():
        for pool in (network.attrs.get("IPAM") or {}).get("Config") or []:
            if "." in pool.get("Subnet", ""):
                used.append(ipaddress.IPv4Network(pool["Subnet"]))
    routes = subprocess.run(["ip", "-4", "-o", "route"], capture_output=True, text=True, check=False)
    for line in routes.stdout.splitlines():
        target = line.split()[0]
        if target != "default":
            used.append(ipaddress.IPv4Network(target, strict=False))
    return used


def _free_subnet(settings: Settings, client: docker.DockerClient) -> ipaddress.IPv4Network:
    used = _used(client)
    for subnet in ipaddress.IPv4Network(settings.network.subnet_pool).subnets(new_prefix=24):
        if not any(subnet.overlaps(other) for other in used):
            return subnet
    raise NetworkError(f"no free /24 network in network.subnet_pool = {settings.network.subnet_pool}")


def ensure(settings: Settings) -> None:
    """Make the bridges that are missing. Raises NetworkError when no engine answers or no subnet is free."""
    client = engine.client()
    if client is None:
        raise NetworkError("no Docker engine answers; start it, or choose spawner.kind = local")
    for network in LETTERS:
        try:
            client.networks.get(name(settings, network))
        except NotFound:
            _create(settings, client, network)


def _create(settings: Settings, client: docker.DockerClient, network: str) -> None:
    for _attempt in range(5):  # another hub that starts now may take the subnet that was free a moment ago
        subnet = _free_subnet(settings, client)
        try:
            client.networks.create(
                name(settings, network),
                driver="bridge",
                internal=network in INTERNAL,
                ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet), gateway=str(subnet[1]))]),
                options={
                    "com.docker.network.bridge.enable_icc": "false",
                    "com.docker.network.bridge.name": bridge(settings, network),
                },
                labels=engine.labels(settings, "network"),
                check_duplicate=True,
            )
            return
        except APIError as error:
            fault = error
            if "overlap" not in str(error.explanation):
                break
    raise NetworkError(f"network {name(settings, network)}: {fault.explanation or fault}") from fault


def remove(settings: Settings) -> None:
    """Take the bridges away again; containers of ours still on them are removed first."""
    client = engine.client()
    if client is None:
        return
    mine = f"{engine.INSTANCE}={settings.instance}"
    for container in client.containers.list(all=True, filters={"label": mine}):
        container.remove(force=True, v=True)
    for network in client.networks.list(filters={"label": mine}):
        network.remove()


def host_address(settings: Settings, network: str) -> str:
    """Where containers on `network` reach the services of this host; loopback where servers are plain processes."""
    if engine.spawner_kind(settings) != "docker":
        return "127.0.0.1"
    if address := _interface_address(bridge(settings, network)):
        return address  # so that Hub and portal come back after a fault while the engine is away
    client = engine.client()
    if client is None:
        raise NetworkError("no Docker engine answers")
    try:
        found = client.networks.get(name(settings, network))
    except NotFound as error:
        raise NetworkError(f"network {name(settings, network)} is missing; `./hub up` makes it") from error
    return str(found.attrs["IPAM"]["Config"][0]["Gateway"])


def _interface_address(interface: str) -> str | None:
    """The IPv4 address of one of this machine's interfaces; bridges stay when their engine goes away."""
    try:
        shown = subprocess.run(
            ["ip", "-4", "-o", "addr", "show", "dev", interface], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    words = shown.stdout.split()
    return words[words.index("inet") + 1].partition("/")[0] if "inet" in words else None


def listen_addresses(settings: Settings, service: str) -> list[str]:
    """The addresses a service binds: loopback, and the host's side of each network that may reach it."""
    addresses = ["127.0.0.1"]
    if engine.spawner_kind(settings) == "docker":
        addresses += [host_address(settings, network) for network in LISTENS[service]]
    return addresses


# --- firewall


@dataclass(frozen=True)
class Rule:
    """One iptables rule: chain, and the words after it."""

    chain: str
    words: tuple[str, ...]


def _chains(settings: Settings) -> tuple[str, str]:
    return f"RH{settings.instance}-IN", f"RH{settings.instance}-FWD"


def _nameservers() -> list[str]:
    """Resolvers of this host outside loopback: Docker asks them from inside the container's network."""
    try:
        words = [line.split() for line in Path("/etc/resolv.conf").read_text(encoding="utf-8").splitlines()]
    except OSError:
        return []
    found = [pair[1] for pair in words if len(pair) > 1 and pair[0] == "nameserver" and "." in pair[1]]
    return [address for address in found if not address.startswith("127.")]


def rules(settings: Settings) -> list[Rule]:
    """All firewall rules in order: what our bridges may reach on this host (IN) and beyond it (FWD)."""
    into, forward = _chains(settings)
    found = [Rule(into, ("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT"))]
    ports = settings.ports.all()
    for network, services in OPEN.items():
        interface = bridge(settings, network) + ("+" if network == "cluster" else "")
        for service in services:
            open_port = ("-i", interface, "-p", "tcp", "--dport", str(ports[service]), "-j", "ACCEPT")
            found.append(Rule(into, open_port))
    found.append(Rule(into, ("-j", "DROP")))
    found += _forward_rules(settings, forward)
    return found


def _forward_rules(settings: Settings, chain: str) -> Iterator[Rule]:
    yield Rule(chain, ("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "RETURN"))
    cluster = bridge(settings, "cluster") + "+"
    yield Rule(chain, ("-i", cluster, "-o", cluster, "-j", "RETURN"))  # Docker itself keeps two bridges apart
    for server in _nameservers():
        for protocol in ("udp", "tcp"):
            yield Rule(chain, ("-d", server, "-p", protocol, "--dport", "53", "-j", "RETURN"))
    for exception in settings.network.allowed:
        address, _, port = exception.partition(":")
        words = ("-d", address, *(("-p", "tcp", "--dport", port) if port else ()), "-j", "RETURN")
        yield Rule(chain, words)
    for blocked in settings.network.blocked:
        yield Rule(chain, ("-d", blocked, "-j", "DROP"))
    if not settings.network.lab_internet:
        yield Rule(chain, ("-j", "DROP"))


def _hooks(settings: Settings) -> list[Rule]:
    """The jumps from the kernel's and Docker's chains into ours, one per kind of interface."""
    into, forward = _chains(settings)
    prefix = f"rh{settings.instance}+"
    return [Rule("INPUT", ("-i", prefix, "-j", into)), Rule("DOCKER-USER", ("-i", prefix, "-j", forward))]


def _iptables(*words: str, check: bool = True) -> bool:
    done = subprocess.run(["iptables", "-w", "10", *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise NetworkError(f"iptables {' '.join(words)}: {done.stderr.strip()}")
    return done.returncode == 0


def can_set_firewall() -> bool:
    """Whether this process may write rules: root, with iptables at hand."""
    return os.geteuid() == 0 and shutil.which("iptables") is not None


def _restore_text(settings: Settings) -> str:
    """Our two chains for iptables-restore, which replaces them in one step: there is no moment without rules."""
    lines = ["*filter", *(f":{chain} - [0:0]" for chain in _chains(settings))]
    lines += [f"-A {rule.chain} {' '.join(rule.words)}" for rule in rules(settings)]
    return "\n".join([*lines, "COMMIT", ""])


def apply_firewall(settings: Settings) -> None:
    """Write the rules anew, and hook them in where they are not. Raises NetworkError with what iptables said."""
    done = subprocess.run(
        ["iptables-restore", "-w", "10", "--noflush"],
        input=_restore_text(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NetworkError(f"iptables-restore: {done.stderr.strip()}")
    for hook in _hooks(settings):
        _iptables("-N", hook.chain, check=False)  # DOCKER-USER is there once an engine has run
        if not _iptables("-C", hook.chain, *hook.words, check=False):
            _iptables("-I", hook.chain, "1", *hook.words)


def remove_firewall(settings: Settings) -> None:
    """Take our rules away; harmless where there are none."""
    for hook in _hooks(settings):
        while _iptables("-D", hook.chain, *hook.words, check=False):
            pass
    for chain in _chains(settings):
        if _iptables("-F", chain, check=False):
            _iptables("-X", chain)


def firewall_script(settings: Settings) -> str:
    """The same rules as a shell script, for `./hub install` and for administrators who set them by hand."""
    lines = ["#!/bin/sh", "# What containers of this hub may reach. Written by `./hub install`; run as root.", "set -e"]
    lines += ["iptables-restore -w 10 --noflush <<'RULES'", _restore_text(settings) + "RULES"]
    for hook in _hooks(settings):
        words = " ".join(hook.words)
        lines.append(f"iptables -w 10 -N {hook.chain} 2>/dev/null || true")
        lines.append(f"iptables -w 10 -C {hook.chain} {words} 2>/dev/null || iptables -w 10 -I {hook.chain} 1 {words}")
    return "\n".join(lines) + "\n"
