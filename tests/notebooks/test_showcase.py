"""The showcase notebooks run from top to bottom, and what they find is what their generators put in.

Each prints what it found in a line that starts with RESULT; here that is held against the truth, read by other code.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pandas as pd
import pytest

from regional_hub import settings
from regional_hub.hub import sample_data, sample_mobility, samples
from regional_hub.lab import provenance, share_parameters
from tests.sdg import release_hub

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks" / "showcase").glob("*.ipynb"))
PUBLISHED = ROOT.parent / "shared" / "data"
SIX = ["land_use_change", "mobility", "price_index", "sdg_story", "ship_traffic", "small_area"]


# -- as committed -----------------------------------------------------------------------------------------------------


def test_there_are_six():
    assert [path.stem for path in NOTEBOOKS] == SIX


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def committed(request):
    return nbformat.read(request.param, 4)


def test_a_showcase_notebook_is_committed_clean(committed):
    nbformat.validate(committed)
    code = [cell for cell in committed.cells if cell.cell_type == "code"]

    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert all(re.fullmatch(r"[a-z][a-z-]+", cell.id) for cell in committed.cells), (
        "ids that stay when cells are edited"
    )
    assert len({cell.id for cell in committed.cells}) == len(committed.cells)
    assert code[0].metadata["tags"] == ["parameters"]


def test_it_can_be_published_as_it_is(committed):
    about = committed.metadata["regional_hub"]
    last = committed.cells[-1].source
    code = "\n".join(cell.source for cell in committed.cells if cell.cell_type == "code")

    assert about["licence"] == "CC-BY-4.0" in last
    assert all(about[key] for key in ("title", "title_zh", "summary", "summary_zh", "tags", "goals"))
    assert committed.metadata["authors"]
    assert len(re.findall(r"\((?:19|20)\d\d\): \*[A-Z]", last)) >= 2, "sources by author, year and title"
    assert not re.search(r"/srv/|/home/|/tmp/|https?://|token|password", code)


def test_it_speaks_both_languages_and_says_where_figures_are_made_up(committed):
    prose = [cell.source for cell in committed.cells if cell.cell_type == "markdown"]

    for text in prose:
        assert re.search("[\u4e00-\u9fff]", text), text
        assert re.search("[A-Za-z]{4}", text), text
    assert re.search("All data here are\\s+synthetic|illustrative", prose[0])
    assert re.search("合成数据|示例数据", prose[0])


# -- running ----------------------------------------------------------------------------------------------------------


def pictures(outputs):
    return [kind for output in outputs for kind in output.get("data", {}) if kind in ("image/svg+xml", "image/png")]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The samples that these notebooks read, in full size: they are small."""
    hub = settings.load({"HUB_DATA": str(tmp_path_factory.mktemp("data"))})
    with pytest.MonkeyPatch.context() as patch:
        small = {name: made for name, made in sample_data.MAKERS.items() if name not in ("raster", "events")}
        patch.setattr(sample_data, "MAKERS", small)
        samples.ensure(hub)
    return hub.shared_dir


@pytest.fixture
def run(shared, tmp_path, monkeypatch):
    """Executes a notebook and returns its result, what it printed, the notebook, and the folder it ran in."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    for name in ("REGIONAL_HUB_URL", "REGIONAL_HUB_DATA_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("REGIONAL_HUB_SHARED", str(shared))
    monkeypatch.setenv("INTAKE_PATH", str(ROOT / "catalogs"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "extensions"), *sys.path]))
    place = tmp_path / "work"
    place.mkdir()

    def execute(name: str, parameters: str = "") -> SimpleNamespace:
        notebook = nbformat.read(ROOT / "notebooks" / "showcase" / f"{name}.ipynb", 4)
        next(cell for cell in notebook.cells if cell.id == "parameters").source += f"\n{parameters}"
        nbclient.NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(place)}}).execute()
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        printed = "".join(output.text for output in outputs if output.get("name") == "stdout")
        result = json.loads(re.search(r"^RESULT (\{.*\})$", printed, re.MULTILINE)[1])
        left = {path.name for path in place.iterdir()}
        assert left <= {"outputs"}, "a notebook leaves nothing beside it but the outputs of a method"
        for cell in notebook.cells:
            if pictures(cell.get("outputs", [])):
                text = cell.metadata.get("alt", "")
                assert re.search("[A-Za-z]{4}", text) and re.search("[\u4e00-\u9fff]", text), f"{cell.id}: no text"
        assert len(nbformat.writes(notebook)) < 1_000_000
        return SimpleNamespace(result=result, printed=printed, notebook=notebook, outputs=outputs)

    return execute


@pytest.mark.hub
def test_geks_recovers_the_true_inflation_where_laspeyres_and_chaining_fail(run, shared):
    truth = pd.read_parquet(shared / "samples" / "prices" / "truth.parquet")["cost_of_living"].to_numpy()

    found = run("price_index").result

    assert found["months"] == len(truth) == 37
    assert 100 * (found["geks"] / truth[-1] - 1) == pytest.approx(found["geks_error"], abs=0.01)
    assert abs(found["geks_error"]) < 1
    assert found["geks_worst"] < 1.5
    assert found["laspeyres_error"] == pytest.approx(found["laspeyres_theory"], abs=0.3)
    assert found["laspeyres_error"] > 2
    assert found["chained_error"] < -4
    assert all(abs(error) < 1 for error in found["splices"])


@pytest.mark.hub
def test_a_short_window_and_another_splice_run_by_parameters(run):
    found = run("price_index", 'window, splice = 13, "movement"').result

    assert abs(found["geks_error"]) < 2.5
    assert abs(found["geks_error"]) < found["laspeyres_error"]


@pytest.mark.hub
def test_the_price_index_is_a_method_with_limits_and_outputs(run, tmp_path):
    notebook = nbformat.read(ROOT / "notebooks" / "showcase" / "price_index.ipynb", 4)
    window, splice = share_parameters.parameters(notebook)

    assert (window["schema"]["minimum"], window["schema"]["maximum"]) == (3, 37)
    assert splice["schema"]["enum"] == ["movement", "window", "half", "mean"] and splice["title_zh"]
    found = run("price_index", "window = 3").result
    outputs = tmp_path / "work" / "outputs"
    assert {one["file"] for one in share_parameters.outputs(notebook)} == {path.name for path in outputs.iterdir()}
    assert json.loads((outputs / "summary.json").read_text())["geks"] == found["geks"]
    assert len(list(csv.reader((outputs / "index.csv").open()))) == 38


@pytest.mark.hub
def test_every_port_call_and_every_false_position_is_found(run, shared):
    folder = shared / "samples" / "ships"
    calls, spoofed = (pd.read_parquet(folder / f"{name}.parquet") for name in ("calls", "spoofed"))
    hours = (calls["departed"] - calls["arrived"]).dt.total_seconds() / 3600

    made = run("ship_traffic")

    found = made.result
    assert found["true_calls"] == pytest.approx(len(calls), abs=3)
    assert found["found"] >= 0.99 * found["true_calls"]
    assert found["calls"] - found["found"] <= 0.01 * found["calls"]
    assert found["true_false_points"] == len(spoofed)
    assert found["both"] >= 0.99 * len(spoofed)
    assert found["false_points"] - found["both"] <= 0.01 * found["false_points"]
    assert found["dwell_error_minutes"] < 15
    assert found["mean_hours"] == pytest.approx(hours.mean(), abs=0.3)
    assert pictures(made.outputs) == ["image/png", "image/svg+xml"]


@pytest.mark.hub
def test_the_intervals_of_land_use_hold_the_truth_and_counting_pixels_does_not(run):
    found = run("land_use_change").result

    for change in (0, 1):  # forest loss, urban growth
        assert abs(found["estimate"][change] - found["truth"][change]) < found["half"][change]
        assert abs(found["mapped"][change] - found["truth"][change]) > 2 * found["half"][change]
    assert all(held >= 0.92 for held in found["coverage"][:5])
    assert sum(found["estimate"]) == pytest.approx(sum(found["truth"]), abs=1)
    assert 0.8 < found["overall"] < 0.97


@pytest.mark.hub
def test_the_effect_of_the_holiday_is_found_and_nothing_that_is_published_tells_a_small_count(run):
    made = run("mobility")

    found = made.result
    for kind, effect in sample_mobility.EFFECT.items():
        assert found["effects"][kind]["low"] < effect < found["effects"][kind]["high"], kind
        assert found["effects"][kind]["high"] / found["effects"][kind]["low"] < 1.15
    assert found["computed"] == found["computed_right"] > 0, "the attack works on the table as it was handed over"
    assert found["outside"] == 0
    assert found["narrowest"] >= sample_mobility.LEAST
    assert found["shown_least"] >= sample_mobility.LEAST
    assert 0 < found["secondary"] < found["suppressed"]
    assert found["lost"] < 0.03


@pytest.mark.hub
def test_the_model_is_better_than_the_survey_alone_and_knows_its_own_error(run):
    made = run("small_area")

    found = made.result
    assert found["rmse"]["none"] < 0.8 * found["rmse"]["direct"]
    assert found["rmse"]["ratio"] < 0.8 * found["rmse"]["direct"]
    assert found["better"] >= 0.8 * found["areas"]
    assert 0.85 < found["stated_to_true"] < 1.2
    assert 0.92 < found["coverage"] < 0.98
    assert found["benchmark_gap"] < 1e-9


@pytest.mark.hub
def test_the_choice_of_an_area_has_a_picture_where_there_are_no_widgets(run):
    made = run("small_area", 'area, benchmark = "D11", "none"')

    (chosen,) = [
        output for output in made.outputs if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    ]
    assert chosen["data"]["image/svg+xml"].startswith("<svg")
    assert "D11" in chosen["data"]["image/svg+xml"]


# -- the story of the SDG database ------------------------------------------------------------------------------------


@pytest.mark.hub
def test_the_story_finds_a_known_pace_and_names_the_series_that_is_missing(run, tmp_path, monkeypatch):
    years = range(2015, 2025)
    falling = [f"MOR KG F {year} {100 * 0.95 ** (year - 2015):.8f}" for year in years]
    rising = [f"POV KG F {year} {40 * 1.02 ** (year - 2015):.8f}" for year in years]
    with release_hub.running(release_hub.room(tmp_path / "sdg"), tmp_path / "shared") as hub:
        release = hub.publish(*falling, *rising)
        hub.environ(monkeypatch, remote=False)

        made = run("sdg_story", 'targets = {"MOR": 25, "POV": 20, "NOTHING": 12}')

    found = made.result
    assert (found["area"], found["illustrative"], found["missing"]) == ("KG", False, ["NOTHING"])
    assert "NOTHING: " in made.printed
    assert found["series"]["MOR"]["pace"] == pytest.approx(-0.05, abs=1e-5)
    assert found["series"]["MOR"]["in_2030"] == pytest.approx(100 * 0.95**15, rel=1e-4)
    assert found["series"]["MOR"]["needed"] == pytest.approx((25 / (100 * 0.95**9)) ** (1 / 6) - 1, abs=1e-5)
    assert found["series"]["MOR"]["verdict"] == "insufficient"
    assert found["series"]["POV"]["verdict"] == "moving away"
    assert found["releases"] == [release.id]
    assert {one.release for one in provenance.of(made.notebook)} == {release.id}


@pytest.mark.hub
def test_without_a_release_the_story_says_that_its_figures_are_illustrative(run):
    made = run("sdg_story")

    assert made.result["illustrative"] is True
    assert "SH_STA_MORT" in made.result["missing"]
    assert "ILLUSTRATIVE figures of invented areas" in made.printed
    assert made.result["releases"] == []
    assert pictures(made.outputs) == ["image/svg+xml"]


@pytest.mark.hub
def test_the_story_of_a_country_is_that_of_its_published_files(run, tmp_path, monkeypatch):
    if not PUBLISHED.is_dir():
        pytest.skip("the published data of ../shared/data are not here")
    expected = {"SH_STA_MORT": "3.1.1.xml", "SH_DYN_NMRT": "3.2.2.xml", "SH_DYN_MORT": "3.2.1.xml"}
    with release_hub.running(release_hub.kyrgyzstan(tmp_path / "sdg", PUBLISHED), tmp_path / "shared") as hub:
        hub.environ(monkeypatch, remote=False)

        found = run("sdg_story", 'area = "KG"').result

    assert found["missing"] == []
    for code, name in expected.items():
        year, value = direct(PUBLISHED / "kyrgyzstan" / "data" / name)
        slope = np.polyfit(year, np.log(value), 1)[0]
        assert found["series"][code]["last"] == max(year)
        assert found["series"][code]["pace"] == pytest.approx(np.expm1(slope), abs=1e-5), code


def direct(path: Path) -> tuple[list[int], list[float]]:
    """Years since 2015 and values of the country as a whole, read by regular expressions and nothing of ours."""
    text = path.read_text(encoding="utf-8")
    for series, body in re.findall(r"<Series ([^>]*)>(.*?)</Series>", text, re.DOTALL):
        codes = dict(re.findall(r'(\w+)="([^"]*)"', series))
        sexes = ("_T", "F") if codes["SERIES"] == "SH_STA_MORT" else ("_T",)
        if codes["REF_AREA"] == "KG" and codes["SEX"] in sexes and codes["URBANISATION"] == "_T":
            rows = re.findall(r'TIME_PERIOD="(\d{4})" OBS_VALUE="([^"]*)"', body)
            kept = [(int(year), float(value)) for year, value in rows if int(year) >= 2015]
            return [year for year, _ in kept], [value for _, value in kept]
    raise AssertionError(f"{path.name} has no total for the country")
