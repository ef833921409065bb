"""Pages around allauth's: coming with an invitation, signing out as asked by the Hub, and one's profile."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LogoutView
from allauth.core.internal import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from regional_hub.core import invitations
from regional_hub.core.access import requires

_GUESSES = {"invitation": "20/5m/ip"}


@require_GET
@never_cache
@requires("accept", "invitation")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Take an invitation's link: the token goes into the session and out of the address. Guessing is limited."""
    allowed = ratelimit.consume(request, app="regional_hub.core", action="invitation", config=_GUESSES, limit_get=True)
    if not allowed:
        return ratelimit.respond_429(request)
    found = invitations.find(token)
    state = found.state if found is not None else "unknown"
    if found is None or state != "open":
        return render(request, "portal/invitation.html", {"state": state}, status=404 if found is None else 410)
    if request.user.is_authenticated:
        return render(request, "portal/invitation.html", {"state": "signed-in"}, status=409)
    invitations.hold(request, found)
    return redirect("account_signup")


class SignOut(LogoutView):
    """Ends the sign-in at once when one of our own pages asks (the Hub after its own sign-out); else asks first."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.headers.get("Sec-Fetch-Site") == "same-origin":
            return self.post(request, *args, **kwargs)
        return super().get(request, *args, **kwargs)
