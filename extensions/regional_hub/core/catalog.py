"""Reads a folder of intake catalogs (V1, YAML) as data, for pages that list what there is.

Nothing of a catalog is executed: no template, no driver. Only `{{ env(REGIONAL_HUB_SHARED) }}` and the entry's own
parameters are filled in, as text. It knows neither Django nor intake.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

REQUIRED = ("title", "title_zh", "description_zh", "licence", "source", "tags")
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TEMPLATE = re.compile(r"\{\{\s*(?:env\(\s*['\"]?(\w+)['\"]?\s*\)|(\w+))\s*\}\}")


class CatalogError(ValueError):
    """A catalog file that cannot be read; the message names file and line."""


@dataclass(frozen=True)
class Parameter:
    """What a user may set when opening an entry."""

    name: str
    type: str
    default: Any
    description: str
    description_zh: str = ""
    allowed: tuple[Any, ...] = ()

    def text(self, language: str) -> str:
        """What it means, in the reader's language."""
        return (self.description_zh if language.startswith("zh") else "") or self.description


@dataclass(frozen=True)
class Entry:
    """One data set of a catalog. `urlpath` is as written, with its templates."""

    name: str
    catalog: Path
    line: int
    driver: str
    urlpath: str
    description: str
    metadata: Mapping[str, Any]
    parameters: tuple[Parameter, ...]

    def text(self, key: str, language: str = "en") -> str:
        """`title`, `description`, `licence` or `source` in the reader's language, else in English."""
        own = self.description if key == "description" else self.metadata.get(key, "")
        return str((self.metadata.get(f"{key}_zh") if language.startswith("zh") else "") or own)

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(str(tag) for tag in self.metadata["tags"])

    @property
    def remote(self) -> str:
        """The driver by which anyone outside opens the entry's file; empty: for the hub's own servers only."""
        return str(self.metadata.get("remote", ""))


@dataclass(frozen=True)
class Catalog:
    """One file: its entries, or why it could not be read."""

    path: Path
    entries: tuple[Entry, ...] = ()
    error: str = ""


@dataclass(frozen=True)
class Facts:
    """What lies on disk for an entry: bytes, files (0: nothing is there), and when it was made or last changed."""

    size: int = 0
    files: int = 0
    made: datetime | None = None
    paths: tuple[Path, ...] = field(default=(), repr=False)


def read_folder(folder: Path) -> list[Catalog]:
    """Every catalog of a folder, by name. A file that cannot be read says so in `error` and spoils no other."""
    catalogs = []
    taken: dict[str, Path] = {}
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        try:
            entries = read(path)
            for entry in entries:
                if entry.name in taken:
                    where = f"{path.name}, line {entry.line}"
                    raise CatalogError(
                        f"{where}: {entry.name} is the name of an entry of {taken[entry.name].name} already"
                    )
            taken.update((entry.name, path) for entry in entries)
            catalogs.append(Catalog(path, entries))
        except CatalogError as error:
            catalogs.append(Catalog(path, error=str(error)))
    return catalogs


def find(folder: Path, name: str) -> Entry | None:
    return next((e for catalog in read_folder(folder) for e in catalog.entries if e.name == name), None)


def read(path: Path) -> tuple[Entry, ...]:
    """One catalog file. Raises CatalogError, naming file and line, for what is not a V1 catalog with our metadata."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise CatalogError(f"{path.name}, line {line}: not YAML: {error.problem}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CatalogError(f"{path.name}: cannot be read: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("sources"), dict):
        raise CatalogError(f"{path.name}, line 1: a catalog has a mapping `sources`")
    metadata = data.get("metadata") or {}
    version = data.get("version") or (metadata.get("version") if isinstance(metadata, dict) else None) or 1
    if version != 1:
        raise CatalogError(f"{path.name}, line 1: version {version}: only intake's V1 format is read")
    lines = _lines(root)
    return tuple(_entry(path, lines.get(str(name), 1), name, source) for name, source in data["sources"].items())


def _lines(root: Any) -> dict[str, int]:
    """On which line each source begins."""
    for key, value in root.value:
        if key.value == "sources" and isinstance(value, yaml.MappingNode):
            return {name.value: name.start_mark.line + 1 for name, _ in value.value}
    return {}


def _entry(path: Path, line: int, name: Any, source: Any) -> Entry:
    def fault(what: str) -> CatalogError:
        return CatalogError(f"{path.name}, line {line}: entry {name}: {what}")

    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise fault("a name is lower-case letters, digits and _, and starts with a letter")
    if not isinstance(source, dict):
        raise fault("is not a mapping")
    metadata, args = source.get("metadata") or {}, source.get("args") or {}
    if not isinstance(metadata, dict) or not isinstance(args, dict):
        raise fault("`metadata` and `args` are mappings")
    if missing := [key for key in ("driver", "description") if not source.get(key)]:
        raise fault(f"needs {', '.join(missing)}")
    if missing := [f"metadata.{key}" for key in REQUIRED if not metadata.get(key)]:
        raise fault(f"needs {', '.join(missing)}")
    if not isinstance(metadata["tags"], list):
        raise fault("metadata.tags is a list")
    parameters = source.get("parameters") or {}
    if not isinstance(parameters, dict) or not all(isinstance(value, dict) for value in parameters.values()):
        raise fault("`parameters` is a mapping of mappings")
    return Entry(
        name=name,
        catalog=path,
        line=line,
        driver=str(source["driver"]),
        urlpath=str(args.get("urlpath", "")),
        description=str(source["description"]),
        metadata=metadata,
        parameters=tuple(_parameter(str(key), value) for key, value in parameters.items()),
    )


def _parameter(name: str, facts: Mapping[str, Any]) -> Parameter:
    return Parameter(
        name=name,
        type=str(facts.get("type", "str")),
        default=facts.get("default"),
        description=str(facts.get("description", "")),
        description_zh=str(facts.get("description_zh", "")),
        allowed=tuple(facts.get("allowed") or ()),
    )


def location(entry: Entry, shared: Path) -> str:
    """The path or glob of an entry with its default parameters; empty for templates that are not ours to fill in."""
    defaults = {parameter.name: parameter.default for parameter in entry.parameters}

    def fill(match: re.Match[str]) -> str:
        variable, parameter = match.groups()
        if variable == "REGIONAL_HUB_SHARED":
            return str(shared)
        return str(defaults.get(parameter, match[0]))

    filled = _TEMPLATE.sub(fill, entry.urlpath)
    return "" if "{{" in filled or "{%" in filled or "://" in filled else filled


def facts(entry: Entry, shared: Path) -> Facts:
    """Size and freshness: from the manifest of `metadata.folder` where there is one, else from the files themselves.

    Only what lies below the shared folder is looked at.
    """
    manifest = _manifest(entry, shared)
    paths = tuple(_paths(entry, shared))
    if not paths:
        return Facts()
    if manifest:
        made = datetime.fromisoformat(manifest["made"])
        return Facts(int(manifest["size"]), len(manifest["files"]), made, paths)
    files = [file.stat() for path in paths for file in _files(path)]
    changed = max((file.st_mtime for file in files), default=0.0)
    size = sum(file.st_size for file in files)
    return Facts(size, len(files), datetime.fromtimestamp(changed, UTC) if files else None, paths)


def _manifest(entry: Entry, shared: Path) -> dict[str, Any] | None:
    if not (folder := entry.metadata.get("folder")):
        return None
    try:
        manifest = json.loads((shared / str(folder) / "manifest.json").read_text(encoding="utf-8"))
        datetime.fromisoformat(manifest["made"])
        int(manifest["size"]), len(manifest["files"])
        return dict(manifest)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _paths(entry: Entry, shared: Path) -> list[Path]:
    where = location(entry, shared)
    if not where:
        return []
    pattern = Path(where)
    if pattern.is_absolute():
        if not pattern.is_relative_to(shared):
            return []
        pattern = pattern.relative_to(shared)
    if ".." in pattern.parts:
        return []
    return sorted(shared.glob(str(pattern)))


def _files(path: Path) -> Iterable[Path]:
    return (inner for inner in path.rglob("*") if inner.is_file()) if path.is_dir() else (path,)
