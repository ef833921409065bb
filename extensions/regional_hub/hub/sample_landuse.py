"""Two satellite images of an invented region, and the land cover that was really there.

The bands overlap between classes, so any map made of them has mistakes: areas must be estimated, not counted.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

from regional_hub.hub.sample_common import NOTE, random, smooth, write_table

SIDE, CHUNK, CELL = 400, 200, 30  # cells, cells, metres
YEARS = (2015, 2025)
FOREST, CROPLAND, BUILT, WATER = 1, 2, 3, 4
MEANS = {  # reflectance of red, near infrared, short-wave infrared
    FOREST: (0.045, 0.300, 0.140),
    CROPLAND: (0.085, 0.270, 0.215),
    BUILT: (0.150, 0.215, 0.240),
    WATER: (0.040, 0.030, 0.015),
}
SPREAD = {FOREST: 0.026, CROPLAND: 0.030, BUILT: 0.030, WATER: 0.012}
BANDS = ("red", "nir", "swir")
TRAINING = 60  # cells per class


def make(folder: Path, seed: int, _rows: int) -> None:
    """`cube.zarr` (bands by year, y, x), `reference.zarr` (the true cover), `training.parquet` (cells and class)."""
    import numpy

    cover = _cover(seed)
    bands = {name: numpy.empty(cover.shape, "int16") for name in BANDS}
    for index in range(len(YEARS)):
        draw = random(seed, 31, index)
        common = draw.normal(0, 1, cover.shape[1:])
        for band, name in enumerate(BANDS):
            mean, spread = numpy.zeros(cover.shape[1:]), numpy.zeros(cover.shape[1:])
            for code, values in MEANS.items():
                here = cover[index] == code
                mean[here], spread[here] = values[band], SPREAD[code]
            noise = 0.5 * common + 0.8 * draw.normal(0, 1, mean.shape)
            bands[name][index] = numpy.round(numpy.clip(mean + spread * noise, 0.001, 1) * 10_000)
    _write(folder / "cube.zarr", bands, {"scale_factor": 0.0001, "units": "1"})
    _write(folder / "reference.zarr", {"cover": cover}, {"flag_values": [1, 2, 3, 4]})
    _write_training(folder / "training.parquet", seed, cover)


def _cover(seed: int) -> Any:
    """Classes by year, y and x, int8. Forest is cleared in blocks beside fields, and towns grow."""
    import numpy

    wet, wood, town = smooth(seed, SIDE, 4, 32), smooth(seed, SIDE, 8, 33), smooth(seed, SIDE, 10, 34)
    before = numpy.full((SIDE, SIDE), CROPLAND, "int8")
    before[wood > numpy.quantile(wood, 0.48)] = FOREST
    edge = numpy.quantile(town, 0.955)
    before[(town > edge) & (before == CROPLAND)] = BUILT
    before[wet < numpy.quantile(wet, 0.07)] = WATER
    after = before.copy()
    draw = random(seed, 35)
    blocks = numpy.kron(draw.random((SIDE // 8, SIDE // 8)), numpy.ones((8, 8)))  # clearings of 240 m
    near = wood < numpy.quantile(wood, 0.66)
    after[(before == FOREST) & near & (blocks < 0.22)] = CROPLAND
    after[(before == CROPLAND) & (town > numpy.quantile(town, 0.925))] = BUILT
    return numpy.stack([before, after])


def _write_training(path: Path, seed: int, cover: Any) -> None:
    """Cells that were of one class in both years, as field teams would have visited them."""
    import numpy

    draw = random(seed, 36)
    rows = []
    for code in MEANS:
        y, x = numpy.nonzero((cover == code).all(0))
        rows += [(y[at], x[at], code) for at in draw.choice(len(y), TRAINING, replace=False)]
    row, column, code = numpy.array(rows).T
    write_table(path, {"row": row, "column": column, "cover": code})


def _write(path: Path, arrays: dict[str, Any], attributes: dict[str, Any]) -> None:
    import numpy
    import zarr

    root = zarr.create_group(path, attributes={"comment": NOTE, "Conventions": "CF-1.11"})
    metres: dict[str, Any] = {"units": "m"}
    axes: dict[str, tuple[Any, dict[str, Any]]] = {
        "year": (numpy.array(YEARS), {}),
        "y": ((numpy.arange(SIDE)[::-1] + 0.5) * CELL, metres),
        "x": ((numpy.arange(SIDE) + 0.5) * CELL, metres),
    }
    for name, (values, about) in axes.items():
        axis = root.create_array(name, shape=values.shape, dtype=values.dtype, dimension_names=[name], attributes=about)
        axis[:] = values
    for name, values in arrays.items():
        array = root.create_array(
            name,
            shape=values.shape,
            chunks=(1, CHUNK, CHUNK),
            dtype=values.dtype,
            dimension_names=["year", "y", "x"],
            attributes=attributes,
        )
        # One chunk at a time: zarr writes several at once, and goes on with the rest after one of them has failed.
        for year, y, x in product(range(len(YEARS)), range(0, SIDE, CHUNK), range(0, SIDE, CHUNK)):
            array[year, y : y + CHUNK, x : x + CHUNK] = values[year, y : y + CHUNK, x : x + CHUNK]
