"""Having a revision checked, from its submission to its review or its failure.

Nothing of the author's runs here: `checks` has the rules, and a job runs the notebook.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from regional_hub.core import audit
from regional_hub.core.access import check
from regional_hub.core.files import Damaged
from regional_hub.core.models import Person
from regional_hub.hub.jobs import JobError, now_and_then
from regional_hub.showcase import bundle, signals
from regional_hub.showcase.actions import review_letters, review_rules
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.actions.sharing import files
from regional_hub.showcase.bundle_faults import MB
from regional_hub.showcase.checks import built, run
from regional_hub.showcase.checks.everything import examine
from regional_hub.showcase.checks.finding import NAMES, Finding, Policy, Result, Subject, judge
from regional_hub.showcase.models import Check, Publication, Review, Revision

_log = logging.getLogger(__name__)
WORKER = "worker"
ASKED_EVERY = 2.0  # seconds between looks at whether the run is still wanted


def on_submitted(sender: Any, revision: Revision, **more: Any) -> None:
    """A revision is to be checked: an older one that waits makes way, and nothing that was decided before counts."""
    waiting = (Revision.State.CHECKING, Revision.State.IN_REVIEW)
    for older in revision.publication.revisions.filter(state__in=waiting).exclude(pk=revision.pk):
        older.state = Revision.State.SHARED
        older.save(update_fields=["state"])
        on_recalled(sender, older)
    revision.reviews.all().delete()
    revision.checks.all().delete()
    Check.objects.bulk_create(Check(revision=revision, name=name) for name in NAMES)


def on_recalled(sender: Any, revision: Revision, **more: Any) -> None:
    """A revision is no longer wanted public: nobody decides on it, what was said of it stays."""
    revision.reviews.filter(decision=Review.Decision.OPEN).delete()
    revision.checks.filter(outcome=Check.Outcome.WAITING).delete()


@transaction.atomic
def check_again(actor: Person, revision: Revision) -> None:
    """Have the checks of a failed revision repeated: for faults of the hub, not of the notebook."""
    publication = Publication.objects.select_for_update().get(pk=revision.publication_id)
    check(actor, "check", "publication", publication.author.username)
    revision = publication.revisions.get(pk=revision.pk)
    newest = publication.newest
    if revision.state != Revision.State.FAILED or newest is None or newest.pk != revision.pk:
        raise Problem("not-failed", _("Only the newest revision, and one that failed, is checked again."))
    revision.state, revision.submitted_at = Revision.State.CHECKING, timezone.now()
    revision.save(update_fields=["state", "submitted_at"])
    audit.record(actor, "check again", f"publication:{publication}", {"revision": revision.number})
    signals.submitted.send(sender=Revision, revision=revision)


# -- what the worker does ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def alone(pk: int) -> Iterator[bool]:
    """Whether nobody else checks this revision; the lock dies with its process, so that a killed one is known."""
    place = settings.HUB.path("showcase", "checking", f"{pk}.lock")
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def check_revision(pk: int, digest: str) -> str:
    """Check a revision, as often as it is asked; how it ended: a state, `busy`, or `void` where nobody wants it."""
    with alone(pk) as mine:
        if not mine:
            return "busy"
        revision = Revision.objects.select_related("publication").filter(pk=pk).first()
        if revision is None or not _is_wanted(pk, digest):
            return "void"
        try:
            _check(revision)
        except Exception:
            _log.exception("the checks of %s broke off", revision)
            broken = Finding(
                "", "the checks broke off; an administrator finds why in the log", "检查中断，原因见日志", "severe"
            )
            _keep(revision, judge("runs", [broken], Policy(blocks=NAMES)))
        return finish(pk, digest)


def _is_wanted(pk: int, digest: str) -> bool:
    return Revision.objects.filter(pk=pk, digest=digest, state=Revision.State.CHECKING).exists()


def policy() -> Policy:
    """What the settings say of the checks."""
    own = settings.HUB.showcase
    return Policy(
        own.check_blocks, own.smallest_cell, own.dominance_percent, own.number_tolerance, own.notebook_mb * MB
    )


def _check(revision: Revision) -> None:
    rules = policy()
    sent = bundle.notebook(files(), revision.manifest)
    stop = now_and_then(lambda: not _is_wanted(revision.pk, revision.digest), ASKED_EVERY)
    try:
        ran = run.run(settings.HUB, files(), revision.manifest, sent, stop)
    except (JobError, Damaged) as error:
        text, text_zh = f"it could not be run here: {error}", f"无法在此运行：{error}"
        ran = run.Ran(None, [Finding("", text, text_zh, "severe")], "", "", 0)
    if ran.stopped:
        return
    _keep_built(revision, ran)
    _keep(revision, judge("runs", ran.found, rules))
    for result in examine(_subject(revision, sent, ran), rules):
        _keep(revision, result)


def _subject(revision: Revision, sent: dict[str, Any], ran: run.Ran) -> Subject:
    manifest, kept = revision.manifest, files()
    return Subject(
        notebook=sent,
        executed=ran.executed,
        files={
            name: partial(kept.read, facts["sha256"])
            for name, facts in manifest["files"].items()
            if name != manifest["entry"]
        },
        licence=str(revision.about.get("licence") or revision.publication.licence),
        image=str(manifest.get("image", "")),
        lock=str(manifest.get("lock", "")),
        image_lock=ran.image_lock,
    )


def _keep_built(revision: Revision, ran: run.Ran) -> None:
    facts: dict[str, Any] = {}
    if ran.executed is not None:
        kept = files().put(built.to_bytes(ran.executed))
        facts = {"notebook": kept.sha256, "size": kept.size, "image": ran.image, "lock": ran.image_lock}
        facts |= {"image_digest": ran.digest}
        facts |= {"at": timezone.now().isoformat(), "seconds": round(ran.seconds, 1)}
    Revision.objects.filter(pk=revision.pk, digest=revision.digest, state=Revision.State.CHECKING).update(built=facts)


def _keep(revision: Revision, result: Result) -> None:
    facts = {"outcome": result.outcome, "found": result.found, "at": timezone.now()}
    Check.objects.filter(revision=revision, name=result.name).update(**facts)


@transaction.atomic
def finish(pk: int, digest: str) -> str:
    """Send a checked revision to its reviewers, or back to its author."""
    found = Revision.objects.filter(pk=pk).values_list("publication_id", flat=True).first()
    publication = Publication.objects.select_for_update().filter(pk=found).first()
    if publication is None or not _is_wanted(pk, digest):
        return "void"
    revision = publication.revisions.get(pk=pk)
    outcomes = dict(revision.checks.values_list("name", "outcome"))
    if Check.Outcome.WAITING in outcomes.values() and Check.Outcome.FAILED not in outcomes.values():
        return "void"
    failed = Check.Outcome.FAILED in outcomes.values()
    revision.state = Revision.State.FAILED if failed else Revision.State.IN_REVIEW
    revision.save(update_fields=["state"])
    audit.record(WORKER, "checked", f"publication:{publication}", {"revision": revision.number, "checks": outcomes})
    if failed:
        revision.checks.filter(outcome=Check.Outcome.WAITING).delete()
        review_letters.tell([publication.author], "publication-checks-failed", revision)
    else:
        Review.objects.bulk_create(Review(revision=revision, role=role) for role in Review.Role.values)
        review_letters.tell([publication.author], "publication-in-review", revision)
        review_letters.tell(review_rules.eligible(revision), "publication-review-wanted", revision)
    return str(revision.state)
