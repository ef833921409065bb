"""Takes an upload into a draft and validates the draft: by the same steps as `./hub sdg load` and `validate`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from regional_hub.sdg import durable, loading
from regional_hub.sdg.desk.inbox import File, Inbox, Outcome, Upload
from regional_hub.sdg.draft import Draft, DraftError, Part
from regional_hub.sdg.findings import Report
from regional_hub.sdg.formats import FormatError
from regional_hub.sdg.loading import Room
from regional_hub.sdg.store import PublishError, UnknownRelease
from regional_hub.sdg.structure import Structure, StructureError

Log = Callable[[str, str, str, Mapping[str, Any]], object]
FAULTS = (StructureError, FormatError, DraftError, PublishError, UnknownRelease, durable.Busy, OSError)


def uploads(draft: Draft) -> Path:
    """Where the files of a draft are kept as they came, named as its parts are."""
    return draft.folder / "uploads"


def original(draft: Draft, part: Part) -> Path | None:
    """A file as it came in; None when it was loaded by a command and kept nowhere else."""
    path = uploads(draft) / Path(part.file).stem
    return path if path.is_file() else None


def run(room: Room, identifier: str, log: Log, wait: float = Draft.wait) -> Upload:
    """Do what an upload asks, or what is left of it. It says itself how it ended; only unknown ones raise.

    `wait` is how many seconds it waits for another change of the draft. Raises durable.Busy where it is at work.
    """
    inbox = Inbox.of(room)
    with durable.lock(inbox.place(identifier) / "lock", wait=0):
        upload = inbox.get(identifier)
        if upload.ended:
            return upload
        upload.started = True
        try:
            (_load if upload.what == "load" else _validate)(room, inbox, upload, log, wait)
            upload.step = "done"
        except FAULTS as error:
            _fail(upload, error, inbox.place(identifier))
        except Exception:
            _fail(upload, RuntimeError("an error of the program; the log of the hub says more"), inbox.folder)
            inbox.save(upload)
            raise
        upload.now = ""
        inbox.save(upload)
    return upload


def _fail(upload: Upload, error: Exception, folder: Path) -> None:
    """Say why in words, with the names that files came by instead of the places where they lie."""
    text = f"{error.strerror or error}" if isinstance(error, OSError) else str(error)
    for file in upload.files:
        text = text.replace(str(folder / file.place), file.name)
    upload.step, upload.fault, upload.fault_zh = "failed", text, text
    if isinstance(error, durable.Busy):
        upload.fault_zh = "另一个进程正在修改该草稿，请稍后再试"


def _load(room: Room, inbox: Inbox, upload: Upload, log: Log, wait: float) -> None:
    folder = inbox.place(upload.id)
    _step(inbox, upload, "structure")
    found = [(folder / file.place, file.name) for file in upload.files if (folder / file.place).is_file()]
    data, structures = loading.apart(found)
    if not data and not upload.outcomes:
        raise DraftError("the upload holds structures and no data; add the data files")
    report = Report(room.policy)
    if data:
        made = _structure(room, upload, data[0][0], structures)
        draft = _draft(room, inbox, upload, made)
        draft.wait = wait
        places = {file.place: file for file in upload.files}
        for path, name in data:
            _step(inbox, upload, "files", name)
            outcome = take(draft, path, places[path.name], made, upload, report)
            upload.outcomes.append(outcome)
            inbox.save(upload)
            path.unlink(missing_ok=True)
    else:
        draft = room.store.draft(upload.draft)
    if not draft.parts:
        shutil.rmtree(draft.folder)
        upload.draft = ""
        return
    report.files = len(draft.parts) + sum(not outcome.taken for outcome in upload.outcomes)
    _examine(room, inbox, upload, draft, report)
    taken = [outcome.name for outcome in upload.outcomes if outcome.taken]
    log(upload.by, "load-draft", draft.id, {"flow": draft.flow, "files": taken, "state": draft.facts["state"]})


def _validate(room: Room, inbox: Inbox, upload: Upload, log: Log, wait: float) -> None:
    draft = room.store.draft(upload.draft)
    draft.wait = wait
    report = Report(room.policy)
    report.files = len(draft.parts)
    _examine(room, inbox, upload, draft, report)
    log(upload.by, "validate-draft", draft.id, {"flow": draft.flow, "state": draft.facts["state"]})


def _examine(room: Room, inbox: Inbox, upload: Upload, draft: Draft, report: Report) -> None:
    _step(inbox, upload, "validate")
    loading.examine(draft, room, report)


def _step(inbox: Inbox, upload: Upload, step: Any, now: str = "") -> None:
    upload.step, upload.now = step, now
    inbox.save(upload)


def _structure(room: Room, upload: Upload, first: Path, structures: list[Path]) -> Structure:
    """The draft's, the one that was chosen, the one that came along, or the one that the first file names."""
    given = upload.structure
    if upload.draft:
        given = room.store.draft(upload.draft).facts["structure"]
    elif not given and len(structures) == 1:
        given = str(structures[0])
    elif not given and len(structures) > 1:
        raise StructureError("several structure files came along; send the one that the data follow")
    made, _ = loading.structure_of(room.registry, given, first)
    return made


def _draft(room: Room, inbox: Inbox, upload: Upload, made: Structure) -> Draft:
    if upload.draft:
        return room.store.draft(upload.draft)
    draft = room.store.start(made, by=upload.by, empty=upload.empty)
    upload.draft = draft.id
    inbox.save(upload)
    return draft


def take(draft: Draft, path: Path, file: File, made: Structure, upload: Upload, report: Report) -> Outcome:
    """Take one file in, whole or not at all; one of the same name that is there makes way for it."""
    sha256 = durable.sha256(path)
    there = draft.parts
    if any(part.sha256 == sha256 for part in there) and upload.started and _again(draft, upload, sha256):
        return Outcome(file.name, True, next(part.rows for part in there if part.sha256 == sha256))
    before = len(report.findings), report.counts["file"]
    rows = loading.take(draft, path, file.name, made, by=upload.by, report=report)
    if report.counts["file"] > before[1]:
        finding = next(each for each in reversed(report.findings) if each.rule == "file")
        return Outcome(file.name, False, why=finding.message, why_zh=finding.message_zh, line=finding.line)
    new = draft.parts[-1]
    uploads(draft).mkdir(exist_ok=True)
    path.replace(uploads(draft) / Path(new.file).stem)
    old = [part for part in there if part.name == file.name]
    for part in old:
        forget(draft, part, by=upload.by)
    return Outcome(file.name, True, rows, replaced=bool(old))


def _again(draft: Draft, upload: Upload, sha256: str) -> bool:
    """Whether this very upload took the file in before it was cut off."""
    done = {outcome.name for outcome in upload.outcomes}
    mine = {file.name for file in upload.files} - done
    return any(part.sha256 == sha256 and part.name in mine and part.by == upload.by for part in draft.parts)


def forget(draft: Draft, part: Part, *, by: str) -> None:
    """Take a file out of a draft, and what came in for it."""
    draft.drop(part, by=by)
    (uploads(draft) / Path(part.file).stem).unlink(missing_ok=True)
