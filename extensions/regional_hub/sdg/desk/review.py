"""What a draft would change if it were published: the counts, and the changes themselves by page."""

# ruff: noqa: S608 - only ids that `quote` lets through become part of SQL; values are parameters

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from regional_hub.sdg import changes, release
from regional_hub.sdg.draft import Draft
from regional_hub.sdg.release import Layout, Release, quote

ACTIONS = (changes.CHANGED, changes.ADDED, changes.DELETED)


@dataclass(frozen=True)
class Changed:
    """One observation that differs: its key, the value before and after, and the other components that changed."""

    action: str
    key: Mapping[str, str | None]
    before: str | None
    after: str | None
    others: Mapping[str, tuple[str | None, str | None]]

    @property
    def text(self) -> str:
        """The key as findings and commands write it."""
        return ".".join(code or "" for code in self.key.values())


@dataclass(frozen=True)
class Review:
    """What the candidate of a draft is, against the release that was current when it was validated.

    `before` is None for a first release, whose observations are all new and are not listed.
    """

    candidate: Release
    before: Release | None
    counts: Mapping[str, int]

    def page(self, action: str, start: int, size: int) -> list[Changed]:
        """Changes of one action in the order of their keys, from the place `start` on."""
        path = self.candidate.folder / release.CHANGES
        if not path.is_file() or self.before is None:
            return []
        layout = changes.merged(self.candidate.layout, self.before.layout)
        return [_changed(row, layout) for row in self._rows(path, layout, action, start, size)]

    def _rows(self, path: Path, layout: Layout, action: str, start: int, size: int) -> list[dict[str, str | None]]:
        con = duckdb.connect(":memory:", config={"memory_limit": "512MB", "autoinstall_known_extensions": "false"})
        columns = changes.columns(layout)
        with con:
            found = con.execute(
                f"SELECT {', '.join(map(quote, columns))} FROM read_parquet($path) WHERE {changes.ACTION} = $action"
                f" ORDER BY {', '.join(map(quote, layout.key))} LIMIT {int(size)} OFFSET {int(start)}",
                {"path": str(path), "action": action},
            )
            return [dict(zip(columns, row, strict=True)) for row in found.fetchall()]


def review(draft: Draft) -> Review | None:
    """None for a draft that has no candidate: it was never validated, or conflicts stand in the way."""
    facts = draft.facts
    folder = draft.folder / str(facts.get("candidate"))
    if not facts.get("candidate") or not (folder / release.MANIFEST).is_file() or stale(draft):
        return None
    candidate = Release.open(folder)
    before = draft.before
    return Review(candidate, before, {action: int(candidate.counts.get(action, 0)) for action in ACTIONS})


def stale(draft: Draft) -> bool:
    """Whether the draft was changed after its candidate was built."""
    facts = draft.facts
    if not facts.get("candidate"):
        return True
    built = Release.open(draft.folder / facts["candidate"]).manifest
    return bool(built["sources"] != facts["parts"] or built["decisions"] != facts["decisions"])


def _changed(row: Mapping[str, str | None], layout: Layout) -> Changed:
    value = layout.primary or layout.values[0]
    others = {
        name: (row[f"old:{name}"], row[name])
        for name in layout.values
        if name != value and row[f"old:{name}"] != row[name] and row[changes.ACTION] == changes.CHANGED
    }
    key = {name: row[name] for name in layout.key}
    return Changed(str(row[changes.ACTION]), key, row[f"old:{value}"], row[value], others)
