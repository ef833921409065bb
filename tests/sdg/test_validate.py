"""Validation: each rule finds what it is for, says where, and keeps still otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regional_hub.sdg import structure, validate
from regional_hub.sdg.findings import TEXTS, Policy, PolicyError
from regional_hub.sdg.formats import Batch, observations
from regional_hub.sdg.structure import Constraint, Region
from tests.sdg import structures
from tests.sdg.structures import write

GOOD = {
    "FREQ": "A",
    "SERIES": "SL_TLF_UEM",
    "REF_AREA": "XA",
    "SEX": "_T",
    "TIME_PERIOD": "2020",
    "OBS_VALUE": "5.5",
    "UNIT_MEASURE": "PT",
    "OBS_STATUS": "A",
}


@pytest.fixture(scope="module")
def small():
    return structures.small()


def batches(made, *rows, action="I", name="a.csv"):
    lines = list(range(2, 2 + len(rows)))
    whole = [{id: cell for id, cell in {**GOOD, **row}.items() if cell} for row in rows]
    return list(observations.batches([Batch(whole, lines, action)], made, name))


def found(made, *rows, **more):
    report = validate.validate(batches(made, *rows), made, **more)
    return [(finding.rule, finding.line, finding.column, finding.message) for finding in report.findings]


def test_what_is_right_is_not_reported(small):
    report = validate.validate(batches(small, {}, {"REF_AREA": "XB"}, {"OBS_VALUE": "", "SEX": "F"}), small)

    assert (report.findings, report.blocking) == ([], False)
    assert (report.observations, report.unique_keys, report.duplicate_keys) == (3, 3, 0)


@pytest.mark.parametrize(
    ("row", "rule", "column", "said"),
    [
        ({"SERIES": "SL_TLF_UEN"}, "code", "SERIES", "'SL_TLF_UEN' is not a code of SERIES; is SL_TLF_UEM meant?"),
        ({"SEX": "female"}, "code", "SEX", "'female' is not a code of SEX; is F meant?"),
        ({"SEX": "f"}, "code", "SEX", "'f' is not a code of SEX; is F meant?"),
        ({"OBS_STATUS": "ZZZ"}, "code", "OBS_STATUS", "'ZZZ' is not a code of OBS_STATUS"),
        ({"UNIT_MEASURE": ""}, "mandatory", "UNIT_MEASURE", "the mandatory attribute UNIT_MEASURE is missing"),
        ({"SEX": ""}, "empty-key", "SEX", "SEX is missing"),
        ({"TIME_PERIOD": ""}, "empty-key", "TIME_PERIOD", "TIME_PERIOD is missing"),
        (
            {"OBS_VALUE": "5,5"},
            "type",
            "OBS_VALUE",
            "OBS_VALUE is '5,5', which is not a number; write it with a decimal",
        ),
        ({"OBS_VALUE": "1,234.5"}, "type", "OBS_VALUE", "without separators of thousands"),
        ({"OBS_VALUE": "<5"}, "type", "OBS_VALUE", "OBS_VALUE is '<5', which is not a number; give the number alone"),
        ({"COMMENT_OBS": "a\x0bb"}, "type", "COMMENT_OBS", "text without control characters: it holds U+000B"),
        ({"COMMENT_OBS": "x" * 41}, "type", "COMMENT_OBS", "not of 0 to 40 characters"),
        (
            {"TIME_PERIOD": "2020-02-30", "FREQ": ""},
            "time",
            "TIME_PERIOD",
            "'2020-02-30' is not a time period that exists",
        ),
        ({"TIME_PERIOD": "2020-13", "FREQ": ""}, "time", "TIME_PERIOD", "'2020-13' is not a time period"),
        ({"TIME_PERIOD": "2020-Q5", "FREQ": "Q"}, "time", "TIME_PERIOD", "'2020-Q5' is not a time period"),
        ({"TIME_PERIOD": "2020-Q1"}, "frequency", "TIME_PERIOD", "the period '2020-Q1' is not of frequency A"),
        ({"LOWER_BOUND": "6"}, "bounds", "OBS_VALUE", "the value 5.5 is below its lower bound"),
        ({"UPPER_BOUND": "5.4"}, "bounds", "OBS_VALUE", "the value 5.5 is above its upper bound"),
        ({"OBS_VALUE": "101"}, "bounds", "OBS_VALUE", "the value 101 is above 100 in PT"),
        ({"OBS_VALUE": "-1"}, "bounds", "OBS_VALUE", "the value -1 is below 0 in PT"),
    ],
)
def test_each_fault_is_named_with_its_line_and_column(small, row, rule, column, said):
    findings = [finding for finding in found(small, {"REF_AREA": "XB"}, row) if finding[0] == rule]

    ((_, line, where, message),) = findings
    assert (line, where) == (3, column)
    assert said in message


def test_every_finding_is_in_chinese_too(small):
    report = validate.validate(batches(small, {"SERIES": "X", "OBS_VALUE": "5,5", "TIME_PERIOD": "20"}, {}, {}), small)

    assert len(report.findings) > 3
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in finding.message_zh) for finding in report.findings)
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in chinese) for _, chinese in TEXTS.values())


def test_duplicates_conflicts_and_differing_attributes_are_told_apart(small):
    rows = [
        {},
        {"OBS_VALUE": "5.50"},  # the same value
        {"REF_AREA": "XB"},
        {"REF_AREA": "XB", "OBS_STATUS": "E"},
        {"SEX": "F"},
        {"SEX": "F", "OBS_VALUE": "6"},
    ]

    report = validate.validate(batches(small, *rows), small)

    assert {(f.rule, f.line) for f in report.findings} == {("conflict", 7), ("attributes", 5), ("duplicate", 3)}
    assert (report.unique_keys, report.duplicate_keys, report.conflicting_keys) == (3, 3, 1)
    (conflict,) = report.conflicts
    assert conflict.key == "A.SL_TLF_UEM.XA.F.2020"
    assert [(place["value"], place["line"]) for place in conflict.statements] == [("5.5", 6), ("6", 7)]
    assert report.blocking


def test_lines_that_delete_or_merge_leave_parts_out_and_are_no_duplicates(small):
    bare = {"UNIT_MEASURE": "", "OBS_VALUE": "", "OBS_STATUS": ""}
    parts = [
        *batches(small, {}),
        *batches(small, bare, action="D"),
        *batches(small, {**bare, "OBS_STATUS": "E"}, action="M"),
    ]

    report = validate.validate(parts, small)

    assert [f.rule for f in report.findings] == []
    assert report.conflicting_keys == 0


def test_totals_are_compared_with_their_parts(small):
    def people(area, *values, unit="NUMBER"):
        sexes = zip(("_T", "F", "M"), values, strict=True)
        return [{"REF_AREA": area, "SEX": sex, "OBS_VALUE": v, "UNIT_MEASURE": unit} for sex, v in sexes]

    findings = found(
        small,
        *people("XA", "100", "40", "60"),
        *people("XB", "100", "40", "70"),
        *people("417", "9", "4", "8", unit="PT"),
    )

    assert [(rule, line) for rule, line, _, _ in findings] == [("aggregate", 5), ("aggregate", 8)]
    assert "the total 100 of SEX is not the sum of its parts, 110" in findings[0][3]
    assert "the total 9 of SEX is not between its parts, 4 to 8" in findings[1][3]


@dataclass
class Before:
    id: str
    observations: Path


@pytest.fixture
def before(small, tmp_path):
    """A release of two series."""
    rows = batches(
        small, {"OBS_VALUE": "1"}, {"REF_AREA": "XB", "OBS_VALUE": "5"}, {"REF_AREA": "XB", "TIME_PERIOD": "2019"}
    )
    whole = pa.Table.from_batches(rows).drop_columns(["_file", "_line", "_action"])
    pq.write_table(whole, tmp_path / "observations.parquet")
    return Before("R1", tmp_path / "observations.parquet")


def test_jumps_and_vanished_series_are_seen_against_the_release_before(small, before):
    findings = found(small, {"OBS_VALUE": "3.5"}, before=before, whole=True)

    assert [(rule, message) for rule, _, _, message in findings] == [
        ("jump", "the value 3.5 was 1 (release R1) before"),
        ("vanished", "the series was published before (2 observations in release R1) and is gone"),
    ]
    assert found(small, {"OBS_VALUE": "2.5"}, before=before) == []


def constraint(**more):
    return Constraint("XX", "CON", "1.0", attached=("XX:SDG(1.0)",), **more)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (constraint(regions=(Region(True, {"REF_AREA": ("XA",), "SEX": ("_T",)}),)), ["REF_AREA"]),
        (constraint(regions=(Region(True, {"REF_AREA": ("X*",)}),)), []),
        (constraint(regions=(Region(False, {"REF_AREA": ("XB",), "SEX": ("_T",)}),)), ["OBS_VALUE"]),
        (constraint(regions=(Region(True, {"REF_AREA": ("XA",)}), Region(True, {"SEX": ("_T",)}))), []),
        (constraint(regions=(Region(True, {"REF_AREA": ("XB",)}, excluded=("REF_AREA",)),)), ["REF_AREA"]),
        (constraint(keys=(Region(True, {"SERIES": ("SL_TLF_UEM",), "REF_AREA": ("XA",)}),)), ["OBS_VALUE"]),
        (constraint(role="Actual", regions=(Region(True, {"REF_AREA": ("XA",)}),)), []),
    ],
)
def test_constraints_say_what_may_be(small, made, said):
    findings = found(small, {}, {"REF_AREA": "XB"}, constraints=[made])

    assert [(rule, line, column) for rule, line, column, _ in findings] == [
        ("constraint", 3, column) for column in said
    ]


@pytest.mark.parametrize(
    ("region", "line"),
    [
        (Region(True, {}, bounds={"TIME_PERIOD": (("ge", "2015"), ("lt", "2021"))}), 3),
        (Region(True, {}, bounds={"TIME_PERIOD": (("gt", "2020"), ("le", "2021-12"))}), 2),
        (Region(True, {}, bounds={"TIME_PERIOD": (("ge", "2020"),)}), None),
        (Region(False, {"REF_AREA": ("XA",)}, bounds={"TIME_PERIOD": (("gt", "2020"),)}), 3),
        (Region(False, {"REF_AREA": ("XB",)}, bounds={"TIME_PERIOD": (("gt", "2020"),)}), None),
    ],
)
def test_constraints_say_when(small, region, line):
    findings = found(
        small, {"TIME_PERIOD": "2020"}, {"TIME_PERIOD": "2021"}, constraints=[constraint(regions=(region,))]
    )

    assert [(rule, at) for rule, at, _, _ in findings] == ([("constraint", line)] if line else [])


def test_a_policy_makes_rules_lighter_or_leaves_them_out(small, tmp_path):
    changed = write(tmp_path, '[severity]\ncode = "warning"\nbounds = "off"\n', "policy.toml")

    report = validate.validate(batches(small, {"SERIES": "X", "OBS_VALUE": "101"}), small, Policy.load(changed))

    assert [(f.rule, f.severity) for f in report.findings] == [("code", "warning")]
    assert not report.blocking


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[severity]\ncodes = "error"\n', "no rule codes; there are file"),
        ('[severity]\ncode = "grave"\n', "severity.code"),
        ("speed = 1\n", "speed: Extra inputs"),
        ("[severity\n", "policy.toml"),
    ],
)
def test_a_policy_with_a_mistake_is_refused_by_name(tmp_path, text, said):
    with pytest.raises(PolicyError, match=said):
        Policy.load(write(tmp_path, text, "policy.toml"))


def test_findings_beyond_the_limit_are_counted(small, tmp_path):
    policy = Policy.load(write(tmp_path, "most_findings = 3\n", "policy.toml"))

    report = validate.validate(batches(small, *({"SERIES": f"X{n}"} for n in range(10))), small, policy)

    assert (report.counts["code"], len(report.findings), report.to_dict()["left_out"]) == (10, 3, {"code": 7})


def test_a_codelist_that_is_not_there_is_reported_once(tmp_path):
    found_ = structure.read(structures.message().replace(b'<s:Codelist id="CL_SEX"', b'<s:Codelist id="CL_OTHER"'))

    report = validate.validate(batches(found_.structures[0], {"SEX": "anything"}), found_.structures[0])

    assert [(f.rule, f.column) for f in report.findings] == [("codelist", "SEX")]


def test_a_file_that_cannot_be_read_counts_for_nothing(small, tmp_path):
    head = "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,SERIES,REF_AREA,SEX,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE\n"
    line = "datastructure,XX:SDG(1.0),I,A,SL_TLF_UEM,XA,_T,{},5,PT\n"
    good = write(tmp_path, head + line.format(2020), "good.csv")
    cut = write(tmp_path, head + "".join(line.format(1900 + n) for n in range(60)) + "datastructure,XX", "cut.csv")

    report = validate.load([good, cut, tmp_path / "none.csv"], small)

    assert (report.observations, report.unique_keys, report.files) == (1, 1, 3)
    assert [(Path(f.file).name, f.line) for f in report.findings] == [("cut.csv", 62), ("none.csv", None)]
    assert report.blocking


def test_a_file_of_another_structure_is_reported(small, tmp_path):
    head = "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,SERIES,REF_AREA,SEX,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE\n"
    lines = [
        f"{kind},{short},I,A,SL_TLF_UEM,XA,_T,{year},5,PT\n"
        for kind, short, year in (
            ("datastructure", "XX:SDG(0.9)", 2019),
            ("datastructure", "YY:SDG(1.0)", 2020),
            ("dataflow", "XX:DF(1.0)", 2021),
        )
    ]

    report = validate.load([write(tmp_path, head + "".join(lines))], small)

    assert [(f.rule, f.value) for f in report.findings] == [
        ("structure", "XX:SDG(0.9)"),
        ("other-structure", "YY:SDG(1.0)"),
    ]


def test_the_kyrgyz_set_has_exactly_these_duplicates_and_conflicts(published):
    made = structure.read(published / "kyrgyzstan/SDG_DSD.KG_1.8.xml").structures[0]
    files = sorted((published / "kyrgyzstan/data").glob("*.xml"))

    report = validate.load(files, made, names=[file.name for file in files])

    assert (report.files, report.observations, report.unique_keys) == (195, 26_523, 25_349)
    assert (report.duplicate_keys, report.conflicting_keys) == (1_174, 2)
    assert [
        (conflict.key, [(place["value"], place["file"], place["line"]) for place in conflict.statements])
        for conflict in report.conflicts
    ] == [
        (
            "A.N.VC_DSR_MORT.KG02.M._T._T._T._T._T._T._T._T._T._T.2019",
            [("4", "1.5.1.xml", 210), ("2", "11.5.1.xml", 209), ("2", "13.1.1.xml", 194)],
        ),
        (
            "A.N.VC_DSR_MORT.KG02._T._T._T._T._T._T._T._T._T._T._T.2019",
            [("7", "1.5.1.xml", 191), ("5", "11.5.1.xml", 191), ("5", "13.1.1.xml", 177)],
        ),
    ]
    assert report.counts["code"] == 12
    assert report.counts["structure"] == 93


def test_nepal_is_read_by_its_own_structure(published):
    made = structure.read(published / "nepal/CBS_DSD.xml").structures[0]

    report = validate.load([published / "nepal/CBS_DATA.xml"], made)

    assert (report.observations, report.unique_keys, report.conflicting_keys) == (886, 701, 0)
    assert {(f.column, f.value) for f in report.findings if f.rule == "code"} == {("UNIT_MEASURE", "Nepali Rupees")}
