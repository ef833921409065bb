"""Invitations: made by administrators, held by a visitor's session while signing up, used once.

The token exists in the mail and in the link shown once to the administrator; we keep its SHA-256.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.validators import validate_email
from django.db import transaction
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from regional_hub.core import audit, directory, mail
from regional_hub.core.access import Actor, check
from regional_hub.core.actions import Refused, find_groups
from regional_hub.core.models import Group, Invitation, Person
from regional_hub.core.notices import notify

_SESSION = "invitation"


@dataclass(frozen=True)
class Issued:
    """An invitation and its link, which nobody can see again."""

    invitation: Invitation
    link: str


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@transaction.atomic
def invite(actor: Actor, email: str, groups: Collection[str] = (), language: str = "") -> Issued:
    """Invite an e-mail address into groups. An earlier open invitation of the address is revoked."""
    check(actor, "invite", "person")
    email = email.strip().lower()
    validate_email(email)
    if Person.objects.filter(email__iexact=email).exists():
        raise Refused(_("Somebody already has the e-mail address %(email)s.") % {"email": email})
    found = find_groups(groups)
    Invitation.objects.filter(email=email, used_at=None, revoked_at=None).update(revoked_at=timezone.now())
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        email=email,
        token_hash=_hash(token),
        language=language or settings.LANGUAGE_CODE,
        invited_by=str(actor),
        expires_at=timezone.now() + timedelta(days=settings.HUB.accounts.invitation_days),
    )
    invitation.groups.set(found)
    audit.record(actor, "invite", f"invitation:{invitation.pk}", {"email": email, "groups": sorted(groups)})
    issued = Issued(invitation, settings.HUB.url + reverse("invitation", args=[token]))
    transaction.on_commit(lambda: _mail(issued), robust=True)
    return issued


def _mail(issued: Issued) -> None:
    """Send the letter in the language chosen for it. A mail server that fails is logged; the link stays to pass on."""
    invitation = issued.invitation
    mail.send(
        invitation.email,
        invitation.language,
        lambda facts: _("Your invitation to %(site)s") % {"site": facts["site_name"]},
        "invitation",
        link=issued.link,
        invitation=invitation,
    )


@transaction.atomic
def revoke(actor: Actor, invitation: Invitation) -> None:
    """Make an open invitation void."""
    check(actor, "invite", "person")
    if invitation.state not in {"open", "expired"}:
        raise Refused(_("This invitation cannot be revoked: it has been used or revoked already."))
    invitation.revoked_at = timezone.now()
    invitation.save(update_fields=["revoked_at"])
    audit.record(actor, "revoke", f"invitation:{invitation.pk}", {"email": invitation.email})


def find(token: str) -> Invitation | None:
    """The invitation with this token, in whatever state."""
    return Invitation.objects.filter(token_hash=_hash(token)).first()


def hold(request: HttpRequest, invitation: Invitation) -> None:
    """Let this visitor sign up with the invitation."""
    request.session[_SESSION] = invitation.pk


def held(request: HttpRequest) -> Invitation | None:
    """The open invitation that this visitor came with."""
    key = request.session.get(_SESSION)
    invitation = Invitation.objects.filter(pk=key).first() if key else None
    return invitation if invitation is not None and invitation.state == "open" else None


def admit(request: HttpRequest, person: Person) -> None:
    """Give a new account what the invitation promises, using it up; without one the account waits for approval.

    Runs in the transaction that makes the account. Raises Refused when somebody used the invitation in the meantime.
    """
    invitation = held(request)
    if invitation is None:
        _wait(person)
        return
    now = timezone.now()
    open_ones = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None, expires_at__gt=now)
    if not open_ones.update(used_at=now, used_by=person):
        raise Refused(_("This invitation has just been used. Ask for a new one."))
    groups: list[Group] = list(invitation.groups.all())
    person.groups.set(groups)
    person.forget_groups()
    request.session.pop(_SESSION, None)
    detail = {"invitation": invitation.pk, "groups": sorted(group.name for group in groups)}
    audit.record(person, "sign up", f"person:{person}", detail)
    notify(person, "welcome")
    directory.touch([person.username])


def _wait(person: Person) -> None:
    if settings.HUB.accounts.sign_up != "approval":
        raise Refused(_("An account needs an invitation."))
    person.is_active = False
    person.awaits_approval = True
    person.save(update_fields=["is_active", "awaits_approval"])
    audit.record(person, "ask", f"person:{person}")
    for administrator in Person.objects.filter(is_active=True, groups__name="admins"):
        notify(administrator, "approval-wanted", reverse("person", args=[person.username]), person=person.username)
