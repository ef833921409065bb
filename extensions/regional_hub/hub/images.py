"""Which images there are and what they are called: a tag is the hash of all that goes into the image.

    debian -> base -> lab-env -> lab      users' servers, Dask schedulers and workers
                   -> hub-env -> hub      hub, portal and gateway on a cluster

So the same checkout and settings always name the same image, a change of our own code rebuilds only the last, thin layer,
and an image that exists is never built again. How an image is built is `image_build`'s affair; servers are nobody's here.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import APIError, ImageNotFound

from regional_hub.hub import engine, image_build
from regional_hub.hub.image_build import Context, ImageError, Report
from regional_hub.settings import ROOT, Settings

__all__ = ["NAMES", "ImageError", "current", "ensure", "exists"]

REPOSITORY = "regional-hub"
NAMES = ("base", "lab", "hub")
# Where operating systems keep the certificate authorities that an institution added to them.
LOCAL_AUTHORITIES = (Path("/usr/local/share/ca-certificates"), Path("/etc/pki/ca-trust/source/anchors"))
# What of our package no notebook and no Dask worker needs: a change there must not make a new lab image.
SERVER_ONLY = ("core", "hub", "office", "operate", "portal")

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\s.+?\s-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Recipe:
    """One image: its parent, what its tag is the hash of, and what its build context holds (the inputs, where None)."""

    name: str
    parent: str | None
    inputs: Callable[[Settings], Context]
    context: Callable[[Settings], Context] | None = None


def current(settings: Settings, name: str = "lab") -> str:
    """The full reference of the image that this checkout and these settings ask for: `regional-hub/lab:<12 hex digits>`."""
    return f"{REPOSITORY}/{name}:{_digest(settings, name)[:12]}"


def exists(_settings: Settings, ref: str) -> bool:
    """Whether the engine holds this image. Raises ImageError where no engine answers."""
    try:
        _engine().images.get(ref)
    except ImageNotFound:
        return False
    return True


def ensure(settings: Settings, names: Iterable[str], report: Report, *, rebuild: bool = False) -> None:
    """Pull or build what is missing of these images; `rebuild` makes them anew, parents included, without any cache.

    `report` gets one line per step. Raises ImageError, which names the failed step and shows its last lines.
    """
    wanted = list(names)
    if unknown := sorted(set(wanted) - set(RECIPES)):
        raise ImageError(f"there is no image `{', '.join(unknown)}`; there are {', '.join(NAMES)}")
    if not rebuild and all(exists(settings, current(settings, name)) for name in wanted):
        return
    with _one_builder(report):
        made: set[str] = set()
        for name in wanted:
            _make(settings, RECIPES[name], report, rebuild, made)


def lock_of(name: str) -> Path | None:
    """The lock that an image's Python environment is made from."""
    lock = ROOT / "requirements" / f"{name.removesuffix('-env')}.txt"
    return lock if name in RECIPES and name != "base" else None


def authorities(settings: Settings) -> dict[str, bytes]:
    """Certificate authorities to trust besides Debian's, one PEM per file name: the host's local ones and the settings'."""
    files = [file for folder in LOCAL_AUTHORITIES if folder.is_dir() for file in folder.rglob("*") if file.is_file()]
    for named in settings.images.ca_certificates:
        if not (file := Path(named)).is_file():
            raise ImageError(f"setting `images.ca_certificates`: there is no file {file}")
        if not _CERTIFICATE.search(file.read_bytes()):
            raise ImageError(f"setting `images.ca_certificates`: {file} holds no PEM certificate")
        files.append(file)
    found = (pem for file in files for pem in _CERTIFICATE.findall(file.read_bytes()))
    return {f"{hashlib.sha256(pem).hexdigest()[:16]}.crt": pem.replace(b"\r\n", b"\n") + b"\n" for pem in found}


def _make(settings: Settings, recipe: Recipe, report: Report, rebuild: bool, made: set[str]) -> None:
    ref = current(settings, recipe.name)
    if recipe.name in made or (not rebuild and exists(settings, ref)):
        return
    registry = settings.images.registry.rstrip("/")
    if registry and not rebuild and image_build.pull(_engine(), f"{registry}/{recipe.name}:{ref.rpartition(':')[2]}", ref):
        report(f"{ref}: pulled from {registry}")
        return
    if recipe.parent:
        _make(settings, RECIPES[recipe.parent], report, rebuild, made)
        parent = current(settings, recipe.parent)
    else:
        parent = image_build.debian(_engine(), settings, report, rebuild)
    report(f"{ref}: building")
    context = (recipe.context or recipe.inputs)(settings)
    image_build.build(_engine(), settings, ref, context, parent, _labels(recipe.name), report, rebuild)
    made.add(recipe.name)


def _engine() -> docker.DockerClient:
    found = engine.client(timeout=600)
    if found is None:
        raise ImageError("no Docker engine answers; start one, or use `spawner.kind = \"local\"`, which needs no images")
    return found


def _labels(name: str) -> dict[str, str]:
    lock = lock_of(name)
    return {
        "org.opencontainers.image.title": f"{REPOSITORY}/{name}",
        "org.opencontainers.image.version": version(),
        "org.opencontainers.image.licenses": "BSD-3-Clause",
        "org.regional-hub.image": name,
        **({"org.regional-hub.lock": hashlib.sha256(lock.read_bytes()).hexdigest()} if lock else {}),
    }


def version() -> str:
    """The version of this checkout."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _digest(settings: Settings, name: str) -> str:
    recipe = RECIPES[name]
    total = hashlib.sha256((_digest(settings, recipe.parent) if recipe.parent else "").encode())
    for path, content in sorted(recipe.inputs(settings).items()):
        data = content if isinstance(content, bytes) else content.read_bytes()
        total.update(f"{path}\0{hashlib.sha256(data).hexdigest()}\n".encode())
    return total.hexdigest()


@contextmanager
def _one_builder(report: Report) -> Iterator[None]:
    """One build at a time on this machine: two starts at once make each image once."""
    place = Path(tempfile.gettempdir()) / f"regional-hub-images-{os.getuid()}.lock"
    handle = os.open(place, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("another process is building images; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def tree(folder: Path, prefix: str = "", leave_out: Iterable[str] = ()) -> Context:
    """All files below a folder by their path in the context, without bytecode, hidden files and `leave_out` at its top."""
    skipped = set(leave_out)
    found: Context = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
        if file.is_file() and not hidden and file.suffix != ".pyc" and path.parts[0] not in skipped:
            found[f"{prefix}{path.as_posix()}"] = file
    return found


def _base(settings: Settings) -> Context:
    certificates: Context = {f"ca/{name}": pem for name, pem in authorities(settings).items()}
    origin = image_build.debian_identity(settings).encode()
    return {**tree(ROOT / "images" / "base"), **certificates, "ca/README": b"Added to this hub's images.\n", "origin": origin}


def _env(lock: str) -> Callable[[Settings], Context]:
    def inputs(_settings: Settings) -> Context:
        return {
            "Dockerfile": ROOT / "images" / "env" / "Dockerfile",
            "requirements.txt": ROOT / "requirements" / f"{lock}.txt",
        }

    return inputs


def _env_context(lock: str) -> Callable[[Settings], Context]:
    return lambda settings: {**_env(lock)(settings), "uv": image_build.uv()}


def _lab_sources() -> Context:
    return {**tree(ROOT / "extensions" / "regional_hub", "extensions/regional_hub/", SERVER_ONLY), "pyproject.toml": ROOT / "pyproject.toml"}


def _lab(_settings: Settings) -> Context:
    return {**tree(ROOT / "images" / "lab"), **_lab_sources()}


def _lab_context(_settings: Settings) -> Context:
    return {**tree(ROOT / "images" / "lab"), **image_build.wheel(_lab_sources(), "site-packages/")}


def _hub(_settings: Settings) -> Context:
    found = {**tree(ROOT / "images" / "hub")}
    for folder in ("catalogs", "extensions/regional_hub", "hub_config", "notebooks"):
        found |= tree(ROOT / folder, f"app/{folder}/")
    for file in ("package-lock.json", "package.json"):
        found[f"npm/{file}"] = ROOT / file
    return found


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("base", None, _base),
        Recipe("lab-env", "base", _env("lab"), _env_context("lab")),
        Recipe("lab", "lab-env", _lab, _lab_context),
        Recipe("hub-env", "base", _env("hub"), _env_context("hub")),
        Recipe("hub", "hub-env", _hub),
    )
}
