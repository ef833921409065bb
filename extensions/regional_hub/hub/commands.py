"""`./hub image …` and `./hub lock`: what people ask of images and locks, at the command line."""

from __future__ import annotations

import dataclasses
import subprocess
from datetime import UTC, datetime
from typing import Any

import click

from regional_hub import settings as configuration
from regional_hub.cli import Failure, common, say
from regional_hub.hub import image_build, image_verify, images

EXTRAS = ("hub", "lab", "dev")


@click.group()
def image() -> None:
    """Images that servers and services run in / 服务器与服务所用的镜像."""


@image.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--no-cache", is_flag=True, help="Make them anew from the Debian packages up, even where they exist.")
@common
def build(names: tuple[str, ...], no_cache: bool) -> dict[str, Any]:
    """Pull or build images that are missing: base, lab (the default), hub. / 拉取或构建缺少的镜像."""
    settings = configuration.load()
    try:
        found = images.ensure(settings, names or ("lab",), say, rebuild=no_cache)
    except images.ImageError as error:
        raise Failure(str(error)) from error
    for ref in found.values():
        say(f"{ref} is ready")
    return {"images": found}


@image.command(name="list")
@common
def list_() -> dict[str, Any]:
    """List our images: size, age, and whether this checkout still asks for them. / 列出镜像."""
    try:
        found = images.held(configuration.load())
    except images.ImageError as error:
        raise Failure(str(error)) from error
    if not found:
        say("There are no images yet; `./hub image build` makes them.")
    for held in found:
        state = "stale" if held.stale else "current"
        say(f"{held.ref:<36} {held.size / 1e6:>8.0f} MB  {_age(held.created):>9}  {state}")
    return {"images": [{**dataclasses.asdict(held), "created": held.created.isoformat()} for held in found]}


@image.command()
@click.argument("name", default="lab")
@common
def verify(name: str) -> dict[str, Any]:
    """Look into an image: packages as locked, bytecode, user, setuid, certificate authorities. / 检查镜像."""
    settings = configuration.load()
    try:
        findings = image_verify.verify(settings, name)
        ref = images.current(settings, name)
    except images.ImageError as error:
        raise Failure(str(error)) from error
    for finding in findings:
        say(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.check:<12} {finding.detail}")
    facts = {"image": ref, "findings": [dataclasses.asdict(finding) for finding in findings]}
    if faults := [finding.check for finding in findings if not finding.ok]:
        raise Failure(f"{ref} is not as it should be: {', '.join(faults)}", **facts)
    return facts


@click.command()
@click.option(
    "--upgrade", is_flag=True, help="Take the newest versions that pyproject.toml allows, not those locked so far."
)
@common
def lock(upgrade: bool) -> dict[str, Any]:
    """Write requirements/*.txt anew from pyproject.toml. / 依据 pyproject.toml 重新生成依赖锁定文件."""
    folder = configuration.ROOT / "requirements"
    written = []
    for name, extras in (("dev", EXTRAS), ("hub", ("hub",)), ("lab", ("lab",))):
        command = [
            str(_uv()),
            "pip",
            "compile",
            "pyproject.toml",
            "--universal",
            "--generate-hashes",
            "--no-emit-index-url",
        ]
        command += ["--python-version", "3.11", "--no-header", "--quiet", "--output-file", f"requirements/{name}.txt"]
        command += [f"--extra={extra}" for extra in extras]
        command += ["-c", "requirements/dev.txt"] if name != "dev" else ["--upgrade"] if upgrade else []
        say(f"requirements/{name}.txt")
        run = subprocess.run(command, cwd=configuration.ROOT, capture_output=True, text=True, check=False)
        if run.returncode:
            raise Failure(f"requirements/{name}.txt could not be resolved:\n{run.stderr.strip()}")
        written.append(str(folder / f"{name}.txt"))
    return {"locks": written}


def _uv() -> Any:
    try:
        return image_build.uv()
    except images.ImageError as error:
        raise Failure(str(error)) from error


def _age(created: datetime) -> str:
    seconds = max(0, (datetime.now(UTC) - created).total_seconds())
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"
