"""Runs a method's notebook with the parameters of a file; what is copied into the job, beside `run_notebook.py`.

Papermill writes the values into a cell; that the cell says these values and nothing else is checked before it runs, so
that no text of a caller ever becomes code. What the notebook leaves in `outputs/` is left by the job.

usage: run_method.py FOLDER ENTRY OUT MOST_BYTES PARAMETERS.json
"""

from __future__ import annotations

import ast
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import run_notebook
from papermill.parameterize import parameterize_notebook


def values_of(source: str) -> dict[str, Any]:
    """What a cell of plain assignments assigns. Raises ValueError for anything else."""
    found: dict[str, Any] = {}
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = ast.literal_eval(value)
            case _:
                raise ValueError("not a plain assignment")
    return found


def injected(notebook: Any, parameters: dict[str, Any]) -> Any:
    """The notebook with a cell of these values behind the one that declares them."""
    notebook.metadata.setdefault("papermill", {})  # as papermill's own reader does
    for each in notebook.cells:
        each.metadata.setdefault("tags", [])
    made = parameterize_notebook(notebook, parameters, kernel_name="python3", language="python")
    cell = next(each for each in made.cells if "injected-parameters" in each.metadata.get("tags", []))
    # repr tells 1 from 1.0 and from True, which are equal.
    if repr(values_of(cell.source)) != repr(parameters):
        raise ValueError("the parameters did not arrive as they were given")
    cell["id"] = "run-parameters"
    return made


def main(folder: str, entry: str, out: str, most: str, parameters: str) -> None:
    given = json.loads(Path(parameters).read_text(encoding="utf-8"))
    place = Path(tempfile.mkdtemp()) / "bundle"
    shutil.copytree(folder, place)
    notebook = place / entry
    notebook.chmod(0o644)
    nbformat.write(injected(nbformat.read(notebook, as_version=4), given), notebook)
    outputs = notebook.parent / "outputs"
    shutil.rmtree(outputs, ignore_errors=True)
    left = Path(out) / "outputs"
    left.mkdir()
    run_notebook.main(str(place), entry, out, most, outputs=left)


if __name__ == "__main__":
    main(*sys.argv[1:6])
