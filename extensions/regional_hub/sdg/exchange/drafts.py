"""Drafts that nobody needs any longer: those that a newer pull replaces, and old ones that are in the way.

A draft that a person touched, by a decision or an embargo, is never removed here. Of a published one only the facts
stay: its data are in the release.
"""

from __future__ import annotations

import contextlib
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from regional_hub.sdg import durable, reports
from regional_hub.sdg.draft import PUBLISHED, Draft
from regional_hub.sdg.store import Store, UnknownRelease

FACTS = frozenset(("draft.json", "lock", reports.FILE))


@dataclass(frozen=True)
class Old:
    """A draft, when it changed last, how large it is, and whether a person decided something in it."""

    id: str
    flow: str
    state: str
    by: str
    changed: datetime
    bytes: int
    touched: bool


def touched(facts: Mapping[str, Any], by: str = "") -> bool:
    """Whether somebody did more than load; with `by`, whether somebody else had a part in it."""
    others = by and {facts["by"], *(part["by"] for part in facts["parts"])} != {by}
    work = ("decisions", "embargoes", "undone", "requested")
    return bool(others or any(facts.get(name) for name in work))


def old(store: Store) -> list[Old]:
    """All drafts that take room, the oldest first."""
    found = []
    for draft in store.drafts():
        facts = draft.facts
        path = draft.folder / "draft.json"
        changed = datetime.fromtimestamp(path.stat().st_mtime, tz=store.clock().tzinfo)
        size = sum(file.stat().st_size for file in draft.folder.rglob("*") if file.is_file())
        if facts["state"] == PUBLISHED and {file.name for file in draft.folder.iterdir()} <= FACTS:
            continue
        found.append(Old(draft.id, facts["flow"], facts["state"], facts["by"], changed, size, touched(facts)))
    return sorted(found, key=lambda one: one.changed)


def prune(store: Store, older_than: timedelta) -> tuple[list[Old], list[Old]]:
    """Remove drafts that did not change for so long; returns those removed, and those kept because somebody decided
    something in them."""
    sweep(store.folder / "drafts")
    limit = store.clock() - older_than
    removed, kept = [], []
    for one in old(store):
        if one.changed > limit:
            continue
        if one.state != PUBLISHED and one.touched:
            kept.append(one)
        elif remove(store, one.id):
            removed.append(one)
    return removed, kept


def remove(store: Store, identifier: str, by: str = "") -> bool:
    """Remove a draft, all but the facts of a published one; with `by` only if nobody else has a part in it.

    False where there is none, somebody touched it, or works on it now.
    """
    try:
        draft = store.draft(identifier)
        with durable.lock(draft.folder / "lock", wait=0):
            facts = draft.facts
            if facts["state"] == PUBLISHED:
                return not by and _thin(draft)
            if touched(facts, by):
                return False
            gone = draft.folder.with_name(f".{draft.id}.{secrets.token_hex(4)}")
            draft.folder.rename(gone)  # from here on there is no draft, whatever a kill leaves
        shutil.rmtree(gone, ignore_errors=True)
        return True
    except (UnknownRelease, FileNotFoundError, durable.Busy):
        return False


def _thin(draft: Draft) -> bool:
    for path in draft.folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in FACTS:
            path.unlink()
    return True


def sweep(folder: Path) -> None:
    """Remove what a killed process left of drafts, once it is older than any that is being made or removed."""
    for path in folder.iterdir():
        left = path.name.startswith(".") or not (path / "draft.json").exists()
        with contextlib.suppress(FileNotFoundError):
            if path.is_dir() and left and path.stat().st_mtime < time.time() - 3600:
                shutil.rmtree(path)
