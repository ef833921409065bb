"""Observations of a release as pandas frames and labelled cubes: what notebooks and Dask workers hold in their hands.

It knows where to ask (the mounted folder first, then the service), and neither intake, Django nor Jupyter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from regional_hub.sdg import periods
from regional_hub.sdg.open_folder import NotOpen
from regional_hub.sdg.release_choice import ChoiceError
from regional_hub.sdg.release_local import Local, Seen
from regional_hub.sdg.release_remote import Remote, ServiceError
from regional_hub.sdg.selection import Selection
from regional_hub.sdg.structure import Component, Structure

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

T = TypeVar("T")
MOST_CELLS = 50_000_000  # of a cube: 400 MB
SPARSE_CELLS, LEAST_FILLED = 200_000, 0.002


class ValueTextError(ValueError):
    """A value of the measure that is no number."""


class CubeError(ValueError):
    """A selection that is no cube, or too large a one; the message says what to narrow."""


class ReleaseChanged(RuntimeError):
    """Another release came, or an embargo began, between planning a lazy frame and reading its parts."""


@dataclass(frozen=True)
class Places:
    """Where to read: the folders that are mounted, then the service. Goes to Dask workers as it is."""

    local: tuple[Local, ...]
    remote: Remote | None

    def ask(self, question: Callable[[Any], T]) -> tuple[T, str]:
        """The first answer, and the name of the place that gave it. Raises ServiceError where none can be asked."""
        reasons = []
        for place in self.local:
            try:
                return question(place), place.name
            except NotOpen as error:
                reasons.append(str(error))
        if self.remote is None:
            raise ServiceError(
                f"no release can be read: {'; '.join(reasons) or 'no folder is mounted'}; "
                "and REGIONAL_HUB_DATA_URL or REGIONAL_HUB_URL names no service"
            )
        return question(self.remote), self.remote.name


def columns(structure: Structure) -> list[str]:
    """Dimensions, time, measures, attributes."""
    parts = (
        structure.dimensions,
        (structure.time,) if structure.time else (),
        structure.measures,
        structure.attributes,
    )
    return [part.id for group in parts for part in group]


def numeric_of(structure: Structure) -> str:
    return structure.measure.id if structure.measures else ""


def read(places: Places, selection: Selection, structure: Structure, numeric: bool) -> tuple[pd.DataFrame, Seen, str]:
    """All observations of a selection; which release they are of; and the place that they were read from."""
    names, number = columns(structure), numeric_of(structure) if numeric else ""

    def question(place: Any) -> tuple[pd.DataFrame, Seen]:
        seen, batches = place.batches(selection, structure.key)
        return frame(batches, names, number), seen

    (made, seen), place = places.ask(question)
    return made, seen, place


def part(
    selection: Selection, places: Places, etag: str, names: Sequence[str], key: Sequence[str], number: str
) -> pd.DataFrame:
    """One partition of a lazy frame, on any machine. Raises ReleaseChanged where it is not of the planned state."""

    def question(place: Any) -> tuple[pd.DataFrame, Seen]:
        seen, batches = place.batches(selection, key)
        return frame(batches, names, number), seen

    (made, seen), _ = places.ask(question)
    if seen.etag not in ("", etag):
        raise ReleaseChanged(f"release {seen.release}: what may be read of it changed; make the Dask frame anew")
    return made


def frame(batches: Iterator[Any], names: Sequence[str], number: str) -> pd.DataFrame:
    """Columns of text in this order, missing ones NaN; the column `number` float64. Raises ValueTextError."""
    import pandas as pd
    import pyarrow as pa

    parts = [pa.record_batch([_column(batch, name) for name in names], list(names)) for batch in batches]
    table = pa.Table.from_batches(parts, pa.schema([pa.field(name, pa.string()) for name in names]))
    data = {}
    for name in names:
        column = _blank_is_missing(table[name])
        data[name] = _numbers(column, name) if name == number else pd.Series(column.to_pandas(), dtype="str")
    return pd.DataFrame(data)


def _column(batch: Any, name: str) -> Any:
    import pyarrow as pa

    place = batch.schema.get_field_index(name)
    column = batch.column(place) if place >= 0 else pa.nulls(batch.num_rows, pa.string())
    return column.cast(pa.string())


def _blank_is_missing(column: Any) -> Any:
    import pyarrow.compute as pc

    return pc.if_else(pc.equal(column, ""), None, column)


def _numbers(column: Any, name: str) -> pd.Series:
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.Series(column.cast(pa.float64()).to_pandas(), dtype="float64")
    except pa.ArrowInvalid:
        pass
    values = []
    for text in column.to_pylist():  # what Arrow does not read, such as " 1" or "1e5 ", Python may
        try:
            values.append(math.nan if text is None else float(text))
        except ValueError:
            raise ValueTextError(
                f"{name} {text!r} is not a number; open the entry with numeric=False to read values as text"
            ) from None
    return pd.Series(values, dtype="float64")


# -- cubes -------------------------------------------------------------------------------------------------------------


def cube(made: pd.DataFrame, structure: Structure, unit: str, facts: Mapping[str, Any]) -> xr.Dataset:
    """The measure over the dimensions that vary and the time, with labels beside the codes.

    A dimension with one code is a coordinate without an axis; a cell without an observation is NaN. `units` of the
    variable is the code of the component `unit`, `units_label` its name. Raises CubeError.
    """
    import xarray as xr

    number = numeric_of(structure)
    if made.empty:
        raise CubeError("no observation meets the selection, so there is no cube")
    axes = [part for part in structure.dimensions if made[part.id].nunique() > 1]
    axes += [structure.time] if structure.time else []
    _check_size(made, axes)
    units = _units(made, unit, axes)
    shape = made.set_index([part.id for part in axes])[number]
    array = shape.to_xarray() if axes else xr.DataArray(shape.iloc[0])
    found = array.to_dataset(name=number)
    if structure.time:
        found = found.sortby(structure.time.id) if _by_text(made[structure.time.id]) else _in_time(found, structure)
    for axis in axes:
        for coordinate, labels in _labels(axis, found[axis.id].values.tolist()):
            found = found.assign_coords({coordinate: (axis.id, labels)})
    for rest in (one for one in structure.dimensions if one not in axes):
        found = found.assign_coords({rest.id: made[rest.id].iloc[0]})
    for name, value in units.items():
        found[number].attrs[name] = value
    label = _name(structure, unit, units.get("units", ""))
    found[number].attrs |= {"units_label": label} if label else {}
    found.attrs.update(facts)
    return found


def _check_size(made: pd.DataFrame, axes: Sequence[Component]) -> None:
    sizes = {part.id: int(made[part.id].nunique()) for part in axes}
    cells = math.prod(sizes.values())
    told = " x ".join(f"{name} {size}" for name, size in sizes.items())
    if cells > MOST_CELLS:
        raise CubeError(
            f"the cube would have {cells:,} cells ({told}), at most {MOST_CELLS:,}; "
            "choose fewer codes, or use to_dask() or read()"
        )
    if cells > SPARSE_CELLS and len(made) < cells * LEAST_FILLED:
        raise CubeError(
            f"not a regular cube: {len(made):,} observations in {cells:,} cells ({told}); choose one series, or codes "
            "of the dimensions that belong together, or use read()"
        )


def _units(made: pd.DataFrame, unit: str, axes: Sequence[Component]) -> dict[str, str]:
    """The unit of all observations. Where it is an axis of the cube it may vary; else it may not."""
    if unit not in made or unit in [part.id for part in axes]:
        return {}
    units = sorted(made[unit].dropna().unique())
    if len(units) > 1:
        raise CubeError(
            f"not one cube: the observations are in {len(units)} units ({', '.join(units[:6])}); "
            f"choose one series, or where={{{unit!r}: {units[0]!r}}}"
        )
    return {"units": units[0]} if units else {}


def _by_text(times: pd.Series) -> bool:
    return bool(times.str.fullmatch(r"\d{4}").all())


def _in_time(found: xr.Dataset, structure: Structure) -> xr.Dataset:
    """Periods in the order in which they begin: 2019-Q4 before 2020."""
    assert structure.time
    labels = [str(label) for label in found[structure.time.id].values]

    def begins(label: str) -> tuple[float, str]:
        with suppress(periods.PeriodError):
            return periods.span(label)[0].timestamp(), label
        return math.inf, label

    return found.isel({structure.time.id: [labels.index(label) for label in sorted(labels, key=begins)]})


def _labels(axis: Component, codes: Sequence[Any]) -> Iterator[tuple[str, list[str]]]:
    """The names of an axis's codes: `REF_AREA_label`, and `REF_AREA_label_zh` where there are Chinese ones."""
    if axis.codelist is None:
        return
    names = [axis.codelist.codes[code].name if code in axis.codelist.codes else {} for code in map(str, codes)]
    yield (
        f"{axis.id}_label",
        [name.get("en") or next(iter(name.values()), code) for name, code in zip(names, codes, strict=True)],
    )
    if any("zh" in name for name in names):
        yield (
            f"{axis.id}_label_zh",
            [name.get("zh") or name.get("en") or code for name, code in zip(names, codes, strict=True)],
        )


def _name(structure: Structure, component: str, code: str) -> str:
    part = structure.by_id.get(component)
    if part is None or part.codelist is None or code not in part.codelist.codes:
        return ""
    name = part.codelist.codes[code].name
    return name.get("en") or next(iter(name.values()), "")


def empty_is_told(made: pd.DataFrame, told: Mapping[str, Any]) -> str:
    """What to say of a selection without observations; empty where there are some."""
    return (
        "" if len(made) else f"no observation meets {dict(told) or 'the selection'}: all codes are known, none has data"
    )


__all__ = ["ChoiceError", "CubeError", "Places", "ReleaseChanged", "ServiceError", "ValueTextError", "cube", "read"]
