"""SDMX-CSV is written character by character as it should be read: by Python's reader, and by pysdmx."""

from __future__ import annotations

import csv
import io
import warnings

import pyarrow as pa
import pytest

from regional_hub.sdg.formats import write_csv
from regional_hub.sdg.formats.write_text import Unwritable
from regional_hub.sdg.formats.writing import Options, Reference, Section
from tests.sdg import awkward

FLOW = Reference("dataflow", "XX", "DF", "2.0", {"en": "A flow, named"})


def written(
    options: Options | None = None, version: write_csv.Version = "2.0", data=None, **kind
) -> list[dict[str, str]]:
    options = options or Options()
    data = awkward.batches(**kind) if data is None else data
    message = b"".join(write_csv.write(data, awkward.structure(), options, version))
    text = message.decode("utf-8-sig" if options.spreadsheet else "utf-8")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("version", ["1.0", "2.0", "2.1"])
def test_every_character_comes_back(version, encoded):
    found = written(version=version, encoded=encoded)

    for row, expected in zip(found, awkward.rows(), strict=True):
        assert {key: row[key] for key in expected} == {key: value or "" for key, value in expected.items()}


def test_each_line_names_structure_and_action():
    deleted = Section(awkward.batches(awkward.rows()[:1]), "Delete")
    kept = Section(awkward.batches(awkward.rows()[1:2]), "Replace")

    found = written(Options(reference=FLOW), data=[kept, deleted])

    assert [(row["STRUCTURE"], row["STRUCTURE_ID"], row["ACTION"]) for row in found] == [
        ("dataflow", "XX:DF(2.0)", "R"),
        ("dataflow", "XX:DF(2.0)", "D"),
    ]
    assert written(Options(reference=FLOW), "1.0")[0]["DATAFLOW"] == "XX:DF(2.0)"


def test_labels_of_both_kinds_in_the_language_asked_for():
    both = written(Options(reference=FLOW, labels="both", languages=("zh-Hans",)))[0]
    name = written(Options(reference=FLOW, labels="name"))[0]

    assert both["FREQ: 频率"] == "A: Annual（中文）"
    assert both["STRUCTURE_ID"] == "XX:DF(2.0): A flow, named"
    assert (name["UNIT"], name["UNIT (UNIT)"]) == ("PT", 'Per "cent"')
    assert (name["FREQ"], name["Frequency"]) == ("A", "Annual")


def test_keys_and_normalized_time_are_added():
    found = written(Options(keys="both", normalized_time=True))[0]

    assert (found["SERIES_KEY"], found["OBS_KEY"]) == ("A.KG", "A.KG.2000")
    assert found["TIME_PERIOD"] == "2000-01-01"


def test_a_choice_of_measures_and_attributes_leaves_the_others_out():
    found = written(Options(measures=(), attributes=("NOTE",)))[0]

    assert list(found) == ["STRUCTURE", "STRUCTURE_ID", "ACTION", "FREQ", "AREA", "TIME_PERIOD", "NOTE"]


def test_series_without_observations_are_one_line_each():
    found = written(Options(observations=False, attributes=("UNIT",)))

    assert [(row["AREA"], row["UNIT"]) for row in found] == [("KG", "PT"), ("TJ", "NUMBER")]
    assert "TIME_PERIOD" not in found[0]


def test_formulas_are_disarmed_for_spreadsheets_only():
    for_people = {row["NOTE"] for row in written(Options(spreadsheet=True))}
    for_machines = {row["NOTE"] for row in written()}

    assert {"'=SUM(A1:A9)", "'-1+2"} <= for_people
    assert {"=SUM(A1:A9)", "-1+2"} <= for_machines
    assert "-0.0010" in {row["OBS_VALUE"] for row in written(Options(spreadsheet=True))}


def test_nul_is_refused():
    row = awkward.rows()[0] | {"NOTE": "a\x00b"}

    with pytest.raises(Unwritable, match=r"U\+0000"):
        written(data=awkward.batches([row]))


def test_nothing_to_write_is_the_line_of_names():
    assert written(data=[]) == []


def test_pysdmx_reads_every_value():
    pysdmx = pytest.importorskip("pysdmx.io")
    for version in ("1.0", "2.0", "2.1"):
        expected = [row | {"NOTE": (row["NOTE"] or "").replace("\r\n", "\n")} for row in awkward.rows()]
        message = b"".join(write_csv.write(awkward.batches(expected), awkward.structure(), Options(), version))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = pysdmx.read_sdmx(io.BytesIO(message)).data[0].data.fillna("")

        for component in awkward.structure().by_id:
            assert list(frame[component]) == [row[component] or "" for row in expected], component


def test_memory_does_not_grow_with_the_message():
    pool = pa.default_memory_pool()
    batch = pa.Table.from_batches(awkward.batches()).combine_chunks()
    big = pa.concat_tables([batch] * 800).combine_chunks().to_batches()[0]
    before = pool.bytes_allocated()

    peaks = []
    for _ in write_csv.write((big for _ in range(10)), awkward.structure(), Options()):
        peaks.append(pool.bytes_allocated() - before)

    assert max(peaks[len(peaks) // 2 :]) <= max(peaks[: len(peaks) // 2]) * 1.5 + 1_000_000
