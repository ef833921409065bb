"""Which releases a notebook read: noted in the kernel, kept in the notebook's outputs, read back from the file.

Outputs are what `nbconvert --execute`, papermill and JupyterLab all save, so a read is an output of its cell: of a type
that no page draws, beside one line of text that says what was read. It knows no data and no Jupyter server.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

MIME = "application/vnd.regional-hub.provenance+json"
KEY = "regional_hub"


class ProvenanceError(ValueError):
    """A notebook whose records cannot be read; the message says where."""


@dataclass(frozen=True)
class Record:
    """One read. `as_of` is empty for the current state; `etag` is equal where the same data could be seen.

    `retrieved` is UTC (ISO 8601), `selection` the codes by component, with `start` and `end` for the time.
    """

    flow: str
    release: str
    etag: str
    retrieved: str
    selection: Mapping[str, Any] = field(default_factory=dict)
    as_of: str = ""
    source: str = ""


_records: list[Record] = []
_cell: tuple[Any, list[Record], Any] | None = None


def records() -> list[Record]:
    """What this process read so far, in order."""
    return list(_records)


def note(made: Record) -> None:
    """Remember a read, and where code runs in a notebook, record it in the running cell's output: one for all reads."""
    global _cell
    _records.append(made)
    shell = _shell()
    if shell is None:
        return
    parent = _parent(shell)
    if _cell is None or _cell[0] != parent:
        _cell = (parent, [], None)
    parent, made_here, handle = _cell
    made_here.append(made)
    _cell = (parent, made_here, _show(made_here, handle))


def _shell() -> Any:
    """The kernel's shell. Where IPython was not loaded nobody reads outputs, so it is not loaded here either."""
    python = sys.modules.get("IPython")
    shell = python.get_ipython() if python else None
    return shell if getattr(shell, "kernel", None) is not None else None


def _parent(shell: Any) -> Any:
    """The request that runs this cell."""
    parent = getattr(shell, "parent_header", None) or getattr(shell.kernel, "get_parent", dict)() or {}
    return (parent.get("header") or {}).get("msg_id", shell.execution_count)


def _show(made: list[Record], handle: Any) -> Any:
    from IPython.display import DisplayHandle  # only in a kernel, where it is loaded already

    data = {MIME: {"records": [asdict(one) for one in made]}, "text/plain": line(made)}
    if handle is None:
        handle = DisplayHandle()
        handle.display(data, raw=True)
    else:
        handle.update(data, raw=True)
    return handle


def line(made: Iterable[Record]) -> str:
    """What a reader sees: `Data · 数据: KG_NSC:SDG release 2026-11-24.0001`."""
    return "Data · 数据: " + ", ".join(dict.fromkeys(f"{one.flow} release {one.release}" for one in made))


# -- from a notebook ---------------------------------------------------------------------------------------------------


def of(notebook: Path | str | Mapping[str, Any]) -> list[Record]:
    """The reads that the outputs of a notebook record, each once; without any, those that `stamp` left in its metadata.

    Takes a path or the notebook itself (nbformat 4). Raises ProvenanceError for what is no notebook or no record.
    """
    content = _content(notebook)
    found = [
        _record(one, f"cell {number}")
        for number, cell in enumerate(content["cells"], start=1)
        for output in cell.get("outputs") or []
        for one in (output.get("data") or {}).get(MIME, {}).get("records", [])
    ]
    if not found:
        kept = (content.get("metadata", {}).get(KEY) or {}).get("provenance") or []
        found = [_record(one, "the notebook's metadata") for one in kept]
    return [one for number, one in enumerate(found) if one not in found[:number]]


def stamp(notebook: Path | str | Mapping[str, Any]) -> list[Record]:
    """Write what `of` finds into `metadata["regional_hub"]["provenance"]`, in the file where a path is given."""
    content = _content(notebook)
    found = of(content)
    content["metadata"].setdefault(KEY, {})["provenance"] = [asdict(one) for one in found]
    if isinstance(notebook, Path | str):
        text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
        temporary = Path(notebook).with_name(f".{Path(notebook).name}.new")
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(notebook)
    return found


def _content(notebook: Path | str | Mapping[str, Any]) -> Any:
    if isinstance(notebook, Path | str):
        try:
            notebook = json.loads(Path(notebook).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ProvenanceError(f"{notebook}: not a notebook: {error}") from None
    if not isinstance(notebook, Mapping) or not isinstance(notebook.get("cells"), list):
        raise ProvenanceError("not a notebook of format 4: it has no list of cells")
    return notebook


def _record(facts: Any, where: str) -> Record:
    names = {one.name for one in fields(Record)}
    if not isinstance(facts, Mapping) or not {"flow", "release", "etag", "retrieved"} <= set(facts) <= names:
        raise ProvenanceError(f"{where}: not a record of a read: {str(facts)[:200]}")
    return Record(**facts)
