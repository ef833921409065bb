"""The notebook of the SDG database, from top to bottom on a database made here, and what it leaves in its file."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import nbformat
import pytest

from regional_hub.lab import provenance
from tests.sdg import release_hub

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT.parent / "shared" / "data"
LINES = [
    f"POV {area} {sex} {year} {year - 2000}" for area in ("KG", "TJ") for sex in "FM" for year in range(2015, 2020)
]


@pytest.fixture
def hub(tmp_path):
    """The published data of a country where they are here, else a few lines."""
    if PUBLISHED.is_dir():
        room, series = release_hub.kyrgyzstan(tmp_path / "sdg", PUBLISHED), "SI_POV_DAY1"
    else:
        room, series = release_hub.room(tmp_path / "sdg"), "POV"
    with release_hub.running(room, tmp_path / "shared") as made:
        if series == "POV":
            made.publish(*LINES)
        yield made, series


@pytest.mark.hub
@pytest.mark.parametrize("local", [True, False], ids=["from the folder", "by the service"])
def test_a_first_look_at_the_database_runs_and_records_what_it_read(hub, local, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    made, series = hub
    made.environ(monkeypatch, local=local)
    monkeypatch.setenv("INTAKE_PATH", str(ROOT / "catalogs" if local else served(made, tmp_path)))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "extensions"), *sys.path]))
    notebook = nbformat.read(ROOT / "notebooks" / "sdg_first_look.ipynb", 4)

    nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()

    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    result = json.loads(re.search(r"^RESULT (\{.*\})$", printed, re.MULTILINE)[1])
    assert result["series"] == series
    assert result["rows"] > 15
    assert f"has no code '{series}X'" in printed
    (flow,) = made.room.store.flows()
    current = made.room.store.current(flow).id
    found = provenance.of(notebook)
    assert result["releases"] == [current] == sorted({one.release for one in found})
    assert len(found) == result["reads"]
    assert {"SERIES": [series]} in [one.selection for one in found]
    assert {one.source for one in found} - {""} == {"folder" if local else f"{made.url}/sdmx/v2"}
    assert any("image/svg+xml" in output.get("data", {}) for output in outputs)


def served(made: release_hub.Hub, folder: Path) -> Path:
    """The catalog as the portal serves it: what a notebook outside the hub opens."""
    from regional_hub.sdg import intake_catalog

    place = folder / "served"
    place.mkdir()
    (flow,) = made.room.store.flows()
    view = made.room.store.view(flow)
    hub = intake_catalog.Hub(made.url, {"licence": "CC-BY-4.0"}, intake_catalog.COMPONENTS)
    structure = made.room.registry.structure(view.release.structure)
    entries = intake_catalog.series(made.room.store, structure, flow, intake_catalog.COMPONENTS)
    sources = intake_catalog.top(hub, {flow: view})
    sources["sdg_series"]["args"]["path"] = str(place / "series.yaml")
    nested = intake_catalog.series_document(hub, flow, entries, view.release.id)
    for name, document in (("series", nested), ("sdg", {"metadata": {"version": 1}, "sources": sources})):
        (place / f"{name}.yaml").write_text(intake_catalog.dump(document), encoding="utf-8")
    return place
