"""The sample content: made once from `catalogs.sample_seed`, whole or not at all, into `samples/` of the shared folder.

`./hub sample load` makes what is missing and answers in milliseconds when nothing is. What the samples hold is in
`sample_data`; how they are opened is in `catalogs/main.yaml`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from regional_hub.cli import Failure, common, say
from regional_hub.hub import sample_data
from regional_hub.settings import Settings, load

MANIFEST = "manifest.json"


class SampleError(RuntimeError):
    """A sample could not be made; nothing half done is left, and the message says what to do."""


@dataclass(frozen=True)
class Sample:
    """One sample on disk; `made` is None where it is not there, or is not the one that the settings describe."""

    name: str
    folder: Path
    made: str | None
    size: int
    files: int


def folder(settings: Settings) -> Path:
    return settings.shared_dir / "samples"


def state(settings: Settings, name: str) -> Sample:
    """Whether a sample is there, is the one that the settings describe, and has all of its files in full size."""
    place = folder(settings) / name
    missing = Sample(name, place, None, 0, 0)
    try:
        manifest = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
        if any(manifest[key] != value for key, value in _recipe(settings, name).items()):
            return missing
        for path, facts in manifest["files"].items():
            if (place / path).stat().st_size != facts["size"]:
                return missing
        return Sample(name, place, manifest["made"], manifest["size"], len(manifest["files"]))
    except (OSError, ValueError, KeyError, TypeError):
        return missing


def ensure(settings: Settings, report: Callable[[str], None] = lambda _line: None) -> list[Sample]:
    """Make the samples that are missing and return all of them.

    Two at once: the second waits and finds them made. Raises SampleError when the disk is full or may not be written.
    """
    samples = [state(settings, name) for name in sample_data.MAKERS]
    if all(sample.made for sample in samples):
        return samples
    root = folder(settings)
    with _explained(root), _alone(root):
        for name in sample_data.MAKERS:
            if state(settings, name).made is None:
                begun = time.monotonic()
                _make(settings, name)
                size = state(settings, name).size
                report(f"made sample {name}: {size / 1e6:.1f} MB in {time.monotonic() - begun:.1f} s")
    return [state(settings, name) for name in sample_data.MAKERS]


def _recipe(settings: Settings, name: str) -> dict[str, int]:
    """All that a sample follows from. Only the table depends on the number of rows."""
    rows = settings.catalogs.sample_rows if name == "events" else 0
    return {"version": sample_data.VERSION, "seed": settings.catalogs.sample_seed, "rows": rows}


def _make(settings: Settings, name: str) -> None:
    maker, needs = sample_data.MAKERS[name]
    recipe = _recipe(settings, name)
    root = folder(settings)
    if (free := shutil.disk_usage(root).free) < (need := needs(recipe["rows"])):
        raise OSError(errno.ENOSPC, f"{need / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free", str(root))
    fresh, old = root / f".making-{name}", root / f".old-{name}"
    for rest in (fresh, old):  # of a start that was killed; the lock says that nobody else is at it
        shutil.rmtree(rest, ignore_errors=True)
    fresh.mkdir(mode=0o755)
    try:
        maker(fresh, recipe["seed"], recipe["rows"])
        _write_manifest(fresh, name, recipe)
        _open_to_all(fresh)
        if (root / name).exists():
            (root / name).rename(old)
        fresh.rename(root / name)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _write_manifest(place: Path, name: str, recipe: dict[str, int]) -> None:
    files: dict[str, dict[str, Any]] = {}
    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files[str(path.relative_to(place))] = {"size": path.stat().st_size, "sha256": digest}
    manifest = {
        "name": name,
        "illustrative": True,
        **recipe,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": sum(facts["size"] for facts in files.values()),
        "files": files,
    }
    (place / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def _open_to_all(place: Path) -> None:
    """Every server reads the samples as a user of its own, whatever umask the hub was started with."""
    place.chmod(0o755)
    for path in place.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    for level in (root.parent, root):
        if not level.exists():
            level.mkdir(parents=True)
            level.chmod(0o755)
    handle = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise SampleError(
            f"the samples need the Python package {error.name}, which is not installed here; "
            "install the hub from its lock"
        ) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            detail = f" ({error.strerror})" if error.errno == errno.ENOSPC and "needed" in str(error.strerror) else ""
            raise SampleError(
                f"{root}: the disk is full{detail}; nothing was left half made. Free some space, lower "
                "catalogs.sample_rows, or start without samples: ./hub up --empty"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR):
            raise SampleError(
                f"{error.filename or root}: may not be written ({error.strerror}); give spawner.shared_data "
                "a folder with a writable `samples` in it, or start without samples: ./hub up --empty"
            ) from error
        raise


# -- commands ---------------------------------------------------------------------------------------------------------


def _facts(sample: Sample) -> dict[str, Any]:
    return {
        "name": sample.name,
        "folder": str(sample.folder),
        "made": sample.made,
        "size": sample.size,
        "files": sample.files,
    }


@click.group()
def sample() -> None:
    """Sample data that the catalogs and notebooks use."""


@sample.command("load")
@common
def load_command() -> dict[str, Any]:
    """Make the samples that are missing."""
    try:
        samples = ensure(load(), say)
    except SampleError as error:
        raise Failure(str(error)) from error
    say(f"{len(samples)} samples are in {samples[0].folder.parent}")
    return {"samples": [_facts(each) for each in samples]}


@sample.command("list")
@common
def list_command() -> dict[str, Any]:
    """Show which samples there are, how large, and since when."""
    settings = load()
    samples = [state(settings, name) for name in sample_data.MAKERS]
    for each in samples:
        text = f"{each.size / 1e6:8.1f} MB  made {each.made}" if each.made else "   missing: ./hub sample load makes it"
        say(f"{each.name:8}{text}  {each.folder}")
    return {"samples": [_facts(each) for each in samples]}
