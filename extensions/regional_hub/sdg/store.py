"""The store of releases: drafts become releases, one file says which are current, and every step survives kill -9.

`state.json` is the whole truth: per flow the releases in the order of publication, and the embargoes. It is replaced by
one rename, so a reader sees the release before or the one after. It does not know who may do what: callers check roles.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from regional_hub.sdg import changes, durable, open_folder, points, release, timeline
from regional_hub.sdg.draft import DRAFT, PUBLISHED, Draft, DraftError
from regional_hub.sdg.publishing import Outdated, PublishError, SamePerson, UnknownRelease, check_publishable
from regional_hub.sdg.release import HasComponents, Layout, Release
from regional_hub.sdg.timeline import Embargo, Event, Timeline, View

RELEASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Log = Callable[[str, str, str, Mapping[str, Any]], None]


def _unlogged(_actor: str, _verb: str, _object: str, _detail: Mapping[str, Any]) -> None:
    """Where no audit log is given: the state keeps who and when all the same."""


class Store:
    """Drafts and releases below one folder. Any number of processes may hold one; readers never wait."""

    def __init__(
        self, folder: Path, *, log: Log = _unlogged, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.folder = folder
        self.clock = clock
        self._log = log
        self._state_file = folder / "state.json"
        self._known: tuple[tuple[int, ...], dict[str, Any], dict[str, Timeline]] = ((-1,), {}, {})
        for name in ("drafts", "releases"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    @property
    def points(self) -> Path:
        """Copies of the current releases for small answers; may be deleted."""
        return self.folder / "points"

    def warm(self) -> None:
        """Make those copies where they are missing: what a process that serves does when it starts."""
        for flow in self.flows():
            if current := self.current(flow):
                points.build(self.points, current)

    # What there is

    def flows(self) -> list[str]:
        return sorted(self._seen()[1]["flows"])

    def timeline(self, flow: str) -> Timeline:
        """The publications and embargoes of a flow. Raises UnknownRelease."""
        _, state, lines = self._seen()
        if flow not in state["flows"]:
            raise UnknownRelease(
                f"no release of {flow}; there are releases of {', '.join(state['flows']) or 'nothing'}"
            )
        if flow not in lines:
            lines[flow] = self._timeline(state, flow)
        return lines[flow]

    def current(self, flow: str) -> Release | None:
        """The release that was published last, embargoed series included: for stewards, not for readers."""
        events = self._seen()[1]["flows"].get(flow, [])
        return self.release(events[-1]["release"]) if events else None

    def release(self, identifier: str) -> Release:
        """A published release. Raises UnknownRelease."""
        known = (event["release"] for events in self._seen()[1]["flows"].values() for event in events)
        if identifier not in known:
            raise UnknownRelease(f"no release {identifier!r}; `./hub sdg releases` lists them")
        return _open(self.folder / "releases" / identifier)

    def view(self, flow: str, as_of: datetime | None = None) -> View:
        """What readers may see of a flow now, or saw at a moment. Raises UnknownRelease."""
        return self.timeline(flow).view(self.clock(), as_of)

    def drafts(self) -> list[Draft]:
        folders = sorted((self.folder / "drafts").iterdir())
        there = [each.name for each in folders if not each.name.startswith(".") and (each / "draft.json").is_file()]
        return [self.draft(name) for name in there]

    def draft(self, identifier: str) -> Draft:
        folder = self.folder / "drafts" / identifier
        if not RELEASE_ID.fullmatch(identifier) or not (folder / "draft.json").is_file():
            raise UnknownRelease(f"no draft {identifier!r}; `./hub sdg releases` lists them")
        return Draft(folder, self.current, self._now)

    # What changes it

    def start(self, structure: HasComponents, *, by: str, flow: str | None = None, empty: bool = False) -> Draft:
        """A new draft for data of a structure; the flow is the structure's `AGENCY:ID` unless given.

        It changes what is published now; with `empty` it replaces all of it, so that what is not loaded vanishes.
        """
        identifier = f"{self.clock():%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        folder = self.folder / "drafts" / identifier
        folder.mkdir()
        facts = {
            "flow": flow or structure.short.split("(", 1)[0],
            "structure": structure.short,
            "layout": asdict(Layout.of(structure)),
            "start": "empty" if empty else "current",
            "state": DRAFT,
            "by": by,
            "at": self._now(),
            "next": 0,
            "parts": [],
            "decisions": [],
            "embargoes": [],
        }
        durable.write_json(folder / "draft.json", facts)
        return self.draft(identifier)

    def publish(
        self,
        draft: Draft,
        *,
        by: str,
        name: str | None = None,
        force: bool = False,
        reason: str = "",
        seen: str = "",
    ) -> Release:
        """Make a validated draft the current release.

        `by` is somebody who neither loaded nor decided anything in it. With `force`, which callers grant to
        administrators only, it may be the same person; that needs a reason and is logged before it happens.
        `seen` is the tag of the draft that they looked at; another one is Outdated.
        Raises SamePerson, Outdated, PublishError, release.DamagedRelease, or durable.Busy.
        """
        with draft.locked(), durable.lock(self.folder / "lock"):
            state = self._tidy()
            facts = draft.facts
            if seen and seen != draft.tag:
                raise Outdated(f"draft {draft.id} was changed since you looked at it; look again")
            events = state["flows"].setdefault(facts["flow"], [])
            done = next((event["release"] for event in events if event["draft"] == draft.id), None)
            if done:
                raise PublishError(f"draft {draft.id} is published already, as release {done}")
            check_publishable(draft, facts, events, by, force, reason)
            candidate = draft.folder / facts["candidate"]
            release.verify(candidate, facts["built"]["files"])
            new = self._place(state, candidate, facts, draft.id, by, name)
            forced = force and by in draft.people
            self._switch(state, new, draft.id, by, reason, forced=forced, embargoes=facts["embargoes"])
            durable.write_json(draft.folder / "draft.json", {**facts, "state": PUBLISHED, "release": new.id})
        points.build(self.points, new)
        return new

    def discard(self, draft: Draft, *, by: str, reason: str) -> None:
        """Remove a draft with everything in it, and log who did and why. Raises PublishError for a published one."""
        if not reason.strip():
            raise PublishError("discarding a draft needs a reason; it is logged")
        with draft.locked():
            facts = draft.facts
            if facts["state"] == PUBLISHED:
                raise PublishError(f"draft {draft.id} is published; it stays with its release")
            detail = {"flow": facts["flow"], "reason": reason.strip(), "files": [part.name for part in draft.parts]}
            self._log(by, "discard-draft", draft.id, detail)
            gone = self.folder / "drafts" / f".{draft.id}.{secrets.token_hex(4)}"
            draft.folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def rollback(self, flow: str, to: str, *, by: str, reason: str, name: str | None = None) -> Release:
        """Publish the content of an earlier release again, as a release of its own: history is never cut off.

        Its files are links to those of the earlier one; its change set says what went back.
        """
        if not reason.strip():
            raise PublishError("rolling back needs a reason; it is kept with the release")
        with durable.lock(self.folder / "lock"):
            state = self._tidy()
            source, current = self.release(to), self.current(flow)
            if current is None or source.flow != flow:
                raise PublishError(f"release {to} is of {source.flow}, not of {flow}")
            if source.id == current.id:
                raise PublishError(f"release {to} is current already")
            temporary = self._temporary()
            for file in (release.OBSERVATIONS, release.SERIES, release.REPORT):
                os.link(source.folder / file, temporary / file)
            with release.engine(temporary / "spill") as con:
                path = temporary / release.CHANGES
                counts = changes.write(con, current, source.observations, source.layout, path)
            shutil.rmtree(temporary / "spill", ignore_errors=True)
            facts = {
                **{
                    key: source.manifest[key]
                    for key in ("flow", "structure", "layout", "times", "sources", "decisions")
                },
                "counts": {**source.counts, **counts},
                "files": release.describe(temporary),
                "change_columns": changes.merged(source.layout, current.layout).columns,
                "rollback_of": source.id,
            }
            new = self._finish(state, temporary, facts, name, by)
            self._switch(state, new, None, by, reason, rollback_of=source.id)
        points.build(self.points, new)
        return new

    def embargo(
        self, flow: str, where: Mapping[str, Iterable[str]], until: datetime, *, by: str, reason: str
    ) -> Embargo:
        """Hide series that are published already, in every release, until a moment; then they are seen again."""
        with durable.lock(self.folder / "lock"):
            state = self._state()
            current = self.current(flow)
            if current is None:
                raise UnknownRelease(f"no release of {flow}")
            unknown = [component for component in where if component not in current.layout.dimensions]
            if unknown or not where:
                raise PublishError(
                    f"an embargo names codes of dimensions, {flow} has no {', '.join(unknown) or 'empty one'}"
                )
            made = Embargo.new(flow, where, until, since=None, by=by, at=self._now(), reason=reason)
            self._log(by, "embargo", flow, asdict(made))
            state["embargoes"].append(asdict(made))
            self._write(state)
        return made

    def lift(self, identifier: str, *, by: str, reason: str) -> None:
        """End an embargo now. Raises UnknownRelease."""
        with durable.lock(self.folder / "lock"):
            state = self._state()
            found = next((made for made in state["embargoes"] if made["id"] == identifier), None)
            if found is None:
                raise UnknownRelease(f"no embargo {identifier!r}")
            if found["lifted"] is None and self._now() < found["until"]:
                self._log(by, "lift-embargo", found["flow"], {**found, "reason": reason})
                found |= {"lifted": self._now(), "lifted_by": by}
                self._write(state)

    def diff(self, before: str, after: str) -> Iterator[pa.RecordBatch]:
        """What differs between two releases of a flow, as the columns of `changes.columns`."""
        first, last = self.release(before), self.release(after)
        if first.flow != last.flow:
            raise PublishError(f"{before} is of {first.flow} and {after} of {last.flow}: nothing to compare")
        spill = self.folder / f".spill-{secrets.token_hex(4)}"
        try:
            with release.engine(spill) as con:
                yield from changes.diff(con, first, last)
        finally:
            shutil.rmtree(spill, ignore_errors=True)

    # How it is kept

    def _now(self) -> str:
        return timeline.stamp(self.clock())

    @property
    def stamp(self) -> tuple[int, ...]:
        """Another one after whatever changes the state: which file it is, when it was written, and its size."""
        try:
            found = self._state_file.stat()
        except FileNotFoundError:
            return ()
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _seen(self) -> tuple[tuple[int, ...], dict[str, Any], dict[str, Timeline]]:
        """The state and its timelines, only to be looked at; read again when the file is another one than before."""
        known, stamp = self._known, self.stamp  # looked at before it is read: at worst it is read once more
        if known[0] != stamp:
            self._known = known = (stamp, self._state(), {})
        return known

    def _state(self) -> dict[str, Any]:
        path = self.folder / "state.json"
        return durable.read_json(path) if path.exists() else {"format": 1, "flows": {}, "embargoes": []}

    def _timeline(self, state: Mapping[str, Any], flow: str) -> Timeline:
        events = tuple(
            Event(_open(self.folder / "releases" / event["release"]), timeline.moment(event["at"]))
            for event in state["flows"][flow]
        )
        embargoes = tuple(Embargo(**made) for made in state["embargoes"] if made["flow"] == flow)
        return Timeline(flow, events, embargoes)

    def _temporary(self) -> Path:
        folder = self.folder / "releases" / f".{secrets.token_hex(6)}.tmp"
        folder.mkdir()
        return folder

    def _place(
        self,
        state: Mapping[str, Any],
        candidate: Path,
        draft: Mapping[str, Any],
        identifier: str,
        by: str,
        name: str | None,
    ) -> Release:
        temporary = self._temporary()
        for path in candidate.iterdir():
            os.link(path, temporary / path.name)
        facts = {
            "flow": draft["flow"],
            "structure": draft["structure"],
            **draft["built"],
            "sources": draft["parts"],
            "decisions": draft["decisions"],
            "embargoes": draft["embargoes"],
            "start": draft["start"],
            "draft": identifier,
        }
        return self._finish(state, temporary, facts, name, by)

    def _finish(
        self, state: Mapping[str, Any], temporary: Path, facts: Mapping[str, Any], name: str | None, by: str
    ) -> Release:
        """Write the manifest and give the folder its name. Until the switch nobody looks at it."""
        count = 1 + sum(len(events) for events in state["flows"].values())
        identifier = name or f"{self.clock():%Y-%m-%d}.{count:04}"
        if not RELEASE_ID.fullmatch(identifier):
            raise PublishError(f"{identifier!r} cannot name a release: letters, digits, dots and hyphens can, up to 64")
        folder = self.folder / "releases" / identifier
        if folder.exists():
            raise PublishError(f"there is a release {identifier} already")
        events = state["flows"].get(facts["flow"], [])
        parent = events[-1]["release"] if events else None
        manifest = {"format": 1, "id": identifier, "parent": parent, "published_by": by, **facts}
        durable.write_json(temporary / release.MANIFEST, manifest)
        durable.place(temporary, folder)
        return Release.open(folder)

    def _switch(
        self,
        state: dict[str, Any],
        new: Release,
        draft: str | None,
        by: str,
        reason: str,
        *,
        forced: bool = False,
        rollback_of: str | None = None,
        embargoes: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Log, then make the release current: the one rename that readers see."""
        events = state["flows"].setdefault(new.flow, [])
        now = self.clock()
        if events:
            now = max(now, timeline.moment(events[-1]["at"]) + timedelta(microseconds=1))
        at = timeline.stamp(now)
        event = {"release": new.id, "at": at, "by": by, "draft": draft, "reason": reason.strip(), "forced": forced}
        event["rollback_of"] = rollback_of
        verb = "force-release" if forced else "roll-back-release" if rollback_of else "publish-release"
        self._log(by, verb, new.id, {**event, "flow": new.flow})
        events.append(event)
        for asked in embargoes:
            until = timeline.moment(asked["until"])
            made = Embargo.new(new.flow, asked["where"], until, since=new.id, by=asked["by"], at=at, reason="")
            state["embargoes"].append(asdict(made))
        self._write(state)

    def refresh_open(self) -> datetime | None:
        """Make the folder that servers mount what is public now; returns when an embargo ends that changes it."""
        with durable.lock(self.folder / "lock"):
            return open_folder.refresh(self.folder, self._state(), self.clock)

    def _write(self, state: Mapping[str, Any]) -> None:
        """What is to be hidden leaves the open folder before it is said to be hidden; what is new comes after."""
        open_folder.withdraw(self.folder, state, self.clock)
        durable.write_json(self.folder / "state.json", state)
        open_folder.refresh(self.folder, state, self.clock)

    def _tidy(self) -> dict[str, Any]:
        """Remove what a killed process left: folders that no state names. Call it under the lock only."""
        state = self._state()
        known = {event["release"] for events in state["flows"].values() for event in events}
        for folder in (self.folder / "releases").iterdir():
            if folder.name not in known:
                shutil.rmtree(folder)
        for left in (*self.folder.glob(".state.json.*.tmp"), *self.points.glob(".*.tmp")):
            left.unlink(missing_ok=True)
        return state


@lru_cache(maxsize=256)
def _open(folder: Path) -> Release:
    """Releases never change, so each manifest is read once."""
    return Release.open(folder)


__all__ = ["DraftError", "Outdated", "PublishError", "SamePerson", "Store", "UnknownRelease"]
