"""The operator's boundaries for maps in pages: one file, kept by browsers until it changes."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.http import require_safe

from regional_hub.core.access import requires
from regional_hub.sdg.explorer import maps


@require_safe
@requires("see", "sdg")
def boundaries(request: HttpRequest) -> HttpResponse:
    given = maps.boundaries()
    if given is None:
        raise Http404
    tag = f'"{given.tag}"'
    if tag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers={"ETag": tag})
    kept = "max-age=31536000, immutable" if request.GET.get("v") == given.tag else "no-cache"
    return JsonResponse(given.content, headers={"ETag": tag, "Cache-Control": f"public, {kept}"})


urlpatterns = [path("sdg/boundaries.json", boundaries, name="sdg-boundaries")]
