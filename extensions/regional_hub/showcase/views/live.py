"""The page of a live app: asking for a place, waiting, the app in a frame, leaving. Who gets a place, `seats` decides.

Trust boundary: visitors have no account. A signed cookie tells one from another and is no more than that; forged ones
are none. Pages of publications are cached for everybody and have no token, so what changes something asks the browser
where it comes from instead. The app's page is a stranger's: it is opened in a sandboxed frame and nowhere else.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from regional_hub.core.access import requires
from regional_hub.core.middleware import POLICY
from regional_hub.core.models import Person
from regional_hub.showcase.actions import building, seats
from regional_hub.showcase.actions.problems import Problem
from regional_hub.showcase.admission import network
from regional_hub.showcase.models import Publication
from regional_hub.showcase.views import reading
from regional_hub.showcase.views.publication import for_readers

COOKIE = "hub_visitor"
COOKIE_SECONDS = 86_400
SALT = "showcase.live"


def _find(request: HttpRequest, slug: str) -> Publication:
    """A public app: apps run the reviewed revision, for people as for visitors. Raises Http404 and SignInFirst."""
    publication, _newest = reading.find_publication(request, slug)
    if publication.kind != Publication.Kind.APP or not publication.is_public:
        raise Http404
    return publication


def is_ours(request: HttpRequest) -> bool:
    """Whether a page of this site sent it. A sandboxed app has the origin `null` and is none of ours."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin == f"{request.scheme}://{request.get_host()}"
    return request.headers.get("Sec-Fetch-Site") == "same-origin"


def _held_cookie(request: HttpRequest) -> str:
    value = request.get_signed_cookie(COOKIE, "", salt=SALT, max_age=COOKIE_SECONDS)
    return value or ""


def _visitor(request: HttpRequest, cookie: str) -> str:
    """Who asks, as a keyed hash; empty for somebody who never asked."""
    if isinstance(request.user, Person):
        return _hash("visitor", f"person:{request.user.pk}")
    return _hash("visitor", f"cookie:{cookie}") if cookie else ""


def _address(request: HttpRequest) -> str:
    """The network that asks, as a hash that means nothing the day after."""
    return _hash(f"address.{timezone.now().date()}", str(network(request.META.get("REMOTE_ADDR", ""))))


def _hash(purpose: str, value: str) -> str:
    return salted_hmac(f"{SALT}.{purpose}", value, algorithm="sha256").hexdigest()


def _tab(text: str) -> str:
    return text if re.fullmatch(r"[0-9a-f]{32}", text) else ""


@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@requires("see", "showcase")
@for_readers
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Where a visitor stands; POST asks for a place."""
    publication = _find(request, slug)
    if request.method == "POST":
        return _ask(request, publication)
    return _show(request, publication, tab=_tab(request.GET.get("tab", "")))


def _ask(request: HttpRequest, publication: Publication) -> HttpResponse:
    if not is_ours(request):
        raise PermissionDenied
    held = _held_cookie(request)
    cookie = held or secrets.token_hex(16)
    tab = secrets.token_hex(16)
    try:
        seats.ask(publication, _visitor(request, cookie), _address(request), tab)
    except Problem as problem:
        return _show(request, publication, trouble=str(problem), status=429 if problem.code == "full" else 503)
    response = redirect(f"{reverse('showcase-live', args=[publication.slug])}?tab={tab}")
    response.status_code = 303
    if not isinstance(request.user, Person):
        response.set_signed_cookie(
            COOKIE, cookie, salt=SALT, max_age=COOKIE_SECONDS, path="/showcase/", secure=settings.HUB.secure,
            httponly=True, samesite="Lax",
        )  # fmt: skip
    return response


def _standing(request: HttpRequest, publication: Publication) -> seats.Standing:
    return seats.look(_visitor(request, _held_cookie(request)), publication, hidden="hidden" in request.GET)


def _show(
    request: HttpRequest, publication: Publication, tab: str = "", trouble: str = "", status: int = 200
) -> HttpResponse:
    standing = _standing(request, publication)
    context = {
        "publication": publication,
        "standing": standing,
        "is_gone": standing.state in ("none", "over"),
        "facts": asdict(standing),
        "tab": tab,
        "trouble": trouble,
        "notebook": building.page(publication.public_revision),
        "is_folded": True,
    }
    response = render(request, "showcase/live.html", context, status=status)
    response.headers["X-Robots-Tag"] = "noindex"
    if settings.HUB.showcase.live_origin:
        response.headers["Content-Security-Policy"] = f"{POLICY}; frame-src 'self' {settings.HUB.showcase.live_origin}"
    return response


@never_cache
@require_safe
@requires("see", "showcase")
@for_readers
def state(request: HttpRequest, slug: str) -> HttpResponse:
    """What a page that waits, or has the app, asks again and again."""
    return JsonResponse(asdict(_standing(request, _find(request, slug))))


@csrf_exempt
@never_cache
@require_POST
@requires("see", "showcase")
@for_readers
def leave(request: HttpRequest, slug: str) -> HttpResponse:
    """Give the place up: of a page that closes with its `tab`, which a reload takes back; of the button without."""
    if not is_ours(request):
        raise PermissionDenied
    publication = _find(request, slug)
    tab = _tab(request.POST.get("tab", ""))
    visitor = _visitor(request, _held_cookie(request))
    if visitor:
        seats.leave(visitor, publication, tab)
    return HttpResponse(status=204) if tab else redirect("showcase-page", slug)


@csrf_exempt
@never_cache
@requires("see", "showcase")
def ended(request: HttpRequest, file: str) -> HttpResponse:
    """What the front door shows at an app's address when no app is there; `live_client` takes 410 for "not there"."""
    slug = file.partition("/")[0]
    known = slug if re.fullmatch(r"[a-zA-Z0-9_-]{1,100}", slug) else ""
    response = render(request, "showcase/live_ended.html", {"slug": known}, status=410)
    response.headers["Content-Security-Policy"] = POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response._has_been_logged = True  # Django's own mark; an app that starts is asked each second
    return response


urlpatterns = [
    path("showcase/<slug:slug>/live/", page, name="showcase-live"),
    path("showcase/<slug:slug>/live/state", state, name="showcase-live-state"),
    path("showcase/<slug:slug>/live/leave", leave, name="showcase-live-leave"),
    path("user/showcase/<path:file>", ended, name="showcase-live-ended"),
]
