"""Who calls the Showcase's API: a person at a page (session and CSRF), or code in one's own Lab (the Hub's token).

Trust boundary. A token is shown to the Hub, which says whose it is. Tokens of services and of projects are nobody's,
and during an examination nobody reads what others share: tokens of exam servers are refused.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from ninja.security import APIKeyCookie, APIKeyHeader

from regional_hub.core import directory, names
from regional_hub.core.models import Person
from regional_hub.hub.api import Holder, HubDown
from regional_hub.showcase.api_faults import Fault

KEPT = 10  # seconds that the Hub's answer is kept: a token that it took back works no longer than that
_TOKEN = re.compile(r"(?:token|[Bb]earer) ([A-Za-z0-9_-]{8,200})")


class LabToken(APIKeyHeader):
    """`Authorization: token …` with the token of one's own server."""

    param_name = "Authorization"

    def authenticate(self, request: HttpRequest, key: str | None) -> Person | None:
        if not key:
            return None
        match = _TOKEN.fullmatch(key)
        holder = _whose(match[1]) if match else None
        if holder is None:
            raise Fault(401, "bad-token", "the Hub does not know this token", "Hub 不认识该令牌")
        if not holder.is_user or names.is_project(holder.name):
            raise Fault(
                403,
                "not-a-person",
                "this is no person's token; share from your own Lab",
                "这不是个人令牌；请从您自己的 Lab 共享",
            )
        if any(place.startswith("exam-") for place in _servers(holder)):
            raise Fault(403, "in-an-exam", "not from an examination", "考试中不可使用")
        person = Person.objects.filter(username=holder.name, is_active=True).first()
        if person is None:
            raise Fault(401, "bad-token", "this account is closed", "该账户已停用")
        request.user = person
        return person


def _servers(holder: Holder) -> list[str]:
    """Names of the servers that a token opens."""
    opened = [scope.partition("!server=")[2] for scope in holder.scopes if scope.startswith("access:servers!server=")]
    return [place.partition("/")[2] for place in opened]


def _whose(token: str) -> Holder | None:
    key = f"showcase-token:{hashlib.sha256(token.encode()).hexdigest()}"
    kept: Any = cache.get(key)
    if kept is not None:
        return Holder(kept[0], kept[1], frozenset(kept[2]))
    try:
        found = directory.hub().whose(token)
    except HubDown:
        raise Fault(503, "hub-down", "the Hub does not answer; try again shortly", "Hub 没有响应，请稍后重试") from None
    if found is not None:
        cache.set(key, (found.name, found.is_user, sorted(found.scopes)), KEPT)
    return found


class Session(APIKeyCookie):
    """The session of a page of ours, with its CSRF token."""

    param_name = settings.SESSION_COOKIE_NAME

    def authenticate(self, request: HttpRequest, key: str | None) -> Person | None:
        person = request.user
        return person if isinstance(person, Person) and person.is_active else None
