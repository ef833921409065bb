"""The notebook that the public sees: the author's cells with the outputs of the run.

Trust boundary: what a job leaves was written by the author's code. Of it only outputs are taken, held to the rules of a
notebook; code and text are those that were sent and reviewed.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from regional_hub.core.files import Files
from regional_hub.showcase import bundle, bundle_notebook
from regional_hub.showcase.bundle_faults import BundleError, Limits


def merge(sent: Mapping[str, Any], left: bytes, limits: Limits) -> dict[str, Any]:
    """The notebook as sent with the outputs that a run left. Raises BundleError for no notebook, or too large a one."""
    bundle_notebook.check(left, "executed.ipynb", limits)
    ran = bundle_notebook.read(left)
    by_id = {cell["id"]: cell for cell in ran["cells"] if cell["cell_type"] == "code"}
    made = copy.deepcopy(dict(sent))
    made["nbformat_minor"] = 5  # cells of older notebooks were given ids
    for cell in made["cells"]:
        if cell["cell_type"] == "code":
            executed = by_id.get(cell["id"], {})
            cell["outputs"] = executed.get("outputs", [])
            cell["execution_count"] = executed.get("execution_count")
    made["metadata"].pop("widgets", None)
    if "widgets" in ran["metadata"]:
        made["metadata"]["widgets"] = ran["metadata"]["widgets"]
    bundle_notebook.check(to_bytes(made), "executed.ipynb", limits)
    return made


def to_bytes(notebook: Mapping[str, Any]) -> bytes:
    return (json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def notebook(files: Files, manifest: Mapping[str, Any], built: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown of a revision (`Revision.built`): the executed notebook, or the one that was sent if none was kept.

    Raises Damaged, and BundleError for a kept notebook that is none.
    """
    if not built.get("notebook"):
        return bundle.notebook(files, manifest)
    try:
        return bundle_notebook.read(files.read(built["notebook"]))
    except (ValueError, KeyError) as error:
        raise BundleError("not-a-notebook", str(error), str(error), "executed.ipynb") from None
