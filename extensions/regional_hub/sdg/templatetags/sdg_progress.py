"""Template tags for progress to the 2030 targets: `{% sdg_progress book series area %}` judges and shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from django import template

from regional_hub.sdg.explorer import progress
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.progress import NotAssessed, Progress

register = template.Library()
MOST_AREAS = 4
PILLS = {
    progress.MET: "is-ok",
    progress.ON_TRACK: "is-ok",
    progress.FAIR: "is-warning",
    progress.LIMITED: "is-warning",
    progress.DETERIORATION: "is-failed",
}


@register.inclusion_tag("sdg/parts/progress.html")
def sdg_progress(book: Book, series: str, area: str) -> dict[str, Any]:
    """How an area gets on in a series, with all inputs, or why it is not judged."""
    return shown(progress.progress(book, series, area), book.language)


@register.inclusion_tag("sdg/parts/progress_areas.html")
def progress_of_areas(book: Book, series: str, areas: Iterable[Any]) -> dict[str, Any]:
    """How the first few areas of a page get on; what is true of all of them (no target) is said once."""
    found = [(area.label, progress.progress(book, series, area.code)) for area in list(areas)[:MOST_AREAS]]
    alike = [judged for _label, judged in found if isinstance(judged, NotAssessed) and judged.rule is None]
    if alike:
        return {"found": [(None, alike[0])], "language": book.language}
    return {"found": found, "language": book.language}


@register.inclusion_tag("sdg/parts/progress.html")
def progress_of(found: Progress | NotAssessed, language: str) -> dict[str, Any]:
    """The same of what was judged already."""
    return shown(found, language)


@register.inclusion_tag("sdg/parts/progress_pill.html")
def progress_pill(found: Progress | NotAssessed, language: str) -> dict[str, Any]:
    """The category alone."""
    return shown(found, language)


def shown(found: Progress | NotAssessed, language: str) -> dict[str, Any]:
    from regional_hub.sdg.views.area import categories

    if isinstance(found, NotAssessed):
        return {"progress": found, "reason": found.text(language)}
    names = categories()
    return {
        "progress": found,
        "name": names[found.category],
        "pill": PILLS[found.category],
        "bounds": [(names[category], bound) for category, bound in found.bounds],
        "source": progress.SOURCE,
    }


@register.filter
def percent(rate: Decimal | None) -> str:
    """A yearly rate as a percentage with its sign."""
    if rate is None:
        return "–"
    shown = (rate * 100).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    return f"{shown:+f} %".replace("-", "\u2212") if shown else "0.00 %"


@register.filter
def two(number: Decimal | None) -> str:
    """Two decimals."""
    if number is None:
        return "–"
    shown = number.quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    return f"{shown if shown else abs(shown):f}".replace("-", "\u2212")


@register.filter
def plain(number: Decimal | None) -> str:
    """A target without needless digits."""
    if number is None:
        return "–"
    text = f"{number:.6f}".rstrip("0").rstrip(".")
    return text.replace("-", "\u2212")


@register.filter
def at(found: Mapping[str, Any], key: str) -> Any:
    """What stands under a key that the page computes."""
    return found.get(key)
