"""Small answers from the mapped file: few rows are read in Python, many by Arrow, and both are the release's."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regional_hub.sdg import availability, points, query, seriesindex
from regional_hub.sdg.selection import Condition, Filter, Selection
from tests.sdg import stores
from tests.sdg.stores import FLOW


@pytest.fixture
def store(tmp_path):
    made = stores.store(tmp_path)
    lines = [
        f"{series} {area} {sex} {year} {year - 1999} {'A' if year % 2 else '-'} {'note' if area == 'KG' else '-'}"
        for series in ("POV", "EDU")
        for area in ("KG", "KG02", "TJ")
        for sex in ("F", "M")
        for year in range(2000, 2008)
    ]
    stores.published(made, *lines)
    return made


words = st.one_of(st.none(), st.text(max_size=3))


@settings(max_examples=60)
@given(st.lists(words, min_size=1, max_size=40), st.data())
def test_few_rows_of_a_column_are_those_that_arrow_takes(values, data):
    rows = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=20))
    offset = data.draw(st.integers(0, 9))
    array = pa.array(["x"] * offset + values, pa.string()).dictionary_encode().slice(offset)

    found = points.Column(array).few(np.array(rows, dtype=np.int64))

    assert found.to_pylist() == [values[row] for row in rows]


def test_few_and_many_rows_are_the_same_as_duckdb_finds(store, monkeypatch):
    key = (("EDU", "POV"), ("KG", "TJ"), ("M",))
    selection = Selection(FLOW, (key,), (Filter("TIME_PERIOD", (Condition("ge", "2003"),)),), last_n=3)
    few = rows(store, selection)

    monkeypatch.setattr(points, "FEW_ROWS", 0)
    many = rows(store, selection)
    monkeypatch.setattr(points, "find", lambda *_: None)

    assert few == many == rows(store, selection)
    assert len(few) == 12


@pytest.mark.parametrize(
    "keys",
    [
        ((("POV",), ("KG",), ("F",)),),
        ((None, ("KG", "TJ", "KG"), None),),
        ((None, None, None),),
        ((("POV", "NONE"), None, ("M",)), (None, ("KG",), None)),
        ((("NONE",), ("KG",), None),),
    ],
)
def test_series_of_keys_are_those_that_fit_one_of_them_in_order(store, keys):
    index = seriesindex.of(store.view(FLOW).release)

    found = index.keys(keys)

    def fits(number, key):
        codes = [index.labels[dimension][index.codes[dimension][number]] for dimension in index.layout.dimensions]
        return all(wanted is None or code in wanted for code, wanted in zip(codes, key, strict=True))

    assert found.tolist() == [n for n in range(index.size) if any(fits(n, key) for key in keys)]


@pytest.mark.parametrize("years", [3, 64, 65, 200])
def test_periods_of_series_are_the_same_from_bits_and_from_rows(tmp_path, years):
    store = stores.store(tmp_path)
    areas = [f"A{number}" for number in range(12)]
    lines = [f"POV {area} F {1800 + year} 1" for n, area in enumerate(areas) for year in range(years) if (year + n) % 5]
    stores.published(store, *lines)
    index = seriesindex.of(store.view(FLOW).release)
    chance = np.random.default_rng(years)
    for _ in range(5):
        series = np.flatnonzero(chance.random(index.size) < 0.6)
        accepted = chance.random(len(index.times[0])) < 0.3

        codes, count = index.periods(series, accepted)
        slow_codes, slow_count = index._periods_by_row(series, accepted)

        assert codes == slow_codes and count.tolist() == slow_count.tolist()
        assert count.sum() == sum(accepted[index.times[1][row]] for row in index.rows(series))


def test_so_many_periods_that_bits_take_too_much_are_counted_from_rows(store, monkeypatch):
    selection = Selection(FLOW).within("2002", "2004")
    quick = availability.availability(store, selection)
    seriesindex._index.cache_clear()

    monkeypatch.setattr(seriesindex, "MOST_WORDS", 0)

    assert availability.availability(store, selection) == quick
    assert quick.observations == 36 and quick.values["TIME_PERIOD"] == ["2002", "2003", "2004"]


def rows(store, selection):
    return [row for batch in query.run(store, selection).batches for row in batch.to_pylist()]
