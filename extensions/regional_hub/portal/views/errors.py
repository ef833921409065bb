"""Error pages: what happened, why, and what now, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "portal/errors/400.html", status=400)


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    return render(request, "portal/errors/csrf.html", status=403)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "portal/errors/403.html", status=403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "portal/errors/404.html", status=404)


def too_many(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "portal/errors/429.html", status=429)


def broken(request: HttpRequest) -> HttpResponse:
    """Says nothing that needs the database, which may be what is broken."""
    return render(request, "portal/errors/500.html", status=500)
