"""A draft: files taken in one by one, decisions on their conflicts, and the candidate of a release that they lead to.

Whatever changes a draft makes its validation void. A draft is never seen by readers; `store.py` publishes it.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from regional_hub.sdg import changes, durable, merge, release, timeline
from regional_hub.sdg.merge import Conflict, Statement
from regional_hub.sdg.release import Layout, Release

DRAFT, VALIDATED, PUBLISHED = "draft", "validated", "published"
CANDIDATE = "candidate"
STAGED_ROWS = 65_536


class DraftError(Exception):
    """A step that this draft's state does not allow."""


class Undecided(DraftError):
    """Files contradict one another, and nobody decided yet which is right."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        self.conflicts = conflicts
        first = conflicts[0]
        places = ", ".join(f"{place.value} ({place.file}, line {place.line})" for place in first.statements)
        key = ".".join(str(code) for code in first.key.values())
        super().__init__(f"{len(conflicts)} observations in conflict, decide them first: {key} is {places}")


class Outcome(Protocol):
    """What a validation found (`validate.Report`)."""

    @property
    def blocking(self) -> bool: ...
    def to_dict(self) -> Mapping[str, Any]: ...


Check = Callable[[Iterator[pa.RecordBatch], Release | None], Outcome]


@dataclass(frozen=True)
class Part:
    """A file of the draft: its name and hash, how many rows it stated, and who loaded it."""

    name: str
    sha256: str
    rows: int
    by: str
    file: str


class Draft:
    """A draft below `drafts/`; every method reads its state anew, so two processes may work on it at once.

    `wait` is how many seconds a change waits for another one; then it raises durable.Busy.
    """

    wait: float = 600

    def __init__(self, folder: Path, current: Callable[[str], Release | None], clock: Callable[[], str]) -> None:
        self.folder = folder
        self._current = current
        self._clock = clock

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def facts(self) -> dict[str, Any]:
        return durable.read_json(self.folder / "draft.json")

    @property
    def tag(self) -> str:
        """Changes with every change of the draft, so that nobody acts on one that they have not seen."""
        return hashlib.sha256((self.folder / "draft.json").read_bytes()).hexdigest()[:16]

    @property
    def flow(self) -> str:
        return str(self.facts["flow"])

    @property
    def layout(self) -> Layout:
        return Layout.load(self.facts["layout"])

    @property
    def parts(self) -> list[Part]:
        return [Part(**facts) for facts in self.facts["parts"]]

    @property
    def people(self) -> set[str]:
        """Everyone who made this draft what it is: none of them publishes it."""
        facts = self.facts
        made = [*facts["parts"], *facts["decisions"], *facts.get("undone", [])]
        return {facts["by"], *(each["by"] for each in made), *(each["undone_by"] for each in facts.get("undone", []))}

    @property
    def before(self) -> Release | None:
        """The release that is current now, whatever the draft was validated against."""
        return self._current(self.flow)

    def add(self, batches: Iterable[pa.RecordBatch], *, name: str, sha256: str, by: str) -> Part:
        """Take in a file. It is in the draft whole, or, when reading it raises, not at all.

        Raises DraftError for columns that are not in the structure, for actions that SDMX does not know, and for a file
        that the draft holds already.
        """
        with self._change() as facts:
            if any(part["sha256"] == sha256 for part in facts["parts"]):
                raise DraftError(f"{name}: the draft holds this file already (same content)")
            taken = len(facts["parts"]) + sum("sha256" in made for made in facts.get("undone", []))
            file = f"{taken + 1:05}.parquet"
            temporary = self.folder / f"{file}.tmp"
            try:
                end = _stage(batches, Layout.load(facts["layout"]), temporary, facts["next"], name)
                durable.sync(temporary)
                temporary.replace(self.folder / file)
            finally:
                temporary.unlink(missing_ok=True)
            part = Part(name, sha256, end - facts["next"], by, file)
            facts["parts"].append(asdict(part))
            facts["next"] = end
        return part

    def drop(self, part: Part, *, by: str) -> None:
        """Take a file out again, with the decisions that were about it. Raises DraftError when it is not there."""
        with self._change() as facts:
            if asdict(part) not in facts["parts"]:
                raise DraftError(f"{part.name} is not in draft {self.id}")
            facts["parts"].remove(asdict(part))
            about = [made for made in facts["decisions"] if part.name in _files(made)]
            facts["decisions"] = [made for made in facts["decisions"] if made not in about]
            undone = [{**made, "undone_by": by, "undone_at": self._clock()} for made in (asdict(part), *about)]
            facts["undone"] = [*facts.get("undone", []), *undone]
        (self.folder / part.file).unlink(missing_ok=True)

    def rows(self) -> Iterator[pa.RecordBatch]:
        """Every row of every file in order, with `_file`, `_line` and `_action`."""
        for part in self.parts:
            with pq.ParquetFile(self.folder / part.file) as file:
                for batch in file.iter_batches():
                    yield batch.drop_columns([merge.SEQ])

    def conflicts(self) -> list[Conflict]:
        """Observations that the files state with different values and nobody decided."""
        facts = self.facts
        with self._engine() as con:
            merge.open_staged(con, self._files(facts), Layout.load(facts["layout"]), None)
            decided = [made["key"] for made in facts["decisions"]]
            found = merge.conflicts(con, Layout.load(facts["layout"]))
            return [conflict for conflict in found if dict(conflict.key) not in decided]

    def decide(self, conflict: Conflict, keep: Statement, *, by: str, reason: str) -> None:
        """Record which of the contradicting statements holds, who says so and why."""
        if keep not in conflict.statements:
            raise DraftError(f"{keep.file}, line {keep.line} is not among the statements in conflict")
        if not reason.strip():
            raise DraftError("a decision needs a reason; it is kept with the release")
        with self._change() as facts:
            facts["decisions"] = [made for made in facts["decisions"] if made["key"] != dict(conflict.key)]
            facts["decisions"].append(
                {
                    "key": dict(conflict.key),
                    "keep": asdict(keep),
                    "rejected": [asdict(other) for other in conflict.statements if other != keep],
                    "by": by,
                    "at": self._clock(),
                    "reason": reason.strip(),
                }
            )

    def undecide(self, key: Mapping[str, str | None], *, by: str) -> None:
        """Take a decision back; who made it, and who took it back, is kept. Raises DraftError when there is none."""
        with self._change() as facts:
            found = next((made for made in facts["decisions"] if made["key"] == dict(key)), None)
            if found is None:
                raise DraftError(f"nothing is decided of {'.'.join(str(code) for code in key.values())}")
            facts["decisions"].remove(found)
            undone = {**found, "undone_by": by, "undone_at": self._clock()}
            facts["undone"] = [*facts.get("undone", []), undone]

    def request(self, *, by: str) -> None:
        """Ask that a second person publishes this draft. Raises DraftError unless it is validated."""
        with self._change(keep_validation=True) as facts:
            if facts["state"] != VALIDATED:
                raise DraftError(f"draft {self.id} is not validated; there is nothing to publish yet")
            facts["requested"] = {"by": by, "at": self._clock()}

    def embargo(self, where: Mapping[str, Iterable[str]], until: str, *, by: str) -> None:
        """From publication until this moment, readers see series of these codes as they were before.

        Raises ValueError for a moment without time or zone.
        """
        layout, until = self.layout, timeline.stamp(timeline.moment(until))
        unknown = [name for name in where if name not in layout.dimensions]
        if unknown or not where:
            raise DraftError(f"an embargo names codes of dimensions ({', '.join(layout.dimensions)}), not {unknown}")
        with self._change(keep_validation=True) as facts:
            chosen = {name: sorted(codes) for name, codes in where.items()}
            facts["embargoes"].append({"where": chosen, "until": until, "by": by, "at": self._clock()})

    def lift(self, number: int) -> Mapping[str, Any]:
        """Take back the embargo at a place of the list, and return it. Raises DraftError when there is none."""
        with self._change(keep_validation=True) as facts:
            if not 0 <= number < len(facts["embargoes"]):
                raise DraftError(f"draft {self.id} has no embargo {number}")
            lifted: Mapping[str, Any] = facts["embargoes"].pop(number)
        return lifted

    def validate(self, check: Check | None = None) -> Mapping[str, Any]:
        """Build the candidate on top of what is published now and check the rows; returns the report.

        The draft is `validated` when nothing blocks. Raises Undecided, or merge.IncompleteKey.
        """
        with self._change() as facts:
            if undecided := self.conflicts():
                raise Undecided(undecided)
            before = self.before
            outcome = check(self.rows(), before) if check else None
            report = dict(outcome.to_dict()) if outcome else {}
            old = facts.get("candidate")
            self._build(facts, before, report)
            facts["base"] = before.id if before else None
            facts["validated"] = self._clock()
            facts["state"] = DRAFT if outcome and outcome.blocking else VALIDATED
        if old:
            shutil.rmtree(self.folder / old, ignore_errors=True)
        return report

    def _build(self, facts: dict[str, Any], before: Release | None, report: Mapping[str, Any]) -> None:
        layout = Layout.load(facts["layout"])
        temporary = Path(tempfile.mkdtemp(prefix=f"{CANDIDATE}-", suffix=".tmp", dir=self.folder))
        with self._engine() as con:
            merge.open_staged(con, self._files(facts), layout, before if facts["start"] == "current" else None)
            decided = [(made["key"], Statement(**made["keep"])) for made in facts["decisions"]]
            table = merge.resolve(con, layout, decided)
            built = release.write(con, table, layout, temporary)
            if before:
                built["change_columns"] = changes.merged(layout, before.layout).columns
                built["counts"] |= changes.write(
                    con, before, temporary / release.OBSERVATIONS, layout, temporary / release.CHANGES
                )
            else:
                built["counts"] |= {
                    changes.ADDED: built["counts"]["observations"],
                    changes.CHANGED: 0,
                    changes.DELETED: 0,
                }
        durable.write_json(temporary / release.REPORT, report)
        facts["built"] = {**built, "files": release.describe(temporary)}
        facts["candidate"] = temporary.name.removesuffix(".tmp")
        # The candidate is opened as a release before it is one: publication writes a manifest of its own.
        named = {"id": f"{DRAFT}:{self.id}.{facts['candidate'].rpartition('-')[2]}", "parent": before and before.id}
        own = {key: facts[key] for key in ("flow", "structure", "decisions", "start")}
        manifest = {"format": 1, **named, **own, "sources": facts["parts"], **facts["built"]}
        durable.write_json(temporary / release.MANIFEST, manifest)
        durable.place(temporary, self.folder / facts["candidate"])

    def _files(self, facts: Mapping[str, Any]) -> list[Path]:
        return [self.folder / part["file"] for part in facts["parts"]]

    def _engine(self) -> duckdb.DuckDBPyConnection:
        return release.engine(self.folder / "spill")

    def locked(self) -> AbstractContextManager[None]:
        """Nobody else changes the draft while this is held. Raises durable.Busy."""
        return durable.lock(self.folder / "lock", wait=self.wait)

    def _change(self, keep_validation: bool = False) -> _Change:
        return _Change(self, keep_validation)


class _Change:
    """A change of `draft.json` under the draft's lock; written when nothing was raised."""

    def __init__(self, draft: Draft, keep_validation: bool) -> None:
        self.draft = draft
        self.keep_validation = keep_validation
        self._lock = draft.locked()

    def __enter__(self) -> dict[str, Any]:
        self._lock.__enter__()
        try:
            self.facts = self.draft.facts
            if self.facts["state"] == PUBLISHED:
                raise DraftError(f"draft {self.draft.id} is published; start another one")
            if not self.keep_validation:
                self.facts["state"] = DRAFT
                self.facts.pop("requested", None)
        except BaseException:
            self._lock.__exit__(None, None, None)
            raise
        return self.facts

    def __exit__(self, kind: type[BaseException] | None, *rest: Any) -> None:
        try:
            if kind is None:
                durable.write_json(self.draft.folder / "draft.json", self.facts)
        finally:
            self._lock.__exit__(None, None, None)


def _files(decision: Mapping[str, Any]) -> set[str]:
    """The files whose statements a decision weighed."""
    return {stated["file"] for stated in (decision["keep"], *decision["rejected"])}


def _stage(batches: Iterable[pa.RecordBatch], layout: Layout, path: Path, start: int, name: str) -> int:
    """Write batches in the layout, numbered from `start`; returns the number after the last row."""
    schema = merge.staged_schema(layout)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            _refuse_unknown(batch, layout, name)
            numbers = pa.array(range(start, start + batch.num_rows), pa.int64())
            given = {column: batch.column(column) for column in batch.schema.names} | {merge.SEQ: numbers}
            arrays = [
                given[field.name].cast(field.type) if field.name in given else pa.nulls(batch.num_rows, field.type)
                for field in schema
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema), row_group_size=STAGED_ROWS)
            start += batch.num_rows
    return start


def _refuse_unknown(batch: pa.RecordBatch, layout: Layout, name: str) -> None:
    unknown = set(batch.schema.names) - {*layout.columns, merge.FILE, merge.LINE, merge.ACTION}
    if unknown:
        raise DraftError(f"{name}: {', '.join(sorted(unknown))} not in the structure, which has {layout.columns}")
    missing = {merge.FILE, merge.LINE, merge.ACTION} - set(batch.schema.names)
    if missing:
        raise DraftError(f"{name}: rows without {', '.join(sorted(missing))}")
    actions = set(batch.column(merge.ACTION).unique().to_pylist()) - merge.ACTIONS
    if actions:
        raise DraftError(f"{name}: unknown action {actions}; SDMX has {', '.join(sorted(merge.ACTIONS))}")
