"""Which releases a notebook read is in the notebook, whatever executed and saved it, and shows one quiet line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from regional_hub.lab import provenance
from regional_hub.lab.provenance import MIME, ProvenanceError, Record

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")

ROOT = Path(__file__).resolve().parents[2]
NOTE = """
from regional_hub.lab.provenance import Record, note, records
note(Record("TEST:SDG", "2026-01-01.0001", "aaa", "2026-11-24T10:00:00+00:00", {"SERIES": ["POV"]}))
"""
AGAIN = """
note(Record("TEST:SDG", "2026-01-01.0001", "aaa", "2026-11-24T10:00:01+00:00", {"SERIES": ["MOR"]}))
note(Record("TEST:SDG", "2026-01-01.0001", "aaa", "2026-11-24T10:00:02+00:00", {"SERIES": ["GDP"]}))
print(len(records()))
"""


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A notebook that reads in two cells, as it is before anybody ran it."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "extensions"), *sys.path]))
    made = nbformat.v4.new_notebook()
    made.cells = [nbformat.v4.new_code_cell(source) for source in (NOTE, "1 + 1", AGAIN)]
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = tmp_path / "n.ipynb"
    nbformat.write(made, path)
    return path


def by_client(path: Path) -> Path:
    made = nbformat.read(path, 4)
    nbclient.NotebookClient(made, timeout=120).execute()
    nbformat.write(made, path)
    return path


def by_nbconvert(path: Path) -> Path:
    command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute", "--output", "done.ipynb", str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return path.with_name("done.ipynb")


def by_papermill(path: Path) -> Path:
    pytest.importorskip("papermill", reason="papermill is not installed")
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", str(path), str(path.with_name("done.ipynb"))]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return path.with_name("done.ipynb")


@pytest.mark.parametrize("execute", [by_client, by_nbconvert, by_papermill])
def test_reads_are_in_the_notebook_whatever_executed_it(notebook, execute):
    done = execute(notebook)

    found = provenance.of(done)

    assert [one.selection["SERIES"] for one in found] == [["POV"], ["MOR"], ["GDP"]]
    assert {(one.flow, one.release, one.etag) for one in found} == {("TEST:SDG", "2026-01-01.0001", "aaa")}
    nbformat.validate(nbformat.read(done, 4))


def test_a_reader_sees_one_line_per_cell_and_no_data_of_ours(notebook):
    cells = nbformat.read(by_client(notebook), 4).cells

    shown = [[output.data["text/plain"] for output in cell.outputs if MIME in output.get("data", {})] for cell in cells]
    line = "Data · 数据: TEST:SDG release 2026-01-01.0001"
    assert shown == [[line], [], [line]]
    page = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", "--stdout", str(notebook)], capture_output=True, check=True
    ).stdout.decode()
    assert page.count(line) == 2
    assert "regional-hub.provenance" not in page


def test_stamping_writes_the_reads_into_the_metadata_and_they_outlive_the_outputs(notebook):
    done = by_client(notebook)

    stamped = provenance.stamp(done)

    content = json.loads(done.read_text(encoding="utf-8"))
    assert [Record(**one) for one in content["metadata"]["regional_hub"]["provenance"]] == stamped
    for cell in content["cells"]:
        cell["outputs"] = []
    assert provenance.of(content) == stamped
    nbformat.validate(nbformat.from_dict(content))


def test_without_a_kernel_reads_are_only_remembered(capsys):
    already = len(provenance.records())

    provenance.note(Record("F", "r", "e", "2026-01-01T00:00:00+00:00"))

    assert len(provenance.records()) == already + 1
    assert capsys.readouterr().out == ""


def test_a_notebook_that_read_nothing_has_no_provenance():
    assert provenance.of(nbformat.v4.new_notebook()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "no list of cells"),
        ({"cells": [{"outputs": [{"data": {MIME: {"records": [{"flow": "F"}]}}}]}]}, "cell 1: not a record of a read"),
        ({"cells": [], "metadata": {"regional_hub": {"provenance": ["x"]}}}, "the notebook's metadata: not a record"),
    ],
)
def test_what_is_no_record_is_named(content, said):
    with pytest.raises(ProvenanceError, match=said):
        provenance.of(content)


def test_what_is_no_notebook_is_named(tmp_path):
    (tmp_path / "x.ipynb").write_text("not json")

    with pytest.raises(ProvenanceError, match=r"x\.ipynb: not a notebook"):
        provenance.of(tmp_path / "x.ipynb")
