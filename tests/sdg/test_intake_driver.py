"""The catalog as a notebook opens it: intake's V1 entries, their parameters, pandas and Dask, and errors that help."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

intake = pytest.importorskip("intake", reason="intake is not installed")

from regional_hub import settings  # noqa: E402
from regional_hub.hub import samples  # noqa: E402
from regional_hub.sdg.catalog import SdmxFileSource  # noqa: E402
from regional_hub.sdg.formats import FormatError  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A shared folder with small samples in it."""
    data = tmp_path_factory.mktemp("data")
    made = settings.load({"HUB_DATA": str(data), "HUB_CATALOGS__SAMPLE_ROWS": "24000"})
    samples.ensure(made)
    return made.shared_dir


@pytest.fixture
def cat(shared, monkeypatch):
    monkeypatch.setenv("REGIONAL_HUB_SHARED", str(shared))
    return intake.open_catalog(str(ROOT / "catalogs" / "main.yaml"))


def test_intake_cat_finds_the_entries_by_the_environment(shared):
    code = "import intake; print(sorted(intake.cat)); print(len(intake.cat.sdg_sample.read()))"
    env = {
        "INTAKE_CATALOG_PATH": f'["{ROOT / "catalogs"}"]',
        "REGIONAL_HUB_SHARED": str(shared),
        "PATH": "/usr/bin:/bin",
    }
    env["PYTHONPATH"] = str(ROOT / "extensions")

    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)

    samples = ["events", "mobility", "ports", "prices", "raster", "sdg", "ships", "small_area"]
    names = [*(f"{name}_sample" for name in samples), "landuse_sample", "landuse_training"]
    assert done.stdout.splitlines()[0] == str(sorted([*names, "sdg", "sdg_series", "sdmx_file"]))
    assert int(done.stdout.splitlines()[1]) == 1792


def test_read_to_dask_and_discover_agree(cat):
    table = cat.sdg_sample.read()
    lazy = cat.sdg_sample.to_dask()
    found = cat.sdg_sample.discover()

    pd.testing.assert_frame_equal(lazy.compute(), table, check_dtype=False)
    assert found["shape"] == table.shape
    assert found["dtype"] == dict(table.dtypes.astype(str))
    assert found["metadata"]["structures"] == ["REGIONAL-HUB:SDG_SAMPLE(1.0)"]
    assert set(table["NATURE"]) == {"M"}


def test_parameters_choose_and_join(cat):
    table = cat.sdg_sample(series="SL_TLF_UEM", area="XA+XB").read()

    assert set(table["SERIES"]) == {"SL_TLF_UEM"}
    assert set(table["REF_AREA"]) == {"XA", "XB"}
    assert len(cat.sdg_sample(series="SL_TLF_UEM", area="XA+XB").to_dask()) == len(table) == 2 * 3 * 16


@pytest.mark.parametrize(
    ("entry", "arguments", "said"),
    [
        ("sdg_sample", {"area": "QQ"}, "no observation with REF_AREA QQ; there are XA, XB"),
        ("events_sample", {"area": "QQ"}, "no row of the table has area QQ"),
        ("events_sample", {"month": "13"}, "allowed"),
        ("sdmx_file", {"path": "nothing/*.xml"}, "nothing is there; relative paths start at the shared folder"),
        ("sdmx_file", {"path": "samples/sdg"}, "is a folder"),
        ("sdmx_file", {"path": "../../etc/passwd"}, "leads out of the shared folder"),
        ("sdmx_file", {"path": "https://127.0.0.1/x.xml"}, "an address cannot be opened"),
        ("sdmx_file", {"path": ""}, "no path given"),
    ],
)
def test_what_cannot_be_opened_says_why(cat, entry, arguments, said):
    with pytest.raises((ValueError, OSError), match=said.replace("*", r"\*")):
        cat[entry](**arguments).read()


def test_the_cube_is_lazy_and_its_period_can_be_chosen(cat):
    whole, part = cat.raster_sample.to_dask(), cat.raster_sample(first="2020-03", last="2020-05")

    assert dict(whole.sizes) == {"time": 120, "y": 400, "x": 400}
    assert whole.red.chunks is not None
    assert part.discover()["shape"] == {"time": 3, "y": 400, "x": 400}
    assert str(part.read().time.values[0])[:7] == "2020-03"
    assert 0 < float(part.read().red.mean()) < 1


def test_the_table_is_one_partition_per_file(cat):
    lazy = cat.events_sample.to_dask()

    assert lazy.npartitions == 12
    assert len(lazy) == cat.events_sample.discover()["shape"][0] == 24_000
    assert set(cat.events_sample(kind="trip", month="03").read()["kind"]) == {"trip"}


def test_values_that_are_no_numbers_are_named_and_can_be_read_as_text(cat, tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("DATAFLOW,REF_AREA,OBS_VALUE\nX:Y(1.0),XA,<5\n")

    with pytest.raises(FormatError, match="'<5' is not a number"):
        cat.sdmx_file(path=str(path)).read()

    assert cat.sdmx_file(path=str(path), numeric=False).read()["OBS_VALUE"].tolist() == ["<5"]


def test_files_with_different_columns_become_one_table(tmp_path):
    (tmp_path / "a.csv").write_text("DATAFLOW,REF_AREA,OBS_VALUE\nX:Y(1.0),XA,1\n")
    (tmp_path / "b.csv").write_text("DATAFLOW,REF_AREA,SEX,OBS_VALUE\nX:Y(1.0),XB,F,2\n")
    source = SdmxFileSource(f"{tmp_path}/*.csv")

    table = source.read()

    assert list(table.columns) == ["REF_AREA", "OBS_VALUE", "SEX"]
    assert table["SEX"].isna().tolist() == [True, False]
    assert source.to_dask().compute()["OBS_VALUE"].sum() == 3


def test_a_published_country_is_opened_whole(cat, published):
    source = cat.sdmx_file(path=f"{published}/kyrgyzstan/data/*.xml")

    table = source.read()
    lazy = source.to_dask()

    assert len(table) == 26_523
    assert lazy.npartitions == 195
    assert lazy["OBS_VALUE"].sum().compute() == pytest.approx(table["OBS_VALUE"].sum())
