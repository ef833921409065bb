"""The permission table, applied to people and to views."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse

from regional_hub.core import permissions
from regional_hub.core.models import Person


class Operator:
    """Whoever runs commands on the machine itself."""

    def __str__(self) -> str:
        return "operator"


OPERATOR = Operator()
Actor = Person | Operator


def roles(actor: Any, owner: str = "") -> set[str]:
    """The roles of an actor towards an object of `owner`: a person's or a project's name."""
    if isinstance(actor, Operator):
        return {permissions.ANYONE, permissions.OPERATOR}
    found = {permissions.ANYONE}
    if isinstance(actor, Person) and actor.is_active:
        found |= {permissions.PERSON, *actor.group_names}
        if owner and owner == actor.username:
            found.add(permissions.OWNER)
        if owner and owner in actor.group_names:
            found.add(permissions.MEMBER)
    return found


def may(actor: Any, verb: str, object: str, owner: str = "") -> bool:
    return permissions.may(roles(actor, owner), verb, object)


def check(actor: Any, verb: str, object: str, owner: str = "") -> None:
    """Raises NotAllowed when the table does not give this to the actor."""
    if not may(actor, verb, object, owner):
        raise permissions.NotAllowed(actor, verb, object)


View = Callable[..., Any]


def requires(verb: str, object: str) -> Callable[[View], View]:
    """Hold a view to a permission; visitors who could have it are asked to sign in first.

    Where the table says `owner` or `member`, the view (or the action it calls) checks which; this asks for a sign-in.
    """
    allowed = permissions.TABLE[verb, object]

    def decorate(view: View) -> View:
        @wraps(view)
        def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if permissions.ANYONE in allowed:
                return view(request, *args, **kwargs)
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            personal = {permissions.OWNER, permissions.MEMBER} & allowed
            if not personal and not may(request.user, verb, object):
                raise PermissionDenied
            try:
                return view(request, *args, **kwargs)
            except permissions.NotAllowed as refused:
                raise PermissionDenied from refused

        run.permission = (verb, object)  # type: ignore[attr-defined]
        return run

    return decorate
