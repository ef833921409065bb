"""Middleware of every page: security headers, the reader's time zone, and a password that must be changed first."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, tzinfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

Handler = Callable[[HttpRequest], HttpResponse]

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def security_headers(handle: Handler) -> Handler:
    """No inline scripts or styles, no frames, no features a statistics portal does not need."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = handle(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        if "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]:
            response.headers.setdefault("X-Frame-Options", "DENY")
        response.headers.setdefault(
            "Permissions-Policy",
            "camera=(), microphone=(), geolocation=(), payment=(), usb=(), "
            "publickey-credentials-get=(self), publickey-credentials-create=(self)",
        )
        person = getattr(request, "user", None)
        if person is not None and person.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


def reader(handle: Handler) -> Handler:
    """Times in the zone a person chose, else in the site's."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with timezone.override(_zone(getattr(request.user, "time_zone", ""))):
            return handle(request)

    return middleware


def _zone(name: str) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(name or settings.HUB.site.time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):  # no longer in the list of zones
        return UTC


def site_zone() -> tzinfo:
    """The zone of the site, in which its days begin and end."""
    return _zone("")


def site_today() -> date:
    """The day where the site is, which is not always the reader's."""
    return timezone.localdate(timezone=site_zone())


def password_change_first(handle: Handler) -> Handler:
    """Whoever signed in with a one-time password gets no page, and no sign-in elsewhere, before choosing an own one."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and getattr(request.user, "must_change_password", False):
            change = reverse("account_change_password")
            free = {change, reverse("account_logout"), reverse("account_reauthenticate"), reverse("language")}
            if request.path not in free and not request.path.startswith("/identity/o/api/"):
                return redirect(change)
        return handle(request)

    return middleware
