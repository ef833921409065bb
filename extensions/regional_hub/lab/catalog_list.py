"""What data the hub's catalogs name, read from their files: for JupyterLab's panel, without importing intake.

It opens no data. The code it offers is intake's: `intake.cat.NAME(parameter=…).read()`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml

TEXTS = ("title", "title_zh", "description_zh", "licence", "source", "source_zh")


def entries(folders: list[Path] | None = None) -> list[dict[str, Any]]:
    """All entries by name; a file that is no catalog is left out, as one bad file must not hide the others."""
    found: dict[str, dict[str, Any]] = {}
    for folder in _folders() if folders is None else folders:
        for file in [folder] if folder.is_file() else sorted(folder.glob("*.yaml")):
            found |= _of(file)
    return [found[name] for name in sorted(found)]


def _folders() -> list[Path]:
    return [Path(place) for place in os.environ.get("INTAKE_PATH", "").split(os.pathsep) if place]


def _of(file: Path) -> dict[str, dict[str, Any]]:
    try:
        sources = yaml.safe_load(file.read_text(encoding="utf-8"))["sources"]
        return {name: _entry(name, facts) for name, facts in sources.items() if str(name).isidentifier()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError):
        return {}


def _entry(name: str, facts: dict[str, Any]) -> dict[str, Any]:
    metadata = facts.get("metadata") or {}
    parameters = [
        {"name": str(each), **{key: str(about.get(key, "")) for key in ("description", "description_zh", "default")}}
        for each, about in (facts.get("parameters") or {}).items()
    ]
    return {
        "name": name,
        **{key: str(metadata.get(key, "")) for key in TEXTS},
        "title": str(metadata.get("title") or name),
        "description": str(facts.get("description", "")).strip(),
        "tags": [str(tag) for tag in metadata.get("tags") or []],
        "parameters": parameters,
        "code": _code(name, parameters),
    }


def _code(name: str, parameters: list[dict[str, str]]) -> str:
    given = ", ".join(f"{each['name']}={json.dumps(each['default'], ensure_ascii=False)}" for each in parameters)
    kept = given if len(given) < 80 else ""
    return f"import intake\n\n{name} = intake.cat.{name}({kept})\n{name}.read()"
