"""Two revisions side by side, for whoever may read both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from regional_hub.core.access import requires
from regional_hub.showcase import compare as comparing
from regional_hub.showcase.actions import building
from regional_hub.showcase.compare import CellChange
from regional_hub.showcase.models import Revision
from regional_hub.showcase.render import render as render_notebook
from regional_hub.showcase.views import reading
from regional_hub.showcase.views.publication import for_readers

MOST_SHOWN = 40  # changes whose outputs are shown; more are linked to
MOST_BYTES = 5_000_000  # of those outputs together


@dataclass(frozen=True)
class Shown:
    """A change, and its outputs before and after as the pages show them, where they are more than text."""

    change: CellChange
    before: list[Any]
    after: list[Any]


@require_safe
@requires("see", "showcase")
@for_readers
def compare(request: HttpRequest, slug: str, number: int, other: int) -> HttpResponse:
    """What changed from revision `number` to revision `other`."""
    before, after = reading.find_revision(request, slug, number), reading.find_revision(request, slug, other)
    old, new = _contents(before, after)
    cells = comparing.cells(old, new)
    facts = {
        "publication": after.publication,
        "before": before,
        "after": after,
        "revisions": reading.readable_revisions(request, after.publication),
        "changes": _shown([change for change in cells if change.what != "same"], old, new),
        "same": sum(change.what == "same" for change in cells),
        "files": comparing.files(before.manifest, after.manifest),
        "environment": comparing.environment(before.manifest, after.manifest),
    }
    return render(request, "showcase/compare.html", facts)


def _contents(before: Revision, after: Revision) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both as their pages show them; both as sent, where only one of them was run."""
    if bool(before.built) == bool(after.built):
        return building.notebook(before), building.notebook(after)
    return reading.content(before), reading.content(after)


def _shown(changes: list[CellChange], old: dict[str, Any], new: dict[str, Any]) -> list[Shown]:
    left, found = MOST_BYTES, []
    for number, change in enumerate(changes):
        sides: list[list[Any]] = [[], []]
        if change.outputs_changed and not change.printed and number < MOST_SHOWN and left > 0:
            sides = [_outputs(old, change.before), _outputs(new, change.after)]
            left -= sum(len(output) for side in sides for output in side)
        found.append(Shown(change, *sides))
    return found


def _outputs(content: dict[str, Any], number: int) -> list[Any]:
    cell = content["cells"][number - 1]
    made: list[Any] = render_notebook({"metadata": content["metadata"], "cells": [cell]}).cells[0].outputs
    return made


urlpatterns = [path("showcase/<slug:slug>/compare/<int:number>/<int:other>/", compare, name="showcase-compare")]
