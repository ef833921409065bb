"""Pages around allauth's: coming with an invitation, signing out as asked by the Hub, and one's profile."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LogoutView
from allauth.core.internal import ratelimit
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from regional_hub.core import actions, invitations
from regional_hub.core.access import requires
from regional_hub.portal.forms import ProfileForm
from regional_hub.portal.views.home import set_language_cookie

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


@require_http_methods(["GET", "POST"])
@requires("change", "profile")
def profile(request: HttpRequest) -> HttpResponse:
    """One's own name, organisation, language and time zone."""
    person = request.user
    fields = ("display_name", "organisation", "language", "time_zone")
    initial = {name: getattr(person, name) for name in fields}
    initial["language"] = initial["language"] or request.LANGUAGE_CODE
    form = ProfileForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        actions.change_profile(person, **form.cleaned_data)
        chosen = form.cleaned_data["language"]
        with translation.override(chosen):
            messages.success(request, _("Your profile is saved."))
        response = redirect("profile")
        set_language_cookie(response, chosen)
        return response
    return render(request, "portal/profile.html", {"form": form, "person": person})


class SignOut(LogoutView):
    """Ends the sign-in at once when one of our own pages asks (the Hub after its own sign-out); else asks first."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.headers.get("Sec-Fetch-Site") == "same-origin":
            return self.post(request, *args, **kwargs)
        return super().get(request, *args, **kwargs)
