"""Taking files into a draft and saying what is wrong with them: the steps behind `./hub sdg load` and `validate`.

It knows files, the registry and the store; not commands, pages, Django or Jupyter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from regional_hub.sdg import durable, reports, structure
from regional_hub.sdg.draft import Draft, DraftError, Undecided
from regional_hub.sdg.findings import Policy, Report
from regional_hub.sdg.formats import FormatError, observations, open_message
from regional_hub.sdg.merge import IncompleteKey
from regional_hub.sdg.metadata import Library
from regional_hub.sdg.registry import Registry
from regional_hub.sdg.store import Store
from regional_hub.sdg.structure import Constraint, Structure, StructureError
from regional_hub.sdg.validate import note_structures, validate

SUFFIXES = frozenset((".xml", ".json", ".csv", ".tsv", ".txt", ".xlsx"))
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class Room:
    """Where the database of the SDGs lives: the store of releases, the structures, and the policy, below one folder."""

    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder)

    @property
    def registry(self) -> Registry:
        return Registry(self.folder / "structures")

    @property
    def metadata(self) -> Library:
        return Library(self.folder / "metadata")

    @property
    def policy(self) -> Policy:
        return Policy.load(self.folder / "policy.toml")


def files(paths: Sequence[Path]) -> list[tuple[Path, str]]:
    """Every file that the paths name, with the name it goes by; a folder is all its data files, in order of names.

    Raises FileNotFoundError for a path or folder with nothing in it.
    """
    found: list[tuple[Path, str]] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in SUFFIXES)
            if not inside:
                raise FileNotFoundError(f"{path}: no data files in this folder ({', '.join(sorted(SUFFIXES))})")
            found += [(file, file.relative_to(path).as_posix()) for file in inside]
        elif path.is_file():
            found.append((path, path.name))
        else:
            raise FileNotFoundError(f"{path}: nothing is there")
    names = [name for _, name in found]
    return [(path, name if names.count(name) == 1 else str(path)) for path, name in found]


_COMMENTS = re.compile(rb"<!--.*?-->", re.DOTALL)
_ROOT = re.compile(rb"<(?:\w+:)?(\w+)")


def apart(found: Sequence[tuple[Path, str]]) -> tuple[list[tuple[Path, str]], list[Path]]:
    """The data files, and the structure messages (SDMX-ML) that lie beside them in the same folders."""
    structures = []
    for path, _ in found:
        with path.open("rb") as file:
            root = _ROOT.search(_COMMENTS.sub(b"", file.read(4096)))
        if root and root[1] == b"Structure":
            structures.append(path)
    return [(path, name) for path, name in found if path not in structures], structures


def structure_of(
    registry: Registry, given: str, first: Path, *others: Path, keep: bool = True
) -> tuple[Structure, list[Constraint]]:
    """The structure to read by: from a structure message, by its short name, or the first that a file names.

    With `keep`, a message is kept in the registry. Raises StructureError saying what there is, or FormatError.
    """
    if given and Path(given).is_file():
        found = structure.read(Path(given))
        if len(found.structures) != 1:
            names = ", ".join(made.short for made in found.structures) or "none"
            raise StructureError(f"{given} has these data structures: {names}; import it and name one")
        if not keep:
            return found.structures[0], list(found.constraints)
        registry.add(found)
        short = found.structures[0].short
    elif given:
        short = given
    else:
        short = _named_by((first, *others), registry)
    made = registry.structure(short)
    return made, registry.constraints_of(made.short)


def _named_by(files: Sequence[Path], registry: Registry) -> str:
    """What the first file follows that says so; one that cannot be read is told of when it is taken in."""
    for path in files:
        try:
            with open_message(path) as message:
                next(iter(message.batches), None)  # some layouts name it with each observation
                named = message.header.structures
        except FormatError:
            if len(files) == 1:
                raise
            continue
        if not named:
            continue
        try:
            registry.structure(named[0])
        except StructureError as error:
            raise StructureError(f"{path} follows {named[0]}: {error}") from error
        return named[0]
    what = f"{files[0]}: does not say" if len(files) == 1 else f"none of the {len(files)} files says"
    raise StructureError(f"{what} which structure it follows; give it with --structure")


def take(
    draft: Draft, path: Path, name: str, made: Structure, *, by: str, report: Report, progress: Progress | None = None
) -> int:
    """Take one file into a draft, whole or not at all; a file that cannot be read is a finding. Returns its rows.

    `progress` is called as they are read, with the name of the file and how many there are so far.
    """
    report.files += 1
    try:
        with open_message(path, made, name) as message:
            batches = _counted(observations.batches(message.batches, made, name), name, progress)
            part = draft.add(batches, name=name, sha256=durable.sha256(path), by=by)
            note_structures(report, message.header, made, name)
            return part.rows
    except FormatError as error:
        report.add("file", file=name, line=error.line, detail=str(error))
    except DraftError as error:
        report.add("file", file=name, detail=str(error))
    except OSError as error:
        report.add("file", file=name, detail=f"{name}: {error.strerror or error}")
    return 0


def _counted(batches: Iterable[pa.RecordBatch], name: str, progress: Progress | None) -> Iterator[pa.RecordBatch]:
    rows = 0
    for batch in batches:
        yield batch
        rows += batch.num_rows
        if progress:
            progress(name, rows)


def check(draft: Draft, room: Room, report: Report | None = None) -> Report:
    """Validate everything in a draft; findings are added to `report` where one is given."""
    made = room.registry.structure(draft.facts["structure"])
    return validate(
        draft.rows(),
        made,
        room.policy,
        before=draft.before,
        constraints=room.registry.constraints_of(made.short),
        whole=draft.facts["start"] == "empty",
        report=report,
    )


def settle(draft: Draft, room: Room, report: Report | None = None) -> Report:
    """Validate a draft and build its candidate; decided conflicts no longer block. Raises draft.Undecided."""
    found = report or Report(room.policy)

    def run(rows: Iterator[pa.RecordBatch], before: object) -> Report:
        checked = check(draft, room, found)
        checked.decided = {tuple(made["key"].values()) for made in draft.facts["decisions"]}
        return checked

    draft.validate(run)
    return found


def examine(draft: Draft, room: Room, report: Report | None = None) -> Report:
    """Settle a draft, or only check it where conflicts or incomplete keys stand in the way; its report is kept."""
    found = report or Report(room.policy)
    try:
        settle(draft, room, found)
    except (Undecided, IncompleteKey):
        check(draft, room, found)  # the report says which lines
    reports.keep(draft.folder, found)
    return found
