"""The notebook of a bundle: is it one, what did it read, and how everything else reads it.

Trust boundary: JSON of strangers. It is parsed, held to the schema of nbformat 4, and never executed here.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from typing import Any

import nbformat
from nbformat.v4.rwbase import rejoin_lines

from regional_hub.lab import provenance
from regional_hub.showcase.bundle_faults import BundleError, Limits

MOST_CELLS = 2000


def check(data: bytes, name: str, limits: Limits) -> None:
    """Raises BundleError for what is no notebook of format 4, or too large a one."""
    if len(data) > limits.notebook_bytes:
        most = f"{limits.notebook_bytes:,}"
        raise BundleError("notebook-too-large", f"the notebook is over {most} bytes", f"笔记本超过 {most} 字节", name)
    content = _parsed(data, name)
    minor = content.get("nbformat_minor")
    if content.get("nbformat") != 4 or not isinstance(minor, int) or not 0 <= minor <= 5:
        raise BundleError("not-a-notebook", "not a notebook of format 4", "不是第 4 版格式的笔记本", name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older notebooks have no ids of cells; `read` gives them
            nbformat.validate(nbformat.from_dict(content))
    except (nbformat.ValidationError, RecursionError, ValueError, TypeError, AttributeError, KeyError) as error:
        first = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise BundleError(
            "not-a-notebook", f"not a valid notebook: {first}", f"不是有效的笔记本：{first}", name
        ) from None
    cells = content["cells"]
    if len(cells) > MOST_CELLS:
        raise BundleError("notebook-too-large", f"more than {MOST_CELLS} cells", f"单元格超过 {MOST_CELLS} 个", name)
    ids = [cell["id"] for cell in cells if "id" in cell]
    if len(set(ids)) != len(ids):
        raise BundleError("not-a-notebook", "two cells have the same id", "有两个单元格的 id 相同", name)


def _parsed(data: bytes, name: str) -> dict[str, Any]:
    try:
        content = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BundleError("not-a-notebook", "not JSON", "不是 JSON", name) from None
    if not isinstance(content, dict):
        raise BundleError("not-a-notebook", "not a notebook", "不是笔记本", name)
    return content


def releases(data: bytes, name: str) -> list[dict[str, Any]]:
    """The reads of data that the notebook's outputs record, as `lab.provenance.Record` in JSON."""
    try:
        return [asdict(one) for one in provenance.of(_parsed(data, name))]
    except (provenance.ProvenanceError, AttributeError, TypeError) as error:
        raise BundleError(
            "bad-provenance", f"the record of data read: {error}", f"数据读取记录无效：{error}", name
        ) from None


def read(data: bytes) -> dict[str, Any]:
    """A notebook that was checked, with ids in all cells and texts as strings."""
    content: dict[str, Any] = rejoin_lines(nbformat.from_dict(json.loads(data.decode("utf-8"))))
    taken = {cell["id"] for cell in content["cells"] if "id" in cell}
    for number, cell in enumerate(content["cells"], start=1):
        if "id" not in cell:
            identifier = f"cell-{number}"
            while identifier in taken:
                identifier += "x"
            cell["id"] = identifier
            taken.add(identifier)
    return content
