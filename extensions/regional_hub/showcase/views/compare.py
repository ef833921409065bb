"""Two revisions side by side, for whoever may read both."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from regional_hub.core.access import requires
from regional_hub.showcase import compare as comparing
from regional_hub.showcase.views import reading
from regional_hub.showcase.views.publication import for_readers


@require_safe
@requires("see", "showcase")
@for_readers
def compare(request: HttpRequest, slug: str, number: int, other: int) -> HttpResponse:
    """What changed from revision `number` to revision `other`."""
    before, after = reading.find_revision(request, slug, number), reading.find_revision(request, slug, other)
    cells = comparing.cells(reading.content(before), reading.content(after))
    facts = {
        "publication": after.publication,
        "before": before,
        "after": after,
        "revisions": reading.readable_revisions(request, after.publication),
        "changes": [change for change in cells if change.what != "same"],
        "same": sum(change.what == "same" for change in cells),
        "files": comparing.files(before.manifest, after.manifest),
        "environment": comparing.environment(before.manifest, after.manifest),
    }
    return render(request, "showcase/compare.html", facts)


urlpatterns = [path("showcase/<slug:slug>/compare/<int:number>/<int:other>/", compare, name="showcase-compare")]
