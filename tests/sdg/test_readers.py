"""What the readers give: Arrow batches with file, line and action, alike from every layout; bad input by its place."""

from __future__ import annotations

import io
import json
import tracemalloc

import pyarrow as pa
import pytest

from regional_hub.sdg import formats, structure
from regional_hub.sdg.formats import FormatError, observations, open_message, sdmx_csv, sdmx_json, sdmx_ml, unsd_csv
from tests.sdg import structures
from tests.sdg.structures import write

XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


@pytest.fixture(scope="module")
def small():
    return structures.small()


@pytest.fixture(scope="module")
def world(published):
    """The global DSD."""
    return structure.read(published / "dsd/IAEG-SDGs_SDG_1.4.xml").structures[0]


def table(path, made) -> pa.Table:
    with open_message(path, made) as message:
        batches = list(observations.batches(message.batches, made, path.name))
    return pa.Table.from_batches(batches, observations.schema(made))


def fault(path, made) -> FormatError:
    with pytest.raises(FormatError) as raised:
        table(path, made)
    return raised.value


ML3 = """<m:StructureSpecificData xmlns:m="http://www.sdmx.org/resources/sdmxml/schemas/v3_{minor}/message"
 xmlns:ss="http://www.sdmx.org/resources/sdmxml/schemas/v3_{minor}/data/structurespecific" {xsi}
 xmlns:c="http://www.sdmx.org/resources/sdmxml/schemas/v3_{minor}/common"><m:Header><m:ID>T</m:ID><m:Test>false</m:Test>
<m:Prepared>2026-01-01T00:00:00Z</m:Prepared><m:Sender id="XX"/>
<m:Structure structureID="S" namespace="urn:x" dimensionAtObservation="TIME_PERIOD">
<c:Structure>urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure=XX:SDG(1.0)</c:Structure></m:Structure></m:Header>
<m:DataSet ss:structureRef="S" ss:action="{action}" ss:dataScope="DataStructure">
<Atts SERIES="SL_TLF_UEM" REF_AREA="XA" SEX="F" SOURCE="LFS"/>
<Series FREQ="A" SERIES="SL_TLF_UEM" REF_AREA="XA" SEX="F" UNIT_MEASURE="PT">
<Obs TIME_PERIOD="2020" OBS_VALUE="1.50"><Comp id="COMMENT_OBS"><Value>it's "ok"</Value><Value>中文</Value></Comp></Obs>
<Obs TIME_PERIOD="2021" OBS_VALUE="NaN" OBS_STATUS="E"/></Series></m:DataSet></m:StructureSpecificData>"""


@pytest.mark.parametrize("minor", [0, 1])
@pytest.mark.parametrize(("action", "code"), [("Append", "A"), ("Delete", "D"), ("Merge", "M"), ("Information", "I")])
def test_version_three_of_sdmx_ml_is_read(tmp_path, small, minor, action, code):
    path = write(tmp_path, ML3.format(minor=minor, action=action, xsi=XSI), "d.xml")

    first, second = table(path, small).to_pylist()

    assert first["COMMENT_OBS"] == 'it\'s "ok";中文'
    assert (first["OBS_VALUE"], first["SOURCE"], first["UNIT_MEASURE"]) == ("1.50", "LFS", "PT")
    assert (second["OBS_VALUE"], second["OBS_STATUS"], second["COMMENT_OBS"]) == (None, "E", None)
    assert (first["_file"], first["_line"], second["_line"], first["_action"]) == ("d.xml", 10, 11, code)
    with open_message(path) as message:
        assert message.header.structures == ["XX:SDG(1.0)"]
        assert message.header.layout == f"SDMX-ML 3.{minor} StructureSpecificData"


def test_the_columns_are_those_of_the_structure_in_its_order(tmp_path, small):
    found = table(write(tmp_path, ML3.format(minor=0, action="Append", xsi=XSI), "d.xml"), small)

    assert found.column_names == [*(part.id for part in small.components), "_file", "_line", "_action"]
    assert found.column_names[:6] == ["FREQ", "SERIES", "REF_AREA", "SEX", "TIME_PERIOD", "OBS_VALUE"]


def part(id: str, *codes: str, **more: object) -> dict[str, object]:
    return {"id": id, "values": [{"id": code, "name": code.lower()} for code in codes], **more}


SERIES_PARTS = [part("FREQ", "A"), part("SERIES", "SL_TLF_UEM"), part("REF_AREA", "XA", "XB"), part("SEX", "_T")]
JSON_1 = {
    "header": {"id": "T", "prepared": "2026-01-01T00:00:00Z", "sender": {"id": "XX"}},
    "dataSets": [
        {
            "action": "Information",
            "series": {
                "0:0:0:0": {"attributes": [0], "observations": {"0": [1.50, 0], "1": ["NaN", None]}},
                "0:0:1:0": {"attributes": [1], "observations": {"1": [3]}},
            },
        }
    ],
    "structure": {
        "links": [{"urn": "urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure=XX:SDG(1.0)"}],
        "dimensions": {"series": SERIES_PARTS, "observation": [part("TIME_PERIOD", "2020", "2021")]},
        "attributes": {
            "series": [part("UNIT_MEASURE", "PT", "NUMBER")],
            "observation": [part("OBS_STATUS", "A", "E", default="A")],
        },
    },
}
JSON_2 = {
    "meta": {"id": "T", "sender": {"id": "XX"}},
    "data": {
        "dataSets": [
            {
                "structure": 0,
                "action": "Replace",
                "dimensionGroupAttributes": {"0:0:0:0:": [0], "0:0:1:0:": [1]},
                "observations": {
                    "0:0:0:0:0": ["1.50", 0, "it's <ok>"],
                    "0:0:0:0:1": [None, 1],
                    "0:0:1:0:1": [3, 0, None],
                },
            }
        ],
        "structures": [
            {
                "dimensions": {"observation": [*SERIES_PARTS, part("TIME_PERIOD", "2020", "2021")]},
                "measures": {"observation": [{"id": "OBS_VALUE"}]},
                "attributes": {
                    "dimensionGroup": [part("UNIT_MEASURE", "PT", "NUMBER")],
                    "observation": [part("OBS_STATUS", "A", "E"), {"id": "COMMENT_OBS"}],
                },
            }
        ],
    },
}


def test_sdmx_json_of_both_versions_is_read(tmp_path, small):
    # json.dumps would write 1.5: what the file says is kept, to the last digit
    one = table(write(tmp_path, json.dumps(JSON_1).replace("1.5,", "1.50,"), "1.json"), small)
    two = table(write(tmp_path, json.dumps(JSON_2), "2.json"), small)

    facts = ["REF_AREA", "TIME_PERIOD", "OBS_VALUE", "UNIT_MEASURE"]
    expected = [("XA", "2020", "1.50", "PT"), ("XA", "2021", None, "PT"), ("XB", "2021", "3", "NUMBER")]
    for found in (one, two):
        assert [tuple(row[name] for name in facts) for row in found.to_pylist()] == expected
    assert one["OBS_STATUS"].to_pylist() == ["A", "A", "A"]
    assert two["OBS_STATUS"].to_pylist() == ["A", "E", "A"]
    assert two["COMMENT_OBS"].to_pylist() == ["it's <ok>", None, None]
    assert (set(one["_action"].to_pylist()), set(two["_action"].to_pylist())) == ({"I"}, {"R"})


def changed(message: dict[str, object], old: str, new: str) -> str:
    text = json.dumps(message)
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (changed(JSON_1, '"0:0:1:0"', '"0:0:1:0:7"'), "the key '0:0:1:0:7' has 5 dimensions, the message lists 4"),
        (changed(JSON_1, '"0:0:1:0"', '"0:0:9:0"'), "points to value 9 of REF_AREA, which has 2"),
        (changed(JSON_1, '"0:0:1:0"', '"0:0:x:0"'), "not as SDMX-JSON says"),
        (changed(JSON_1, '"Information"', '"Explode"'), "the action 'Explode' is not known"),
        (changed(JSON_1, '"id": "SEX"', '"id": "SEXX"'), "has no component 'SEXX'; is SEX meant"),
        (changed(JSON_1, '"0:0:1:0"', '"0:0:0:0"'), "there twice"),
        (json.dumps(JSON_1)[:-30], "cut off"),
        ('{"errors": []}', "there are no dataSets"),
        ("[" * 100_000, "neither XML"),
        ('{"a":' * 100_000, "not JSON"),
    ],
)
def test_what_is_wrong_with_json_is_named(tmp_path, small, text, said):
    assert said in str(fault(write(tmp_path, text, "d.json"), small))


CSV = "STRUCTURE,STRUCTURE_ID,ACTION,FREQ,SERIES,REF_AREA,SEX,TIME_PERIOD,OBS_VALUE\n"
LINE = "datastructure,XX:SDG(1.0),{action},A,SL_TLF_UEM,XA,_T,{year},1.50\n"
ONE = LINE.format(action="I", year=2020)


def test_every_line_of_csv_has_its_action_and_line(tmp_path, small):
    text = CSV + "".join(LINE.format(action=action, year=2000 + at) for at, action in enumerate("IARMD"))

    found = table(write(tmp_path, text), small)

    assert found["_action"].to_pylist() == list("IARMD")
    assert found["_line"].to_pylist() == [2, 3, 4, 5, 6]
    assert found["OBS_VALUE"].to_pylist() == ["1.50"] * 5


def test_a_line_is_where_its_record_begins_whatever_breaks_stand_in_cells(tmp_path, small):
    head = CSV.replace("OBS_VALUE", "OBS_VALUE,COMMENT_OBS")
    first = LINE.format(action="I", year=2000).replace("1.50", '1.50,"two\nlines, and a ""quote"""')
    second = LINE.format(action="I", year=2001).replace("1.50", "2,x")

    found = table(write(tmp_path, head + first + second), small)

    assert found["_line"].to_pylist() == [2, 4]
    assert found["COMMENT_OBS"].to_pylist() == ['two\nlines, and a "quote"', "x"]


@pytest.mark.parametrize(
    ("head", "line"),
    [
        (
            "STRUCTURE,STRUCTURE_ID,ACTION,SERIES: Series,REF_AREA: Area,TIME_PERIOD: Time,OBS_VALUE: Value\n",
            "dataflow,XX:DF(1.0): Flow,I,SL_TLF_UEM: Unemployment: all,XA: North,2020,1\n",
        ),
        (
            "STRUCTURE,STRUCTURE_ID,STRUCTURE_NAME,ACTION,OBS_KEY,SERIES,REF_AREA,TIME_PERIOD,OBS_VALUE\n",
            "dataflow,XX:DF(1.0),Flow,I,SL_TLF_UEM.XA.2020,SL_TLF_UEM,XA,2020,1\n",
        ),
        ("DATAFLOW,SERIES,REF_AREA,TIME_PERIOD,OBS_VALUE\r\n", "XX:DF(1.0),SL_TLF_UEM,XA,2020,1\r\n"),
        ("\ufeffDATAFLOW;SERIES;REF_AREA;TIME_PERIOD;OBS_VALUE\n", "XX:DF(1.0);SL_TLF_UEM;XA;2020;1\n"),
    ],
)
def test_labels_names_keys_marks_and_line_ends_are_understood(tmp_path, small, head, line):
    (row,) = table(write(tmp_path, head + line), small).to_pylist()

    assert (row["SERIES"], row["REF_AREA"], row["TIME_PERIOD"], row["OBS_VALUE"]) == ("SL_TLF_UEM", "XA", "2020", "1")


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        (CSV + LINE.format(action="X", year=2020), "ACTION is 'X'; it can be I, A, R, M, D", 2),
        (CSV.replace("SEX", "SEXE") + ONE, "has no component 'SEXE'; is SEX meant?", 1),
        (CSV.replace("SEX", "REF_AREA") + ONE, "column REF_AREA is there twice", 1),
        (CSV + ONE + "datastructure,XX:SDG(1.0),I,A", "4 values for 9 columns; is the file cut off?", 3),
        (CSV + ONE + "\0\0\0\0", "NUL character", 3),
        (CSV + ONE + "x" * (1 << 20) + "\n", "a line of over 1048576 characters", 3),
    ],
)
def test_what_is_wrong_with_csv_is_named_with_its_line(tmp_path, small, text, said, line):
    error = fault(write(tmp_path, text), small)

    assert said in str(error)
    assert error.line == line


def test_a_file_in_another_encoding_is_called_so(tmp_path, small):
    csv = write(tmp_path, CSV + LINE.replace("XA", "北部"), encoding="gb18030")
    xml = write(
        tmp_path,
        '<?xml version="1.0" encoding="UTF-8"?>' + ML3.format(minor=0, action="Merge", xsi=XSI),
        "d.xml",
        "gb18030",
    )

    assert "not UTF-8" in str(fault(csv, small))
    assert "another encoding than it declares" in str(fault(xml, small))


class Endless(io.RawIOBase):
    """A file of a size that no memory has to hold: a beginning, then the same part again and again."""

    def __init__(self, start: bytes, part: bytes, size: int) -> None:
        self.left, self.start, self.part = size, start, part

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        data = self.start or self.part
        count = min(len(buffer), len(data), self.left)
        buffer[:count] = data[:count]
        self.start = data[count:]  # what is left of it comes first in the next read
        self.left -= count
        return count


TWO_GIB = 2 << 30


def test_two_gibibytes_that_never_end_a_tag_are_refused_early(small):
    start = ML3.format(minor=0, action="Merge", xsi=XSI).split("<Series", maxsplit=1)[0].encode() + b'<Series FREQ="'
    file = io.BufferedReader(Endless(start, b"A" * 65_536, TWO_GIB), 1 << 18)

    with pytest.raises(FormatError, match="a tag does not end within 16 MiB"):
        list(sdmx_ml.read(file, small, name="big.xml"))


def test_two_gibibytes_of_json_are_refused_by_size(monkeypatch, small):
    monkeypatch.setattr(sdmx_json, "LARGEST", 1 << 20)
    file = io.BufferedReader(Endless(b'{"dataSets": [', b" " * 65_536, TWO_GIB))

    with pytest.raises(FormatError, match="over 1 MiB is not read"):
        list(sdmx_json.read(file, small, name="big.json"))


def csv_parts() -> tuple[bytes, bytes]:
    return CSV.encode(), LINE.format(action="I", year=2000).encode()


def ml_parts() -> tuple[bytes, bytes]:
    message = ML3.format(minor=0, action="Merge", xsi=XSI).encode()
    start = message.index(b"<Series")
    end = message.index(b"</Series>") + len(b"</Series>")
    return message[:start], message[start:end]


@pytest.mark.parametrize(("read", "parts"), [(sdmx_csv.read, csv_parts), (sdmx_ml.read, ml_parts)])
def test_memory_does_not_grow_with_the_file(small, read, parts):
    """A file twice as long needs no more memory."""
    start, part = parts()
    block = part * 64

    def peak(blocks: int) -> int:
        file = io.BufferedReader(Endless(start, block, len(start) + len(block) * blocks))
        tracemalloc.start()
        before = pa.default_memory_pool().bytes_allocated()
        rows, held = 0, 0
        try:
            for batch in read(file, small, name="big"):
                rows += batch.num_rows
                held = max(held, pa.default_memory_pool().bytes_allocated() - before)
        except FormatError as error:
            assert "cut off" in str(error)  # the document is not closed; the last part of a batch is not given
        found = tracemalloc.get_traced_memory()[1] + held
        tracemalloc.stop()
        assert rows >= 64 * (blocks - 1)
        return found

    assert peak(200) < 2 * peak(100)
    assert peak(100) < 60 << 20


def test_wide_releases_of_unsd_give_an_observation_per_year(published, world):
    path = published / "unsd_releases/2019.Q3.G.01/csv_Indicator_8.5.2_Series_SL_TLF_UEM.csv"

    found = table(path, world)
    row = next(
        r
        for r in found.to_pylist()
        if (r["REF_AREA"], r["AGE"], r["SEX"], r["TIME_PERIOD"]) == ("8", "Y_GE25", "F", "2012")
    )

    assert found.num_rows == 13_869
    assert (row["OBS_VALUE"], row["UNIT_MEASURE"], row["NATURE"], row["REPORTING_TYPE"]) == ("10.1", "PT", "C", "G")
    assert (row["URBANISATION"], row["FREQ"], row["_line"]) == ("_T", "A", 11)


def test_every_published_sheet_of_unsd_maps_onto_the_codelists(published, world):
    paths = [*published.glob("unsd_datapackages/*/data.csv"), *published.glob("unsd_releases/*/*.csv")]

    for path in paths:
        found = table(path, world)
        for component in world.components:
            if component.codelist:
                assert set(found[component.id].unique().to_pylist()) <= {None, *component.codelist.codes}, component.id
    assert len(paths) == 20


def test_old_codes_old_names_and_another_encoding_are_mapped(published, world):
    found = table(published / "unsd_datapackages/7/data.csv", world)

    assert found.num_rows == 16_515
    assert set(found["URBANISATION"].unique().to_pylist()) == {"_T", "U", "R"}
    assert {"384", "748", "807"} <= set(found["REF_AREA"].unique().to_pylist())  # Côte d'Ivoire, Eswatini, N. Macedonia
    assert "EG_ACS_ELEC" in found["SERIES"].unique().to_pylist()


PORTAL = (
    "Goal,Target,Indicator,SeriesCode,SeriesDescription,GeoAreaCode,GeoAreaName,TimePeriod,Value,Source,[Sex],[Units]"
)
PORTAL_LINE = '8,8.5,8.5.2,SL_TLF_UEM,"Unemployment, all",417,Kyrgyzstan,2020,1.50,LFS,FEMALE,PERCENT'


def test_bounds_in_rows_of_their_own_are_merged_into_the_observation(tmp_path, world):
    lines = [
        PORTAL + ",[Bounds]",
        PORTAL_LINE + ",MP",
        PORTAL_LINE.replace("1.50", "1.1") + ",LB",
        PORTAL_LINE.replace("1.50", "1.9") + ",UB",
    ]

    point, lower, upper = table(write(tmp_path, "\n".join(lines)), world).to_pylist()

    assert (point["OBS_VALUE"], point["_action"], point["REF_AREA"], point["SEX"]) == ("1.50", "I", "417", "F")
    assert (lower["OBS_VALUE"], lower["LOWER_BOUND"], lower["_action"]) == (None, "1.1", "M")
    assert (upper["UPPER_BOUND"], upper["TIME_PERIOD"]) == ("1.9", "2020")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (PORTAL.replace("[Sex]", "[Shoe size]"), "the column [Shoe size] is not known; say in unsd.toml what it means"),
        (PORTAL.replace("[Sex]", "[Units]"), "column [Units] is there twice"),
        (PORTAL.replace("Value,", ""), "there is no column for OBS_VALUE"),
        (PORTAL + "\n8,8.5", "2 values for 12 columns"),
    ],
)
def test_what_is_wrong_with_a_sheet_is_named(tmp_path, world, text, said):
    assert said in str(fault(write(tmp_path, text), world))


def test_a_sheet_needs_a_structure(tmp_path):
    with pytest.raises(FormatError, match="give it with --structure"), open_message(write(tmp_path, PORTAL)):
        pass


@pytest.fixture
def workbook(tmp_path):
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl, which reads workbooks, is not installed")

    def make(rows, more=()):
        book = openpyxl.Workbook()
        for line in rows:
            book.active.append(line)
        book.create_sheet("Units").append(["Code", "Description"])
        for name, value in more:
            book.active[name] = value
        book.save(tmp_path / "d.xlsx")
        return tmp_path / "d.xlsx"

    return make


ROW = ["8", "8.5", "8.5.2", "SL_TLF_UEM", "Unemployment", 417, "Kyrgyzstan", 2020, 1.5, "LFS", "FEMALE", "PERCENT"]


def test_the_workbook_of_the_portal_is_read_like_its_csv(workbook, world):
    path = workbook([PORTAL.split(","), ROW, [*ROW[:7], 2021, 2, *ROW[9:]]])

    first, second = table(path, world).to_pylist()

    assert (first["OBS_VALUE"], first["TIME_PERIOD"], first["SEX"], first["UNIT_MEASURE"]) == ("1.5", "2020", "F", "PT")
    assert (second["OBS_VALUE"], second["_line"]) == ("2", 3)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([("I2", "=1+1")], "cell I2 holds a formula"),
        ([("A1", "Code"), ("I1", "x")], "no sheet begins with the portal's"),
    ],
)
def test_what_a_workbook_does_not_say_for_certain_is_refused(workbook, world, more, said):
    assert said in str(fault(workbook([PORTAL.split(","), ROW], more), world))


def test_a_broken_workbook_is_called_so(tmp_path, world, workbook):
    path = workbook([PORTAL.split(","), ROW])
    path.write_bytes(path.read_bytes()[:-200])

    assert "not a workbook, or damaged" in str(fault(path, world))


def test_all_layouts_are_told_from_their_first_bytes(tmp_path, published):
    found = {
        path: formats.layout(published / path)
        for path in (
            "nepal/CBS_DATA.xml",
            "unsd_datapackages/14/data.csv",
            "unsd_releases/2019.Q3.G.01/csv_Indicator_1.1.1_Series_SI_POV_DAY1.csv",
        )
    }

    assert list(found.values()) == ["sdmx-ml", "unsd-csv", "unsd-wide"]
    assert formats.layout(write(tmp_path, "{}", "x.json")) == "sdmx-json"
    assert unsd_csv.message.__name__ == "message"
