"""The intake driver over the releases of the SDG database (intake's V1 DataSource): `cat.sdg(series=…, area=…)`.

Data come from the folder that the hub mounts, or by SDMX REST. Nothing of a structure is fixed here: which dimensions
`series`, `area` and `nature` choose is said by the catalog. Heavy libraries load when data are read, not before.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intake.source.base import DataSource, Schema

from regional_hub.lab import provenance
from regional_hub.sdg import release_choice as choice
from regional_hub.sdg.intake_catalog import COMPONENTS

if TYPE_CHECKING:
    from regional_hub.sdg.release_frames import Places
    from regional_hub.sdg.release_local import Seen
    from regional_hub.sdg.selection import Selection
    from regional_hub.sdg.structure import Structure

FOLDER = "sdg"
PARTITION_ROWS = 100_000

# intake 2.0.9 says so of every parameter with a text for a default, whether it holds a command or not.
warnings.filterwarnings("ignore", message="Shell command not executed due to getshell=False", category=UserWarning)


class NoObservations(UserWarning):
    """A selection of known codes that has no data."""


def places(url: str = "") -> Places:
    """The mounted folders, then the service; with `url` (the hub's address) that service alone."""
    from regional_hub.sdg.release_frames import Places
    from regional_hub.sdg.release_local import Local
    from regional_hub.sdg.release_remote import Remote

    if url:
        return Places((), Remote(_root(url)))
    shared = os.environ.get("REGIONAL_HUB_SHARED", "").split(os.pathsep)
    local = tuple(Local(Path(part) / FOLDER) for part in shared if part and (Path(part) / FOLDER).is_dir())
    inside, outside = os.environ.get("REGIONAL_HUB_DATA_URL", ""), os.environ.get("REGIONAL_HUB_URL", "")
    remote = Remote(_root(inside or outside), direct=bool(inside)) if inside or outside else None
    return Places(local, remote)


def _root(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise choice.ChoiceError(f"{url!r} is not the address of a hub, like https://hub.example.org")
    return f"{url.rstrip('/')}/sdmx"


class ReleaseSource(DataSource):
    """Observations of a flow's releases: the current state, or the state `as_of` a moment.

    `series`, `area`, `nature` and `where` (codes by component) take one code, several as a list or joined by `+`, or
    `*`; `start` and `end` are periods, both included. The measure is float64, or with `numeric=False` the text that was
    published; all else is text; what is missing is NaN. Units are those of UNIT_MEASURE (and UNIT_MULT where there is
    one): values are not rescaled. Raises release_choice.ChoiceError for whatever cannot be chosen.
    """

    name = "sdg_release"
    version = "1.0"
    container = "dataframe"
    partition_access = True

    def __init__(
        self,
        series: choice.Codes = "*",
        area: choice.Codes = "*",
        start: object = "",
        end: object = "",
        nature: choice.Codes = "*",
        as_of: object = "",
        where: Mapping[str, choice.Codes] | None = None,
        flow: str = "",
        url: str = "",
        components: Mapping[str, str] | None = None,
        numeric: bool | str = True,
        partition_rows: int | str = PARTITION_ROWS,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(metadata=metadata)
        self.components = COMPONENTS | dict(components or {})
        if unknown := sorted(set(self.components) - set(COMPONENTS)):
            raise choice.ChoiceError(f"components: {', '.join(unknown)} is not one of {', '.join(COMPONENTS)}")
        self.numeric = str(numeric).lower() != "false"  # a catalog's template gives text
        self.partition_rows = max(1, int(partition_rows))
        self.places = places(url)
        self._flow = flow
        given = {"series": series, "area": area, "nature": nature}
        named = {name: (self.components[name], codes) for name, codes in given.items()}
        self.asked = choice.asked(named, where, start, end, as_of)

    # -- what is asked ------------------------------------------------------------------------------------------------

    @cached_property
    def flow(self) -> str:
        """`AGENCY:ID`; the only one where none was named. Raises ChoiceError where there are several."""
        if self._flow:
            return self._flow.partition("(")[0]
        flows, _ = self.places.ask(lambda place: place.flows())
        if len(flows) != 1:
            there = ", ".join(flows)
            raise choice.ChoiceError(f"say which flow: {there}" if flows else "no release was published here yet")
        return str(flows[0])

    @cached_property
    def seen(self) -> Seen:
        """The release that is read, as the first look found it; `close()` looks again."""
        found, _ = self.places.ask(lambda place: place.seen(self.flow, self.asked.as_of))
        return found

    @cached_property
    def structure(self) -> Structure:
        found, _ = self.places.ask(lambda place: place.structure(self.flow, self.seen))
        return found

    @cached_property
    def selection(self) -> Selection:
        choice.check(self.asked, self.structure, lambda dimension: set(self._counts(dimension)))
        time = self.structure.time
        return self.asked.selection(self.flow, time.id if time else None)

    def _counts(self, dimension: str) -> dict[str, int]:
        found, _ = self.places.ask(lambda place: place.counts(self.flow, self.seen, dimension))
        return found

    # -- what intake asks ---------------------------------------------------------------------------------------------

    def _get_schema(self) -> Schema:
        whole = not self.selection.filters
        rows = sum(self._counts(self._splits_by).values()) if whole and self.places.local else None
        return Schema(
            dtype=dict(self._meta().dtypes.astype(str)),
            shape=(rows, len(self._names)),
            npartitions=len(self._parts),
            extra_metadata={"release": self.seen.release, "flow": self.flow, "structure": self.structure.short},
        )

    @property
    def _names(self) -> list[str]:
        from regional_hub.sdg import release_frames

        return release_frames.columns(self.structure)

    @property
    def _number(self) -> str:
        from regional_hub.sdg import release_frames

        return release_frames.numeric_of(self.structure) if self.numeric else ""

    def _meta(self) -> Any:
        from regional_hub.sdg import release_frames

        return release_frames.frame(iter(()), self._names, self._number)

    @property
    def _splits_by(self) -> str:
        """The dimension whose codes make the partitions: that of `series`, else the first."""
        there = [part.id for part in self.structure.dimensions]
        return self.components["series"] if self.components["series"] in there else there[0]

    @cached_property
    def _parts(self) -> list[Selection]:
        """The same selection by groups of series of about `partition_rows` observations, pinned to the state seen."""
        from regional_hub.sdg.selection import Condition, Filter

        dimension = self._splits_by
        pinned = replace(self.selection, as_of=self.asked.as_of or self.seen.as_of)
        wanted = set(self.asked.where.get(dimension, ()))
        counts = {code: n for code, n in sorted(self._counts(dimension).items()) if not wanted or code in wanted}
        groups: list[list[str]] = [[]]
        rows = 0
        for code, count in counts.items():
            if groups[-1] and rows + count > self.partition_rows:
                groups.append([])
                rows = 0
            groups[-1].append(code)
            rows += count
        others = tuple(one for one in pinned.filters if one.component != dimension)
        if len(groups) == 1:
            return [pinned]
        made = [Filter(dimension, tuple(Condition("eq", code) for code in group)) for group in groups]
        return [replace(pinned, filters=(*others, one)) for one in made]

    def _arguments(self) -> dict[str, Any]:
        seen, key = self.seen, self.structure.key
        return {"places": self.places, "etag": seen.etag, "names": self._names, "key": key, "number": self._number}

    def _get_partition(self, i: int) -> Any:
        from regional_hub.sdg import release_frames

        made = release_frames.part(self._parts[i], **self._arguments())
        self._note(self.seen, "")
        return made

    def read(self) -> Any:
        """All observations of the selection as a pandas DataFrame."""
        from regional_hub.sdg import release_frames

        self._close()  # intake keeps a source; what is current may have changed since it was used
        made, seen, place = release_frames.read(self.places, self.selection, self.structure, self.numeric)
        if told := release_frames.empty_is_told(made, self.asked.told()):
            warnings.warn(told, NoObservations, stacklevel=2)
        self._note(seen if seen.release else self.seen, place)
        return made

    def to_dask(self) -> Any:
        """The selection as a Dask DataFrame by groups of series; workers read them, all of the state seen now."""
        import dask.dataframe as dd

        from regional_hub.sdg import release_frames

        self._close()
        self._load_metadata()
        made = dd.from_map(
            release_frames.part, self._parts, meta=self._meta(), enforce_metadata=False, **self._arguments()
        )
        self._note(self.seen, "")
        return made

    def to_xarray(self) -> Any:
        """The measure as an xarray Dataset over the dimensions that vary and the time; see release_frames.cube."""
        from regional_hub.sdg import release_frames

        self._close()
        made, seen, place = release_frames.read(self.places, self.selection, self.structure, True)
        facts = {"flow": self.flow, "release": seen.release, "structure": self.structure.short, "etag": seen.etag}
        if title := (self.metadata or {}).get("title"):
            facts["title"] = title
        cube = release_frames.cube(made, self.structure, self.components["unit"], facts)
        self._note(seen, place)
        return cube

    def _note(self, seen: Seen, place: str) -> None:
        from regional_hub.sdg import timeline

        provenance.note(
            provenance.Record(
                flow=self.flow,
                release=seen.release,
                etag=seen.etag,
                retrieved=datetime.now(UTC).isoformat(timespec="milliseconds"),
                selection=self.asked.told(),
                as_of=timeline.stamp(self.asked.as_of) if self.asked.as_of else "",
                source=place,
            )
        )

    def _close(self) -> None:
        for name in ("flow", "seen", "structure", "selection", "_parts"):
            self.__dict__.pop(name, None)
        self._schema = None
