"""A household survey in areas of which many have few respondents, drawn again and again from one known population."""

from __future__ import annotations

from pathlib import Path

from regional_hub.hub.sample_common import random, write_table

AREAS, REPETITIONS = 48, 300


def make(folder: Path, seed: int, _rows: int) -> None:
    """`areas.parquet` (what is known of each area), `survey.parquet` (repetition, area, sample, poor), `truth.parquet`.

    The rate of poverty is linear in two things that registers know, plus what is particular to the area (0.045).
    """
    import numpy

    draw = random(seed, 50)
    names = [f"D{number + 1:02}" for number in range(AREAS)]
    benefits = draw.beta(3, 12, AREAS)  # share of people on benefits
    lights = draw.normal(0, 1, AREAS)  # night lights per head, standardised
    rate = numpy.clip(0.10 + 0.7 * benefits - 0.03 * lights + draw.normal(0, 0.045, AREAS), 0.02, 0.9)
    population = numpy.round(draw.lognormal(10.3, 0.7, AREAS)).astype("int64")
    sample = numpy.clip(numpy.round(population / 300), 25, 500).astype("int64")
    place = numpy.arange(AREAS)
    known = {
        "area": names,
        "population": population,
        "benefits": numpy.round(benefits, 4),
        "lights": numpy.round(lights, 3),
        "column": place % 8,
        "row": place // 8,
    }
    write_table(folder / "areas.parquet", known)
    poor = draw.binomial(sample, rate, (REPETITIONS, AREAS))
    survey = {
        "repetition": numpy.repeat(numpy.arange(REPETITIONS), AREAS),
        "area": names * REPETITIONS,
        "sample": numpy.tile(sample, REPETITIONS),
        "poor": poor.ravel(),
    }
    write_table(folder / "survey.parquet", survey)
    write_table(folder / "truth.parquet", {"area": names, "rate": rate})
