"""SDMX-ML 2.1: what the standard allows is read as it says; what is not SDMX-ML 2.1 data is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from regional_hub.sdg.formats import FormatError, open_message

SPECIFIC = """<m:DataSet ss:structureRef="S" ss:action="Information" xsi:type="n:T" TABLE="T1">
<Group xsi:type="n:Sibling" REF_AREA="A" UNIT="PT"/>
<Series FREQ="A" REF_AREA="A"><Obs TIME_PERIOD="2020" OBS_VALUE="1.50"/>
<Obs TIME_PERIOD="2021" OBS_VALUE="NaN"/></Series>
<Series FREQ="A" REF_AREA="B"><Obs TIME_PERIOD="2020" OBS_VALUE="3" NOTE="it&apos;s &lt;ok&gt; 中文"/></Series>
</m:DataSet>"""

GENERIC = """<m:DataSet structureRef="S">
<g:Attributes><g:Value id="TABLE" value="T1"/></g:Attributes>
<g:Group type="Sibling"><g:GroupKey><g:Value id="REF_AREA" value="A"/></g:GroupKey>
<g:Attributes><g:Value id="UNIT" value="PT"/></g:Attributes></g:Group>
<g:Series><g:SeriesKey><g:Value id="FREQ" value="A"/><g:Value id="REF_AREA" value="A"/></g:SeriesKey>
<g:Obs><g:ObsDimension value="2020"/><g:ObsValue value="1.50"/></g:Obs>
<g:Obs><g:ObsDimension value="2021"/><g:ObsValue value="NaN"/></g:Obs></g:Series>
<g:Series><g:SeriesKey><g:Value id="FREQ" value="A"/><g:Value id="REF_AREA" value="B"/></g:SeriesKey>
<g:Obs><g:ObsDimension value="2020"/><g:ObsValue value="3"/>
<g:Attributes><g:Value id="NOTE" value="it's &lt;ok&gt; 中文"/></g:Attributes></g:Obs></g:Series>
</m:DataSet>"""

EXPECTED = [
    {"TABLE": "T1", "UNIT": "PT", "FREQ": "A", "REF_AREA": "A", "TIME_PERIOD": "2020", "OBS_VALUE": "1.50"},
    {"TABLE": "T1", "UNIT": "PT", "FREQ": "A", "REF_AREA": "A", "TIME_PERIOD": "2021", "OBS_VALUE": "NaN"},
    {"TABLE": "T1", "FREQ": "A", "REF_AREA": "B", "TIME_PERIOD": "2020", "OBS_VALUE": "3", "NOTE": "it's <ok> 中文"},
]


def rows(path: Path) -> list[dict[str, str]]:
    with open_message(path) as message:
        return list(message.rows())


def fault(path: Path) -> str:
    with pytest.raises(FormatError) as raised:
        rows(path)
    return str(raised.value)


@pytest.mark.parametrize(
    ("kind", "dataset"),
    [("StructureSpecificData", SPECIFIC), ("GenericData", GENERIC)],
)
def test_both_layouts_say_the_same(message, kind, dataset):
    path = message(dataset, kind)

    with open_message(path) as opened:
        header = opened.header
        found = list(opened.rows())

    assert found == EXPECTED
    assert (header.id, header.sender, header.test, header.structures) == ("T1", "XX", True, ["XX:DSD(1.0)"])
    assert kind in header.layout


def test_flat_observations_without_series_are_read(message):
    dataset = '<m:DataSet ss:structureRef="S"><Obs FREQ="A" REF_AREA="A" TIME_PERIOD="2020" OBS_VALUE="7"/></m:DataSet>'

    assert rows(message(dataset)) == [{"FREQ": "A", "REF_AREA": "A", "TIME_PERIOD": "2020", "OBS_VALUE": "7"}]


def test_attributes_of_a_group_reach_only_its_series(message):
    dataset = (
        '<m:DataSet ss:structureRef="S"><Group REF_AREA="A" SEX="F" UNIT="PT"/>'
        '<Series REF_AREA="A" SEX="F"><Obs TIME_PERIOD="1"/></Series>'
        '<Series REF_AREA="A" SEX="M"><Obs TIME_PERIOD="1"/></Series></m:DataSet>'
    )

    assert [row.get("UNIT") for row in rows(message(dataset))] == ["PT", None]


def test_an_element_nobody_knows_is_named_with_its_line(message):
    text = fault(message('<m:DataSet ss:structureRef="S">\n<Serie REF_AREA="A"/></m:DataSet>'))

    assert "<Serie> is not known" in text
    assert "line 2" in text


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95, 0.999])
def test_a_file_cut_off_anywhere_is_called_cut_off(message, share):
    path = message(SPECIFIC)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])

    assert "cut off" in fault(path)


def test_an_empty_file_is_called_empty(tmp_path):
    (tmp_path / "x.xml").write_bytes(b" \n")

    assert "empty" in fault(tmp_path / "x.xml")


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE x [<!ENTITY a "1"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/evil.dtd">',
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_document_type_is_refused_before_it_is_read(message, prolog):
    text = fault(message(SPECIFIC.replace("1.50", "&e;"), prolog=prolog))

    assert "document type" in text
    assert "root:" not in text


def test_other_kinds_of_file_are_refused_by_name(tmp_path, message):
    html, sheet = tmp_path / "page.xml", tmp_path / "sheet.csv"
    html.write_text("<html><body>404</body></html>")
    sheet.write_text("area,year,value\nA,2020,1\n")

    assert "not SDMX" in fault(html)
    assert "not SDMX data" in fault(sheet)
    assert "Structure, which holds no data" in fault(message("", kind="Structure"))


def test_the_older_standard_is_refused_by_name(published):
    assert "SDMX-ML 2.0" in fault(published / "tajikistan" / "TAJSTAT_Data.xml")


def test_all_published_files_are_read_whole(published):
    files = sorted((published / "kyrgyzstan" / "data").glob("*.xml"))

    counts = {file.name: len(rows(file)) for file in files}

    assert len(counts) == 195
    assert sum(counts.values()) == 26_523
    assert len(rows(published / "nepal" / "CBS_DATA.xml")) == 886
    assert {file.name: file.read_text(encoding="utf-8").count("<Obs ") for file in files} == counts


@pytest.mark.parametrize("name", ["kyrgyzstan/data/1.1.1.xml", "kyrgyzstan/data/3.4.1.xml", "nepal/CBS_DATA.xml"])
def test_another_reader_finds_the_same(published, name):
    pysdmx_io = pytest.importorskip("pysdmx.io", reason="pysdmx, the peer to compare with, is not installed")
    ours = rows(published / name)

    (dataset,) = pysdmx_io.read_sdmx(published / name, validate=False).get_datasets()
    theirs = dataset.data.astype(str)

    assert len(ours) == len(theirs)
    assert set(theirs.columns) == {key for row in ours for key in row}
    assert sum(float(row["OBS_VALUE"]) for row in ours) == pytest.approx(
        theirs["OBS_VALUE"].astype(float).sum(), nan_ok=True
    )
    key = ["SERIES", "REF_AREA", "SEX", "AGE", "TIME_PERIOD", "OBS_VALUE"]
    mine = sorted((*(row[part] for part in key[:-1]), float(row["OBS_VALUE"])) for row in ours)
    peer = sorted((*map(str, line[:-1]), float(line[-1])) for line in theirs[key].itertuples(index=False))
    assert mine == peer
