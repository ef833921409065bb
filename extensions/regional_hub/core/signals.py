"""What follows from events of sign-in: entries in the audit log, and one-time passwords that are done with."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from regional_hub.core import audit
from regional_hub.core.models import Person


def _address(request: Any) -> str:
    return str(request.META.get("REMOTE_ADDR", "")) if request is not None else ""


@receiver(user_logged_in)
def _signed_in(sender: Any, request: Any, user: Person, **_more: Any) -> None:
    audit.record(user, "sign in", f"person:{user}", {"address": _address(request)})


@receiver(user_logged_out)
def _signed_out(sender: Any, request: Any, user: Person | None, **_more: Any) -> None:
    if user is not None:
        audit.record(user, "sign out", f"person:{user}")


@receiver(user_login_failed)
def _refused(sender: Any, credentials: dict[str, Any], request: Any = None, **_more: Any) -> None:
    """Names that nobody has are not written down: people type passwords into the wrong field."""
    name = str(credentials.get("username") or credentials.get("email") or "").lower()
    known = Person.objects.filter(username=name).first() or Person.objects.filter(email__iexact=name).first()
    audit.record("anyone", "fail to sign in", f"person:{known or '?'}", {"address": _address(request)})


@receiver([account.password_changed, account.password_set, account.password_reset])
def _own_password(sender: Any, request: Any, user: Person, **_more: Any) -> None:
    if user.must_change_password:
        user.must_change_password = False
        user.save(update_fields=["must_change_password"])
    audit.record(user, "change password", f"person:{user}")


@receiver([account.email_added, account.email_removed])
def _addresses(sender: Any, request: Any, user: Person, email_address: Any, **_more: Any) -> None:
    audit.record(user, "change e-mail addresses", f"person:{user}", {"address": str(email_address)})


@receiver(account.email_changed)
def _address_changed(sender: Any, request: Any, user: Person, to_email_address: Any, **_more: Any) -> None:
    audit.record(user, "change e-mail addresses", f"person:{user}", {"primary": str(to_email_address)})
