"""The benchmarks of the SDG database on a handful of observations: they run, and ask what they say they ask."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.benchmarks import (
    sdg_child,
    sdg_data,
    sdg_history,
    sdg_loading,
    sdg_queries,
    sdg_servers,
    sdmx_writers,
    world,
)

SIZE = 2_000


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks at these figures, so nobody waits for a quiet moment."""
    monkeypatch.setattr(world, "calm", lambda *_args, **_options: 0.0)


@pytest.fixture
def data(tmp_path: Path) -> sdg_data.Data:
    if not sdg_data.PUBLISHED.is_dir():
        pytest.skip("the published data of ../shared/data are not here")
    return sdg_data.make(tmp_path, SIZE)


def test_made_observations_have_keys_of_their_own_and_areas_of_the_codelist(tmp_path: Path) -> None:
    if not sdg_data.PUBLISHED.is_dir():
        pytest.skip("the published data of ../shared/data are not here")
    data = sdg_data.make(tmp_path, 60_000)
    table = pq.read_table(data.path)

    keys = table.group_by(list(data.structure.key)).aggregate([])
    assert data.rows == table.num_rows == keys.num_rows == 60_000
    areas = data.structure.component("REF_AREA").codelist
    assert areas is not None
    assert {"X000", "X001", "X002"} <= set(table["REF_AREA"].to_pylist()) <= set(areas.codes)


def test_same_seed_makes_the_same_bytes(data: sdg_data.Data, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()

    again, other = sdg_data.make(tmp_path / "again", SIZE), sdg_data.make(tmp_path / "again", SIZE + 1, seed=4)

    assert again.path.read_bytes() == data.path.read_bytes() != other.path.read_bytes()


def test_child_process_tells_what_the_work_gave_and_its_own_peak(data: sdg_data.Data) -> None:
    seen, peak = sdg_child.call(f"{sdmx_writers.HERE}.ours", data.keep(), "SDMX-CSV 2.0")

    assert seen["bytes"] > SIZE * 50
    assert 30 < peak < 2_000


def test_child_process_that_fails_says_why(data: sdg_data.Data) -> None:
    with pytest.raises(RuntimeError, match="no such layout"):
        sdg_child.call(f"{sdmx_writers.HERE}.ours", data.keep(), "no such layout")


@pytest.mark.parametrize("name", sdmx_writers.LAYOUTS)
def test_writers_and_their_peers_write(name: str, data: sdg_data.Data) -> None:
    kept, layout = str(data.keep()), sdmx_writers.LAYOUTS[name][1]

    assert sdmx_writers.ours(kept, name)["bytes"] > 100_000
    if layout:
        assert sdmx_writers.pysdmx(kept, layout, 20)["rows"] == 20
    if name in sdmx_writers.SMALL_PEER:
        assert sdmx_writers.sdmx1(kept, layout, 20)["rows"] == 20


@pytest.mark.parametrize("layout", sdg_loading.LAYOUTS)
def test_files_are_loaded_and_validated_whole(layout: str, data: sdg_data.Data, tmp_path: Path) -> None:
    file = sdg_loading.written(data, layout)

    seen = sdg_loading.ours(str(tmp_path / "sdg"), str(data.keep()), str(file))

    assert 0 < seen["taken"] < seen["processor"]
    assert sdg_loading.pysdmx(str(file))["rows"] == SIZE


def test_releases_revise_and_add_and_the_past_is_asked_for(tmp_path: Path) -> None:
    if not sdg_data.PUBLISHED.is_dir():
        pytest.skip("the published data of ../shared/data are not here")

    report = sdg_history.measure(SIZE, 3, tmp_path)

    assert report.samples["observations of each release"] == [SIZE, SIZE * 1.01, SIZE * 1.02]
    today, middle, changed, history = report.samples["observations of each question"]
    assert 0 < changed <= today < history
    assert 0 < middle <= today


def test_missing_wrk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)

    with pytest.raises(SystemExit, match="needs wrk"):
        sdg_servers.wrk()


def test_queries_are_the_same_at_the_hub_and_its_peers(data: sdg_data.Data, tmp_path: Path) -> None:
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    (tmp_path / "run").mkdir()

    report = sdg_queries.measure(SIZE, 1, tmp_path / "run")

    assert {figure.against for figure in report.figures} == {"Datasette", "Datasette, whole", "DuckDB", "limit"}
    assert all(figure.ours > 0 for figure in report.figures)
