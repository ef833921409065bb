"""Whether an image is what its lock and settings say: the checks of `./hub image verify`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import ContainerError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from regional_hub.hub import images
from regional_hub.hub.image_build import ImageError
from regional_hub.settings import Settings

PROBE = Path(__file__).with_name("image_probe.py")
OWN = "regional-hub"


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is as it should be, and what was found."""

    check: str
    ok: bool
    detail: str


def locked(lock: str, markers: Mapping[str, str] | None = None) -> dict[str, str]:
    """Name and version of every entry of a lock that applies where the markers hold (here, where None)."""
    entries = (Requirement(line.rstrip("\\ ")) for line in lock.splitlines() if line[:1].isalnum())
    environment = dict(markers) if markers else None
    applying = (entry for entry in entries if not entry.marker or entry.marker.evaluate(environment))
    return {canonicalize_name(entry.name): next(iter(entry.specifier)).version for entry in applying}


def verify(settings: Settings, name: str) -> list[Finding]:
    """Look into the image that this checkout asks for. Raises ImageError where it is not there or does not run."""
    plan = images.plan(settings, name)
    if plan.lock is None:
        raise ImageError(f"`{name}` has no Python environment to verify; verify lab or hub")
    if not images.exists(settings, plan.ref):
        raise ImageError(f"{plan.ref} is not there; `./hub image build {name}` makes it")
    return inspect(settings, plan.ref, plan.lock.decode())


def inspect(settings: Settings, ref: str, lock: str) -> list[Finding]:
    """Hold an image against a lock and the authorities of these settings."""
    found = probe(ref)
    return [
        _packages(found["packages"], locked(lock, found["markers"])),
        Finding("bytecode", not found["uncompiled"], f"{found['uncompiled']} modules without bytecode"),
        Finding("user", found["uid"] != 0, f"runs as uid {found['uid']}"),
        Finding("setuid", not found["privileged"], ", ".join(found["privileged"]) or "no setuid or setgid program"),
        _authorities(found["authorities"], images.authorities(settings)),
    ]


def probe(ref: str) -> dict[str, Any]:
    """Run the probe in a container without network, as the image's own user."""
    command = ["python", "-c", PROBE.read_text(encoding="utf-8")]
    try:
        out = images.engine_client().containers.run(
            ref, command, entrypoint=[], network_mode="none", cap_drop=["ALL"], read_only=True, remove=True
        )
    except ContainerError as error:
        raise ImageError(f"{ref} does not run: {(error.stderr or b'').decode(errors='replace').strip()}") from error
    result: dict[str, Any] = json.loads(out)
    return result


def _packages(installed: Mapping[str, str], wanted: Mapping[str, str]) -> Finding:
    have: dict[str, str] = {canonicalize_name(name): version for name, version in installed.items()}
    have.pop(OWN, None)
    faults = [
        f"{name} {have.get(name, 'missing')}, locked {version}"
        for name, version in wanted.items()
        if have.get(name) != version
    ]
    faults += [f"{name} {version} is not in the lock" for name, version in have.items() if name not in wanted]
    return Finding("packages", not faults, "; ".join(sorted(faults)) or f"{len(have)} packages, as locked")


def _authorities(have: list[str], wanted: Mapping[str, bytes]) -> Finding:
    missing = [name for name, pem in wanted.items() if fingerprint(pem) not in have]
    return Finding(
        "authorities", not missing, ", ".join(missing) or f"{len(wanted)} own certificate authorities trusted"
    )


def fingerprint(pem: bytes) -> str:
    """As the probe writes it: SHA-256 of the certificate's text between its dashes, without white space."""
    body = pem.decode().split("-----BEGIN CERTIFICATE-----")[1].split("-----END CERTIFICATE-----")[0]
    return hashlib.sha256("".join(body.split()).encode()).hexdigest()
