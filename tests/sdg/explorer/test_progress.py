"""Progress to the 2030 targets: the arithmetic against numbers worked out by hand, and what is not judged."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from regional_hub.sdg.explorer import progress
from regional_hub.sdg.explorer.book import open_book
from regional_hub.sdg.explorer.points import Point, number, position
from regional_hub.sdg.explorer.progress import BadRules, Rule
from regional_hub.sdg.loading import Room

NUMBERS = progress.rules(Path("/nowhere")).numbers


def line(unit: str = "", multiplier: str = "", **values: str) -> list[Point]:
    """`y2015="10"` is a point."""
    found = []
    for name, text in values.items():
        time = name.removeprefix("y").replace("_", "-")
        found.append(Point({}, time, position(time), number(text), text, unit=unit, multiplier=multiplier))
    return found


def rule(sign: int = -1, **more) -> Rule:
    facts = {"target": None, "factor": None, "end": 2030, "units": (), "origin": "", **more}
    return Rule("X", sign, **facts)


def judged(points, **more):
    return progress.assess(NUMBERS, rule(**more), points)


def test_rates_and_ratio_are_those_worked_out_by_hand():
    # 100 to 81 in two years is -10 % a year; 100 to 64 in two years would be -20 %: half the rate that is needed.
    found = judged(line(y2015="100", y2017="81"), target=Decimal(64), end=2017)

    assert (found.actual, found.required, found.ratio) == (Decimal("-0.1"), Decimal("-0.2"), Decimal("0.5"))
    assert (found.category, found.years, found.span) == ("fair", 2, 2)


def test_maternal_mortality_as_with_a_pocket_calculator():
    # 216 in 2015, 197 in 2017, 70 by 2030: (197/216)^(1/2)-1 = -0.045000, (70/216)^(1/15)-1 = -0.072378
    found = judged(line(y2015="216", y2016="205", y2017="197"), target=Decimal(70))

    assert (
        float(found.actual) == pytest.approx((197 / 216) ** (1 / 2) - 1, abs=1e-12) == pytest.approx(-0.045, abs=1e-4)
    )
    assert float(found.required) == pytest.approx((70 / 216) ** (1 / 15) - 1, abs=1e-12)
    assert float(found.ratio) == pytest.approx(0.6219, abs=1e-3) and found.category == "fair"


@pytest.mark.parametrize(
    ("latest", "category"),
    [
        ("64", "met"),
        ("65.61", "on-track"),  # -19 % a year: 0.95 of what is needed
        ("65.62", "fair"),
        ("81", "fair"),
        ("81.01", "limited"),
        ("100", "limited"),
        ("104.04", "limited"),  # +2 % a year: -0.1
        ("104.05", "deterioration"),
    ],
)
def test_the_bounds_of_the_categories(latest, category):
    assert judged(line(y2015="100", y2017=latest), target=Decimal(64), end=2017).category == category


@pytest.mark.parametrize(
    ("latest", "category"),
    [
        ("102.02", "on-track"),
        ("102.01", "fair"),  # +1 % a year, which is not more than 1 %
        ("101.0026", "fair"),
        ("101.0025", "limited"),
        ("98.01", "limited"),  # -1 % a year
        ("98", "deterioration"),
    ],
)
def test_without_a_numerical_target_the_direction_is_judged(latest, category):
    found = judged(line(y2015="100", y2017=latest), sign=1)
    mirrored = judged(line(y2015=latest, y2017="100"), sign=-1)

    assert (found.category, found.required, found.ratio) == (category, None, None)
    assert mirrored.rule.sign == -1 and (mirrored.actual < 0) == (found.actual > 0)


def test_a_target_that_is_a_share_of_the_baseline():
    found = judged(line(y2015="30", y2020="18"), factor=Fraction(2, 3))

    assert found.goal == 20 and found.category == "met"


def test_a_target_of_zero_has_a_stand_in_and_says_so():
    found = judged(line(y2015="10", y2020="5"), target=Decimal(0))

    assert (found.goal, found.calculated, found.replaced) == (0, Decimal("0.001"), True)
    assert float(found.required) == pytest.approx((0.001 / 10) ** (1 / 15) - 1)
    assert judged(line(y2015="10", y2020="0"), target=Decimal(0)).category == "met"
    assert judged(line(y2015="0", y2020="0"), target=Decimal(0)).category == "met"


def test_whoever_had_met_the_target_and_left_it_deteriorates():
    found = judged(line(y2015="60", y2020="75"), target=Decimal(70))

    assert (found.category, found.ratio) == ("deterioration", None)


def test_a_target_upwards():
    found = judged(line(y2015="50", y2020="60"), sign=1, target=Decimal(100))

    assert float(found.ratio) == pytest.approx((1.2**0.2 - 1) / (2 ** (1 / 15) - 1)) and found.category == "fair"


@pytest.mark.parametrize(
    ("points", "year"),
    [
        (line(y2010="9", y2015="8", y2020="7"), "2015"),
        (line(y2014="9", y2016="8", y2020="7"), "2016"),
        (line(y2012="9", y2014="8", y2020="7"), "2014"),
        (line(y2015="NaN", y2016="8", y2020="7"), "2016"),
        (line(y2015_Q1="9", y2016="8", y2020="7"), "2016"),
    ],
)
def test_the_baseline_is_2015_or_the_nearest_that_there_is(points, year):
    assert judged(points).baseline.time == year


@pytest.mark.parametrize(
    ("points", "more", "reason"),
    [
        ([], {}, "no-data"),
        (line(y2020="5"), {}, "one-year"),
        (line(y2005="6", y2020="5"), {}, "one-year"),
        (line(y2015="0", y2020="5"), {}, "not-positive"),
        (line(y2015="-2", y2020="5"), {}, "not-positive"),
        (line(y2015="2", y2020="0"), {"sign": 1}, "not-positive"),
        (line("PT", y2015="9", y2020="5"), {"target": Decimal(1), "units": ("PER_1000",)}, "unit"),
        (line("PT", "3", y2015="9", y2020="5"), {"target": Decimal(1), "units": ("PT",)}, "unit"),
        (line(y2015="9", y2026="5"), {"target": Decimal(1), "end": 2025}, "past"),
    ],
)
def test_what_cannot_be_judged_says_why_in_both_languages(points, more, reason):
    found = judged(points, **more)

    assert not found.assessed and found.reason == reason
    assert found.text("en") != found.text("zh-hans") and "{" not in found.text("en") + found.text("zh")


def test_a_series_without_a_target_is_not_guessed(built):
    book = open_book(Room(built), "en", "IAEG-SDGs:SDG")

    assert progress.progress(book, "SH_DYN_IMRT", "417").reason == "no-rule"


def test_published_values_are_judged_as_their_rows_say(built):
    book = open_book(Room(built), "en", "IAEG-SDGs:SDG")

    found = progress.progress(book, "SI_POV_DAY1", "417")

    assert (found.baseline.time, found.baseline.text, found.latest.time, found.latest.text) == (
        "2015",
        "2.5",
        "2017",
        "1.5",
    )
    assert float(found.actual) == pytest.approx((1.5 / 2.5) ** 0.5 - 1)
    assert progress.progress(book, "SH_DYN_MORT", "417").category == "met"
    assert progress.progress(book, "SL_TLF_UEM", "417").reason == "no-whole"


def test_another_unit_than_that_of_the_target_is_not_judged(built):
    """The Nepalese file says per cent of maternal deaths per 100,000 births."""
    found = progress.progress(open_book(Room(built), "en", "CBS-SDGs:SDG"), "SH_STA_MORT", "NP")

    assert found.reason == "unit" and "PT" in found.text("en")


def test_an_institution_sets_targets_of_its_own(tmp_path):
    own = tmp_path / "progress.toml"
    own.write_text(
        '[method]\nfair = "0.6"\n[series.SH_STA_MORT]\ndirection = "down"\ntarget = "20"\nfrom = "national"\n'
    )
    found = progress.rules(tmp_path)

    assert found.series["SH_STA_MORT"].target == 20 and found.series["SH_DYN_MORT"].target == 25
    assert found.numbers.fair == Decimal("0.6") and found.numbers.on_track == Decimal("0.95")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[series.X]\ndirection = 1", "direction"),
        ('[series.X]\ndirection = "up"\ntaget = "3"', "taget means nothing"),
        ('[series.X]\ndirection = "up"\ntarget = "many"', "series.X"),
        ('[series.X]\ndirection = "up"\ntarget = "3"\nfactor = "2"', "not both"),
        ('[method]\nfair = "x"', "[method]"),
        ("[series", "progress.toml"),
    ],
)
def test_rules_that_cannot_be_are_named(tmp_path, text, words):
    (tmp_path / "progress.toml").write_text(text)

    with pytest.raises(BadRules) as error:
        progress.rules(tmp_path)
    assert words in str(error.value) and "progress.toml" in str(error.value)


def test_rules_that_cannot_be_read_judge_nothing(tmp_path, caplog):
    (tmp_path / "progress.toml").write_text("[series")

    found = progress.working_rules(tmp_path)

    assert found.series == {} and found.missing().reason == "rules" and "progress.toml" in caplog.text


def test_every_rule_that_comes_with_the_hub_names_its_source():
    found = progress.rules(Path("/nowhere")).series

    assert len(found) > 30 and all(rule.origin.count(".") == 1 for rule in found.values())
