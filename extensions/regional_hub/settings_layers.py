"""Where settings come from, as plain tables: files, the environment, and what the running hub was told.

What they mean is `settings`' matter. This module imports nothing else of the project.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError


class SettingsError(ValueError):
    """A settings file or variable that cannot be used; the message names the key and the place."""


def merge(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: {error}") from error


_VARIABLE = re.compile(r"HUB_([A-Z0-9]+)__([A-Z0-9_]+)")


def from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    """`HUB_PORTS__PUBLIC=9000` -> {"ports": {"public": "9000"}}; lists and tables are written as JSON."""
    found: dict[str, Any] = {}
    for name, text in env.items():
        if not (match := _VARIABLE.fullmatch(name)):
            continue
        keys = [key.lower() for key in (match[1], *match[2].split("__"))]
        value: Any = text
        if text[:1] in ("[", "{"):
            try:
                value = json.loads(text)
            except json.JSONDecodeError as error:
                raise SettingsError(f"environment variable {name}: not valid JSON ({error})") from error
        place = found
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        place[keys[-1]] = value
    return found


def explain(error: ValidationError, source: str) -> str:
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            lines.append(f"{source}: unknown setting `{key}`; hub_config/settings.toml lists those there are")
        else:
            lines.append(f"{source}: setting `{key}`: {fault['msg']} (it is {fault['input']!r})")
    return "\n".join(lines)


def of_the_running_hub(place: Path) -> dict[str, Any]:
    """What `./hub up` was told (`--port`, `--spawner`), so that other commands find the hub that it started."""
    try:
        options: dict[str, Any] = json.loads((place / "run" / "options.json").read_text())
    except (FileNotFoundError, PermissionError, json.JSONDecodeError):
        return {}
    return options
