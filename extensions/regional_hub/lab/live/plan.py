"""What an app is: its `app.json`, which the portal wrote, and what of the environment its kernels are told."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SLUG = re.compile(r"[a-z0-9-]{1,30}")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+")
# What a kernel is told of its surroundings; everything else of the server's environment stays with the server.
KERNEL_ENVIRONMENT = (
    *("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "JUPYTER_CONFIG_PATH", "IPYTHONDIR", "MPLCONFIGDIR"),
    *("INTAKE_PATH", "INTAKE_CATALOG_PATH", "REGIONAL_HUB_DATA_URL", "REGIONAL_HUB_SHARED", "REGIONAL_HUB_KIND"),
    *("REGIONAL_HUB_URL", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
)


class PlanFault(ValueError):
    """An app's folder that cannot be served; the message names the file and the field."""


@dataclass(frozen=True)
class AppPlan:
    """One app. Seconds, megabytes and counts are whole numbers, all at least 1 but `preheat`, which may be 0."""

    folder: Path
    slug: str
    digest: str
    entry: str
    title: str
    title_zh: str
    kernels: int
    memory_mb: int
    idle_seconds: int
    away_seconds: int
    preheat: int
    frame_ancestors: str

    @property
    def bundle(self) -> Path:
        return self.folder / "bundle"

    @property
    def notebook(self) -> Path:
        return self.bundle / self.entry

    def back(self) -> str:
        """Where a visitor asks for a place again: on the portal."""
        return f"{self.frame_ancestors}/showcase/{self.slug}/live/"

    def about(self) -> str:
        """The static page of the publication."""
        return f"{self.frame_ancestors}/showcase/{self.slug}/"


def read(folder: Path) -> AppPlan:
    """The plan in `folder/app.json`. Raises PlanFault for one that is not there, is incomplete or points elsewhere."""
    place = folder / "app.json"
    try:
        found: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PlanFault(f"{place}: {error}") from error
    texts = {name: _text(place, found, name) for name in ("slug", "digest", "entry", "title", "title_zh")}
    least = {"kernels": 1, "memory_mb": 64, "idle_seconds": 1, "away_seconds": 1, "preheat": 0}
    numbers = {name: _number(place, found, name, lowest) for name, lowest in least.items()}
    origin = _text(place, found, "frame_ancestors").rstrip("/")
    if not _ORIGIN.fullmatch(origin):
        raise PlanFault(f"{place}: `frame_ancestors` must be an origin, it is {origin!r}")
    if not _SLUG.fullmatch(texts["slug"]):
        raise PlanFault(f"{place}: `slug` is {texts['slug']!r}")
    fields: dict[str, Any] = {**texts, **numbers, "folder": folder, "frame_ancestors": origin}
    plan = AppPlan(**fields)
    notebook = plan.notebook.resolve()
    if not notebook.is_relative_to(plan.bundle.resolve()) or notebook.suffix != ".ipynb" or not notebook.is_file():
        raise PlanFault(f"{place}: `entry` is no notebook of the bundle: {plan.entry!r}")
    return plan


def _text(place: Path, found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or (not value and name != "title_zh"):
        raise PlanFault(f"{place}: `{name}` must be text, it is {value!r}")
    return value


def _number(place: Path, found: Mapping[str, Any], name: str, lowest: int) -> int:
    value = found.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < lowest:
        raise PlanFault(f"{place}: `{name}` must be a whole number of at least {lowest}, it is {value!r}")
    return value


def kernel_environment(env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a kernel sees. One thread for each of the numeric libraries: visitors share few cores."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    return {name: env[name] for name in KERNEL_ENVIRONMENT if name in env} | threads | {"MALLOC_ARENA_MAX": "2"}


def release(env: Mapping[str, str] = os.environ) -> str:
    """What names the state of the SDG data that kernels read; empty where there are none.

    The file is written anew only when a release comes, goes, or is no longer under embargo (`sdg.open_folder`).
    """
    shared = env.get("REGIONAL_HUB_SHARED", "")
    try:
        return hashlib.sha256((Path(shared) / "sdg" / "state.json").read_bytes()).hexdigest()[:16] if shared else ""
    except OSError:
        return ""
