"""The samples: the same from the same seed, whole or not at all, readable by all, and quick when they are there."""

from __future__ import annotations

import csv
import errno
import json
import multiprocessing
import os
import time

import pytest
from click.testing import CliRunner

from regional_hub import settings
from regional_hub.hub import sample_data, sample_mobility, samples


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_DATA", str(tmp_path))
    monkeypatch.setenv("HUB_CATALOGS__SAMPLE_ROWS", "12000")
    return settings.load()


@pytest.fixture
def only_sdg(monkeypatch):
    """The quick one alone, where a test is not about what the samples hold."""
    monkeypatch.setattr(samples.sample_data, "MAKERS", {"sdg": sample_data.MAKERS["sdg"]})


def hashes(hub, name):
    return json.loads((samples.folder(hub) / name / samples.MANIFEST).read_text())["files"]


def test_all_are_made_and_a_second_time_takes_milliseconds(hub):
    made = samples.ensure(hub)
    begun = time.monotonic()
    again = samples.ensure(hub)

    assert time.monotonic() - begun < 0.25
    known = ["sdg", "raster", "events", "prices", "ships", "landuse", "mobility", "small_area"]
    assert [sample.name for sample in made] == known
    assert again == made
    assert all(sample.made and sample.size and sample.files for sample in made)


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(hub, tmp_path, monkeypatch):
    samples.ensure(hub)
    first = {name: hashes(hub, name) for name in sample_data.MAKERS}
    monkeypatch.setenv("HUB_DATA", str(tmp_path / "other"))
    other = settings.load()
    samples.ensure(other)
    assert {name: hashes(other, name) for name in sample_data.MAKERS} == first

    monkeypatch.setenv("HUB_CATALOGS__SAMPLE_SEED", "7")
    samples.ensure(settings.load())

    changed = {name: hashes(other, name) for name in sample_data.MAKERS}
    assert all(changed[name] != first[name] for name in first)


def test_every_figure_says_that_it_is_illustrative(hub, only_sdg):
    samples.ensure(hub)

    with (samples.folder(hub) / "sdg" / "observations.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert len(rows) > 1000
    assert {row["COMMENT_OBS"] for row in rows} == {sample_data.NOTE}
    assert all("illustrative" in row["TITLE"] and "示例" in row["TITLE_ZH"] for row in rows)
    assert {row["REF_AREA"] for row in rows} == set(sample_data.AREAS)
    assert all(area.startswith("X") for area in sample_data.AREAS), "codes that ISO 3166 leaves to users"


def test_the_table_has_as_many_rows_as_the_settings_say(hub):
    dataset = pytest.importorskip("pyarrow.dataset", reason="pyarrow is not installed")
    samples.ensure(hub)

    table = dataset.dataset(samples.folder(hub) / "events" / "events").to_table()

    assert table.num_rows == 12_000
    assert table["event"].to_pylist() == list(range(12_000))
    assert b"llustrative" in table.schema.metadata[b"comment"]


def test_the_samples_of_the_showcase_say_that_they_are_illustrative_and_fit_their_catalog_entries(hub, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    small = {name: made for name, made in sample_data.MAKERS.items() if name not in ("sdg", "raster", "events")}
    monkeypatch.setattr(samples.sample_data, "MAKERS", small)
    samples.ensure(hub)
    root = samples.folder(hub)

    for path in root.rglob("*.parquet"):
        assert b"llustrative" in parquet.read_schema(path).metadata[b"comment"], path
    for cube in (root / "landuse").glob("*.zarr"):
        assert "llustrative" in json.loads((cube / "zarr.json").read_text())["attributes"]["comment"]
    assert sum(sample.size for sample in map(lambda name: samples.state(hub, name), small)) < 20_000_000


def test_the_operator_hands_over_no_small_count_and_exact_totals(tmp_path):
    read = pytest.importorskip("pandas", reason="pandas is not installed").read_parquet
    sample_mobility.make(tmp_path, 7, 0)
    flows, truth, margins = (read(tmp_path / f"{name}.parquet") for name in ("flows", "truth", "margins"))

    shown = flows["phones"].notna()

    assert (flows.loc[shown, "phones"] >= sample_mobility.LEAST).all()
    assert (truth.loc[~shown, "phones"] < sample_mobility.LEAST).all()
    assert 0.05 < 1 - shown.mean() < 0.4
    assert (flows.loc[shown, "phones"] == truth.loc[shown, "phones"]).all()
    totals = truth.groupby(["date", "origin"])["phones"].sum().to_numpy()
    assert (margins.sort_values(["date", "district"])["departures"].to_numpy() == totals).all()


@pytest.mark.parametrize("umask", [0o077, 0o022])
def test_everybody_reads_them_whatever_the_umask(hub, only_sdg, umask):
    before = os.umask(umask)
    try:
        samples.ensure(hub)
    finally:
        os.umask(before)

    for path in (hub.shared_dir, *hub.shared_dir.rglob("*")):
        if path.name != ".lock":
            assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_a_disk_that_fills_up_leaves_nothing_half_made(hub, monkeypatch):
    def half(folder, seed, rows):
        (folder / "observations.csv").write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

    monkeypatch.setattr(samples.sample_data, "MAKERS", {"sdg": (half, lambda _rows: 1)})

    with pytest.raises(samples.SampleError, match="disk is full"):
        samples.ensure(hub)

    assert [path.name for path in samples.folder(hub).iterdir()] == [".lock"]


def test_too_small_a_disk_is_named_before_anything_is_written(hub, monkeypatch):
    monkeypatch.setattr(samples.sample_data, "MAKERS", {"sdg": (sample_data.make_sdg, lambda _rows: 10**18)})

    with pytest.raises(samples.SampleError, match="MB are needed"):
        samples.ensure(hub)

    assert not (samples.folder(hub) / "sdg").exists()


@pytest.mark.parametrize("harm", ["truncate", "remove", "manifest"])
def test_a_damaged_sample_is_made_again(hub, only_sdg, harm):
    samples.ensure(hub)
    good = hashes(hub, "sdg")
    file = samples.folder(hub) / "sdg" / "observations.csv"
    if harm == "truncate":
        file.write_text("x")
    elif harm == "remove":
        file.unlink()
    else:
        (file.parent / samples.MANIFEST).write_text("{")
    assert samples.state(hub, "sdg").made is None

    samples.ensure(hub)

    assert samples.state(hub, "sdg").made
    assert hashes(hub, "sdg") == good


def test_what_a_killed_start_left_is_cleared(hub, only_sdg):
    rest = samples.folder(hub) / ".making-sdg"
    rest.mkdir(parents=True)
    (rest / "observations.csv").write_text("half")

    samples.ensure(hub)

    assert not rest.exists()
    assert samples.state(hub, "sdg").made


def _ensure(queue, folder):
    os.environ["HUB_DATA"] = folder
    lines: list[str] = []
    for name in set(sample_data.MAKERS) - {"sdg"}:
        sample_data.MAKERS.pop(name)
    samples.ensure(settings.load(), lines.append)
    queue.put(len(lines))


def test_two_starts_at_once_make_them_once(hub):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    starts = [context.Process(target=_ensure, args=(queue, str(hub.data_dir))) for _ in range(2)]

    for start in starts:
        start.start()
    for start in starts:
        start.join(60)

    assert [start.exitcode for start in starts] == [0, 0]
    assert sorted(queue.get(timeout=5) for _ in starts) == [0, 1]


def test_the_commands_answer_in_json(hub, only_sdg):
    run = CliRunner()

    before = json.loads(run.invoke(samples.sample, ["list", "--json"]).output)
    loaded = json.loads(run.invoke(samples.sample, ["load", "--json"]).output)

    assert before["samples"][0]["made"] is None
    assert loaded["samples"][0]["files"] == 1


def test_a_folder_that_may_not_be_written_is_named(hub, monkeypatch):
    monkeypatch.setenv("HUB_SPAWNER__SHARED_DATA", "/proc/regional-hub-cannot-be-here")

    outcome = CliRunner().invoke(samples.sample, ["load"])

    assert outcome.exit_code == 1
    assert "/proc/regional-hub-cannot-be-here" in outcome.output
