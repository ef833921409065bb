"""Which rows of a batch a constraint does not allow.

A cube region names values per component; regions that include are alternatives, regions that exclude take away.
Standard: SDMX 3.1 Technical Notes, section 9 (constraints). `*` and `%` at the end of a value match any ending.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from regional_hub.sdg import periods
from regional_hub.sdg.structure import Constraint, Region


def denied(batch: pa.RecordBatch, constraint: Constraint) -> pa.Array:
    """True for each row that the constraint does not allow."""
    bad = pa.repeat(pa.scalar(False), batch.num_rows)
    for regions in (constraint.regions, constraint.keys):
        included = [_inside(batch, region) for region in regions if region.include]
        if included:
            inside = included[0]
            for other in included[1:]:
                inside = pc.or_(inside, other)
            bad = pc.or_(bad, pc.invert(inside))
        for region in regions:
            if not region.include:
                bad = pc.or_(bad, _inside(batch, region))
    return bad


def _inside(batch: pa.RecordBatch, region: Region) -> pa.Array:
    inside = pa.repeat(pa.scalar(True), batch.num_rows)
    for component, values in region.values.items():
        if component not in batch.schema.names or not values:
            continue
        found = _matches(batch.column(component), values)
        inside = pc.and_(inside, pc.invert(found) if component in region.excluded else found)
    for component, bounds in region.bounds.items():
        if component in batch.schema.names:
            inside = pc.and_(inside, _within(batch.column(component), bounds))
    return inside


def _within(column: pa.Array, bounds: Sequence[tuple[str, str]]) -> pa.Array:
    periods_there = [value for value in pc.unique(column).to_pylist() if value is not None]
    good = [value for value in periods_there if all(periods.holds(value, how, bound) for how, bound in bounds)]
    return pc.or_(pc.is_in(column, pa.array(good, pa.string())), pc.is_null(column))


def _matches(column: pa.Array, values: Sequence[str]) -> pa.Array:
    found = pc.is_in(column, pa.array([value for value in values if value[-1:] not in ("*", "%")], pa.string()))
    for value in values:
        if value[-1:] in ("*", "%"):
            found = pc.or_(found, pc.fill_null(pc.starts_with(column, value[:-1]), False))
    return pc.or_(found, pc.is_null(column))  # what is missing is another rule's matter
