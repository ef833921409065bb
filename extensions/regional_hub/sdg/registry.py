"""Keeps imported structures, all versions side by side, below one folder.

Each artefact is a file named by its content that never changes; `index.json` says which content a short name has, and
an import becomes visible by one atomic rename of it. The index also logs when a name got which content, so that the
structures can be read as they were at any moment. A data structure keeps the very codelists it came with, whatever
another message later says under the same name.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from regional_hub.sdg import structure as model
from regional_hub.sdg.structure import StructureError

KINDS: dict[str, type[model.Maintained]] = {
    "codelists": model.Codelist,
    "concept_schemes": model.ConceptScheme,
    "metadata_structures": model.MetadataStructure,
    "structures": model.Structure,
    "dataflows": model.Dataflow,
    "constraints": model.Constraint,
}
LOG = "log"  # beside the kinds in the index: when, kind, short name, entry
ADAPTERS: dict[str, TypeAdapter[Any]] = {kind: TypeAdapter(made) for kind, made in KINDS.items()}
M = TypeVar("M", bound=model.Maintained)


class Registry:
    """The structures that were imported. Reading sees one state at a time; several processes may import."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self._clock = clock
        self._objects: dict[tuple[str, str], model.Maintained] = {}
        self._index: tuple[tuple[int, int], dict[str, Any]] | None = None
        self._past: dict[str, Any] | None = None

    def at(self, moment: datetime) -> Registry:
        """The structures as they were at a moment, to read only."""
        found = Registry(self.folder)
        found._objects = self._objects
        index, log = self.index(), self.index().get(LOG, [])
        logged = {(kind, short) for _, kind, short, _ in log}
        past: dict[str, Any] = {
            kind: {short: entry for short, entry in index[kind].items() if (kind, short) not in logged}
            for kind in KINDS
        }
        past[LOG] = [one for one in log if datetime.fromisoformat(one[0]) <= moment]
        for _, kind, short, entry in past[LOG]:
            past[kind][short] = entry
        found._past = past
        return found

    @property
    def changed(self) -> datetime:
        """When something was imported last; 1970 where nothing ever was."""
        log = self.index().get(LOG, [])
        return datetime.fromisoformat(log[-1][0]) if log else datetime(1970, 1, 1, tzinfo=UTC)

    # -- reading --------------------------------------------------------------------------------------------------

    def structure(self, short: str) -> model.Structure:
        """A data structure by its short name, urn, or that of a dataflow; else StructureError."""
        wanted = model.to_short(short)
        index = self.index()
        if wanted not in index["structures"] and wanted in index["dataflows"]:
            wanted = self.dataflow(wanted).structure
        if wanted not in index["structures"]:
            there = ", ".join(sorted(index["structures"])) or "none; import one: ./hub sdg structure FILE"
            raise StructureError(f"no data structure {wanted} is known; there are: {there}")
        entry = index["structures"][wanted]
        key = (entry["content"], json.dumps(entry["codelists"], sort_keys=True))
        if key not in self._objects:
            plain: model.Structure = self._object("structures", entry["content"])
            lists = {ref: self._object("codelists", content) for ref, content in entry["codelists"].items()}
            self._objects[key] = plain.resolved(lists)
        found = self._objects[key]
        assert isinstance(found, model.Structure)
        return found

    def codelist(self, short: str) -> model.Codelist:
        return self._named("codelists", short, model.Codelist)

    def concept_scheme(self, short: str) -> model.ConceptScheme:
        return self._named("concept_schemes", short, model.ConceptScheme)

    def dataflow(self, short: str) -> model.Dataflow:
        return self._named("dataflows", short, model.Dataflow)

    def constraint(self, short: str) -> model.Constraint:
        return self._named("constraints", short, model.Constraint)

    def metadata_structure(self, short: str) -> model.MetadataStructure:
        return self._named("metadata_structures", short, model.MetadataStructure)

    def latest(self, agency: str, id: str, kind: str = "structures") -> model.Maintained:
        """The artefact with the highest version. Raises StructureError where there is none."""
        found = [short for short in self.index()[kind] if short.startswith(f"{agency}:{id}(")]
        if not found:
            raise StructureError(f"no {kind} {agency}:{id} are known")
        newest = max(found, key=version_order)
        return self.structure(newest) if kind == "structures" else self._named(kind, newest, KINDS[kind])

    def names(self, kind: str) -> list[str]:
        """Short names of all artefacts of a kind of KINDS."""
        return sorted(self.index()[kind])

    def all(self) -> model.Structures:
        """Everything that is kept; codelists in the state that was imported last."""
        index = self.index()
        found = {
            kind: tuple(
                self.structure(short) if kind == "structures" else self._named(kind, short, KINDS[kind])
                for short in sorted(index[kind])
            )
            for kind in KINDS
        }
        return model.Structures(**found)  # type: ignore[arg-type]

    def constraints_of(self, short: str) -> list[model.Constraint]:
        """Constraints that are attached to a data structure or to a dataflow of it."""
        flows = {name for name in self.names("dataflows") if self.dataflow(name).structure == short}
        constraints = (self.constraint(name) for name in self.names("constraints"))
        return [constraint for constraint in constraints if {short, *flows} & set(constraint.attached)]

    def index(self) -> dict[str, Any]:
        """What each short name holds: the content, and for a data structure the contents of its codelists."""
        if self._past is not None:
            return self._past
        path = self.folder / "index.json"
        try:
            state = path.stat()
        except FileNotFoundError:
            return {kind: {} for kind in KINDS}
        seen = (state.st_mtime_ns, state.st_ino)
        if self._index is None or self._index[0] != seen:
            self._index = (seen, {kind: {} for kind in KINDS} | json.loads(path.read_text(encoding="utf-8")))
        return self._index[1]

    @property
    def stamp(self) -> tuple[int, ...]:
        """Another one after every import."""
        self.index()
        return self._index[0] if self._index else ()

    def _named(self, kind: str, short: str, made: type[M]) -> M:
        wanted = model.to_short(short)
        index = self.index()[kind]
        if wanted not in index:
            there = ", ".join(sorted(index)[:30]) or "none"
            raise StructureError(f"no {kind.replace('_', ' ').removesuffix('s')} {wanted} is known; there are: {there}")
        entry = index[wanted]
        found = self._object(kind, entry["content"] if kind == "structures" else entry)
        assert isinstance(found, made)
        return found

    def _object(self, kind: str, content: str) -> Any:
        if (kind, content) not in self._objects:
            data = (self.folder / "objects" / f"{content}.json").read_bytes()
            self._objects[kind, content] = ADAPTERS[kind].validate_json(data)
        return self._objects[kind, content]

    # -- importing ------------------------------------------------------------------------------------------------

    def add(self, found: model.Structures, *, replace_final: bool = False) -> list[str]:
        """Keep everything in a message, all or nothing; returns the short names that are new or changed.

        Raises StructureError when a final artefact is already kept with another content, unless `replace_final`.
        Codelists and concept schemes that travel along are no reason to refuse: each data structure keeps its own.
        """
        with self._lock():
            index = json.loads(json.dumps(self.index()))
            changed = []
            log = index.setdefault(LOG, [])
            now = self._clock().isoformat()
            for kind in KINDS:
                for artefact in getattr(found, kind):
                    entry = self._entry(kind, artefact, index)
                    before = index[kind].get(artefact.short)
                    if before == entry:
                        continue
                    strict = kind in ("structures", "metadata_structures") and not replace_final
                    if before is not None and strict and artefact.final and before != entry:
                        raise StructureError(
                            f"{artefact.short} is final and already kept with another content; give it a new version, "
                            "or import it with --replace"
                        )
                    index[kind][artefact.short] = entry
                    log.append([now, kind, artefact.short, entry])
                    changed.append(artefact.short)
            self._write("index.json", json.dumps(index, ensure_ascii=False, indent=1).encode())
            return changed

    def _entry(self, kind: str, artefact: model.Maintained, index: dict[str, Any]) -> Any:
        if not isinstance(artefact, model.Structure):
            return self._keep(kind, artefact)
        parts = tuple(replace(part, codelist=None) for part in artefact.components)
        lists = {}
        for part in artefact.components:
            if part.codelist is not None:
                lists[part.codelist_ref] = self._keep("codelists", part.codelist)
            elif part.codelist_ref in index["codelists"]:
                lists[part.codelist_ref] = index["codelists"][part.codelist_ref]
        return {"content": self._keep(kind, replace(artefact, components=parts)), "codelists": lists}

    def _keep(self, kind: str, artefact: model.Maintained) -> str:
        data = ADAPTERS[kind].dump_json(artefact)
        content = hashlib.sha256(data).hexdigest()
        if not (self.folder / "objects" / f"{content}.json").exists():
            self._write(f"objects/{content}.json", data)
        return content

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._index = None
            yield


def version_order(short: str) -> tuple[tuple[int, int | str], ...]:
    """Orders versions by their numbers: 1.9 before 1.10."""
    parts = re.split(r"[.-]", short.rpartition("(")[2].rstrip(")"))
    return tuple((1, int(part)) if part.isdigit() else (0, part) for part in parts)
