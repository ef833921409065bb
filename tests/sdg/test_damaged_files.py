"""Whatever is done to a file, a reader gives batches or a FormatError that names the file: nothing else, ever."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regional_hub.sdg import metadata, structure
from regional_hub.sdg.formats import FormatError, observations, open_message
from regional_hub.sdg.metadata import MetadataError
from regional_hub.sdg.structure import StructureError
from tests.sdg import structures

NS = "http://www.sdmx.org/resources/sdmxml/schemas/"
HEAD = (
    '<m:{root} xmlns:m="{ns}message" xmlns:g="{ns}data/generic" xmlns:ss="{ns}data/structurespecific" '
    'xmlns:c="{ns}common"><m:Header><m:ID>T</m:ID><m:DataSetAction>Append</m:DataSetAction>'
    '<m:Structure structureID="S"><c:Structure><Ref agencyID="XX" id="SDG" version="1.0"/></c:Structure>'
    "</m:Structure></m:Header>"
)
SPECIFIC = (
    HEAD.format(root="StructureSpecificData", ns=NS + "v3_0/")
    + '<m:DataSet ss:structureRef="S" action="Merge"><Group REF_AREA="XA" SOURCE="s"/>'
    '<Series FREQ="A" REF_AREA="XA"><Obs TIME_PERIOD="2020" OBS_VALUE="1"><Comp id="COMMENT_OBS"><Value>a</Value>'
    "</Comp></Obs></Series></m:DataSet></m:StructureSpecificData>"
)
GENERIC = (
    HEAD.format(root="GenericData", ns=NS + "v2_1/")
    + '<m:DataSet structureRef="S"><g:Series><g:SeriesKey><g:Value id="FREQ" value="A"/></g:SeriesKey><g:Attributes>'
    '<g:Value id="UNIT_MEASURE" value="PT"/></g:Attributes><g:Obs><g:ObsDimension value="2020"/>'
    '<g:ObsValue value="1"/></g:Obs></g:Series></m:DataSet></m:GenericData>'
)
JSON = {
    "data": {
        "dataSets": [{"structure": 0, "series": {"0": {"attributes": [0], "observations": {"0": ["1", 0]}}}}],
        "structures": [
            {
                "dimensions": {
                    "series": [{"id": "FREQ", "values": [{"id": "A"}]}],
                    "observation": [{"id": "TIME_PERIOD", "values": [{"value": "2020"}]}],
                },
                "attributes": {
                    "series": [{"id": "UNIT_MEASURE", "values": [{"id": "PT"}]}],
                    "observation": [{"id": "OBS_STATUS", "values": [{"id": "A"}]}],
                },
            }
        ],
    }
}
FILES = {
    "specific": SPECIFIC.encode(),
    "generic": GENERIC.encode(),
    "csv": b'STRUCTURE,STRUCTURE_ID,ACTION,FREQ,COMMENT_OBS,OBS_VALUE\ndatastructure,XX:SDG(1.0),I,A,"x\ny",1\n',
    "json": json.dumps(JSON).encode(),
    "unsd": b'Goal,Target,SeriesCode,GeoAreaName,TimePeriod,Value,[Sex],[Bounds]\n8,8.5,S,North,2020,1,"F",LB\n',
    "wide": b"goal\tseriesCode\tgeoAreaCode\tsexCode\tunitsCode\tvalue_2019\tvalue_2020\n"
    b"8\tS\t417\tF\t[2019]: PT // [2020]: NUMBER\t1\t2\n",
    "structure": structures.message(),
    "metadata": json.dumps(
        {
            "data": {
                "metadataSets": [
                    {
                        "id": "M",
                        "agencyID": "XX",
                        "name": "M",
                        "metadataflow": "urn:x",
                        "targets": ["urn:y"],
                        "attributes": [{"id": "A", "value": {"en": "x"}, "attributes": [{"id": "B"}]}],
                    }
                ]
            }
        }
    ).encode(),
}
PIECES = [
    b"\xff\xfe",
    b"\0",
    b'"',
    b"<",
    b">",
    b"/",
    b",",
    b"\t",
    b"\n",
    b"[",
    b"{",
    b"null",
    b"-1",
    b"1e999",
    b"9" * 400,
]
DAMAGE = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.integers(0, 40),
        st.one_of(st.binary(max_size=4), st.sampled_from(PIECES)),
    ),
    min_size=1,
    max_size=3,
)


def damaged(data: bytes, damage) -> bytes:
    for place, length, piece in damage:
        at = int(place * len(data))
        data = data[:at] + piece + data[at + length :]
    return data


@pytest.fixture(scope="module")
def small():
    return structures.small()


@pytest.mark.parametrize("kind", FILES)
@given(damage=DAMAGE)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damage_is_read_or_refused(tmp_path, small, kind, damage):
    path = tmp_path / "damaged"
    path.write_bytes(damaged(FILES[kind], damage))

    try:
        if kind == "structure":
            structure.read(path)
        elif kind == "metadata":
            metadata.read(path)
        else:
            with open_message(path, small) as message:
                for batch in observations.batches(message.batches, small, str(path)):
                    assert batch.num_rows == len(batch.column("_line"))
    except (FormatError, StructureError, MetadataError) as error:
        assert str(path) in str(error)


@pytest.mark.parametrize("kind", FILES)
def test_what_is_not_damaged_is_read(tmp_path, small, kind):
    path = tmp_path / "whole"
    path.write_bytes(FILES[kind])

    if kind == "structure":
        assert structure.read(path).structures
    elif kind == "metadata":
        assert metadata.read(path)
    else:
        with open_message(path, small) as message:
            assert sum(b.num_rows for b in observations.batches(message.batches, small, str(path))) in (1, 2)
