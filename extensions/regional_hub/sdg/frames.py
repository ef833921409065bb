"""Observations of SDMX files as pandas frames: what notebooks and Dask workers hold in their hands.

It knows neither intake, Django nor Jupyter, so that a worker needs nothing else to read its part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from regional_hub.sdg.formats import FormatError, Row, open_message

VALUE = "OBS_VALUE"
EVERYTHING = ("", "*")

Where = Mapping[str, frozenset[str]]


@dataclass
class Survey:
    """What a look through files found: components in order, how many observations, and the codes of some components."""

    components: list[str] = field(default_factory=list)
    observations: int = 0
    structures: list[str] = field(default_factory=list)
    layouts: list[str] = field(default_factory=list)
    codes: dict[str, set[str]] = field(default_factory=dict)


def condition(where: Mapping[str, str | Sequence[str]] | None) -> dict[str, frozenset[str]]:
    """A choice of codes per component; `*`, an empty text or an empty list choose everything."""
    chosen = {}
    for component, codes in (where or {}).items():
        wanted = [codes] if isinstance(codes, str) else [str(code) for code in codes]
        wanted = [part.strip() for code in wanted for part in code.split("+")]
        if wanted and not any(code in EVERYTHING for code in wanted):
            chosen[component] = frozenset(wanted)
    return chosen


def survey(paths: Iterable[Path], where: Where) -> Survey:
    """Read all files once without keeping their observations.

    Raises FormatError for a file that is not SDMX data, ValueError for a component or code in `where` that no file has.
    """
    found = Survey(codes={component: set() for component in where})
    seen: dict[str, None] = {}
    for path in paths:
        with open_message(path) as message:
            for row in message.rows():
                found.observations += 1
                seen.update(dict.fromkeys(row))
                for component, codes in found.codes.items():
                    codes.add(row.get(component, ""))
        found.structures += [name for name in message.header.structures if name not in found.structures]
        found.layouts += [message.header.layout] if message.header.layout not in found.layouts else []
    found.components = list(seen)
    if VALUE not in seen:
        found.components.append(VALUE)
    _check(where, found)
    return found


def _check(where: Where, found: Survey) -> None:
    for component, codes in where.items():
        if component not in found.components:
            raise ValueError(f"no component {component!r} in the data; there are {', '.join(found.components)}")
        if unknown := codes - found.codes[component]:
            there = sorted(found.codes[component] - {""})
            listed = ", ".join(there[:20]) + (f" and {len(there) - 20} more" if len(there) > 20 else "")
            raise ValueError(f"no observation with {component} {', '.join(sorted(unknown))}; there are {listed}")


def frame(path: Path, components: Sequence[str], where: Where, numeric: bool = True) -> pd.DataFrame:
    """One file's observations: a column of text per component, OBS_VALUE as float64 where `numeric`."""
    with open_message(path) as message:
        rows = [row for row in message.rows() if all(row.get(key, "") in codes for key, codes in where.items())]
    return to_frame(rows, components, str(path), numeric)


def to_frame(rows: Sequence[Row], components: Sequence[str], name: str, numeric: bool = True) -> pd.DataFrame:
    """Rows as a frame. Raises FormatError when a value is no number; `name` says of which file."""
    data: dict[str, pd.Series] = {}
    for component in components:
        cells = [row.get(component) for row in rows]
        if component == VALUE and numeric:
            data[component] = pd.Series(_numbers(cells, name), dtype="float64")
        else:
            data[component] = pd.Series(cells, dtype="str")
    return pd.DataFrame(data)


def _numbers(cells: Sequence[str | None], name: str) -> list[float]:
    numbers = []
    for cell in cells:
        try:
            numbers.append(float(cell) if cell not in (None, "") else float("nan"))
        except ValueError:
            raise FormatError(
                f"{name}: OBS_VALUE {cell!r} is not a number; open it with numeric=False to read values as text"
            ) from None
    return numbers
