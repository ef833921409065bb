"""Every change that people make at the stewards' desk: drafts, decisions, embargoes, releases, reference metadata.

Each checks the permission, calls what `./hub sdg` calls, and records it in the audit log. They raise `NotAllowed` for
what the permission table refuses, and `Refused`, in words for a person, for the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from regional_hub.core import audit, mail
from regional_hub.core.access import check
from regional_hub.core.actions import Refused
from regional_hub.core.models import Person
from regional_hub.core.notices import notify
from regional_hub.sdg import durable, metadata, timeline
from regional_hub.sdg.command_parts import FAULTS
from regional_hub.sdg.desk import work
from regional_hub.sdg.desk.inbox import File, Inbox, Upload
from regional_hub.sdg.draft import Draft
from regional_hub.sdg.loading import Room
from regional_hub.sdg.merge import Statement
from regional_hub.sdg.metadata import MetadataSet
from regional_hub.sdg.release import Release
from regional_hub.sdg.store import Outdated, SamePerson, Store

# Uploads up to this size are taken in while the person waits (about a second); workbooks, which are slow, are not.
AT_ONCE = 4 << 20
PATIENCE = 3  # seconds that a page waits for somebody else's change
_log = logging.getLogger(__name__)


def room() -> Room:
    """The database in the data folder."""
    folder = settings.HUB.path("sdg")
    folder.mkdir(parents=True, exist_ok=True)
    return Room(folder)


def store() -> Store:
    """The store of releases, whose steps are written to the audit log before they happen."""
    return Store(room().folder, log=record)


def record(actor: str, verb: str, object: str, detail: Mapping[str, Any]) -> None:
    """The audit log, as the store and the work on uploads call it."""
    audit.record(actor, verb, object, detail)


def find_draft(identifier: str) -> Draft:
    """A draft that waits no longer than a page may. Raises UnknownRelease."""
    draft = store().draft(identifier)
    draft.wait = PATIENCE
    return draft


@contextmanager
def refusing() -> Iterator[None]:
    """Faults of the domain as words for a person."""
    try:
        yield
    except SamePerson as error:
        raise Refused(_("You worked on this draft. A second person publishes it.")) from error
    except Outdated as error:
        raise Refused(
            _("The draft, or what is published, changed since you looked. Look at it again, and validate it.")
        ) from error
    except durable.Busy as error:
        raise Refused(_("Somebody else is changing this at the moment. Try again shortly.")) from error
    except (*FAULTS, ValueError) as error:
        raise Refused(str(error)) from error


def _idle(draft: Draft) -> None:
    """Nobody decides or publishes while files are being taken in."""
    if working := Inbox.of(room()).at_work(draft.id):
        raise Refused(
            _("%(person)s is loading files into this draft, or validating it. Wait until that is done.")
            % {"person": working.by}
        )


# -- files -------------------------------------------------------------------------------------------------------------


def upload(
    actor: Person, place: str, files: Sequence[File], *, structure: str = "", draft: str = "", empty: bool = False
) -> Upload:
    """Begin the work on files that came into a place of the inbox: at once when they are small, else by the worker."""
    check(actor, "load", "sdg draft")
    with refusing():
        if draft:
            store().draft(draft)
    made = Upload(place, actor.username, timeline.stamp(datetime.now().astimezone()), files=list(files))
    made.structure, made.draft, made.empty = structure, draft, empty
    inbox = Inbox.of(room())
    inbox.begin(made)
    folder = inbox.place(place)
    slow = any((folder / file.place).open("rb").read(2) == b"PK" for file in files)
    busy = bool(draft) and any(each.id != made.id for each in inbox.working(draft))
    return _begin(made, at_once=made.bytes <= AT_ONCE and not slow and not busy)


def validate(actor: Person, draft: Draft) -> Upload:
    """Validate a draft again, on top of what is published now."""
    check(actor, "load", "sdg draft")
    _idle(draft)
    inbox = Inbox.of(room())
    made = Upload(inbox.open(), actor.username, timeline.stamp(datetime.now().astimezone()), what="validate")
    made.draft = draft.id
    inbox.begin(made)
    return _begin(made, at_once=sum(part.rows for part in draft.parts) <= 20_000)


def again(actor: Person, upload: Upload) -> Upload:
    """Go on with an upload whose work was cut off."""
    check(actor, "load", "sdg draft")
    if not Inbox.of(room()).cut_off(upload):
        raise Refused(_("This upload is at work, or done."))
    return _begin(upload, at_once=False)


def _begin(made: Upload, *, at_once: bool) -> Upload:
    from regional_hub.sdg import tasks

    if at_once:
        return work.run(room(), made.id, record, PATIENCE)
    tasks.run_upload.enqueue(made.id)
    return made


def run_upload(identifier: str) -> Upload:
    """What the worker does; whoever sent the files is told, the page may be long closed."""
    try:
        done = work.run(room(), identifier, record)
    except durable.Busy:  # somebody pressed the button twice
        return Inbox.of(room()).get(identifier)
    if person := Person.objects.filter(username=done.by).first():
        name = ", ".join(file.name for file in done.files[:3]) or done.draft
        notify(person, "upload-done", f"/sdg/desk/uploads/{done.id}/", name=name)
    return done


def drop_file(actor: Person, draft: Draft, file: str) -> None:
    """Take a file out of a draft, with the decisions about it."""
    check(actor, "load", "sdg draft")
    _idle(draft)
    with refusing():
        part = next((part for part in draft.parts if part.file == file), None)
        if part is None:
            raise Refused(_("This file is not in the draft any more."))
        work.forget(draft, part, by=actor.username)
    audit.record(actor, "drop-file", draft.id, {"flow": draft.flow, "file": part.name, "rows": part.rows})


def discard(actor: Person, draft: Draft, reason: str) -> None:
    """Remove a draft with everything in it."""
    check(actor, "discard", "sdg draft")
    _idle(draft)
    with refusing():
        store().discard(draft, by=actor.username, reason=reason)


# -- conflicts ---------------------------------------------------------------------------------------------------------


def decide(actor: Person, draft: Draft, key: Mapping[str, str | None], keep: Statement, reason: str) -> None:
    """Record which statement holds, as long as the conflict is open and says what the person saw."""
    check(actor, "decide", "sdg draft")
    _idle(draft)
    with refusing():
        conflict = next((each for each in draft.conflicts() if dict(each.key) == dict(key)), None)
        if conflict is None:
            raise Refused(_("Somebody decided this meanwhile, or the files changed. Look at the conflicts again."))
        draft.decide(conflict, keep, by=actor.username, reason=reason)
    detail = {"flow": draft.flow, "key": dict(key), "keep": keep.value, "file": keep.file, "line": keep.line}
    audit.record(actor, "decide-conflict", draft.id, {**detail, "reason": reason.strip()})


def undecide(actor: Person, draft: Draft, key: Mapping[str, str | None]) -> None:
    """Take a decision back."""
    check(actor, "decide", "sdg draft")
    _idle(draft)
    with refusing():
        draft.undecide(key, by=actor.username)
    audit.record(actor, "undo-decision", draft.id, {"flow": draft.flow, "key": dict(key)})


# -- embargoes ---------------------------------------------------------------------------------------------------------


def embargo(actor: Person, draft: Draft, where: Mapping[str, Iterable[str]], until: datetime) -> None:
    """Hold series of a draft back until a moment, though it is published before."""
    check(actor, "embargo", "sdg series")
    chosen = {name: sorted(codes) for name, codes in where.items() if codes}
    with refusing():
        draft.embargo(chosen, timeline.stamp(until), by=actor.username)
    detail = {"flow": draft.flow, "where": chosen, "until": timeline.stamp(until)}
    audit.record(actor, "embargo-draft", draft.id, detail)


def lift_in_draft(actor: Person, draft: Draft, number: int, reason: str) -> None:
    """Take back an embargo of a draft."""
    check(actor, "embargo", "sdg series")
    _reason(reason)
    with refusing():
        lifted = draft.lift(number)
    detail = {"flow": draft.flow, "where": lifted["where"], "until": lifted["until"], "reason": reason.strip()}
    audit.record(actor, "lift-draft-embargo", draft.id, detail)


def hide(actor: Person, flow: str, where: Mapping[str, Iterable[str]], until: datetime, reason: str) -> None:
    """Hide series that are published already, in every release, until a moment."""
    check(actor, "embargo", "sdg series")
    _reason(reason)
    with refusing():
        chosen = {name: list(codes) for name, codes in where.items() if codes}
        store().embargo(flow, chosen, until, by=actor.username, reason=reason.strip())


def lift(actor: Person, identifier: str, reason: str) -> None:
    """End an embargo of published series now."""
    check(actor, "embargo", "sdg series")
    _reason(reason)
    with refusing():
        store().lift(identifier, by=actor.username, reason=reason.strip())


def _reason(reason: str) -> None:
    if not reason.strip():
        raise Refused(_("Say why; it is kept."))


# -- releases ----------------------------------------------------------------------------------------------------------


def request_publication(actor: Person, draft: Draft) -> int:
    """Ask the other stewards to look at a draft and publish it; returns how many were asked."""
    check(actor, "load", "sdg draft")
    _idle(draft)
    with refusing():
        draft.request(by=actor.username)
    facts = {"person": actor.get_full_name(), "flow": draft.flow}
    asked = _others(draft, actor)
    with transaction.atomic():
        audit.record(actor, "request-publication", draft.id, {"flow": draft.flow, "asked": [p.username for p in asked]})
        for person in asked:
            notify(person, "publication-wanted", f"/sdg/desk/drafts/{draft.id}/", **facts)
            transaction.on_commit(lambda person=person: _write(person, draft, facts), robust=True)
    return len(asked)


def _others(draft: Draft, actor: Person) -> list[Person]:
    """The stewards who may publish a draft; administrators where there is no other steward."""
    active = Person.objects.filter(is_active=True).exclude(username__in=[*draft.people, actor.username])
    stewards = active.filter(groups__name="stewards").distinct()
    return list(stewards or active.filter(groups__name="admins").distinct())


def _write(person: Person, draft: Draft, facts: Mapping[str, str]) -> None:
    def subject(known: dict[str, str]) -> str:
        return _("A draft of %(flow)s waits for you at %(site)s") % {"flow": draft.flow, "site": known["site_name"]}

    if person.email:
        mail.send(
            person.email,
            person.language,
            subject,
            "publication_wanted",
            person=facts["person"],
            flow=draft.flow,
            draft=draft.id,
        )


def publish(
    actor: Person, draft: Draft, *, seen: str, name: str = "", force: bool = False, reason: str = ""
) -> Release:
    """Make a draft the current release; with `force`, which administrators alone may, also one's own."""
    check(actor, "publish", "sdg release")
    if force:
        check(actor, "force", "sdg release")
        _reason(reason)
    _idle(draft)
    workers = draft.people
    with refusing():
        made = store().publish(
            draft, by=actor.username, name=name or None, force=force, reason=reason.strip(), seen=seen
        )
    facts = {"person": actor.get_full_name(), "release": made.id, "flow": made.flow}
    for person in Person.objects.filter(username__in=workers - {actor.username}, is_active=True):
        notify(person, "release-published", f"/sdg/?flow={made.flow}", **facts)
    return made


def roll_back(actor: Person, release: str, reason: str) -> Release:
    """Publish the content of an earlier release again, as a release of its own."""
    check(actor, "roll back", "sdg release")
    _reason(reason)
    with refusing():
        there = store()
        return there.rollback(there.release(release).flow, release, by=actor.username, reason=reason)


# -- reference metadata ------------------------------------------------------------------------------------------------


def save_metadata(actor: Person, made: MetadataSet, msd: str) -> None:
    """Keep a new version of a set. Raises Refused with every fault, and when somebody else made this version first."""
    check(actor, "edit", "sdg metadata")
    with refusing():
        _sound([made], msd)
        if made.short in room().metadata.names():
            raise Refused(
                _("Somebody saved %(version)s while you wrote. Your text is still here; compare it with theirs.")
                % {"version": made.short}
            )
        room().metadata.add([made])
    audit.record(actor, "edit-metadata", made.short, {"targets": list(made.targets)})


def import_metadata(actor: Person, path: Path, name: str, msd: str) -> list[str]:
    """Keep every set of a metadata message, or none; returns those that are new."""
    check(actor, "edit", "sdg metadata")
    try:
        with refusing():
            found = metadata.read(path)
            _sound(found, msd)
            new = room().metadata.add(found)
    except Refused as refused:
        raise Refused(str(refused).replace(str(path), name)) from refused
    for short in new:
        audit.record(actor, "import-metadata", short, {"file": name})
    return new


def _sound(found: Sequence[MetadataSet], msd: str) -> None:
    registry = room().registry
    made_by = registry.metadata_structure(msd)
    faults = [
        f"{made.short}: {fault}"
        for made in found
        for fault in (*metadata.faults(made, made_by), *metadata.target_faults(made, registry))
    ]
    if faults:
        more = f" … (+{len(faults) - 10})" if len(faults) > 10 else ""
        raise Refused("; ".join(faults[:10]) + more)
