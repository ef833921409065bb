"""Reads releases from the mounted open folder, by the service's own queries. It knows no network and no intake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from regional_hub.sdg.open_folder import NotOpen, OpenFolder
from regional_hub.sdg.release_choice import before_first
from regional_hub.sdg.selection import Selection
from regional_hub.sdg.structure import Component, Structure
from regional_hub.sdg.timeline import NothingYet, View


@dataclass(frozen=True)
class Seen:
    """What a reader sees: the release, its tag (equal: the same data), and as of when it looks like this."""

    release: str
    etag: str
    as_of: datetime


@dataclass(frozen=True)
class Local:
    """Releases in a folder. Every method raises NotOpen where the folder does not hold all that it takes."""

    folder: Path

    @property
    def name(self) -> str:
        return "folder"

    @property
    def open(self) -> OpenFolder:
        return OpenFolder(self.folder)

    def flows(self) -> list[str]:
        return self.open.flows()

    def seen(self, flow: str, as_of: datetime | None) -> Seen:
        """Raises ChoiceError where there was no release yet."""
        view = self._view(flow, as_of)
        return Seen(view.release.id, view.etag, self.open.timeline(flow).settled(view))

    def _view(self, flow: str, as_of: datetime | None) -> View:
        try:
            return self.open.view(flow, as_of)
        except NothingYet as error:
            raise before_first(flow, as_of, error.first) from None

    def structure(self, flow: str, seen: Seen) -> Structure:
        """With codelists where they are kept, else of the ids that the release has."""
        release = self._view(flow, seen.as_of).release
        return self.open.structure(release.structure) or _plain(release.structure, release.layout)

    def counts(self, flow: str, seen: Seen, dimension: str) -> dict[str, int]:
        """How many observations each code of a dimension has, of those that may be seen."""
        import numpy as np

        from regional_hub.sdg import seriesindex

        found: Counter[str] = Counter()
        try:
            for source in self._view(flow, seen.as_of).sources:
                index = seriesindex.of(source.release)
                series = np.flatnonzero(index.visible(source))
                sums = np.bincount(index.codes[dimension][series], weights=index.count[series])
                found.update({index.labels[dimension][n]: int(total) for n, total in enumerate(sums) if total})
        except OSError as error:
            raise NotOpen(str(error)) from None
        return dict(found)

    def batches(self, selection: Selection, key: Sequence[str]) -> tuple[Seen, Iterator[Any]]:
        """The observations as Arrow batches, every column as text, in the order of the key."""
        import duckdb

        from regional_hub.sdg import query

        seen = self.seen(selection.flow, selection.as_of)
        try:
            answer = query.run(self.open, selection)  # type: ignore[arg-type]  # it asks for timeline, clock, points
            return seen, _guarded(answer.batches)
        except (duckdb.Error, OSError) as error:
            raise NotOpen(str(error)) from None


def _guarded(batches: Iterator[Any]) -> Iterator[Any]:
    """A file that was withdrawn while it was opened is no fault of the query."""
    import duckdb

    try:
        yield from batches
    except (duckdb.Error, OSError) as error:
        raise NotOpen(str(error)) from None


def _plain(short: str, layout: Any) -> Structure:
    agency, _, rest = short.partition(":")
    id, _, version = rest.rstrip(")").partition("(")
    parts = [Component(name, "dimension") for name in layout.dimensions]
    parts += [Component(layout.time, "time")] if layout.time else []
    parts += [Component(name, "measure") for name in layout.measures]
    parts += [Component(name, "attribute") for name in layout.attributes]
    return Structure(agency, id, version, components=tuple(parts))
