"""Publishing, and who may read: `publish`, `share`, `revoke`, `transfer`, `withdraw`, `expire`.

Each checks the permission, writes, records the change in the audit log and tells whom it concerns, in one transaction.
They raise NotAllowed for what the permission table refuses, and Problem, BadAbout or BundleError for the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from regional_hub.core import audit, names
from regional_hub.core.access import Actor, check, may
from regional_hub.core.files import Files
from regional_hub.core.middleware import site_today
from regional_hub.core.models import Group, Person
from regional_hub.core.notices import notify
from regional_hub.showcase import about as abouts
from regional_hub.showcase import method_run, signals
from regional_hub.showcase.about import About
from regional_hub.showcase.actions import letters
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.bundle import Bundle, Limits, store
from regional_hub.showcase.bundle import check as check_bundle
from regional_hub.showcase.models import Publication, Revision

PEOPLE, PROJECT, HUB, PUBLIC = (str(name) for name in Publication.Audience.values)
MOST_PEOPLE = 100
UNDER_REVIEW = (Revision.State.CHECKING, Revision.State.FAILED, Revision.State.IN_REVIEW, Revision.State.CHANGES)


@dataclass(frozen=True)
class To:
    """Who may read: `people` are user names, `project` a group's name; each with its own audience only."""

    audience: str = PEOPLE
    people: Sequence[str] = ()
    project: str = ""


@dataclass(frozen=True)
class Published:
    """What `publish` did: `is_new` is false where the newest revision has this very content already."""

    publication: Publication
    revision: Revision
    is_new: bool


def files() -> Files:
    """Where contents of the Showcase are kept."""
    return Files(settings.HUB.path("showcase", "objects"))


def limits() -> Limits:
    """What the settings say."""
    return Limits.of(settings.HUB.showcase)


def publish(
    actor: Person, bundle: Bundle, about: About | None, to: To | None, *, slug: str = "", note: str = ""
) -> Published:
    """Make a publication, or with `slug` a new revision of one's own; None leaves what is said, or who reads, as it is.

    What is said of a page that is public now waits with its revision until that is approved (`adopt`).
    """
    check(actor, "share", "publication")
    cleaned = about.cleaned() if about else None
    if not slug and cleaned is None:
        raise Problem("no-title", _("A title is needed."))
    if len(note) > 500:
        raise Problem("note-too-long", _("A note has at most 500 characters."))
    if slug:
        own(actor, slug)  # before anything is kept
    check_bundle(bundle, limits())
    if (cleaned.kind if cleaned else own(actor, slug).kind) == Publication.Kind.METHOD:
        bundle = method_run.with_declared(bundle)
    manifest = store(files(), bundle)
    return _publish(actor, manifest, bundle.digest, cleaned, to, slug, note.strip())


@transaction.atomic
def _publish(
    actor: Person, manifest: dict[str, Any], digest: str, about: About | None, to: To | None, slug: str, note: str
) -> Published:
    if slug:
        publication = own(actor, slug, lock=True)
    else:
        assert about is not None
        publication = _make(actor, about, digest)
    if publication.withdrawn_at is not None:
        raise Problem("withdrawn", _("This was withdrawn. Publish it anew, under a new link."))
    revision, is_new = _revise(actor, publication, manifest, digest, about, note)
    if about and publication.public_revision_id is None and revision.state == Revision.State.SHARED:
        _say(publication, about)
    if to is not None or not slug:
        _set_audience(actor, publication, to or To())
    elif is_new:
        _submit(actor, publication)
    if is_new and revision.number > 1:
        _tell(actor, receivers(publication), "publication-revised", publication)
    return Published(publication, Revision.objects.get(pk=revision.pk), is_new)


def own(actor: Actor, slug: str, *, lock: bool = False, verb: str = "change") -> Publication:
    """A publication that the actor may change. Whose it is not learns only that there is none. Raises Problem."""
    found = Publication.objects.filter(slug=slug)
    publication = (found.select_for_update() if lock else found.select_related("author")).first()
    if publication is None or not may(actor, verb, "publication", publication.author.username):
        raise Problem("no-publication", _("You have no publication of this address."))
    return publication


def _now(actor: Actor, publication: Publication, verb: str) -> None:
    """The publication as it is now, and nobody else changes it until the transaction ends. Raises NotAllowed."""
    publication.refresh_from_db(from_queryset=Publication.objects.select_for_update())
    check(actor, verb, "publication", publication.author.username)


def _make(actor: Person, about: About, digest: str) -> Publication:
    start = abouts.slug(about.title, (), digest)
    taken = set(Publication.objects.filter(slug__startswith=start[:20]).values_list("slug", flat=True))
    slug = abouts.slug(about.title, taken, digest)
    made = Publication.objects.create(slug=slug, author=actor, **about.fields())
    audit.record(actor, "share", f"publication:{slug}", {"title": about.title, "kind": about.kind})
    return made


def _revise(
    actor: Person, publication: Publication, manifest: dict[str, Any], digest: str, about: About | None, note: str
) -> tuple[Revision, bool]:
    newest = publication.newest
    said = about.fields() if about else dict(newest.about) if newest else {}
    if newest is not None and newest.digest == digest:
        if newest.state == Revision.State.SHARED and about:
            newest.about = said
            newest.save()
        # Other words for what was checked or reviewed are a revision of their own: reviewers approve both together.
        if newest.state == Revision.State.SHARED or newest.about == said:
            return newest, False
    number = newest.number + 1 if newest else 1
    made = Revision.objects.create(
        publication=publication, number=number, digest=digest, manifest=manifest, by=actor, note=note, about=said
    )
    audit.record(actor, "add", f"publication:{publication}", {"revision": number, "digest": digest})
    return made, True


def _say(publication: Publication, about: About) -> None:
    for name, value in about.fields().items():
        setattr(publication, name, value)
    publication.save(update_fields=list(about.fields()))


def adopt(revision: Revision) -> None:
    """Let what was said with a revision stand on the publication's page: for the review, when it approves."""
    if revision.about:
        _say(revision.publication, About(**revision.about))


@transaction.atomic
def change_about(actor: Person, publication: Publication, about: About) -> None:
    """Change what is said of a publication; of a public one only a new revision does, since that is reviewed."""
    _now(actor, publication, "change")
    cleaned = about.cleaned()
    reviewed = publication.revisions.filter(state__in=(Revision.State.CHECKING, Revision.State.IN_REVIEW))
    if publication.public_revision_id is not None or reviewed.exists():
        changed = [name for name, value in cleaned.fields().items() if getattr(publication, name) != value]
        if not changed:
            return
        raise Problem("is-public", _REVIEWED, fields=_named(changed))
    _say(publication, cleaned)
    publication.revisions.filter(pk=getattr(publication.newest, "pk", None)).update(about=cleaned.fields())
    audit.record(actor, "change", f"publication:{publication}", {"title": cleaned.title})


LABELS = {
    "title": _("Title"),
    "title_zh": _("Title in Chinese"),
    "summary": _("Summary"),
    "summary_zh": _("Summary in Chinese"),
    "tags": _("Tags"),
    "goals": _("SDG goals"),
    "licence": _("Licence"),
    "kind": _("Kind"),
}
_REVIEWED = _(
    "Not changed: %(fields)s. This is reviewed together with the notebook, so only a new revision changes it: "
    "publish the notebook again."
)
_named = lazy(lambda fields: str(_(", ")).join(str(LABELS[name]) for name in fields), str)


# -- who may read ------------------------------------------------------------------------------------------------------


@transaction.atomic
def share(actor: Person, publication: Publication, to: To) -> None:
    """Change who may read. `public` sends the newest revision to review."""
    _now(actor, publication, "change")
    if publication.withdrawn_at is not None:
        raise Problem("withdrawn", _("This was withdrawn. Publish it anew, under a new link."))
    _set_audience(actor, publication, to)


def revoke(actor: Person, publication: Publication) -> None:
    """From now on nobody but the author reads it."""
    share(actor, publication, To())


def receivers(publication: Publication) -> list[Person]:
    """Whom it was shared with by name or by project, as of now."""
    if publication.audience == PEOPLE:
        return list(publication.people.filter(is_active=True))
    if publication.audience == PROJECT and publication.project:
        return list(publication.project.members.filter(is_active=True).exclude(pk=publication.author_id))
    return []


def _set_audience(actor: Person, publication: Publication, to: To) -> None:
    if to.audience not in Publication.Audience.values:
        raise Problem("bad-audience", _("There is no audience “%(name)s”."), name=to.audience[:40])
    people, project = _find_people(actor, to), _find_project(actor, to)
    public = to.audience == PUBLIC
    if not public and publication.public_revision_id is not None:
        raise Problem("is-public", _("It is public. Withdraw it, so that its readers find out why it is gone."))
    before = {person.pk for person in receivers(publication)} if publication.newest else set()
    publication.audience, publication.project = to.audience, project
    publication.save(update_fields=["audience", "project"])
    publication.people.set(people)
    detail = {"audience": to.audience, "people": sorted(map(str, people)), "project": to.project}
    audit.record(actor, "change audience", f"publication:{publication}", detail)
    fresh = [person for person in receivers(publication) if person.pk not in before]
    _tell(actor, fresh, "publication-shared", publication)
    if fresh:
        told = [person.pk for person in fresh]
        transaction.on_commit(partial(letters.tell_shared.enqueue, publication.pk, told, actor.get_full_name()))
    if public:
        _submit(actor, publication)
    else:
        _recall(publication)


def _find_people(actor: Person, to: To) -> list[Person]:
    wanted = list(dict.fromkeys(to.people)) if to.audience == PEOPLE else []
    if len(wanted) > MOST_PEOPLE:
        raise Problem("too-many-people", _("At most %(most)d people. Share it with a project."), most=MOST_PEOPLE)
    found = {person.username: person for person in Person.objects.filter(username__in=wanted, is_active=True)}
    for name in wanted:
        if name not in found:
            raise nobody(name)
    return [found[name] for name in wanted if found[name].pk != actor.pk]


def nobody(name: str) -> Problem:
    """Said of a name that no open account has."""
    return Problem("no-person", _("There is nobody called “%(name)s”."), name=name[:40])


def _find_project(actor: Person, to: To) -> Group | None:
    if to.audience != PROJECT:
        return None
    group = Group.objects.filter(name=to.project).first()
    if group is None or not names.is_project(to.project) or to.project not in actor.group_names:
        raise Problem("no-project", _("You are in no project “%(name)s”."), name=to.project[:60])
    return group


def _submit(actor: Person, publication: Publication) -> None:
    """Send the newest revision to review, where that is wanted and was not done."""
    newest = publication.newest
    if publication.audience != PUBLIC or newest is None or newest.state != Revision.State.SHARED:
        return
    newest.state, newest.submitted_at = Revision.State.CHECKING, timezone.now()
    newest.save(update_fields=["state", "submitted_at"])
    audit.record(actor, "submit", f"publication:{publication}", {"revision": newest.number, "digest": newest.digest})
    signals.submitted.send(sender=Revision, revision=newest)


def _recall(publication: Publication) -> None:
    for revision in publication.revisions.filter(state__in=UNDER_REVIEW):
        revision.state, revision.submitted_at = Revision.State.SHARED, None
        revision.save(update_fields=["state", "submitted_at"])
        signals.recalled.send(sender=Revision, revision=revision)


def _tell(actor: Actor, people: Iterable[Person], kind: str, publication: Publication, **more: str) -> None:
    by = actor.get_full_name() if isinstance(actor, Person) else str(actor)
    for person in people:
        if person != actor:
            address = f"/showcase/{publication.slug}/"
            notify(person, kind, address, person=by, title=publication.title, **more)


# -- whose it is, and its end ------------------------------------------------------------------------------------------


@transaction.atomic
def transfer(actor: Actor, publication: Publication, person: Person) -> None:
    """Hand a publication over: its link and revisions stay, its author is somebody else."""
    _now(actor, publication, "transfer")
    if not person.is_active:
        raise nobody(person.username)
    if person.pk == publication.author_id:
        return
    before = publication.author
    publication.author = person
    publication.save(update_fields=["author"])
    publication.people.remove(person)
    audit.record(actor, "transfer", f"publication:{publication}", {"from": before.username, "to": person.username})
    _tell(actor, [person], "publication-given", publication)


@transaction.atomic
def withdraw(actor: Actor, publication: Publication, reason: str, reason_zh: str = "") -> None:
    """Take a publication back for good: nobody but its author reads it, and a public page says why it is gone."""
    _now(actor, publication, "withdraw")
    reason, reason_zh = reason.strip() or reason_zh.strip(), reason_zh.strip()
    if not reason or max(len(reason), len(reason_zh)) > 1000:
        raise Problem("no-reason", _("Say why, in at most 1000 characters: readers of the page will see it."))
    if publication.withdrawn_at is not None:
        return
    told = [publication.author, *receivers(publication)]
    _recall(publication)
    publication.withdrawn_at = timezone.now()
    publication.withdrawn_reason, publication.withdrawn_reason_zh = reason, reason_zh
    publication.save(update_fields=["withdrawn_at", "withdrawn_reason", "withdrawn_reason_zh"])
    audit.record(actor, "withdraw publication", f"publication:{publication}", {"reason": reason})
    _tell(actor, told, "publication-withdrawn", publication, reason=reason[:200])
    signals.withdrawn.send(sender=Publication, publication=publication)


@transaction.atomic
def expire(actor: Person, publication: Publication, on: date | None) -> None:
    """Set the last day on which the public page is shown; None: for ever."""
    _now(actor, publication, "change")
    if on is not None and on < site_today():
        raise Problem("bad-date", _("The last day lies in the past. To end it now, withdraw it."))
    publication.expires_on = on
    publication.save(update_fields=["expires_on"])
    audit.record(actor, "set expiry", f"publication:{publication}", {"on": on.isoformat() if on else ""})
