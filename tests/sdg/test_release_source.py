"""`cat.sdg(...)` as a notebook calls it: the folder and the service give the same frames and errors."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

intake = pytest.importorskip("intake", reason="intake is not installed")

from regional_hub.lab import provenance  # noqa: E402
from regional_hub.sdg.release_choice import ChoiceError  # noqa: E402
from regional_hub.sdg.release_frames import CubeError, ReleaseChanged, ServiceError, ValueTextError  # noqa: E402
from regional_hub.sdg.release_source import NoObservations, ReleaseSource  # noqa: E402
from tests.sdg import release_hub  # noqa: E402
from tests.sdg.release_hub import FLOW  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
LINES = (
    "POV KG F 2019 12.5 A note",
    "POV KG F 2020 - M",
    "POV TJ F 2019 30 E",
    "MOR KG F 2019 4 A",
    "MOR KG M 2019 6 A",
)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A small database with one release, and its service."""
    with release_hub.running(release_hub.room(tmp_path / "sdg"), tmp_path / "shared") as made:
        made.publish(*LINES)
        made.environ(monkeypatch)
        yield made


@pytest.fixture(scope="module")
def kyrgyz(published, tmp_path_factory):
    place = tmp_path_factory.mktemp("kg")
    with release_hub.running(release_hub.kyrgyzstan(place / "sdg", published), place / "shared") as made:
        yield made


@pytest.fixture
def cat(hub):
    return intake.open_catalog(str(ROOT / "catalogs" / "sdg.yaml"))


def both(hub, monkeypatch, **asked) -> list[ReleaseSource]:
    """The same source twice: one that has the folder alone, one that has the service alone."""
    made = []
    for local in (True, False):
        hub.environ(monkeypatch, local=local, remote=not local)
        made.append(ReleaseSource(**asked))
    return made


# -- what is read ------------------------------------------------------------------------------------------------------


def test_read_gives_numbers_text_and_nan_for_what_is_missing(cat):
    table = cat.sdg(series="POV", area="KG").read()

    assert table["OBS_VALUE"].dtype == "float64"
    assert table["TIME_PERIOD"].tolist() == ["2019", "2020"]
    assert table["OBS_VALUE"].isna().tolist() == [False, True]
    assert table["COMMENT_OBS"].tolist()[0] == "note"
    assert table["COMMENT_OBS"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ({}, 5),
        ({"series": "POV"}, 3),
        ({"series": "POV+MOR", "area": "KG"}, 4),
        ({"series": ["POV", "MOR"], "area": ["TJ"]}, 1),
        ({"series": "*", "area": ""}, 5),
        ({"start": "2020"}, 1),
        ({"start": 2019, "end": "2019"}, 4),
        ({"where": {"SEX": "M"}}, 1),
        ({"where": {"SEX": ["M", "F"], "OBS_STATUS": "A"}}, 3),
    ],
)
def test_choices_from_the_folder_and_the_service_are_the_same(hub, cat, monkeypatch, asked, rows):
    tables = [source.read() for source in both(hub, monkeypatch, **asked)]
    hub.environ(monkeypatch)

    assert [len(table) for table in tables] == [rows, rows]
    pd.testing.assert_frame_equal(*tables)
    pd.testing.assert_frame_equal(cat.sdg(**asked).read(), tables[0])


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"series": "SI_POV_DAY1"},
        {"series": ["SI_POV_DAY1", "VC_DSR_MORT"], "area": "KG02+KG"},
        {"area": "KG", "start": "2010", "end": "2015", "nature": "C"},
        {"where": {"SEX": "M", "OBS_STATUS": "A"}, "end": "2018"},
    ],
    ids=str,
)
def test_published_data_are_the_same_column_by_column_from_folder_and_service(kyrgyz, monkeypatch, asked):
    local, remote = both(kyrgyz, monkeypatch, **asked)

    first, second = local.read(), remote.read()

    assert len(first) > 100 or asked["area"]
    assert list(first) == list(second)
    for column in first:
        pd.testing.assert_series_equal(first[column], second[column])
    assert local.seen == remote.seen
    if not asked:
        assert len(first) == 25_349


def test_codes_that_do_not_fit_in_one_url_are_asked_for_in_several(kyrgyz, monkeypatch):
    every = sorted(both(kyrgyz, monkeypatch)[0].read()["SERIES"].unique())
    monkeypatch.setattr("regional_hub.sdg.release_remote.URL_LIMIT", 1_000)
    first, second = both(kyrgyz, monkeypatch, series=every, area="KG")

    pd.testing.assert_frame_equal(first.read(), second.read())
    assert len(second.read()) > 5_000


def test_the_state_as_of_a_moment_is_read_and_one_before_the_first_release_is_refused(hub, monkeypatch):
    before = datetime.now(UTC)
    hub.publish("POV KG F 2019 99 A")

    for source in both(hub, monkeypatch, series="POV", area="KG", start="2019", end="2019", as_of=before):
        assert source.read()["OBS_VALUE"].tolist() == [12.5]
    for source in both(hub, monkeypatch, series="POV", area="KG", start="2019", end="2019"):
        assert source.read()["OBS_VALUE"].tolist() == [99]
    for source in both(hub, monkeypatch, as_of="2001-01-01"):
        with pytest.raises(ChoiceError, match=r"no release of TEST:SDG as of 2001-01-01.*the first release came at 20"):
            source.read()


def test_a_source_that_intake_keeps_reads_the_new_release(hub, cat):
    assert cat.sdg.read()["OBS_VALUE"].sum() == 52.5
    hub.publish("POV KG F 2021 100 A")

    assert cat.sdg.read()["OBS_VALUE"].sum() == 152.5
    assert cat.sdg.to_dask()["OBS_VALUE"].sum().compute() == 152.5


# -- embargoes ---------------------------------------------------------------------------------------------------------


def test_a_release_under_embargo_is_read_by_the_service_which_keeps_it_back(hub, monkeypatch):
    hub.room.store.embargo(FLOW, {"SERIES": ["MOR"]}, datetime.now(UTC) + timedelta(days=1), by="bob", reason="")

    table = ReleaseSource().read()

    assert set(table["SERIES"]) == {"POV"}
    hub.environ(monkeypatch, remote=False)
    with pytest.raises(ServiceError, match="is not open to be read from the folder"):
        ReleaseSource().read()


def test_an_ended_embargo_is_seen_as_it_was_then_from_folder_and_service(hub, monkeypatch):
    end = datetime.now(UTC) + timedelta(seconds=1.5)
    hub.publish("MOR KG F 2019 99 A", embargo=({"SERIES": ["MOR"]}, end.isoformat()))
    held = datetime.now(UTC)
    while datetime.now(UTC) <= end:
        pass
    hub.room.store.refresh_open()

    for source in both(hub, monkeypatch, series="MOR", where={"SEX": "F"}, as_of=held):
        assert source.read()["OBS_VALUE"].tolist() == [4]
    now = both(hub, monkeypatch, series="MOR", where={"SEX": "F"})
    assert [source.read()["OBS_VALUE"].tolist() for source in now] == [[99], [99]]
    assert now[0].seen == now[1].seen


# -- what cannot be read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"series": "POW"}, "SERIES has no code 'POW' in TEST:CL_SERIES.*did you mean POV"),
        ({"series": ["POV", "XX"]}, "SERIES has no code 'XX'"),
        ({"area": "kg"}, "REF_AREA has no code 'kg' in .*; did you mean KG"),
        ({"where": {"SEKS": "F"}}, "no component 'SEKS' in TEST:SDG.*did you mean .*SEX"),
        ({"where": {"OBS_VALUE": "1"}}, "no component 'OBS_VALUE'"),
        ({"where": {"SERIES": "POV"}, "series": "MOR"}, "SERIES is chosen twice"),
        ({"start": "2015-13"}, "start: '2015-13' is not a time period"),
        ({"end": "soon"}, "end: 'soon' is not a time period"),
        ({"start": "2015", "end": "2014"}, "end 2014 lies before start 2015"),
        ({"as_of": "yesterday"}, "as_of is 'yesterday'; it must be a date and time"),
        ({"flow": "TEST:NOTHING"}, "TEST:NOTHING"),
        ({"nature": "C"}, "no component 'NATURE'"),
    ],
    ids=str,
)
def test_what_is_not_there_is_named_from_folder_and_service(hub, monkeypatch, asked, said):
    for local in (True, False):
        hub.environ(monkeypatch, local=local)
        with pytest.raises((ChoiceError, ServiceError), match=said):
            ReleaseSource(**asked).read()


def test_known_codes_without_data_give_an_empty_table_and_a_warning(hub, monkeypatch):
    for source in both(hub, monkeypatch, series="GDP"):
        with pytest.warns(NoObservations, match="no observation meets .*GDP"):
            table = source.read()
        assert table.empty
        assert table["OBS_VALUE"].dtype == "float64"


def test_an_unknown_parameter_is_refused(cat):
    with pytest.raises(TypeError, match="serie"):
        cat.sdg(serie="POV").read()


def test_no_folder_and_no_service_say_what_is_missing(hub, monkeypatch):
    hub.environ(monkeypatch, local=False, remote=False)

    with pytest.raises(ServiceError, match="no folder is mounted; and REGIONAL_HUB_DATA_URL or REGIONAL_HUB_URL"):
        ReleaseSource().read()


def test_a_service_that_does_not_answer_is_named(hub, monkeypatch):
    monkeypatch.setenv("REGIONAL_HUB_DATA_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("REGIONAL_HUB_SHARED", "")

    with pytest.raises(ServiceError, match=r"http://127.0.0.1:9/.*does not answer"):
        ReleaseSource().read()


def test_values_that_are_no_numbers_are_named_and_can_be_read_as_text(hub, monkeypatch):
    hub.publish("POV NP F 2019 <5 A")

    for source in both(hub, monkeypatch, area="NP"):
        with pytest.raises(ValueTextError, match="OBS_VALUE '<5' is not a number"):
            source.read()
    for source in both(hub, monkeypatch, area="NP", numeric=False):
        assert source.read()["OBS_VALUE"].tolist() == ["<5"]


def test_several_flows_are_named_until_one_is_chosen(hub, monkeypatch):
    store = hub.room.store
    draft = store.start(release_hub.stores.SMALL, by="ann", flow="TEST:OTHER")
    draft.add([release_hub.stores.batch("MOR NP F 2001 7")], name="b", sha256="b", by="ann")
    draft.validate()
    store.publish(draft, by="bob")

    for source in both(hub, monkeypatch):
        with pytest.raises(ChoiceError, match=r"say which flow: .*TEST:OTHER.*TEST:SDG"):
            source.read()
    for source in both(hub, monkeypatch, flow="TEST:OTHER"):
        assert source.read()["OBS_VALUE"].tolist() == [7]


# -- Dask --------------------------------------------------------------------------------------------------------------


def test_to_dask_reads_groups_of_series_lazily_and_gives_the_same(kyrgyz, monkeypatch):
    for source in both(kyrgyz, monkeypatch, area="KG", partition_rows=5_000):
        lazy = source.to_dask()
        found = source.discover()

        assert lazy.npartitions == found["npartitions"] > 2
        assert found["metadata"]["release"] == "kg"
        table = source.read()
        key = ["SERIES", *[name for name in table if name != "SERIES"]]
        parts = lazy.compute(scheduler="synchronous").sort_values(key, ignore_index=True)
        pd.testing.assert_frame_equal(parts, table.sort_values(key, ignore_index=True), check_dtype=False)


def test_a_lazy_frame_stays_with_the_release_that_was_current_when_it_was_made(hub, monkeypatch):
    for local, newer in ((True, 1000), (False, 2000)):
        hub.environ(monkeypatch, local=local)
        lazy = ReleaseSource(series="POV").to_dask()
        hub.publish(f"POV KG F 2022 {newer} A")

        assert lazy["OBS_VALUE"].max().compute(scheduler="synchronous") < newer
        assert ReleaseSource(series="POV").to_dask()["OBS_VALUE"].max().compute(scheduler="synchronous") == newer


def test_a_lazy_frame_whose_data_come_under_embargo_says_so(hub):
    lazy = ReleaseSource().to_dask()
    hub.room.store.embargo(FLOW, {"SERIES": ["MOR"]}, datetime.now(UTC) + timedelta(days=1), by="bob", reason="")

    with pytest.raises(ReleaseChanged, match="what may be read of it changed"):
        lazy.compute(scheduler="synchronous")


# -- cubes -------------------------------------------------------------------------------------------------------------


def test_to_xarray_has_the_dimensions_that_vary_with_their_labels(cat):
    cube = cat.sdg(series="POV").to_xarray()

    assert dict(cube.sizes) == {"REF_AREA": 2, "TIME_PERIOD": 2}
    assert cube["REF_AREA_label"].sel(REF_AREA="KG").item() == "Kyrgyzstan"
    assert cube["REF_AREA_label_zh"].sel(REF_AREA="TJ").item() == "塔吉克斯坦"
    assert cube["SEX"].item() == "F"
    assert cube["OBS_VALUE"].sel(REF_AREA="KG", TIME_PERIOD="2019").item() == 12.5
    assert cube["OBS_VALUE"].isnull().sum().item() == 2
    assert cube.attrs["flow"] == FLOW
    assert cube.attrs["release"]


def test_units_are_on_the_cube_and_two_units_are_no_cube(kyrgyz, monkeypatch):
    kyrgyz.environ(monkeypatch)

    assert ReleaseSource(series="SI_POV_DAY1").to_xarray()["OBS_VALUE"].attrs == {
        "units": "PT",
        "units_label": "Percent",
    }
    with pytest.raises(CubeError, match=r"observations are in 2 units .*; choose one series, or where="):
        ReleaseSource(series="SI_POV_DAY1+VC_DSR_MORT", where={"SEX": "_T", "AGE": "_T"}).to_xarray()


def test_a_cube_that_is_too_large_or_nearly_empty_is_refused_with_what_to_narrow(kyrgyz, monkeypatch):
    kyrgyz.environ(monkeypatch)

    with pytest.raises(CubeError, match=r"the cube would have [\d,]+ cells .*SERIES 272.* at most 50,000,000"):
        ReleaseSource().to_xarray()
    monkeypatch.setattr("regional_hub.sdg.release_frames.MOST_CELLS", 10**20)
    with pytest.raises(CubeError, match="not a regular cube: 25,349 observations in"):
        ReleaseSource().to_xarray()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NoObservations)
        with pytest.raises(CubeError, match="there is no cube"):
            ReleaseSource(series="SI_COV_CHLD").to_xarray()


def test_other_structures_are_opened_by_saying_which_component_is_what(hub, monkeypatch):
    components = {"series": "SEX", "area": "SERIES", "nature": "OBS_STATUS"}

    for source in both(hub, monkeypatch, series="M", area="MOR", nature="A", components=components):
        assert source.read()["OBS_VALUE"].tolist() == [6]


# -- what is remembered ------------------------------------------------------------------------------------------------


def test_each_read_is_recorded_with_release_selection_and_tag(hub, monkeypatch):
    already = len(provenance.records())

    for source in both(hub, monkeypatch, series="POV", start="2019"):
        source.read()

    local, remote = provenance.records()[already:]
    assert (local.source, remote.source) == ("folder", f"{hub.url}/sdmx/v2")
    assert local.selection == remote.selection == {"SERIES": ["POV"], "start": "2019"}
    assert local.release == remote.release == hub.room.store.current(FLOW).id
    assert local.etag == remote.etag == hub.room.store.view(FLOW).etag


def test_the_driver_loads_nothing_heavy_until_data_are_read():
    code = (
        "import sys, intake, regional_hub.sdg.release_source; "
        "print([m for m in ('pandas', 'dask', 'pyarrow', 'duckdb', 'xarray', 'numpy') if m in sys.modules])"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "extensions")}

    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
