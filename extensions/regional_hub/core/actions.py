"""Every change of people, groups and invitations. Pages, sign-up and commands call these.

Each checks the permission, writes, records the change in the audit log and tells the Hub, in one transaction.
They raise `NotAllowed` for what the permission table refuses, and `Refused`, in words for a person, for the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from regional_hub.core import audit, directory, mail, names
from regional_hub.core.access import Actor, check
from regional_hub.core.models import Group, HubAccount, Notice, Person
from regional_hub.core.notices import notify
from regional_hub.core.sessions import end_sessions, revoke_tokens


class Refused(Exception):
    """It cannot be done, and why, in the reader's language."""


def find_groups(group_names: Iterable[str]) -> list[Group]:
    """The groups of these names. Raises Refused naming the first that does not exist."""
    wanted = list(dict.fromkeys(group_names))
    found = {group.name: group for group in Group.objects.filter(name__in=wanted)}
    for name in wanted:
        if name not in found:
            raise Refused(_("There is no group “%(name)s”.") % {"name": name})
    return [found[name] for name in wanted]


def _clean(person: Person) -> None:
    try:
        person.full_clean(exclude=["password"])
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error


@transaction.atomic
def add_person(
    actor: Actor,
    username: str,
    email: str = "",
    *,
    display_name: str = "",
    groups: Collection[str] = (),
    password: str | None = None,
    must_change_password: bool = True,
) -> Person:
    """Make an account; without a password its owner sets one by a reset mail."""
    check(actor, "add", "person")
    person = Person(
        username=username,
        email=email.lower(),
        display_name=display_name,
        must_change_password=must_change_password and password is not None,
    )
    _clean(person)
    if email and Person.objects.filter(email__iexact=email).exists():
        raise Refused(_("Somebody already has the e-mail address %(email)s.") % {"email": email})
    person.set_password(password)
    person.save()
    _own_address(person)
    person.groups.set(find_groups(groups))
    audit.record(actor, "add", f"person:{person}", {"groups": sorted(groups)})
    notify(person, "welcome")
    directory.touch([person.username])
    return person


def _own_address(person: Person) -> None:
    from allauth.account.models import EmailAddress

    if person.email:
        EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)


@transaction.atomic
def set_groups(actor: Actor, person: Person, group_names: Collection[str]) -> None:
    """Make a person's groups exactly these. The last active administrator stays one."""
    check(actor, "group", "person")
    groups = find_groups(group_names)
    before = {group.name: group for group in person.groups.all()}
    after = {group.name: group for group in groups}
    if "admins" in before and "admins" not in after:
        _keep_an_administrator(person)
    joined, left = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    if not joined and not left:
        return
    person.groups.set(groups)
    person.forget_groups()
    audit.record(actor, "group", f"person:{person}", {"joined": joined, "left": left})
    for name in joined:
        notify(person, "group-joined", group=name)
    for name in left:
        notify(person, "group-left", group=name)
    directory.touch([person.username])


def _keep_an_administrator(person: Person) -> None:
    if not Person.objects.filter(is_active=True, groups__name="admins").exclude(pk=person.pk).exists():
        raise Refused(_("This is the last administrator. Make somebody else an administrator first."))


@transaction.atomic
def disable(actor: Actor, person: Person) -> None:
    """Close an account: sessions, sign-ins of other tools, servers and tokens end. Files and records stay."""
    check(actor, "disable", "person")
    if person == actor:
        raise Refused(_("You cannot disable your own account. Ask another administrator."))
    if not person.is_active and not person.awaits_approval:
        return
    if person.is_administrator:
        _keep_an_administrator(person)
    person.is_active = False
    person.awaits_approval = False
    person.save(update_fields=["is_active", "awaits_approval"])
    end_sessions(person)
    revoke_tokens(person)
    audit.record(actor, "disable", f"person:{person}")
    directory.touch([person.username])


@transaction.atomic
def enable(actor: Actor, person: Person) -> None:
    """Open a closed account again, with the groups it had."""
    check(actor, "enable", "person")
    if person.is_active:
        return
    person.is_active = True
    person.awaits_approval = False
    person.save(update_fields=["is_active", "awaits_approval"])
    audit.record(actor, "enable", f"person:{person}")
    directory.touch([person.username])


@transaction.atomic
def approve(actor: Actor, person: Person, group_names: Collection[str]) -> None:
    """Give somebody who asked for an account what they asked for."""
    check(actor, "approve", "person")
    if not person.awaits_approval:
        raise Refused(_("This account does not wait for approval."))
    person.groups.set(find_groups(group_names))
    person.forget_groups()
    person.is_active = True
    person.awaits_approval = False
    person.save(update_fields=["is_active", "awaits_approval"])
    audit.record(actor, "approve", f"person:{person}", {"groups": sorted(group_names)})
    notify(person, "welcome")
    directory.touch([person.username])
    transaction.on_commit(lambda: _tell_approved(person), robust=True)


def _tell_approved(person: Person) -> None:
    def subject(facts: dict[str, str]) -> str:
        return _("Your account at %(site)s") % {"site": facts["site_name"]}

    mail.send(person.email, person.language, subject, "approved", username=person.username)


@transaction.atomic
def change_profile(actor: Person, **fields: str) -> None:
    """Change one's own name, organisation, language or time zone."""
    check(actor, "change", "profile", actor.username)
    changed = sorted(name for name, value in fields.items() if getattr(actor, name) != value)
    for name in changed:
        setattr(actor, name, fields[name])
    _clean(actor)
    if changed:
        actor.save(update_fields=changed)
        audit.record(actor, "change", f"person:{actor}", {"fields": changed})
    if "display_name" in changed:
        directory.touch([actor.username])


@transaction.atomic
def create_group(actor: Actor, name: str, title: str, title_zh: str = "", members: Collection[Person] = ()) -> Group:
    """Make a project (`project-<slug>`): a group, and a service account at the Hub whose servers its members share."""
    check(actor, "create", "group")
    if not names.is_project(name):
        raise Refused(
            _("A project's name is “project-” and up to 22 small letters, digits and hyphens, not ending in a hyphen.")
        )
    if Group.objects.filter(name=name).exists():
        raise Refused(_("There is already a group “%(name)s”.") % {"name": name})
    group = Group.objects.create(name=name, title=title.strip() or name, title_zh=title_zh.strip())
    audit.record(actor, "create", f"group:{name}", {"title": group.title})
    directory.touch([name])
    if members:
        set_members(actor, group, members)
    return group


@transaction.atomic
def rename_group(actor: Actor, group: Group, title: str, title_zh: str) -> None:
    """Change what people read; the name stays, since folders and permissions hang on it."""
    check(actor, "change", "group")
    if (group.title, group.title_zh) == (title, title_zh):
        return
    group.title, group.title_zh = title, title_zh
    group.save(update_fields=["title", "title_zh"])
    audit.record(actor, "change", f"group:{group}", {"title": title, "title_zh": title_zh})


@transaction.atomic
def set_members(actor: Actor, group: Group, members: Collection[Person]) -> None:
    """Make a group's members exactly these."""
    check(actor, "change", "group")
    before, after = set(group.members.all()), set(members)
    for person in sorted(before ^ after, key=str):
        mine = {found.name for found in person.groups.all()}
        set_groups(actor, person, mine | {group.name} if person in after else mine - {group.name})


@transaction.atomic
def delete_group(actor: Actor, group: Group) -> None:
    """Dissolve a project: its servers stop and its service account goes; its folder stays on disk."""
    check(actor, "delete", "group")
    if not group.is_project:
        raise Refused(_("Only projects can be dissolved; the other groups are part of the hub."))
    set_members(actor, group, [])
    name = group.name
    group.delete()
    audit.record(actor, "delete", f"group:{name}")
    directory.touch([name])


@transaction.atomic
def read_notice(actor: Person, notice: Notice) -> None:
    """Put one's own notice away."""
    check(actor, "read", "notice", notice.person.username)
    notice.delete()


def hub_accounts_behind() -> list[HubAccount]:
    """Whom the Hub should know of and does not yet, longest first."""
    return [account for account in HubAccount.objects.order_by("changed_at") if account.is_late]
