"""What a person asked of a release, held against its structure: codes, periods and moments become a Selection.

Nothing is passed over: an unknown component, code, period or moment is an error that names it and the nearest known.
It knows neither intake nor where the data are.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from regional_hub.sdg import periods

if TYPE_CHECKING:
    from regional_hub.sdg.selection import Selection
    from regional_hub.sdg.structure import Component, Structure

Codes = str | Sequence[str]
EVERYTHING = ("", "*")


class ChoiceError(ValueError):
    """A choice that the data cannot have; the message names it."""


@dataclass(frozen=True)
class Asked:
    """Codes by component (those that restrict something), two periods ("" is open), and a moment (None: now)."""

    where: Mapping[str, tuple[str, ...]]
    start: str = ""
    end: str = ""
    as_of: datetime | None = None

    def told(self) -> dict[str, Any]:
        """For provenance: what was asked, as plain text."""
        times = {name: text for name, text in (("start", self.start), ("end", self.end)) if text}
        return {**{name: list(codes) for name, codes in self.where.items()}, **times}

    def selection(self, flow: str, time: str | None) -> Selection:
        from regional_hub.sdg.selection import Condition, Filter, Selection  # loads the database's libraries

        filters = [Filter(name, tuple(Condition("eq", code) for code in codes)) for name, codes in self.where.items()]
        chosen = Selection(flow, filters=tuple(filters), as_of=self.as_of)
        return chosen.within(self.start, self.end, time) if time else chosen


def asked(
    named: Mapping[str, tuple[str, Codes]],
    where: Mapping[str, Codes] | None,
    start: object = "",
    end: object = "",
    as_of: object = "",
) -> Asked:
    """Read what was given. `named` maps a parameter to its component and codes. Raises ChoiceError."""
    chosen: dict[str, tuple[str, ...]] = {}
    given = [(component, codes, name) for name, (component, codes) in named.items()]
    given += [(component, codes, "where") for component, codes in (where or {}).items()]
    for component, codes, name in given:
        found = several(codes)
        if not found:
            continue
        if component in chosen:
            raise ChoiceError(f"{component} is chosen twice, by {name} and by another parameter")
        chosen[component] = found
    first, last = _period(start, "start"), _period(end, "end")
    if first and last and periods.span(first)[0] >= periods.span(last)[1]:
        raise ChoiceError(f"end {last} lies before start {first}")
    return Asked(chosen, first, last, moment(as_of))


def several(codes: object) -> tuple[str, ...]:
    """Codes from a list or from `A+B`; nothing for `*`, an empty text or list. Intake hands a list on as its text."""
    if codes is None:
        return ()
    if isinstance(codes, str) and codes.startswith(("[", "(", "{")):
        try:
            codes = ast.literal_eval(codes)
        except (ValueError, SyntaxError):
            raise ChoiceError(f"{codes!r} is neither a code nor a list of codes") from None
    listed = [codes] if isinstance(codes, str) else list(codes)  # type: ignore[call-overload]
    parts = [part.strip() for code in listed for part in str(code).split("+")]
    return () if any(part in EVERYTHING for part in parts) else tuple(dict.fromkeys(parts))


def _period(given: object, name: str) -> str:
    text = "" if given is None else str(given).strip()
    if text in EVERYTHING:
        return ""
    try:
        periods.span(text)
    except periods.PeriodError as error:
        raise ChoiceError(f"{name}: {error}") from None
    return text


def moment(given: object) -> datetime | None:
    """A moment from text, a date (its first instant) or a datetime; without a zone it is UTC."""
    if given is None or given == "":
        return None
    try:
        when = datetime.fromisoformat(given.isoformat() if isinstance(given, date) else str(given).strip())
    except ValueError:
        raise ChoiceError(f"as_of is {given!r}; it must be a date and time like 2026-01-31T09:00:00Z") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def check(asked: Asked, structure: Structure, occurring: Callable[[str], Collection[str]]) -> None:
    """Raises ChoiceError for a component that the structure does not have, or a code that it cannot have.

    Codes are those of the codelist, and those that the data have: `occurring` gives them for a dimension.
    """
    there = [part.id for part in structure.components if part.role in ("dimension", "attribute")]
    for name, codes in asked.where.items():
        if name not in there:
            hint = _hint(name, there)
            raise ChoiceError(f"no component {name!r} in {structure.short}{hint or '; there are ' + ', '.join(there)}")
        for code in codes:
            _check_code(structure.by_id[name], code, occurring)
    if structure.time is None and (asked.start or asked.end):
        raise ChoiceError(f"{structure.short} has no time, so start and end choose nothing")


def _check_code(part: Component, code: str, occurring: Callable[[str], Collection[str]]) -> None:
    listed = part.codelist.codes if part.codelist else None
    if listed is not None and code in listed:
        return
    if part.role == "attribute" and (listed is None or (part.codelist and part.codelist.partial)):
        return
    found = occurring(part.id) if part.role == "dimension" else ()
    if code in found:
        return
    known = sorted({*(listed or ()), *found})
    place = part.codelist.short if part.codelist else "the data"
    raise ChoiceError(f"{part.id} has no code {code!r} in {place}{_hint(code, known)}")


def _hint(word: str, there: Collection[str]) -> str:
    """The nearest words, upper and lower case apart."""
    upper = {one.upper(): one for one in there}
    near = difflib.get_close_matches(word.upper(), upper, 3, 0.5)
    return f"; did you mean {', '.join(upper[one] for one in near)}?" if near else ""


def before_first(flow: str, as_of: datetime | None, first: datetime | None) -> ChoiceError:
    from regional_hub.sdg import timeline

    said = f"; the first release came at {timeline.stamp(first)}" if first else ""
    when = f"as of {timeline.stamp(as_of)}" if as_of else "yet"
    return ChoiceError(f"there is no release of {flow} {when}{said}")
