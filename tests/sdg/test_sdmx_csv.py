"""SDMX-CSV: 1.0 and 2.0 are read, 2.0 is written, and lines that cannot be observations are refused by place."""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regional_hub.sdg.formats import FormatError, open_message, sdmx_csv

HEAD = "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,REF_AREA,TIME_PERIOD,OBS_VALUE\n"
LINE = "datastructure,XX:DSD(1.0),I,A,XA,2020,1.5\n"


def read(tmp_path, text: str, encoding: str = "utf-8"):
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode(encoding))
    with open_message(path) as message:
        return message.header, list(message.rows())


def fault(tmp_path, text: str, encoding: str = "utf-8") -> str:
    with pytest.raises(FormatError) as raised:
        read(tmp_path, text, encoding)
    return str(raised.value)


def test_version_two_is_read(tmp_path):
    header, rows = read(tmp_path, HEAD + LINE)

    assert rows == [{"FREQ": "A", "REF_AREA": "XA", "TIME_PERIOD": "2020", "OBS_VALUE": "1.5"}]
    assert (header.layout, header.structures) == ("SDMX-CSV 2.0", ["XX:DSD(1.0)"])


@pytest.mark.parametrize(
    "text",
    [
        "DATAFLOW,REF_AREA,TIME_PERIOD,OBS_VALUE\nXX:DF(1.0),XA,2020,1.5\n",
        "DATAFLOW;REF_AREA;TIME_PERIOD;OBS_VALUE\nXX:DF(1.0);XA;2020;1.5\n",
        "\ufeffDATAFLOW,REF_AREA: Area,TIME_PERIOD: Time,OBS_VALUE: Value\r\nXX:DF(1.0),XA,2020,1.5\r\n",
        "STRUCTURE[;],STRUCTURE_ID,ACTION,REF_AREA[],TIME_PERIOD,OBS_VALUE\ndataflow,XX:DF(1.0),M,XA,2020,1.5\n",
    ],
)
def test_versions_delimiters_labels_and_marks_are_understood(tmp_path, text):
    header, rows = read(tmp_path, text)

    assert rows == [{"REF_AREA": "XA", "TIME_PERIOD": "2020", "OBS_VALUE": "1.5"}]
    assert header.structures == ["XX:DF(1.0)"]


def test_lines_that_delete_are_refused(tmp_path):
    assert "record 3: ACTION is 'D'" in fault(tmp_path, HEAD + LINE + LINE.replace(",I,", ",D,"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (HEAD + LINE + "datastructure,XX:DSD(1.0),I,A", "cut off"),
        (HEAD + LINE + 'datastructure,XX:DSD(1.0),I,A,"XA', "cut off"),
        (HEAD.replace("FREQ", "REF_AREA") + LINE, "REF_AREA is there twice"),
        ("STRUCTURE,FREQ,REF_AREA\nx,A,B\n", "first columns must be"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, what):
    assert what in fault(tmp_path, text)


def test_another_encoding_is_named(tmp_path):
    assert "not UTF-8" in fault(tmp_path, HEAD + LINE.replace("XA", "北部"), "gb18030")


CELL = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)


@given(st.lists(st.fixed_dictionaries({"REF_AREA": CELL, "NOTE": CELL, "OBS_VALUE": CELL}), max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_is_read_back(tmp_path, rows):
    file = io.StringIO()

    count = sdmx_csv.write(file, "XX:DSD(1.0)", ["REF_AREA", "NOTE", "OBS_VALUE"], rows)
    _, found = read(tmp_path, file.getvalue())

    assert count == len(rows)
    assert found == [{key: cell for key, cell in row.items() if cell} for row in rows]


def test_a_component_without_a_column_is_never_left_out_unseen():
    with pytest.raises(KeyError, match="NOTE"):
        sdmx_csv.write(io.StringIO(), "XX:DSD(1.0)", ["OBS_VALUE"], [{"OBS_VALUE": "1", "NOTE": "x"}])
