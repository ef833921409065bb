"""pyproject.toml, the locks and environment.yml say the same."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from regional_hub.hub.image_verify import locked
from regional_hub.settings import ROOT

LOCKS = ("dev", "hub", "lab")
LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "python_version": "3.11"}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")


def entries(text: str) -> list[str]:
    """The lines of a lock put together by entry, without its comments."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [entry for entry in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines() if entry.strip()]


@pytest.mark.parametrize("lock", LOCKS)
@pytest.mark.parametrize("python", ["3.11.2", "3.12.0", "3.13.5"])
def test_a_lock_satisfies_what_the_project_asks_for(lock: str, python: str) -> None:
    extras = project()["optional-dependencies"]
    wanted = [*extras] if lock == "dev" else [lock]
    asked = [*project()["dependencies"], *(requirement for extra in wanted for requirement in extras[extra])]
    versions = locked(
        text_of(lock), {**LINUX, "python_full_version": python, "python_version": python.rpartition(".")[0]}
    )

    for requirement in map(Requirement, asked):
        name = canonicalize_name(requirement.name)
        assert name in versions, f"{name} is not in requirements/{lock}.txt; run ./hub lock"
        assert requirement.specifier.contains(versions[name], prereleases=True), (
            f"{requirement}: {versions[name]} is locked"
        )


@pytest.mark.parametrize("lock", ["hub", "lab"])
def test_the_locks_agree_on_every_version(lock: str) -> None:
    everything = locked(text_of("dev"), {**LINUX, "python_full_version": "3.11.2"})

    for name, version in locked(text_of(lock), {**LINUX, "python_full_version": "3.11.2"}).items():
        assert everything[name] == version


@pytest.mark.parametrize("lock", [*LOCKS, "uv"])
def test_every_entry_is_pinned_and_hashed_and_none_names_an_index(lock: str) -> None:
    found = entries(text_of(lock))

    assert found
    for entry in found:
        assert re.match(r"[a-z0-9][a-z0-9._-]*==[^ ;]+ .*--hash=sha256:[0-9a-f]{64}", entry), entry[:80]
    assert "://" not in text_of(lock)


def environment() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    return found


def test_conda_gets_the_packages_of_the_lab_image() -> None:
    (pip,) = [part["pip"] for part in environment()["dependencies"] if isinstance(part, dict)]

    assert pip == ["-r requirements/lab.txt"]
    assert (ROOT / "requirements" / "lab.txt").is_file()


def test_conda_gets_the_python_of_the_images() -> None:
    base = (ROOT / "images" / "base" / "packages.txt").read_text(encoding="utf-8").split()
    (python,) = [name for name in base if re.fullmatch(r"python3\.\d+", name)]

    assert environment()["dependencies"][0] == f"python={python.removeprefix('python')}"
    assert "pip" in environment()["dependencies"]


def test_no_image_names_a_registry_or_mirror() -> None:
    for file in (ROOT / "images").rglob("*"):
        if file.is_file() and not _is_hidden(file):
            assert "://" not in file.read_text(encoding="utf-8"), file


def _is_hidden(file: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(ROOT).parts)
