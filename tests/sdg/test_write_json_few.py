"""Few observations are written value by value; the message is the same as that of many, written by columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from regional_hub.sdg.formats import write_json, write_json_few
from regional_hub.sdg.formats.writing import Options
from tests.sdg import awkward


def message(version: str, options: Options, table: pa.Table) -> bytes:
    return b"".join(write_json.write(table.to_batches(), awkward.structure(), options, version))


@pytest.mark.parametrize("version", ["1.0", "2.0", "2.1"])
@pytest.mark.parametrize("dimension", ["", "AREA", "AllDimensions"])
@pytest.mark.parametrize("observations", [True, False])
def test_few_observations_are_the_same_bytes_as_by_columns(version, dimension, observations, monkeypatch) -> None:
    table = pa.Table.from_batches(awkward.batches()).combine_chunks()
    order = [id for id in awkward.structure().key if id != dimension]
    table = table.sort_by([(id, "ascending") for id in order])
    options = Options(dimension_at_observation=dimension, observations=observations)
    quick = message(version, options, table)

    monkeypatch.setattr(write_json_few, "MOST", 0)

    assert 0 < table.num_rows <= 100
    assert quick == message(version, options, table)


def test_attribute_that_changes_within_its_series_is_the_same_by_both_ways(monkeypatch) -> None:
    table = pa.Table.from_batches(awkward.batches()).combine_chunks()
    lifted = next(part.id for part in awkward.structure().attributes if part.attachment == "series")
    first = table.slice(0, 1)
    again = [first.set_column(first.column_names.index(lifted), lifted, [[word]]) for word in ("A", None, "B")]
    time = awkward.structure().time
    assert time is not None
    place = first.column_names.index(time.id)
    rows = pa.concat_tables(
        [one.set_column(place, time.id, [[str(year)]]).cast(table.schema) for year, one in enumerate(again, 2000)]
    ).combine_chunks()
    quick = message("2.0", Options(), rows)

    monkeypatch.setattr(write_json_few, "MOST", 0)

    assert b'"attributes":[null' in quick
    assert quick == message("2.0", Options(), rows)
