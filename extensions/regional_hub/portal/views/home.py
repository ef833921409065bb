"""The front page, health, and the choice of language."""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from regional_hub.core import actions, notices
from regional_hub.core.access import requires
from regional_hub.core.models import Notice, Person
from regional_hub.portal.context import suggestions
from regional_hub.showcase.views.shelf import shelf

SHOWN = 3  # publications of the Showcase


@require_GET
@requires("see", "home")
def home(request: HttpRequest) -> HttpResponse:
    """What the hub is, for visitors; what next, for those who are signed in."""
    person = request.user
    published = shelf().first(SHOWN)
    if not isinstance(person, Person):
        welcome = {"open_to_requests": settings.HUB.accounts.sign_up == "approval", "published": published}
        return render(request, "portal/welcome.html", welcome)
    facts = {
        "published": published,
        "groups": list(person.groups.all()),
        "notices": [(notice, notices.text(notice)) for notice in person.notices.all()[:20]],
        "places": suggestions(request),
        "waiting": Person.objects.filter(awaits_approval=True).count() if person.is_administrator else 0,
    }
    return render(request, "portal/home.html", facts)


@require_GET
@never_cache
@requires("see", "health")
def health(request: HttpRequest) -> HttpResponse:
    """200 when the database answers; what supervisors and load balancers ask."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return JsonResponse({"status": "ok"})


@require_POST
@requires("choose", "language")
def language(request: HttpRequest) -> HttpResponse:
    """Remember the reader's language in a cookie, which the Hub's pages read too, and in the profile."""
    chosen = request.POST.get("language", "")
    following = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(following, {request.get_host()}, request.is_secure()):
        following = "/"
    response = redirect(following)
    if chosen in dict(settings.LANGUAGES):
        set_language_cookie(response, chosen)
        if isinstance(request.user, Person):
            actions.change_profile(request.user, language=chosen)
    return response


def set_language_cookie(response: HttpResponse, chosen: str) -> None:
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        chosen,
        max_age=settings.LANGUAGE_COOKIE_AGE,
        secure=settings.LANGUAGE_COOKIE_SECURE,
        samesite="Lax",
    )


@require_POST
@requires("read", "notice")
def read_notice(request: HttpRequest, pk: int) -> HttpResponse:
    """Put one of one's own notices away."""
    assert isinstance(request.user, Person)
    actions.read_notice(request.user, get_object_or_404(Notice, pk=pk, person=request.user))
    return redirect("/")
