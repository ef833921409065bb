"""The gallery: what visitors see first."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from regional_hub.core.access import requires
from regional_hub.showcase.access import readable


@require_safe
@requires("see", "showcase")
def gallery(request: HttpRequest) -> HttpResponse:
    found = [each for each in readable(None) if each.is_public]
    return render(request, "showcase/gallery.html", {"publications": found})


urlpatterns = [path("showcase/", gallery, name="showcase")]
