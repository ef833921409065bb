"""The notebooks: clean as committed, in both languages, and running from top to bottom without anybody.

Here a Dask cluster of this machine stands in for the gateway; `tests/e2e` runs them in a server's container.
"""

from __future__ import annotations

import csv
import json
import os
import re
import statistics
import sys
from pathlib import Path

import nbformat
import pytest

from regional_hub import settings
from regional_hub.hub import samples

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PUBLISHED = ROOT.parent / "shared" / "data"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_clean(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert all(re.fullmatch(r"[a-z][a-z-]+", cell.id) for cell in notebook.cells), "ids that stay when cells are edited"
    assert notebook.metadata.kernelspec.name == "python3"
    assert code[0].metadata.get("tags") == ["parameters"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_speaks_both_languages_and_names_no_place_of_its_own(path):
    notebook = nbformat.read(path, 4)
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]

    for text in prose:
        assert re.search("[\u4e00-\u9fff]", text), text
        assert re.search("[A-Za-z]{4}", text), text
    assert not any("/srv/" in text or "/home/" in text for text in code)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    hub = settings.load({"HUB_DATA": str(tmp_path_factory.mktemp("data")), "HUB_CATALOGS__SAMPLE_ROWS": "24000"})
    samples.ensure(hub)
    return hub.shared_dir


@pytest.fixture
def run(shared, tmp_path, monkeypatch):
    """Executes a notebook and returns what it printed after RESULT."""
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    for name in [name for name in os.environ if name.startswith("DASK_GATEWAY__")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REGIONAL_HUB_SHARED", str(shared))
    monkeypatch.setenv("INTAKE_PATH", str(ROOT / "catalogs"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "extensions"), *sys.path]))

    def execute(name: str, parameters: str = "") -> tuple[dict, list]:
        notebook = nbformat.read(ROOT / "notebooks" / name, 4)
        next(cell for cell in notebook.cells if cell.id == "parameters").source += f"\n{parameters}"
        nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
        outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
        printed = "".join(output.text for output in outputs if output.output_type == "stream")
        return json.loads(re.search(r"^RESULT (\{.*\})$", printed, re.MULTILINE)[1]), outputs

    return execute


def kinds(outputs):
    return [kind for output in outputs for kind in output.get("data", {})]


def direct(path: Path) -> dict[str, float]:
    """The mean by area of an SDMX-ML file, read by regular expressions and nothing of ours."""
    values: dict[str, list[float]] = {}
    for series, body in re.findall(r"<Series ([^>]*)>(.*?)</Series>", path.read_text(encoding="utf-8"), re.DOTALL):
        area = re.search(r'REF_AREA="([^"]*)"', series)[1]
        values.setdefault(area, []).extend(map(float, re.findall(r'OBS_VALUE="([^"]*)"', body)))
    return {area: sum(each) / len(each) for area, each in values.items()}


@pytest.mark.hub
def test_start_here_computes_the_same_as_a_direct_reading(run, shared):
    path = PUBLISHED / "kyrgyzstan" / "data" / "1.1.1.xml"
    if path.is_file():
        expected = direct(path)
    else:  # the sample stands in where the published data are not here
        path = shared / "samples" / "sdg" / "observations.csv"
        with path.open(encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["SERIES"] == "SI_POV_DAY1"]
        areas = {row["REF_AREA"] for row in rows}
        expected = {a: statistics.mean(float(r["OBS_VALUE"]) for r in rows if r["REF_AREA"] == a) for a in areas}

    result, outputs = run("start_here.ipynb", f"path = {str(path)!r}")

    assert result["mean_by_area"] == pytest.approx(expected)
    assert (result["series"], result["workers"]) == ("SI_POV_DAY1", 2)
    assert kinds(outputs).count("image/svg+xml") == 2
    assert "application/vnd.jupyter.widget-view+json" in kinds(outputs)


@pytest.mark.hub
def test_scale_with_dask_runs(run):
    result, outputs = run("scale_with_dask.ipynb", 'most_workers, first = 2, "2023-01"')

    assert result["events"] == 24_000
    assert result["cells"] == 1600
    assert -0.5 < result["trend"] < 0.5
    assert kinds(outputs).count("image/svg+xml") == 2
