"""The mark in a notebook that says of which publication it is: `metadata.regional_hub.publication`, an address.

It proposes, and proves nothing: whoever copies a notebook copies its mark, and whose a publication is the Showcase
alone says. It never travels: what is sent is without it, so it makes no new revision and reaches no reader.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

KEY, NAME = "regional_hub", "publication"


def of(notebook: Mapping[str, Any]) -> str:
    """The address's last part of the publication that a notebook says it is of; empty where it says none."""
    found = _ours(notebook).get(NAME)
    return found if isinstance(found, str) else ""


def without(data: bytes) -> bytes:
    """A notebook's bytes without the mark, written as Jupyter writes them; unchanged where there is none."""
    try:
        notebook = json.loads(data)
        if not isinstance(notebook, dict) or NAME not in _ours(notebook):
            return data
        kept = {key: value for key, value in _ours(notebook).items() if key != NAME}
        metadata = {key: value for key, value in notebook["metadata"].items() if key != KEY}
        clean = {**notebook, "metadata": {**metadata, KEY: kept} if kept else metadata}
        text = json.dumps(clean, ensure_ascii=False, indent=1, sort_keys=True, separators=(",", ": "))
        return f"{text}\n".encode()
    except (ValueError, RecursionError):  # no notebook: the Showcase says so
        return data


def _ours(notebook: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = notebook.get("metadata")
    found = metadata.get(KEY) if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}
