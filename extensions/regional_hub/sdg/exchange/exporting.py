"""Files for somebody else: what readers see of a flow, as SDMX messages that say who sends what to whom; a manifest.

Only what `query.run` gives is ever written, so that no embargoed series leaves the hub. Each output is there whole, or
not at all.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from regional_hub.sdg import durable, query, timeline
from regional_hub.sdg.formats import write_csv, write_json, write_ml
from regional_hub.sdg.formats.writing import About, Options, Reference, Section
from regional_hub.sdg.loading import Room
from regional_hub.sdg.selection import Condition, Filter, Selection
from regional_hub.sdg.store import Store
from regional_hub.sdg.structure import Structure, StructureError
from regional_hub.sdg.timeline import View

FORMATS = {
    "sdmx-ml-2.1": ".xml",
    "sdmx-ml-3.0": ".xml",
    "sdmx-ml-3.1": ".xml",
    "sdmx-csv-1.0": ".csv",
    "sdmx-csv-2.0": ".csv",
    "sdmx-json-1.0": ".json",
    "sdmx-json-2.0": ".json",
}
MANIFEST = "manifest.json"
PARTY = re.compile(r"[A-Za-z0-9_@$-]{1,64}")  # IDType of SDMX
Action = Literal["Append", "Replace", "Information"]


class ExportError(Exception):
    """An export that cannot be made as asked; the message says why. Nothing was written."""


@dataclass(frozen=True)
class Wanted:
    """What is to be exported, and to whom. `split` is a dimension with a file per code; `where` narrows codes."""

    flow: str
    output: Path
    format: str = "sdmx-ml-2.1"
    where: Mapping[str, Sequence[str]] | None = None
    split: str = ""
    release: str = ""
    as_of: datetime | None = None
    sender: str = "REGIONAL_HUB"
    receiver: str = ""
    action: Action = "Replace"
    source: str = ""
    command: str = ""


def export(room: Room, wanted: Wanted) -> dict[str, Any]:
    """Write the files and their manifest; returns the manifest. Raises ExportError, and what `query.run` raises."""
    job = _Job(room, wanted)
    return job.folder() if wanted.split else job.file()


class _Job:
    def __init__(self, room: Room, wanted: Wanted) -> None:
        self.wanted = wanted
        self.store = room.store
        for party in (wanted.sender, wanted.receiver):
            if party and not PARTY.fullmatch(party):
                raise ExportError(f"{party!r} is no id of an organisation: letters, digits, _ - @ $ can, up to 64")
        self.flow, named = _flow(room, wanted.flow)
        self.view = _view(self.store, self.flow, wanted)
        self.structure = room.registry.structure(self.view.release.structure)
        self.reference = named or _reference(room, self.structure)
        self.prepared = datetime.now(UTC).replace(microsecond=0)
        # One moment for all files: a release that comes meanwhile is in none of them.
        self.selection = Selection(self.flow, filters=self._filters(wanted.where or {}), as_of=self.view.at)
        self.selection.check(self.view.release.layout)

    def file(self) -> dict[str, Any]:
        """One file, and its manifest beside it."""
        output = self.wanted.output
        if output.is_dir():
            raise ExportError(f"{output} is a folder; name a file, or split with --split-by")
        beside = output.with_name(f"{output.name}.{MANIFEST}")
        temporary = output.with_name(f".{output.name}.{secrets.token_hex(4)}.tmp")
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            facts = self._manifest([self._write(temporary, output.name, self.selection)])
            beside.unlink(missing_ok=True)  # never a manifest that speaks of another file
            temporary.replace(output)
            durable.sync(output.parent)
            durable.write_json(beside, facts)
        finally:
            temporary.unlink(missing_ok=True)
        return facts

    def folder(self) -> dict[str, Any]:
        """A file for each code of a dimension, in a folder that appears with all of them and the manifest."""
        output, split = self.wanted.output, self._dimension()
        if output.exists() and (not output.is_dir() or any(output.iterdir())):
            raise ExportError(f"{output} is there already; name a folder that is new or empty")
        output.parent.mkdir(parents=True, exist_ok=True)
        temporary = output.with_name(f".{output.name}.{secrets.token_hex(4)}.tmp")
        temporary.mkdir()
        try:
            files = []
            for code in self._codes(split):
                name = f"{_safe(self.reference.id)}_{_safe(code)}{FORMATS[self.wanted.format]}"
                one = replace(self.selection, filters=(*self.selection.filters, _is(split, [code])))
                files.append({**self._write(temporary / name, name, one), split: code})
            facts = self._manifest(files)
            durable.write_json(temporary / MANIFEST, facts)
            if output.exists():
                output.rmdir()
            durable.place(temporary, output)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return facts

    def _dimension(self) -> str:
        names = self.view.release.layout.dimensions
        asked = self.wanted.split
        found = next((name for name in names if name.casefold() == asked.casefold()), None)
        if found is None:
            raise ExportError(f"{self.structure.short} has no dimension {asked}; it has {', '.join(names)}")
        return found

    def _codes(self, split: str) -> list[str]:
        _, _, codes = query.run(self.store, self.selection).summary()
        found = sorted(codes[self.view.release.layout.key.index(split)])
        if not found:
            raise ExportError(f"{self.flow} has no observations for this")
        return found

    def _filters(self, where: Mapping[str, Sequence[str]]) -> tuple[Filter, ...]:
        return tuple(_is(name, codes) for name, codes in where.items())

    def _write(self, path: Path, name: str, selection: Selection) -> dict[str, Any]:
        """One message, streamed; returns what the manifest says of it."""
        count, series, codes = query.run(self.store, selection).summary()
        if not count:
            raise ExportError(f"{self.flow} has no observations for this")
        layout = self.view.release.layout
        times = sorted(codes[layout.key.index(layout.time)]) if layout.time else []
        digest, rows = hashlib.sha256(), _Counted(query.run(self.store, selection).batches)
        options = self._options(name, times)
        with path.open("wb") as file:
            for chunk in _message(self.wanted, rows, self.structure, options):
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if rows.count != count:
            raise ExportError(f"{name}: {rows.count} observations were written of {count}; the data changed, try again")
        facts = {"file": name, "sha256": digest.hexdigest(), "bytes": path.stat().st_size, "message": options.message}
        facts |= {"observations": count, "series": series}
        return facts | ({"first": times[0], "last": times[-1]} if times else {})

    def _options(self, name: str, times: list[str]) -> Options:
        release = self.view.release
        known = f"{release.id} {name} {timeline.stamp(self.prepared)}"
        about = About(
            dataset=_safe(release.id),
            action=self.wanted.action,
            extracted=self.prepared,
            begin=times[0] if times else "",
            end=times[-1] if times else "",
            source=f"{self.wanted.source or self.wanted.sender}, {self.flow}, release {release.id}",
        )
        return Options(
            reference=self.reference,
            message=f"E-{hashlib.sha256(known.encode()).hexdigest()[:24]}",
            prepared=self.prepared,
            sender=self.wanted.sender,
            receiver=self.wanted.receiver,
            about=about,
        )

    def _manifest(self, files: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "flow": self.flow,
            "reference": self.reference.urn,
            "structure": self.structure.short,
            "release": self.view.release.id,
            "as_of": timeline.stamp(self.view.at),
            "prepared": timeline.stamp(self.prepared),
            "sender": self.wanted.sender,
            "receiver": self.wanted.receiver,
            "action": self.wanted.action,
            "format": self.wanted.format,
            "where": {name: list(codes) for name, codes in (self.wanted.where or {}).items()},
            "command": self.wanted.command,
            "observations": sum(file["observations"] for file in files),
            "files": files,
        }


class _Counted:
    """Batches that count their rows as they pass."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self.count = 0

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.count += batch.num_rows
            yield batch


def _message(wanted: Wanted, rows: _Counted, structure: Structure, options: Options) -> Iterator[bytes]:
    _, kind, version = wanted.format.split("-")
    sections = [Section(rows, wanted.action)]
    if kind == "csv":
        return write_csv.write(sections, structure, options, version)  # type: ignore[arg-type]
    if kind == "json":
        return write_json.write(sections, structure, options, version)  # type: ignore[arg-type]
    return write_ml.write(sections, structure, options, version)  # type: ignore[arg-type]


def _flow(room: Room, asked: str) -> tuple[str, Reference | None]:
    """The flow of the store that a name means, and the dataflow where the name is one."""
    flows = room.store.flows()
    bare = asked.partition("(")[0]
    for name in room.registry.names("dataflows"):
        if asked == name or (asked == bare and name.partition("(")[0] == bare):
            found = room.registry.dataflow(name)
            flow = found.structure.partition("(")[0]
            if flow in flows:
                return flow, Reference("dataflow", found.agency, found.id, found.version, found.name)
    if bare in flows:
        return bare, None
    raise ExportError(f"there is no release of {asked}; there are releases of {', '.join(flows) or 'nothing'}")


def _reference(room: Room, structure: Structure) -> Reference:
    """The dataflow that the data are of, where there is exactly one; else their data structure."""
    flows = [room.registry.dataflow(name) for name in room.registry.names("dataflows")]
    own = [flow for flow in flows if flow.structure == structure.short]
    if len(own) == 1:
        return Reference("dataflow", own[0].agency, own[0].id, own[0].version, own[0].name)
    return Reference("datastructure", structure.agency, structure.id, structure.version, structure.name)


def _view(store: Store, flow: str, wanted: Wanted) -> View:
    """What readers may see now, at a moment, or when a release was published."""
    moment = wanted.as_of
    if wanted.release:
        events = [event for event in store.timeline(flow).events if event.release.id == wanted.release]
        if not events:
            raise ExportError(f"{flow} has no release {wanted.release}; `./hub sdg releases` lists them")
        moment = events[0].at
    return store.view(flow, moment)


def _is(name: str, codes: Sequence[str]) -> Filter:
    return Filter(name, tuple(Condition("eq", code) for code in codes))


def _safe(text: str) -> str:
    """A text as an id of SDMX and part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_@$-]", "_", text)


__all__ = ["FORMATS", "ExportError", "StructureError", "Wanted", "export"]
