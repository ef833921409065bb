"""Notebooks, bundles and zips for tests: small real ones, and those an attacker would send."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import nbformat.v4 as v4

from regional_hub.lab import provenance
from regional_hub.showcase.bundle import Bundle

IMAGE = "regional-hub/lab:latest"
RECORD = {"flow": "KG_NSC:SDG", "release": "2026-11-24.0001", "etag": "e", "retrieved": "2026-11-24T00:00:00Z"}


def notebook_bytes(*cells: Any, **metadata: Any) -> bytes:
    """A notebook with these cells, or with a title and a sum; ids are `c1`, `c2`…"""
    made = [v4.new_markdown_cell("# Water"), v4.new_code_cell("1 + 1")] if not cells else list(cells)
    for number, cell in enumerate(made, start=1):
        cell["id"] = f"c{number}"
    return json.dumps(v4.new_notebook(cells=made, metadata=metadata)).encode()


def that_read_a_release() -> bytes:
    data = {provenance.MIME: {"records": [RECORD]}, "text/plain": "Data"}
    return notebook_bytes(v4.new_code_cell("read()", outputs=[v4.new_output("display_data", data=data)]))


def bundle(title: str = "Water", **files: bytes) -> Bundle:
    """A bundle of one notebook, which differs by its title."""
    entry = notebook_bytes(v4.new_markdown_cell(f"# {title}"), v4.new_code_cell("open('data.csv')"))
    return Bundle("water.ipynb", {"water.ipynb": entry, "data.csv": b"a,b\n1,2\n", **files})


def zipped(files: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> io.BytesIO:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    made.seek(0)
    return made


def with_mode(name: str, content: bytes, mode: int) -> io.BytesIO:
    """A zip with a notebook and one entry of any Unix mode: a link, a device, a socket."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.ipynb", notebook_bytes())
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        archive.writestr(entry, content)
    return made
