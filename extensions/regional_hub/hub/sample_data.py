"""What the samples hold: figures made from a seed alone, for places that do not exist, each labelled illustrative.

A maker writes its files into an empty folder. It knows nothing of where the folder ends up, nor of the command line.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from regional_hub.hub import sample_landuse, sample_mobility, sample_prices, sample_ships, sample_small_area
from regional_hub.hub.sample_common import NOTE, VERSION, smooth
from regional_hub.hub.sample_common import random as _random

__all__ = ["MAKERS", "NOTE", "VERSION"]

STRUCTURE = "REGIONAL-HUB:SDG_SAMPLE(1.0)"

# Codes from XA to XZ are left free by ISO 3166 for users; no country is shown with figures that are not its own.
AREAS = {
    "XA": ("North Highlands", "北部高地"),
    "XB": ("River Plain", "河谷平原"),
    "XC": ("Lake District", "湖区"),
    "XD": ("Eastern Steppe", "东部草原"),
    "XE": ("Southern Coast", "南部沿海"),
    "XF": ("Desert Oases", "沙漠绿洲"),
    "XG": ("Forest Belt", "森林带"),
    "XH": ("Capital Area", "首都地区"),
}
YEARS = range(2010, 2026)
KINDS = ("purchase", "trip", "delivery", "visit")


@dataclass(frozen=True)
class Series:
    """A series of the SDG sample: where its figures start, how they move each year, and how far they scatter."""

    code: str
    indicator: str
    title: str
    title_zh: str
    unit: str
    start: float
    trend: float
    scatter: float
    by_sex: bool = False


SERIES = (
    Series(
        "SI_POV_DAY1", "1.1.1", "Population below the international poverty line", "低于国际贫困线的人口比例",
        "PT", 18, -0.9, 3,
    ),
    Series(
        "SH_DYN_MORT", "3.2.1", "Under-five mortality rate", "五岁以下儿童死亡率",
        "PER_1000_LIVE_BIRTHS", 38, -1.6, 5, True,
    ),
    Series(
        "SE_TOT_CPLR", "4.1.2", "Completion rate, lower secondary education", "初中教育完成率", "PT", 71, 1.2, 6, True,
    ),
    Series(
        "SH_H2O_SAFE", "6.1.1", "Population using safely managed drinking water", "使用安全管理饮用水服务的人口比例",
        "PT", 58, 1.6, 8,
    ),
    Series("EG_ACS_ELEC", "7.1.1", "Population with access to electricity", "能获得电力的人口比例", "PT", 82, 1.1, 5),
    Series("SL_TLF_UEM", "8.5.2", "Unemployment rate", "失业率", "PT", 7.5, -0.1, 1.5, True),
    Series("EN_ATM_PM25", "11.6.2", "Annual mean PM2.5 in cities", "城市PM2.5年均浓度", "GPERM3", 42, -0.8, 7),
    Series(
        "AG_LND_FRST", "15.1.1", "Forest area as a share of land area", "森林面积占陆地面积的比例", "PT", 29, 0.15, 9,
    ),
)  # fmt: skip

COMPONENTS = (
    "FREQ", "REPORTING_TYPE", "SERIES", "REF_AREA", "SEX",
    "AGE", "URBANISATION", "INCOME_WEALTH_QUANTILE", "EDUCATION_LEV", "OCCUPATION",
    "CUST_BREAKDOWN", "COMPOSITE_BREAKDOWN", "DISABILITY_STATUS", "ACTIVITY", "PRODUCT",
    "TIME_PERIOD", "OBS_VALUE", "UNIT_MEASURE", "UNIT_MULT", "OBS_STATUS", "NATURE",
    "INDICATOR", "TITLE", "TITLE_ZH", "REF_AREA_TITLE", "REF_AREA_TITLE_ZH", "COMMENT_OBS",
)  # fmt: skip
TOTALS = COMPONENTS[5:15]  # breakdowns that the sample has only in total


# -- the SDG sample ---------------------------------------------------------------------------------------------------


def make_sdg(folder: Path, seed: int, _rows: int) -> None:
    """`observations.csv` in SDMX-CSV 2.0: eight series, eight areas, sixteen years, three of the series by sex."""
    with (folder / "observations.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["STRUCTURE", "STRUCTURE_ID", "ACTION", *COMPONENTS])
        for row in _observations(seed):
            writer.writerow(["datastructure", STRUCTURE, "I", *(row[component] for component in COMPONENTS)])


def _observations(seed: int) -> Iterator[dict[str, str]]:
    random = _random(seed, 1)
    for series, (area, (name, name_zh)) in product(SERIES, AREAS.items()):
        level = series.start + series.scatter * random.standard_normal()
        slope = series.trend * random.uniform(0.6, 1.4)
        for sex in ("_T", "F", "M") if series.by_sex else ("_T",):
            shift = {"_T": 0.0, "F": -0.04, "M": 0.04}[sex] * series.start
            wander = random.standard_normal(len(YEARS)).cumsum() * series.scatter * 0.08
            for index, year in enumerate(YEARS):
                value = max(0.1, level + shift + slope * index + wander[index])
                yield {
                    **dict.fromkeys(TOTALS, "_T"),
                    "FREQ": "A",
                    "REPORTING_TYPE": "R",
                    "SERIES": series.code,
                    "REF_AREA": area,
                    "SEX": sex,
                    "TIME_PERIOD": str(year),
                    "OBS_VALUE": f"{min(value, 99.9) if series.unit == 'PT' else value:.1f}",
                    "UNIT_MEASURE": series.unit,
                    "UNIT_MULT": "0",
                    "OBS_STATUS": "A",
                    "NATURE": "M",  # modelled
                    "INDICATOR": series.indicator,
                    "TITLE": f"{series.title} (illustrative)",
                    "TITLE_ZH": f"{series.title_zh}（示例）",
                    "REF_AREA_TITLE": name,
                    "REF_AREA_TITLE_ZH": name_zh,
                    "COMMENT_OBS": NOTE,
                }


# -- the raster cube --------------------------------------------------------------------------------------------------

MONTHS, SIDE = 120, 400
CHUNKS = (12, 200, 200)
SCALE = 0.0001


def make_raster(folder: Path, seed: int, _rows: int) -> None:
    """`cube.zarr` (Zarr 3, CF attributes): red and near-infrared reflectance, 120 months of 400 x 400 cells of 1 km."""
    import numpy
    import zarr

    root = zarr.create_group(
        folder / "cube.zarr",
        attributes={
            "title": "Illustrative reflectance of an invented region",
            "title_zh": "虚构区域的示例反射率",
            "comment": NOTE,
            "Conventions": "CF-1.11",
        },
    )
    months = numpy.datetime64("2016-01", "M") + numpy.arange(MONTHS)
    days = (months.astype("datetime64[D]") - numpy.datetime64("2016-01-01")).astype("int64")
    _axis(root, "time", days, {"units": "days since 2016-01-01", "calendar": "proleptic_gregorian"})
    _axis(
        root, "y", (numpy.arange(SIDE)[::-1] + 0.5) * 1000, {"units": "m", "standard_name": "projection_y_coordinate"}
    )
    _axis(root, "x", (numpy.arange(SIDE) + 0.5) * 1000, {"units": "m", "standard_name": "projection_x_coordinate"})
    arrays = {name: _band(root, name, title) for name, title in (("red", "Red"), ("nir", "Near infrared"))}
    green = _greenness(seed)
    for start in range(0, MONTHS, CHUNKS[0]):
        random = _random(seed, 2, start)
        month = numpy.arange(start, start + CHUNKS[0], dtype="float32")[:, None, None]
        season = 0.12 * numpy.sin(2 * numpy.pi * (month - 3) / 12)
        trend = (month / MONTHS) * (green - 0.35) * 0.25
        weather = 0.03 * random.standard_normal((CHUNKS[0], 1, 1), dtype="float32")
        noise = 0.01 * random.standard_normal((2, CHUNKS[0], SIDE, SIDE), dtype="float32")
        ndvi = numpy.clip(green + season * green + trend + weather + noise[0], 0.02, 0.95)
        bright = 0.35 + noise[1]
        _write_chunks(arrays["red"], start, numpy.round(bright * (1 - ndvi) / 2 / SCALE).astype("int16"))
        _write_chunks(arrays["nir"], start, numpy.round(bright * (1 + ndvi) / 2 / SCALE).astype("int16"))


def _write_chunks(array: Any, start: int, values: Any) -> None:
    """One chunk at a time: zarr writes several at once, and goes on with the rest after one of them has failed."""
    for y, x in product(range(0, SIDE, CHUNKS[1]), range(0, SIDE, CHUNKS[2])):
        part = values[:, y : y + CHUNKS[1], x : x + CHUNKS[2]]
        array[start : start + CHUNKS[0], y : y + CHUNKS[1], x : x + CHUNKS[2]] = part


def _greenness(seed: int) -> Any:
    return smooth(seed, SIDE, 6, 3, 0.1, 0.7)


def _axis(root: Any, name: str, values: Any, attributes: dict[str, str]) -> None:
    array = root.create_array(
        name, shape=values.shape, dtype=values.dtype, dimension_names=[name], attributes=attributes
    )
    array[:] = values


def _band(root: Any, name: str, title: str) -> Any:
    attributes = {"long_name": f"{title} reflectance (illustrative)", "units": "1", "scale_factor": SCALE}
    return root.create_array(
        name,
        shape=(MONTHS, SIDE, SIDE),
        chunks=CHUNKS,
        dtype="int16",
        dimension_names=["time", "y", "x"],
        attributes=attributes,
    )


# -- the table --------------------------------------------------------------------------------------------------------

PARTS = 12


def make_events(folder: Path, seed: int, rows: int) -> None:
    """`events/part-NN.parquet`, one file per month of 2025: invented events by area and kind, `rows` of them in all."""
    (folder / "events").mkdir()
    for part in range(PARTS):
        count = rows * (part + 1) // PARTS - rows * part // PARTS
        _write_part(folder / "events" / f"part-{part + 1:02}.parquet", seed, part, count, rows * part // PARTS)


def _write_part(path: Path, seed: int, part: int, count: int, first: int) -> None:
    import numpy
    import pyarrow
    import pyarrow.parquet

    random = _random(seed, 4, part)
    month = numpy.datetime64(f"2025-{part + 1:02}", "M")
    begin = month.astype("datetime64[s]")
    seconds = int((month + 1).astype("datetime64[s]").astype("int64") - begin.astype("int64"))
    kinds = random.integers(0, len(KINDS), count, dtype="int32")
    areas = numpy.minimum(random.geometric(0.3, count) - 1, len(AREAS) - 1).astype("int32")
    quantity = random.poisson(2.2, count).astype("int16") + numpy.int16(1)
    value = random.lognormal(2.0 + 0.2 * kinds, 0.6).astype("float32") * quantity
    table = pyarrow.table(
        {
            "event": pyarrow.array(numpy.arange(first, first + count, dtype="int64")),
            "time": pyarrow.array(numpy.sort(begin + random.integers(0, seconds, count).astype("timedelta64[s]"))),
            "area": pyarrow.DictionaryArray.from_arrays(areas, list(AREAS)).cast(pyarrow.string()),
            "kind": pyarrow.DictionaryArray.from_arrays(kinds, list(KINDS)).cast(pyarrow.string()),
            "quantity": pyarrow.array(quantity),
            "value": pyarrow.array(numpy.round(value, 2)),
        }
    )
    table = table.replace_schema_metadata({"comment": NOTE, "illustrative": "true"})
    pyarrow.parquet.write_table(table, path, compression="zstd", row_group_size=1 << 18)


# Name of the sample, which is its folder's name too -> who makes it and about how many bytes it needs.
MAKERS: dict[str, tuple[Callable[[Path, int, int], None], Callable[[int], int]]] = {
    "sdg": (make_sdg, lambda _rows: 1_000_000),
    "raster": (make_raster, lambda _rows: 80_000_000),
    "events": (make_events, lambda rows: rows * 24),
    "prices": (sample_prices.make, lambda _rows: 3_000_000),
    "ships": (sample_ships.make, lambda _rows: 15_000_000),
    "landuse": (sample_landuse.make, lambda _rows: 6_000_000),
    "mobility": (sample_mobility.make, lambda _rows: 1_000_000),
    "small_area": (sample_small_area.make, lambda _rows: 1_000_000),
}
