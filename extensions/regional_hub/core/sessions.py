"""Ending what lets a person in: sign-ins at the portal, and tokens that other tools got through the OpenID provider."""

from __future__ import annotations

from allauth.idp.oidc.models import Token
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from regional_hub.core.models import Person


def end_sessions(person: Person) -> int:
    """Sign a person out everywhere at the portal; how many sessions there were."""
    keys = list(UserSession.objects.filter(user=person).values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(user=person).delete()
    return len(keys)


def revoke_tokens(person: Person) -> int:
    """Make void what the OpenID provider gave out for a person."""
    return int(Token.objects.filter(user=person).delete()[0])
