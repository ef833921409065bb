"""Which images there are and what they are called: a tag is the hash of all that goes into the image.

    debian -> base -> lab-env -> lab      users' servers, Dask schedulers and workers
                   -> hub-env -> hub      hub, portal and gateway on a cluster

So the same checkout and settings always name the same image, a change of our own code rebuilds only the last thin
layer, and an image that exists is never built again. How one is built is `image_build`'s affair.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from regional_hub.hub import engine, image_build, lab_extension
from regional_hub.hub.image_build import Context, ImageError, Report
from regional_hub.settings import ROOT, Settings

__all__ = ["NAMES", "ImageError", "current", "ensure", "exists"]

REPOSITORY = "regional-hub"
EXTENSION = "labextension-source/"  # in the inputs; the context has what is built from it
PINNED = "lab-image"  # written by `./hub up` for its processes
NAMES = ("base", "lab", "hub")
# Where operating systems keep the certificate authorities that an institution added to them.
LOCAL_AUTHORITIES = (Path("/usr/local/share/ca-certificates"), Path("/etc/pki/ca-trust/source/anchors"))
# What of our package no notebook and no Dask worker needs: a change there must not make a new lab image.
PAGES = "actions.py api.py apps.py desk forms.py locale migrations models.py rest static templates urls.py views"
SERVER_ONLY = (
    *("academy", "core", "hub", "office", "operate", "portal", "showcase"),
    *(f"sdg/{part}" for part in PAGES.split()),
)

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----\s.+?\s-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True)
class Recipe:
    """One image: its parent, what goes into it, and its build context made from that (the same, where None)."""

    name: str
    parent: str | None
    inputs: Callable[[Settings], Context]
    context: Callable[[Context], Context] | None = None
    keep_stages: bool = False


@dataclass(frozen=True)
class Plan:
    """A recipe with its inputs read: tag and build context come from the same bytes, whatever changes meanwhile."""

    recipe: Recipe
    parent: Plan | None
    inputs: Mapping[str, bytes]

    @cached_property
    def digest(self) -> str:
        total = hashlib.sha256((self.parent.digest if self.parent else "").encode())
        for path, data in sorted(self.inputs.items()):
            total.update(f"{path}\0{hashlib.sha256(data).hexdigest()}\n".encode())
        return total.hexdigest()

    @property
    def ref(self) -> str:
        return f"{REPOSITORY}/{self.recipe.name}:{self.digest[:12]}"

    @property
    def lock(self) -> bytes | None:
        """The lock that the image's Python environment is made from; None where it has none."""
        return self.inputs.get("requirements.txt") or (self.parent.lock if self.parent else None)

    def context(self) -> Context:
        return self.recipe.context(dict(self.inputs)) if self.recipe.context else dict(self.inputs)


def plan(settings: Settings, name: str) -> Plan:
    """Read all that goes into an image and its parents."""
    if name not in RECIPES:
        raise ImageError(f"there is no image `{name}`; there are {', '.join(NAMES)}")
    recipe = RECIPES[name]
    inputs = {path: _bytes(content) for path, content in recipe.inputs(settings).items()}
    return Plan(recipe, plan(settings, recipe.parent) if recipe.parent else None, inputs)


def current(settings: Settings, name: str = "lab") -> str:
    """The image that this checkout and these settings ask for, in full: `regional-hub/lab:<12 hex digits>`."""
    return plan(settings, name).ref


def of_this_start(settings: Settings) -> str:
    """The lab image that `./hub up` made sure of: a Hub restarted after an update of the checkout keeps to it."""
    with contextlib.suppress(FileNotFoundError):
        return (settings.run_dir / PINNED).read_text().strip()
    return current(settings)


def pin(settings: Settings, ref: str) -> None:
    """Keep to this lab image until the next start."""
    (settings.run_dir / PINNED).write_text(ref + "\n")


def exists(_settings: Settings, ref: str) -> bool:
    """Whether the engine holds this image. Raises ImageError where no engine answers."""
    try:
        engine_client().images.get(ref)
    except ImageNotFound:
        return False
    return True


def ensure(settings: Settings, names: Iterable[str], report: Report, *, rebuild: bool = False) -> dict[str, str]:
    """Pull or build what is missing of these images; `rebuild` makes them anew, parents included, without any cache.

    Returns each full reference by name. `report` gets one line per step. Raises ImageError, which names the failed step
    and shows its last lines.
    """
    plans = {name: plan(settings, name) for name in names}
    refs = {name: wanted.ref for name, wanted in plans.items()}
    if not rebuild and all(exists(settings, ref) for ref in refs.values()):
        return refs
    with _one_builder(report):
        made: set[str] = set()
        for wanted in plans.values():
            _make(settings, wanted, report, rebuild, made)
    return refs


@dataclass(frozen=True)
class Held:
    """An image of ours that the engine holds; `stale` is one that this checkout no longer asks for."""

    ref: str
    size: int
    created: datetime
    stale: bool


def held(settings: Settings) -> list[Held]:
    """Every image of ours in the engine, by name, the newest first; shared layers count in each size."""
    asked = {plan(settings, name).ref for name in RECIPES}
    found = []
    for name in RECIPES:
        for image in engine_client().images.list(f"{REPOSITORY}/{name}"):
            created = datetime.fromisoformat(image.attrs["Created"][:19] + "+00:00")
            refs = [
                tag for tag in image.tags if tag.startswith(f"{REPOSITORY}/{name}:") and not tag.endswith(":latest")
            ]
            found += [Held(ref, image.attrs["Size"], created, ref not in asked) for ref in refs]
    return sorted(found, key=lambda image: (image.ref.partition(":")[0], -image.created.timestamp()))


def authorities(settings: Settings) -> dict[str, bytes]:
    """Authorities to trust besides Debian's, one PEM per file name: the host's local ones and the settings'."""
    files = [file for folder in LOCAL_AUTHORITIES if folder.is_dir() for file in folder.rglob("*") if file.is_file()]
    for named in settings.images.ca_certificates:
        if not (file := Path(named)).is_file():
            raise ImageError(f"setting `images.ca_certificates`: there is no file {file}")
        if not _CERTIFICATE.search(file.read_bytes()):
            raise ImageError(f"setting `images.ca_certificates`: {file} holds no PEM certificate")
        files.append(file)
    found = (pem for file in files for pem in _CERTIFICATE.findall(file.read_bytes()))
    return {f"{hashlib.sha256(pem).hexdigest()[:16]}.crt": pem.replace(b"\r\n", b"\n") + b"\n" for pem in found}


def _make(settings: Settings, wanted: Plan, report: Report, rebuild: bool, made: set[str]) -> None:
    ref = wanted.ref
    if ref in made or (not rebuild and exists(settings, ref)):
        return
    registry = settings.images.registry.rstrip("/")
    if registry and not rebuild and image_build.pull(engine_client(), f"{registry}/{ref.partition('/')[2]}", ref):
        report(f"{ref}: pulled from {registry}")
        return
    if wanted.parent:
        _make(settings, wanted.parent, report, rebuild, made)
        parent = wanted.parent.ref
    else:
        parent = image_build.debian(engine_client(), settings, report, rebuild)
    report(f"{ref}: building")
    labels, keep = _labels(wanted), wanted.recipe.keep_stages
    image_build.build(engine_client(), settings, ref, wanted.context(), parent, labels, report, rebuild, keep)
    made.add(ref)


def engine_client() -> docker.DockerClient:
    """The engine that holds the images. Raises ImageError where none answers."""
    found = engine.client(timeout=600)
    if found is None:
        raise ImageError('no Docker engine answers; start one, or use `spawner.kind = "local"`, which needs no images')
    return found


def _labels(wanted: Plan) -> dict[str, str]:
    return {
        "org.opencontainers.image.title": f"{REPOSITORY}/{wanted.recipe.name}",
        "org.opencontainers.image.version": version(),
        "org.opencontainers.image.licenses": "BSD-3-Clause",
        "org.regional-hub.image": wanted.recipe.name,
        **({"org.regional-hub.lock": hashlib.sha256(wanted.lock).hexdigest()} if wanted.lock else {}),
    }


def version() -> str:
    """The version of this checkout."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _bytes(content: bytes | Path) -> bytes:
    return content if isinstance(content, bytes) else content.read_bytes()


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
    """All files below a folder by path in the context, without bytecode, hidden files and what `leave_out` names."""
    skipped = {tuple(path.split("/")) for path in leave_out}
    found: Context = {}
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in path.parts)
        hidden = hidden or not skipped.isdisjoint({path.parts[:1], path.parts[:2]})
        if file.is_file() and not hidden and file.suffix != ".pyc":
            found[f"{prefix}{path.as_posix()}"] = file
    return found


def _base(settings: Settings) -> Context:
    certificates: Context = {f"ca/{name}": pem for name, pem in authorities(settings).items()}
    origin = image_build.debian_identity(settings).encode()
    return {
        **tree(ROOT / "images" / "base"),
        **certificates,
        "ca/README": b"Added to this hub's images.\n",
        "origin": origin,
    }


def _env(lock: str) -> Callable[[Settings], Context]:
    def inputs(_settings: Settings) -> Context:
        return {
            "Dockerfile": ROOT / "images" / "env" / "Dockerfile",
            "requirements.txt": ROOT / "requirements" / f"{lock}.txt",
        }

    return inputs


def _with_uv(inputs: Context) -> Context:
    return {**inputs, "uv": image_build.uv()}


def _lab(_settings: Settings) -> Context:
    package = tree(ROOT / "extensions" / "regional_hub", "package/extensions/regional_hub/", SERVER_ONLY)
    apps = {"kinds/app/voila.json": ROOT / "hub_config" / "voila.json"}
    sources = lab_extension.sources(ROOT / "extensions" / "labextension")
    extension: Context = {f"{EXTENSION}{name}": file for name, file in sources.items()}
    pyproject = {"package/pyproject.toml": ROOT / "pyproject.toml"}
    return {**tree(ROOT / "images" / "lab"), **apps, **package, **extension, **pyproject}


def _with_wheel(inputs: Context) -> Context:
    """Our package as a wheel, and JupyterLab's extension as its builder makes it."""
    extension = {path.removeprefix(EXTENSION): data for path, data in inputs.items() if path.startswith(EXTENSION)}
    inputs = {path: data for path, data in inputs.items() if not path.startswith(EXTENSION)}
    try:
        inputs |= tree(lab_extension.built(extension), "labextension/")
    except lab_extension.BuildError as error:
        raise ImageError(str(error)) from None
    sources = {path.removeprefix("package/"): data for path, data in inputs.items() if path.startswith("package/")}
    others = {path: data for path, data in inputs.items() if not path.startswith("package/")}
    return {**others, **image_build.wheel(sources, "site-packages/")}


def _hub(_settings: Settings) -> Context:
    found = tree(ROOT / "images" / "hub")
    for folder in ("catalogs", "extensions/regional_hub", "hub_config", "notebooks"):
        found |= tree(ROOT / folder, f"app/{folder}/", leave_out=("chart",))
    for file in ("package-lock.json", "package.json"):
        found[f"npm/{file}"] = ROOT / file
    return found


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("base", None, _base),
        Recipe("lab-env", "base", _env("lab"), _with_uv),
        Recipe("lab", "lab-env", _lab, _with_wheel),
        Recipe("hub-env", "base", _env("hub"), _with_uv),
        Recipe("hub", "hub-env", _hub, keep_stages=True),  # npm's stage is small, and our own code changes often
    )
}
