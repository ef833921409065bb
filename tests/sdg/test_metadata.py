"""Reference metadata: read from both syntaxes, checked against the MSD, kept by version, found by key."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from regional_hub.sdg import metadata, structure
from regional_hub.sdg.commands import sdg
from regional_hub.sdg.metadata import Library, MetadataError, Reported
from regional_hub.sdg.registry import Registry
from tests.sdg import structures
from tests.sdg.structures import write

FLOW = "urn:sdmx:org.sdmx.infomodel.metadatastructure.Metadataflow=IAEG-SDGs:SDG_META(1.0)"
CODE = "urn:sdmx:org.sdmx.infomodel.codelist.Code=XX:{}(1.0).{}"
SERIES, AREA, OTHER = (
    CODE.format("CL_SERIES", "SL_TLF_UEM"),
    CODE.format("CL_REF_AREA", "XA"),
    CODE.format("CL_REF_AREA", "XB"),
)
TEXT = 'It\'s <b>"so"</b>\n中文\u00a0!'


def message(*targets: str, id: str = "M1", version: str = "1.0", attributes: list | None = None) -> str:
    said = attributes or [
        {"id": "CONTACT", "attributes": [{"id": "CONTACT_EMAIL", "value": "a@example.org"}]},
        {"id": "SOURCE_TYPE", "value": {"en": TEXT, "zh": "住户调查"}},
    ]
    item = {"id": id, "agencyID": "XX", "version": version, "name": "Meta", "metadataflow": FLOW}
    item |= {"targets": list(targets) or [SERIES, AREA], "attributes": said}
    return json.dumps({"meta": {"id": "T"}, "data": {"metadataSets": [item]}})


ML = f"""<m:GenericMetadata xmlns:m="http://www.sdmx.org/resources/sdmxml/schemas/v3_0/message"
 xmlns:g="http://www.sdmx.org/resources/sdmxml/schemas/v3_0/metadata/generic"
 xmlns:c="http://www.sdmx.org/resources/sdmxml/schemas/v3_0/common"><m:Header/>
<m:MetadataSet id="M1" agencyID="XX" version="1.0"><c:Name xml:lang="en">Meta</c:Name>
<g:Metadataflow>{FLOW}</g:Metadataflow>
<g:Target>{SERIES}</g:Target><g:Target>{AREA}</g:Target>
<g:Attribute id="CONTACT"><g:Attribute id="CONTACT_EMAIL"><g:Value>a@example.org</g:Value></g:Attribute></g:Attribute>
<g:Attribute id="SOURCE_TYPE"><c:Text xml:lang="en">{{text}}</c:Text>
<c:Text xml:lang="zh">住户调查</c:Text></g:Attribute>
</m:MetadataSet></m:GenericMetadata>""".replace("{text}", TEXT.replace("<", "&lt;"))

MSD = """<m:Structure xmlns:m="http://www.sdmx.org/resources/sdmxml/schemas/v3_0/message"
 xmlns:s="http://www.sdmx.org/resources/sdmxml/schemas/v3_0/structure"><m:Structures><s:MetadataStructures>
<s:MetadataStructure id="MSD" agencyID="XX" version="1.0"><s:MetadataStructureComponents><s:MetadataAttributeList>
<s:MetadataAttribute id="CONTACT" minOccurs="0" isPresentational="true"><s:MetadataAttribute id="CONTACT_EMAIL"/>
</s:MetadataAttribute><s:MetadataAttribute id="SOURCE_TYPE" minOccurs="1"/></s:MetadataAttributeList>
</s:MetadataStructureComponents></s:MetadataStructure></s:MetadataStructures></m:Structures></m:Structure>"""


def test_both_syntaxes_say_the_same(tmp_path):
    (one,) = metadata.read(write(tmp_path, message(), "m.json"))
    (two,) = metadata.read(write(tmp_path, ML, "m.xml"))

    assert one == two
    assert one.attributes[0] == Reported("CONTACT", {}, (Reported("CONTACT_EMAIL", {"und": "a@example.org"}),))
    assert one.attributes[1].texts == {"en": TEXT, "zh": "住户调查"}
    assert one.codes == {"XX:CL_SERIES": {"SL_TLF_UEM"}, "XX:CL_REF_AREA": {"XA"}}


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ([{"id": "SOURCE_TIPE", "value": "x"}], "has no attribute 'SOURCE_TIPE'; is SOURCE_TYPE meant?"),
        ([{"id": "CONTACT_EMAIL", "value": "x"}], "CONTACT_EMAIL stands below nothing, not below CONTACT"),
        ([{"id": "CONTACT"}], "SOURCE_TYPE is missing"),
    ],
)
def test_what_does_not_follow_the_msd_is_named(tmp_path, attributes, said):
    (msd,) = structure.read(MSD.encode()).metadata_structures
    (found,) = metadata.read(write(tmp_path, message(attributes=attributes), "m.json"))

    assert any(said in fault for fault in metadata.faults(found, msd))
    assert metadata.faults(metadata.read(write(tmp_path, message(), "m.json"))[0], msd) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (message()[:-10], "cut off"),
        ('{"data": {"dataSets": []}}', "there are no metadataSets"),
        ('{"data": {"metadataSets": [{"id": "X"}]}}', "KeyError 'agencyID'"),
        ("<x/>", "is no generic metadata message"),
        (f"<!DOCTYPE m [<!ENTITY a 'b'>]>{ML}", "document type"),
        (ML[:-10], "cut off"),
    ],
)
def test_what_is_no_metadata_message_is_refused(tmp_path, text, said):
    with pytest.raises(MetadataError, match=said):
        metadata.read(write(tmp_path, text, "m"))


def test_the_set_that_says_most_of_a_key_comes_first(tmp_path):
    library, small = Library(tmp_path / "kept"), structures.small()
    for id, targets in (("WIDE", [SERIES]), ("NARROW", [SERIES, AREA]), ("ELSEWHERE", [SERIES, OTHER])):
        library.add(metadata.read(write(tmp_path, message(*targets, id=id), "m.json")))

    def about(area: str) -> list[str]:
        key = {"FREQ": "A", "SERIES": "SL_TLF_UEM", "REF_AREA": area, "SEX": "_T"}
        return [made.id for made in library.about(small, key)]

    assert about("XA") == ["NARROW", "WIDE"]
    assert about("XB") == ["ELSEWHERE", "WIDE"]
    assert about("417") == ["WIDE"]
    assert library.about(small, {"SERIES": "SI_POV_DAY1", "REF_AREA": "XA"}) == []


def test_versions_are_kept_and_the_newest_counts(tmp_path):
    library = Library(tmp_path / "kept")
    first = metadata.read(write(tmp_path, message(), "m.json"))
    second = metadata.read(write(tmp_path, message(version="1.10", attributes=[{"id": "A", "value": True}]), "m.json"))
    changed = metadata.read(write(tmp_path, message(attributes=[{"id": "A", "value": 2}]), "m.json"))

    assert library.add(first) == ["XX:M1(1.0)"]
    assert library.add(first) == []
    assert library.add(second) == ["XX:M1(1.10)"]
    with pytest.raises(MetadataError, match="kept already with another content; give it a new version"):
        library.add(changed)

    assert [made.version for made in library.latest()] == ["1.10"]
    assert library.get("XX:M1(1.0)") == first[0]
    assert second[0].attributes[0].texts == {"und": "true"}
    for name in ("XX:M2(1.0)", "../../etc/passwd"):
        with pytest.raises(MetadataError):
            library.get(name)


def test_what_was_kept_at_a_moment_is_known(tmp_path):
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    library = Library(tmp_path / "kept", clock=iter(times).__next__)
    for version in ("1.0", "1.1"):
        library.add(metadata.read(write(tmp_path, message(version=version), "m.json")))

    reopened = Library(tmp_path / "kept")
    moments = [times[0] - timedelta(seconds=1), *times]
    assert [[made.version for made in reopened.latest(at)] for at in moments] == [[], ["1.0"], ["1.1"]]
    assert reopened.kept("XX:M1(1.1)").since == times[1]


def test_targets_that_nothing_has_are_named(tmp_path):
    registry = Registry(tmp_path / "structures")
    registry.add(structure.read(structures.message()))
    wrong = CODE.format("CL_SERIES", "SL_TLF_UEN"), "SL_TLF_UEM", CODE.format("CL_NOT_KEPT", "A")

    assert metadata.target_faults(metadata.read(write(tmp_path, message(), "m.json"))[0], registry) == []
    assert metadata.target_faults(metadata.read(write(tmp_path, message(*wrong), "m.json"))[0], registry) == [
        "'SL_TLF_UEM' is no URN of SDMX",
        "XX:CL_SERIES has no code 'SL_TLF_UEN'; is SL_TLF_UEM meant?",
    ]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_DATA", str(tmp_path / "var"))

    def run(*arguments: object) -> dict:
        done = CliRunner().invoke(sdg, [*map(str, arguments), "--json"], catch_exceptions=False)
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_the_command_shows_what_a_set_says(tmp_path, run, monkeypatch):
    run("structure", write(tmp_path, MSD, "msd.xml"))
    run("metadata", write(tmp_path, message(), "m.json"))

    shown = run("metadata", "--show", "XX:M1")["set"]
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    text = CliRunner().invoke(sdg, ["metadata", "--show", "XX:M1(1.0)"], catch_exceptions=False).stdout

    assert shown["targets"] == [SERIES, AREA]
    assert shown["attributes"][1] == {"id": "SOURCE_TYPE", "texts": {"en": TEXT, "zh": "住户调查"}, "below": []}
    assert "住户调查" in text and "CONTACT_EMAIL" in text and SERIES.rpartition("=")[2] in text
    assert "no metadata set XX:M9" in run("metadata", "--show", "XX:M9")["error"]


def test_the_command_imports_after_checking(tmp_path, run):
    good, bad = write(tmp_path, message(), "m.json"), write(tmp_path, message(attributes=[{"id": "X"}]), "bad.json")

    assert "which metadata structure" in run("metadata", good)["error"]
    run("structure", write(tmp_path, MSD, "msd.xml"))
    assert "has no attribute 'X'" in run("metadata", bad)["error"]
    assert run("metadata", good)["new"] == ["XX:M1(1.0)"]
    (listed,) = run("metadata")["metadata_sets"]
    assert (listed["short"], listed["name"], listed["about"]) == (
        "XX:M1(1.0)",
        {"en": "Meta"},
        {"XX:CL_REF_AREA": ["XA"], "XX:CL_SERIES": ["SL_TLF_UEM"]},
    )
    run("structure", write(tmp_path, structures.message().decode(), "dsd.xml"))
    odd = write(tmp_path, message(CODE.format("CL_SERIES", "SL_TLF_UEN"), id="M2"), "odd.json")
    assert "is SL_TLF_UEM meant?" in run("metadata", odd)["error"]
