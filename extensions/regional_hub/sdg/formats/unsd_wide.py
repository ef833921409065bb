"""Reads the wide, tab-separated release files of the UN Statistics Division: a column per year (`value_2015`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from regional_hub.sdg.formats import Message, observations
from regional_hub.sdg.formats.unsd_csv import delimited
from regional_hub.sdg.structure import Structure


def read(source: Path | BinaryIO, structure: Structure, *, name: str = "") -> Iterator[pa.RecordBatch]:
    """The observations as Arrow batches in the layout of `observations`; raises FormatError naming file and line."""
    return observations.read(message, source, structure, name)


def message(file: BinaryIO, name: str, structure: Structure | None = None) -> Message:
    """Raises FormatError, here or while iterating, naming file and line, for what is not in this layout."""
    return delimited(file, name, structure, "\t", "UNSD wide")
