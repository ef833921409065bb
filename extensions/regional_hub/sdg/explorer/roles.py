"""Which component of a data structure plays which part on a page: the series, the area, the unit, the status.

The ids are SDMX's own (cross-domain concepts, content-oriented guidelines 2016) and are looked for, never assumed: a
structure without one simply has no such part.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from regional_hub.sdg.structure import Component, Structure


@dataclass(frozen=True)
class Roles:
    """Component ids; None (or empty) where the structure has none. `breakdowns` are the other dimensions in order."""

    series: str | None
    area: str | None
    time: str | None
    value: str
    frequency: str | None
    reporting: str | None
    breakdowns: tuple[str, ...]
    unit: str | None
    multiplier: str | None
    status: str | None
    nature: str | None
    lower: str | None
    upper: str | None
    source: str | None
    footnotes: tuple[str, ...] = field(default=())


def roles(structure: Structure) -> Roles:
    there = {part.id for part in structure.components}

    def one(*ids: str) -> str | None:
        return next((id for id in ids if id in there), None)

    series = one("SERIES", "INDICATOR") or _annotated(structure.dimensions)
    area = one("REF_AREA", "GEO", "AREA")
    frequency, reporting = one("FREQ"), one("REPORTING_TYPE")
    taken = {series, area, frequency, reporting}
    return Roles(
        series=series,
        area=area,
        time=structure.time.id if structure.time else None,
        value=structure.measure.id,
        frequency=frequency,
        reporting=reporting,
        breakdowns=tuple(part.id for part in structure.dimensions if part.id not in taken),
        unit=one("UNIT_MEASURE"),
        multiplier=one("UNIT_MULT"),
        status=one("OBS_STATUS"),
        nature=one("NATURE"),
        lower=one("LOWER_BOUND"),
        upper=one("UPPER_BOUND"),
        source=one("SOURCE_DETAIL"),
        footnotes=tuple(id for id in ("COMMENT_OBS", "COMMENT_TS", "TIME_DETAIL", "TIME_COVERAGE") if id in there),
    )


def _annotated(dimensions: tuple[Component, ...]) -> str | None:
    """The dimension whose codes say which indicator they belong to."""
    for dimension in dimensions:
        codes = dimension.codelist.codes.values() if dimension.codelist else ()
        if any("Indicator" in code.annotations for code in codes):
            return dimension.id
    return None
