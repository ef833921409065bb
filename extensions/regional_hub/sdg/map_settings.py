"""The operator's boundaries, as settings name them: for pages when the site starts, and for `./hub doctor`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from regional_hub.sdg.explorer import boundaries
from regional_hub.sdg.explorer.boundaries import Boundaries
from regional_hub.settings import Settings


def of(settings: Settings) -> Boundaries | None:
    """The boundaries that the settings name; None where they name none. Raises BoundaryError."""
    sdg = settings.sdg
    if not sdg.boundaries:
        return None
    place = Path(sdg.boundaries)
    path = place if place.is_absolute() else settings.path(sdg.boundaries)
    return boundaries.read(
        path, sdg.boundaries_key, disclaimer=sdg.boundaries_disclaimer, disclaimer_zh=sdg.boundaries_disclaimer_zh
    )


def source(settings: Callable[[], Settings]) -> Callable[[], Boundaries | None]:
    """Reads them when a map is drawn, so that a file that was mended is used at once."""
    return lambda: of(settings())
