"""Trust boundary: the folder of releases that servers mount, `open/`, and who may be found in it.

Raw releases hold embargoed series, so they are never mounted. `open/` has hard links of those releases alone that are
public whole right now; of all others readers ask the REST service, which applies embargoes. Names change inside the
folder, never the folder itself, because a mount follows the folder. Call `withdraw` before a state is written that
hides something, `refresh` after: a process killed in between leaves a link too few, never one too many.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from regional_hub.sdg import durable, release, timeline
from regional_hub.sdg.registry import ADAPTERS, Registry
from regional_hub.sdg.release import Release
from regional_hub.sdg.structure import Structure, StructureError
from regional_hub.sdg.timeline import Embargo, Event, Timeline, View

NAME = "open"
STATE = "state.json"
PRIVATE = ("drafts", "releases", "points")
Clock = Callable[[], datetime]
State = Mapping[str, Any]
LOG = logging.getLogger(__name__)


# -- what may be in it -------------------------------------------------------------------------------------------------


def public(folder: Path, state: State, now: datetime) -> dict[str, list[str]]:
    """Per flow the releases of which nothing is embargoed at `now`."""
    running = [made for made in _embargoes(state) if now < made.end]
    return {flow: _open_of(folder, flow, events, running) for flow, events in state["flows"].items()}


def _embargoes(state: State) -> list[Embargo]:
    return [Embargo(**made) for made in state["embargoes"]]


def _open_of(folder: Path, flow: str, events: Sequence[Mapping[str, Any]], running: Iterable[Embargo]) -> list[str]:
    kept = [str(event["release"]) for event in events]
    order = list(kept)
    for embargo in (one for one in running if one.flow == flow):
        if embargo.since is None:
            kept = [one for one in kept if not _meets(folder / "releases" / one, embargo)]
        else:  # what the release brought stands in all that came after it
            first = order.index(embargo.since) if embargo.since in order else 0
            kept = [one for one in kept if order.index(one) < first]
    return kept


def _meets(folder: Path, embargo: Embargo) -> bool:
    """Whether a release has series of an embargo; one that cannot be read is taken to have them."""
    try:
        where = tuple((name, tuple(codes)) for name, codes in sorted(embargo.where.items()))
        return _has_series(folder, where)
    except (OSError, ValueError, KeyError):
        return True


@lru_cache(maxsize=1024)
def _has_series(folder: Path, where: tuple[tuple[str, tuple[str, ...]], ...]) -> bool:
    there = pq.read_schema(folder / release.SERIES).names
    if any(name not in there for name, _ in where):
        return False
    table = pq.read_table(folder / release.SERIES, columns=[name for name, _ in where])
    for name, codes in where:
        table = table.filter(pc.is_in(table[name], value_set=_texts(codes)))
    return bool(table.num_rows)


def _texts(codes: Iterable[str]) -> Any:
    import pyarrow as pa

    return pa.array(list(codes), pa.string())


# -- keeping it so -----------------------------------------------------------------------------------------------------


def withdraw(folder: Path, state: State, clock: Clock) -> None:
    """Remove every release that may not be seen by this state. Raises OSError where one cannot be removed."""
    place = folder / NAME / "releases"
    if not place.is_dir():
        return
    now = _now(state, clock)
    kept = {name for names in public(folder, state, now).values() for name in names}
    for found in sorted(place.iterdir()):
        if found.name not in kept:
            gone = place / f".{secrets.token_hex(6)}.tmp"
            found.rename(gone)  # at once: nobody finds half of it
            shutil.rmtree(gone)


def refresh(folder: Path, state: State, clock: Clock) -> datetime | None:
    """Make the folder what this state allows; returns when it must be made anew because an embargo ends.

    The caller holds the store's lock, so that no embargo is decided meanwhile. Raises OSError where something that must
    go cannot be removed; what cannot be added is left out.
    """
    withdraw(folder, state, clock)
    now = _now(state, clock)
    with contextlib.suppress(OSError):  # a full disk keeps nobody from publishing: readers ask the service
        _add(folder, state, now)
    return min((made.end for made in _embargoes(state) if now < made.end), default=None)


def _now(state: State, clock: Clock) -> datetime:
    """The clock is asked only where it matters."""
    return clock() if state["embargoes"] else datetime.min.replace(tzinfo=UTC)


def _add(folder: Path, state: State, now: datetime) -> None:
    place = folder / NAME
    for made in (place, place / "releases", place / "structures"):
        made.mkdir(parents=True, exist_ok=True)
        made.chmod(0o755)
    for name in PRIVATE:
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(stat.S_IMODE((folder / name).stat().st_mode) & 0o770)
    open_releases = public(folder, state, now)
    for names in open_releases.values():
        for name in names:
            if not (place / "releases" / name).is_dir():
                _link(Release.open(folder / "releases" / name), place / "releases")
    structures = _structures(folder, {event["release"] for events in state["flows"].values() for event in events})
    _write_state(place, state, open_releases, structures, now)


def _link(made: Release, place: Path) -> None:
    """Hard links of the data, and a manifest that names no person, file or decision."""
    temporary = place / f".{secrets.token_hex(6)}.tmp"
    temporary.mkdir()
    for name in (release.OBSERVATIONS, release.SERIES):
        os.link(made.folder / name, temporary / name)
        (temporary / name).chmod(0o644)
    facts = {key: made.manifest[key] for key in ("id", "flow", "structure", "layout", "times")}
    counts = {key: made.counts[key] for key in ("observations", "series")}
    durable.write_json(temporary / release.MANIFEST, {"format": 1, "parent": None, **facts, "counts": counts})
    (temporary / release.MANIFEST).chmod(0o644)
    temporary.chmod(0o755)
    temporary.rename(place / made.id)


def _structures(folder: Path, releases: Iterable[str]) -> dict[str, str]:
    """Each structure of a release with its codelists, as a file named by its content: short name -> file."""
    registry, found = Registry(folder / "structures"), {}
    place = folder / NAME / "structures"
    for short in {Release.open(folder / "releases" / name).structure for name in releases}:
        try:
            data = ADAPTERS["structures"].dump_json(registry.structure(short))
        except StructureError:
            continue  # readers then know codes, but no labels
        name = f"{hashlib.sha256(data).hexdigest()}.json"
        if not (place / name).exists():
            temporary = place / f".{name}.{os.getpid()}"
            temporary.write_bytes(data)
            temporary.chmod(0o644)
            temporary.replace(place / name)
        found[short] = name
    for old in place.iterdir():
        if old.name not in found.values():
            old.unlink(missing_ok=True)
    return found


def _write_state(
    place: Path, state: State, releases: Mapping[str, list[str]], structures: Mapping[str, str], now: datetime
) -> None:
    """Who reads as of a moment must know when releases came and which embargoes ended. Those in force are not told."""
    flows = {}
    for flow, events in state["flows"].items():
        over = [made for made in _embargoes(state) if made.flow == flow and made.end <= now]
        flows[flow] = {
            "events": [{"release": event["release"], "at": event["at"]} for event in events],
            "open": releases[flow],
            "ended": [
                {"id": made.id, "where": made.where, "since": made.since, "end": timeline.stamp(made.end)}
                for made in over
            ],
        }
    facts = {"format": 1, "flows": flows, "structures": structures}
    path = place / STATE
    if path.exists() and durable.read_json(path) == facts:
        return
    durable.write_json(path, facts)
    path.chmod(0o644)


def keep(folder: Path, most: float = 60.0) -> None:
    """Refresh the folder now, again whenever an embargo ends, and every `most` seconds; never returns."""
    while True:
        wait = most
        try:
            if (folder / STATE).is_file():
                from regional_hub.sdg.store import Store  # it calls this module

                ends = Store(folder).refresh_open()
                wait = min(most, max(0.05, (ends - datetime.now(UTC)).total_seconds())) if ends else most
        except Exception:  # whatever it is, the service answers in the folder's place; the next round tries again
            LOG.exception("the folder of open releases was not refreshed")
        time.sleep(wait)


# -- reading it: what a server or a Dask worker does -------------------------------------------------------------------


class NotOpen(Exception):
    """The folder does not hold what was asked for whole: ask the service."""


@dataclass(frozen=True)
class OpenFolder:
    """The mounted folder as a source of releases, in the words that `query.run` knows of a store."""

    folder: Path

    @property
    def points(self) -> Path:
        return self.folder / "points"  # there are none: small answers come from Parquet too

    def clock(self) -> datetime:
        return datetime.now(UTC)

    def _state(self) -> dict[str, Any]:
        try:
            return durable.read_json(self.folder / STATE)
        except (OSError, ValueError) as error:
            raise NotOpen(f"{self.folder}: {error}") from None

    def flows(self) -> list[str]:
        return sorted(self._state()["flows"])

    def timeline(self, flow: str) -> Timeline:
        """Publications of a flow, and its embargoes that are over. Raises NotOpen."""
        state = self._state()["flows"].get(flow)
        if state is None:
            raise NotOpen(f"{flow} is not in {self.folder}")
        at_hand = {name: self._release(name) for name in state["open"]}
        events = tuple(
            Event(at_hand.get(event["release"]) or _absent(flow, event["release"]), timeline.moment(event["at"]))
            for event in state["events"]
        )
        ended = tuple(
            Embargo(one["id"], flow, one["where"], one["end"], one["since"], "", "", "") for one in state["ended"]
        )
        return Timeline(flow, events, ended)

    def view(self, flow: str, as_of: datetime | None = None) -> View:
        """What may be seen of a flow. Raises NotOpen where not every release that it takes is here."""
        found = self.timeline(flow).view(self.clock(), as_of)
        for source in found.sources:
            source.release.manifest["layout"]  # raises NotOpen
        return found

    def structure(self, short: str) -> Structure | None:
        """The structure with its codelists, None where it was not kept."""
        name = self._state()["structures"].get(short)
        try:
            return _structure(self.folder / "structures" / name) if name else None
        except OSError as error:
            raise NotOpen(f"the structure {short} was replaced: {error}") from None

    def _release(self, name: str) -> Release:
        try:
            return Release.open(self.folder / "releases" / name)
        except (OSError, ValueError) as error:
            raise NotOpen(f"release {name} was withdrawn: {error}") from None


class _Facts(dict[str, Any]):
    """What is known of a release that is not open: its name and its time. Asking for more tells that it is not here."""

    def __missing__(self, key: str) -> Any:
        raise NotOpen(f"release {self['id']} is not open to be read from the folder")


def _absent(flow: str, name: str) -> Release:
    return Release(Path("absent"), _Facts(id=name, flow=flow))


@lru_cache(maxsize=8)
def _structure(path: Path) -> Structure:
    found: Structure = ADAPTERS["structures"].validate_json(path.read_bytes())
    return found
