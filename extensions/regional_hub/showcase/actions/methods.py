"""Runs of methods: who may start, see and end one, and how many at once. `running` does what the worker does.

People run what they may read: their code runs in their own Lab anyway. Visitors run the reviewed public revision of a
method that its author opened to them, and whoever has the link of a visitor's run may read and end it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from regional_hub.core import audit
from regional_hub.core.access import check, may
from regional_hub.core.files import Files
from regional_hub.core.models import Person
from regional_hub.showcase import access, bundle, method_run
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.actions.sharing import files
from regional_hub.showcase.method_run import Method
from regional_hub.showcase.models import Publication, Revision, Run

GOING = (Run.State.ACCEPTED, Run.State.RUNNING)
VISITOR = "visitor"


def kept() -> Files:
    """Where results of runs are kept until they are pruned."""
    return Files(settings.HUB.path("showcase", "runs"))


def declared(revision: Revision) -> Method:
    """What a revision declares, from its notebook itself. Raises BundleError, Damaged."""
    return method_run.method(bundle.notebook(files(), revision.manifest), revision.entry)


def may_run(actor: Any, revision: Revision) -> bool:
    """Whether somebody may run a revision: its readers, and visitors what is public and was opened to them."""
    publication = revision.publication
    if publication.kind != Publication.Kind.METHOD or publication.withdrawn_at is not None:
        return False
    if isinstance(actor, Person):
        return may(actor, "run", "method") and access.may_read_revision(actor, revision)
    is_open = publication.open_to_run and publication.is_public and publication.public_revision_id == revision.pk
    return is_open and may(actor, "run", "open method")


def is_open(run: Run) -> bool:
    """Whether a visitor started it, so that its link is all that one needs. An account that is gone opens nothing."""
    return run.by is None and run.result.get("open") is True


def may_see(actor: Any, run: Run) -> bool:
    """Whether somebody may read a run: nobody who may not read the revision that ran."""
    if not access.may_read_revision(actor, run.revision):
        return False
    if is_open(run):
        return may(actor, "see", "open method run")
    return run.by is not None and may(actor, "see", "method run", run.by.username)


def may_stop(actor: Any, run: Run) -> bool:
    if not may_see(actor, run):
        return False
    if is_open(run):
        return may(actor, "stop", "open method run")
    return run.by is not None and may(actor, "stop", "method run", run.by.username)


def find(actor: Any, pk: Any) -> Run | None:
    """A run that the actor may see."""
    run = Run.objects.select_related("revision__publication__author", "by").filter(pk=pk).first()
    return run if run is not None and may_see(actor, run) else None


def waiting_before(run: Run) -> int:
    """How many runs are to end before this one begins."""
    return Run.objects.filter(state__in=GOING, created_at__lt=run.created_at).count()


@transaction.atomic
def open_to_public(actor: Person, publication: Publication, is_open: bool) -> None:
    """Let visitors run the public revision, or no longer."""
    publication.refresh_from_db(from_queryset=Publication.objects.select_for_update())
    check(actor, "open", "method", publication.author.username)
    if is_open and publication.kind != Publication.Kind.METHOD:
        raise Problem("no-method", _("This is not a method."))
    publication.open_to_run = is_open
    publication.save(update_fields=["open_to_run"])
    audit.record(actor, "open method" if is_open else "close method", f"publication:{publication}")


def start(
    actor: Any, revision: Revision, given: Mapping[str, Any], address: str, asked: Mapping[str, Any] | None = None
) -> Run:
    """Queue a run. Raises Problem, BadValues, and BundleError for a notebook whose declarations do not stand."""
    if not may_run(actor, revision):
        raise Problem("no-method", _("There is no such method, or not for you."))
    values = method_run.values(declared(revision), given)
    return _start(actor if isinstance(actor, Person) else None, revision, values, address, dict(asked or {}))


@transaction.atomic
def _start(by: Person | None, revision: Revision, values: dict[str, Any], address: str, asked: dict[str, Any]) -> Run:
    Publication.objects.select_for_update().get(pk=revision.publication_id)  # counts hold until this one is added
    caller = _caller(by, address)
    _check_limits(by, caller)
    facts = {"caller": caller, "asked": asked, "open": by is None}
    run = Run.objects.create(revision=revision, by=by, parameters=values, result=facts)
    detail = {"revision": revision.number, "parameters": method_run.digest(values)}
    audit.record(by or VISITOR, "run method", f"publication:{revision.publication}", detail)
    from regional_hub.showcase.actions import running

    transaction.on_commit(partial(running.run_method.enqueue, str(run.pk)))
    return run


def _check_limits(by: Person | None, caller: str) -> None:
    own = settings.HUB.showcase
    going, mine = Run.objects.filter(state__in=GOING), Run.objects.filter(result__caller=caller)
    hourly = own.method_hourly if by else own.method_public_hourly
    if mine.filter(state__in=GOING).count() >= own.method_waiting_each:
        raise Problem("too-many", _("You have %(n)d runs that are not done. Wait for one."), n=own.method_waiting_each)
    if mine.filter(created_at__gt=timezone.now() - timedelta(hours=1)).count() >= hourly:
        raise Problem("too-often", _("At most %(n)d runs an hour. Try again later."), n=hourly)
    if going.count() >= own.method_waiting:
        raise Problem("queue-full", _("The queue is full. Try again in some minutes."))


def _caller(by: Person | None, address: str) -> str:
    """A keyed hash of who calls: the person, or a visitor's address (of IPv6 its network). It goes after a day."""
    name = f"person:{by.pk}" if by else f"address:{_network(address)}"
    return hmac.new(settings.SECRET_KEY.encode(), name.encode(), hashlib.sha256).hexdigest()


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)


@transaction.atomic
def dismiss(actor: Any, run: Run) -> None:
    """End a run, or throw its result away once it is done. Raises Problem."""
    found = Run.objects.select_for_update().select_related("revision__publication").get(pk=run.pk)
    if not may_stop(actor, found):
        raise Problem("no-run", _("There is no such run, or not for you."))
    if found.state == Run.State.DISMISSED:
        return
    found.state, found.ended_at = Run.State.DISMISSED, timezone.now()
    found.result = {name: found.result[name] for name in ("caller", "asked", "open") if name in found.result}
    found.save(update_fields=["state", "ended_at", "result"])
    by = actor if isinstance(actor, Person) else VISITOR
    audit.record(by, "stop method", f"publication:{found.revision.publication}", {"run": str(found.pk)})


def prune() -> int:
    """Forget runs after their time, and files that no run refers to; how many runs."""
    now = timezone.now()
    old: QuerySet[Run] = Run.objects.filter(created_at__lt=now - timedelta(days=settings.HUB.showcase.method_keep_days))
    gone, _more = old.exclude(state__in=GOING).delete()
    for run in Run.objects.filter(created_at__lt=now - timedelta(days=1)).exclude(result__caller=""):
        if "caller" in run.result:
            run.result["caller"] = ""
            run.save(update_fields=["result"])
    needed = {facts["sha256"] for run in Run.objects.all() for facts in (run.result.get("files") or {}).values()}
    for place in kept().folder.glob("??/*"):
        # What was written within the hour may be that of a run that is just being noted.
        if place.parent.name + place.name not in needed and place.stat().st_mtime < now.timestamp() - 3600:
            place.unlink(missing_ok=True)
    return gone


def message(run: Run, language: str) -> str:
    """Why a run failed, in a language."""
    try:
        said = json.loads(run.message)
        return str(said["zh" if language.startswith("zh") else "en"])
    except (ValueError, KeyError, TypeError):
        return ""
