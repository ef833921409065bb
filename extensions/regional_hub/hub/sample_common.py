"""What the makers of samples share: independent random streams, and tables that say what they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

VERSION = 1  # a change of what a maker writes raises it, and hubs make their samples again

NOTE = (
    "Illustrative figure made by a generator; not a statistic of any place. "
    "示例数据，由程序生成，并非任何地区的统计数据。"
)


def random(seed: int, *stream: int) -> Any:
    """A generator of its own for each part, so that no part's figures depend on the order in which parts are made."""
    import numpy

    return numpy.random.default_rng([seed, VERSION, *stream])


def write_table(path: Path, columns: Mapping[str, Any]) -> None:
    """One Parquet file whose metadata says that its figures are illustrative."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table(dict(columns)).replace_schema_metadata({"comment": NOTE, "illustrative": "true"})
    pyarrow.parquet.write_table(table, path, compression="zstd")


def smooth(seed: int, side: int, waves: int, stream: int, floor: float = 0.0, span: float = 1.0) -> Any:
    """A smooth field from `floor` to `floor + span`, `side` x `side`, float32: waves of random direction and phase."""
    import numpy

    draw = random(seed, stream)
    y, x = numpy.mgrid[0:side, 0:side].astype("float32") / side
    field = numpy.zeros((side, side), "float32")
    for wave in range(1, waves + 1):
        angle, phase = draw.uniform(0, 2 * numpy.pi, 2)
        turn = numpy.cos(angle) * x + numpy.sin(angle) * y
        field += (numpy.sin(2 * numpy.pi * wave * turn + phase) / wave).astype("float32")
    low, high = field.min(), field.max()
    return (floor + span * (field - low) / (high - low)).astype("float32")
