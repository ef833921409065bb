"""How an image is made: the Debian below everything, the build context, the engine's build stream, our own wheel.

It knows nothing of which images there are (`images` does), and needs no `docker` program, only the engine.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import docker
from docker.errors import APIError, ImageNotFound

from regional_hub.settings import ROOT, Settings

Context = dict[str, bytes | Path]
Report = Callable[[str], None]

SUITE = "bookworm"
DEBIAN = "regional-hub/debian"
EPOCH = 1_735_689_600  # 2025-01-01: the time of every file in a build context and of a base made here
BASE = ROOT / "images" / "base"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_SHOWN = 20  # last lines of a failed step


class ImageError(RuntimeError):
    """An image cannot be named, pulled or built; the message says which step failed, why, and what now."""


def build(
    engine: docker.DockerClient,
    settings: Settings,
    ref: str,
    context: Context,
    parent: str,
    labels: Mapping[str, str],
    report: Report,
    no_cache: bool = False,
    keep_stages: bool = False,
) -> None:
    """Build one image from a context, tag it `ref` and move its repository's `latest` here.

    What stages before the last leave behind is removed, unless `keep_stages` wants it as a cache for the next build.

    The build uses the host's network, so that it reaches what the host reaches: loopback proxies and mirrors included.
    """
    with tempfile.TemporaryFile() as file:
        pack(context, file)
        file.seek(0)
        stream = engine.api.build(
            fileobj=file,
            custom_context=True,
            tag=ref,
            buildargs=arguments(settings, parent),
            labels=dict(labels),
            network_mode="host",
            nocache=no_cache,
            rm=True,
            forcerm=True,
            decode=True,
        )
        stages = follow(stream, ref, report)
    for stage in [] if keep_stages else stages:
        with suppress(APIError):  # another build may stand on it
            engine.api.remove_image(stage)
    repository = ref.rpartition(":")[0]
    engine.images.get(ref).tag(repository, "latest")


def arguments(settings: Settings, parent: str) -> dict[str, str]:
    """Build arguments: the settings' proxies and mirrors, else this process's own.

    Proxies are the engine's predefined arguments, and indexes are used in stages that are thrown away: neither stays in
    an image or its history.
    """
    images = settings.images
    proxies = {name: getattr(images, name) or _own(name, name.upper()) for name in _PROXIES}
    given = {
        **proxies,
        **{name.upper(): value for name, value in proxies.items()},
        "UV_DEFAULT_INDEX": images.pypi_mirror or _own("UV_DEFAULT_INDEX", "PIP_INDEX_URL"),
        "NPM_CONFIG_REGISTRY": _own("NPM_CONFIG_REGISTRY", "npm_config_registry"),
        "APT_MIRROR": images.apt_mirror.rstrip("/"),
    }
    return {"PARENT": parent, **{name: value for name, value in given.items() if value}}


def _own(*names: str) -> str:
    return next((value for name in names if (value := os.environ.get(name))), "")


def follow(stream: Any, ref: str, report: Report) -> list[str]:
    """Read a build's stream to its end; returns the image ids that stages before the last ended with.

    Raises ImageError with the failed step and its last lines.
    """
    step, lines, stages, last = "the build context", deque[str](maxlen=_SHOWN), list[str](), ""
    for message in stream:
        if "error" in message:
            shown = "\n".join(f"    {line}" for line in lines)
            raise ImageError(f"{ref}: {step} failed: {message['error'].strip()}\n{shown}".rstrip())
        for line in _COLOUR.sub("", message.get("stream", "")).splitlines():
            if match := re.match(r"Step (\d+/\d+) : (.+)", line):
                step = f"step {match[1]} `{match[2][:200]}`"
                lines.clear()
                report(f"{ref}: step {match[1]}: {match[2][:100]}")
                stages += [last] if last and match[2].startswith("FROM ") else []
            elif match := re.fullmatch(r" ---> ([0-9a-f]{12})", line):
                last = match[1]
            elif line.strip() and not line.startswith((" --->", "Removing intermediate container ")):
                lines.append(line.rstrip())
    return stages


def pack(context: Context, file: IO[bytes]) -> None:
    """Write a build context as a tar that depends on names and contents alone: sorted, one owner, one time."""
    with tarfile.open(fileobj=file, mode="w") as tar:
        for path, content in sorted(context.items()):
            data = content if isinstance(content, bytes) else content.read_bytes()
            entry = tarfile.TarInfo(path)
            entry.size, entry.mtime = len(data), EPOCH
            entry.mode = 0o755 if data[:4] == b"\x7fELF" else 0o644
            tar.addfile(entry, io.BytesIO(data))


def pull(engine: docker.DockerClient, remote: str, ref: str) -> bool:
    """Pull an image and give it our name; False where the registry does not have it or cannot be reached."""
    try:
        image = engine.images.pull(remote)
    except (ImageNotFound, APIError):
        return False
    repository, _, tag = ref.rpartition(":")
    image.tag(repository, tag)
    image.tag(repository, "latest")
    return True


def debian_identity(settings: Settings) -> str:
    """What the Debian below the base is: a digest to pull, or how mmdebstrap makes it."""
    if digest := settings.images.base_digest:
        return _by_digest(settings, digest)
    recipe = [(BASE / name).read_text(encoding="utf-8") for name in ("dpkg.cfg", "packages.txt")]
    return "\n".join((SUITE, str(EPOCH), *recipe))


def _by_digest(settings: Settings, digest: str) -> str:
    """`images.base_digest` is `name@sha256:…`, or `sha256:…` of the image `debian` in `images.registry`."""
    if "@" in digest:
        return digest
    if not settings.images.registry:
        raise ImageError(
            "setting `images.base_digest` is a bare digest: set `images.registry` too, or write name@sha256:…"
        )
    return f"{settings.images.registry.rstrip('/')}/debian@{digest}"


def debian(engine: docker.DockerClient, settings: Settings, report: Report, rebuild: bool = False) -> str:
    """The reference of a Debian 12 to build on: pulled by digest where settings name one, else made by mmdebstrap."""
    identity = debian_identity(settings)
    if settings.images.base_digest:
        report(f"{identity}: pulling")
        try:
            engine.images.pull(identity)
        except APIError as error:
            raise ImageError(f"{identity}: cannot be pulled: {error.explanation or error}") from error
        return identity
    ref = f"{DEBIAN}:{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    if not rebuild:
        try:
            engine.images.get(ref)
            return ref
        except ImageNotFound:
            pass
    with tempfile.TemporaryDirectory(prefix="regional-hub-debian-") as folder:
        tar = Path(folder) / "debian.tar"
        report(f"{ref}: making Debian 12 with mmdebstrap")
        _mmdebstrap(settings, tar)
        repository, _, tag = ref.rpartition(":")
        engine.api.import_image_from_file(str(tar), repository=repository, tag=tag)
    return ref


def _mmdebstrap(settings: Settings, tar: Path) -> None:
    program = shutil.which("mmdebstrap") or _install_mmdebstrap()
    packages = (BASE / "packages.txt").read_text(encoding="utf-8").split()
    command = [program, "--variant=minbase", "--mode=auto", f"--include={','.join(packages)}"]
    command += ['--aptopt=Acquire::Languages "none"', f"--dpkgopt={BASE / 'dpkg.cfg'}"]
    # A mirror's user and password, if it has them, do not stay in the image.
    command += ["--customize-hook=sed -i 's#//[^/@ ]*@#//#' \"$1/etc/apt/sources.list\"", SUITE, str(tar)]
    if mirror := settings.images.apt_mirror.rstrip("/"):
        command += [
            f"deb {mirror} {SUITE} main",
            f"deb {mirror} {SUITE}-updates main",
            f"deb {mirror}-security {SUITE}-security main",
        ]
    run = subprocess.run(command, env=_environment(settings), capture_output=True, text=True, check=False)
    if run.returncode:
        shown = "\n".join(f"    {line}" for line in run.stderr.splitlines()[-_SHOWN:])
        raise ImageError(f"mmdebstrap could not make the Debian base (exit code {run.returncode}):\n{shown}")


def _install_mmdebstrap() -> str:
    """Get mmdebstrap by apt where we may; raises ImageError that says what to do where not."""
    advice = "install the package mmdebstrap, or set `images.registry` and `images.base_digest` to pull a base"
    apt = shutil.which("apt-get")
    if not apt or os.geteuid() != 0:
        raise ImageError(f"mmdebstrap is not there to make the Debian base: {advice}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = [apt, "install", "--yes", "--no-install-recommends", "mmdebstrap", "debian-archive-keyring"]
    for command in ([apt, "update"], install):
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode or not (program := shutil.which("mmdebstrap")):
        raise ImageError(f"apt could not install mmdebstrap ({run.stderr.strip()[-300:]}): {advice}")
    return program


def _environment(settings: Settings) -> dict[str, str]:
    """Of this process with the settings' proxies; file times come from EPOCH."""
    proxies = {name: value for name in _PROXIES if (value := getattr(settings.images, name))}
    return {**os.environ, **proxies, "SOURCE_DATE_EPOCH": str(EPOCH)}


def uv() -> Path:
    """The `uv` program that installs the locks: beside this Python, where `./hub` put it, or on PATH."""
    for place in (Path(sys.executable).with_name("uv"), ROOT / ".tools" / "bin" / "uv", shutil.which("uv")):
        if place and Path(place).is_file():
            return Path(place)
    raise ImageError("uv is not there to install the environment; `./hub up` gets it, or install the package uv")


def wheel(sources: Context, prefix: str) -> Context:
    """Our package as its wheel installs it, below `prefix`: built by hatchling from these sources alone."""
    with tempfile.TemporaryDirectory(prefix="regional-hub-wheel-") as folder:
        top = Path(folder)
        for path, content in {**sources, "README.md": b""}.items():
            place = top / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(top / "dist")]
        run = subprocess.run(command, cwd=top, capture_output=True, text=True, check=False)
        if run.returncode:
            raise ImageError(
                f"the wheel of regional-hub could not be built:\n{(run.stdout + run.stderr).strip()[-2000:]}"
            )
        (built,) = (top / "dist").glob("*.whl")
        with zipfile.ZipFile(built) as archive:
            return {f"{prefix}{name}": archive.read(name) for name in archive.namelist() if not name.endswith("/")}
