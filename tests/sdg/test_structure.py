"""Structures: any agency's DSD is read the same way, kept beside its other versions, and found again."""

from __future__ import annotations

import json

import pytest

from regional_hub.sdg import metadata, structure
from regional_hub.sdg.metadata import MetadataError
from regional_hub.sdg.registry import Registry
from regional_hub.sdg.structure import StructureError, series_facts
from tests.sdg import structures

DSDS = {
    "dsd/IAEG-SDGs_SDG_1.4.xml": "IAEG-SDGs:SDG(1.4)",
    "kyrgyzstan/SDG_DSD.KG_1.8.xml": "KG_NSC:SDG(1.8)",
    "nepal/CBS_DSD.xml": "CBS-SDGs:SDG(1.4)",
    "tajikistan/TAJSTAT_DSD.xml": "IAEG-SDGs:SDG(1.0)",
}


@pytest.mark.parametrize(("file", "short"), DSDS.items())
def test_every_published_dsd_is_read_whole(published, file, short):
    found = structure.read(published / file)

    (made,) = found.structures
    assert made.short == short
    assert (len(made.dimensions), len(made.attributes), len(found.codelists)) == (15, 16, 20)
    assert made.key[:3] == ("FREQ", "REPORTING_TYPE", "SERIES")
    assert made.key[-1] == "TIME_PERIOD"
    assert made.unresolved == ()
    assert made.component("UNIT_MEASURE").attached_to == tuple(part.id for part in made.dimensions)
    assert made.component("OBS_STATUS").mandatory
    assert made.component("NATURE").attachment == "observation"


def test_goal_target_and_indicator_come_from_the_annotations(published):
    made = structure.read(published / "kyrgyzstan/SDG_DSD.KG_1.8.xml").structures[0]

    facts = series_facts(made, "SI_POV_DAY1")

    assert (facts.goal, facts.target, facts.indicator) == ("1", "1.1", "1.1.1")
    assert "poverty line" in facts.indicator_title
    assert made.component("SERIES").codelist.codes["SI_POV_DAY1"].name["ru"].startswith("Доля населения")
    assert series_facts(made, "NO_SUCH_SERIES").goal == ""


def test_another_reader_finds_the_same_structure(published):
    read_sdmx = pytest.importorskip("pysdmx.io", reason="pysdmx, the peer to compare with, is not installed").read_sdmx
    path = published / "dsd/IAEG-SDGs_SDG_1.4.xml"

    theirs = next(
        s for s in read_sdmx(path, validate=False).structures if type(s).__name__ == "DataStructureDefinition"
    )
    ours = structure.read(path).structures[0]

    assert [part.id for part in ours.components] == [part.id for part in theirs.components]
    for part in theirs.components:
        codes = part.local_codes.items if part.local_codes else ()
        mine = ours.component(part.id).codelist
        assert [code.id for code in codes] == list(mine.codes if mine else ())


def test_the_metadata_structure_of_version_three_is_read(published):
    (made,) = structure.read(published / "msd/SDG_MSD_1.0.xml").metadata_structures

    assert made.short == "IAEG-SDGs:SDG_MSD(1.0)"
    assert len(made.attributes) == 44
    assert "CONTACT_EMAIL" in {attribute.id for attribute in made.attributes}


def test_parts_of_a_small_structure_are_where_they_belong():
    made = structures.small()

    assert made.groups == {"Sibling": ("SERIES", "REF_AREA", "SEX")}
    assert (made.component("SOURCE").attachment, made.component("SOURCE").group) == ("group", "Sibling")
    assert made.component("SOURCE").attached_to == ("SERIES", "REF_AREA", "SEX")
    assert (made.measure.id, made.measure.type) == ("OBS_VALUE", "Double")
    assert made.component("COMMENT_OBS").facets.max_length == 40
    assert made.urn == "urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure=XX:SDG(1.0)"
    with pytest.raises(StructureError, match="no component 'AGE'; there are FREQ, SERIES"):
        made.component("AGE")


JSON = {
    "meta": {"id": "T"},
    "data": {
        "codelists": [
            {
                "id": "CL_SEX",
                "agencyID": "XX",
                "version": "1.0",
                "names": {"en": "Sex"},
                "codes": [
                    {"id": "_T", "name": "Total"},
                    {"id": "F", "names": {"en": "Female", "zh": "女"}, "parent": "_T"},
                ],
            }
        ],
        "dataStructures": [
            {
                "id": "DSD",
                "agencyID": "XX",
                "version": "2.0.1",
                "dataStructureComponents": {
                    "dimensionList": {
                        "dimensions": [
                            {
                                "id": "SEX",
                                "position": 1,
                                "conceptIdentity": "urn:sdmx:org.sdmx.infomodel.conceptscheme.Concept=XX:CS(1.0).SEX",
                                "localRepresentation": {
                                    "enumeration": "urn:sdmx:org.sdmx.infomodel.codelist.Codelist=XX:CL_SEX(1.0)"
                                },
                            }
                        ],
                        "timeDimension": {"id": "TIME_PERIOD"},
                    },
                    "measureList": {
                        "measures": [{"id": "OBS_VALUE", "localRepresentation": {"format": {"dataType": "Double"}}}]
                    },
                    "attributeList": {
                        "attributes": [
                            {"id": "UNIT", "usage": "mandatory", "attributeRelationship": {"dimensions": ["SEX"]}},
                            {"id": "TITLE", "usage": "optional", "attributeRelationship": {"dataflow": {}}},
                            {"id": "NOTE", "usage": "optional", "attributeRelationship": {"observation": {}}},
                        ]
                    },
                },
            }
        ],
        "dataflows": [
            {
                "id": "DF",
                "agencyID": "XX",
                "version": "1.0",
                "structure": "urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure=XX:DSD(2.0.1)",
            }
        ],
        "dataConstraints": [
            {
                "id": "CON",
                "agencyID": "XX",
                "version": "1.0",
                "role": "Allowed",
                "constraintAttachment": {
                    "dataflows": ["urn:sdmx:org.sdmx.infomodel.datastructure.Dataflow=XX:DF(1.0)"]
                },
                "cubeRegions": [{"include": True, "keyValues": [{"id": "SEX", "values": ["F"]}]}],
            }
        ],
        "categorySchemes": [{"id": "CAT", "agencyID": "XX"}],
    },
}


def test_the_json_form_says_the_same(tmp_path):
    found = structure.read(json.dumps(JSON).encode())

    made = found.structure("XX:DSD(2.0.1)")
    assert [(part.id, part.role, part.attachment) for part in made.components] == [
        ("SEX", "dimension", None),
        ("TIME_PERIOD", "time", None),
        ("OBS_VALUE", "measure", None),
        ("UNIT", "attribute", "series"),
        ("TITLE", "attribute", "dataset"),
        ("NOTE", "attribute", "observation"),
    ]
    assert made.component("SEX").codelist.codes["F"].name["zh"] == "女"
    assert made.component("SEX").codelist.codes["F"].parent == "_T"
    assert made.final
    assert found.others == ("categorySchemes XX:CAT",)

    registry = Registry(tmp_path)
    registry.add(found)
    (constraint,) = registry.constraints_of("XX:DSD(2.0.1)")
    assert constraint.regions[0].values == {"SEX": ("F",)}
    assert registry.structure("XX:DF(1.0)") == made


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (structures.message()[:-400], "cut off"),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "document type"),
        (b"<html/>", "not SDMX"),
        (b"area,year", "neither SDMX-ML nor SDMX-JSON"),
        (b'{"data": {"dataSets": []}}', "not an SDMX-JSON structure message"),
        (b'{"data": {"codelists": [{"id": "X"}]}}', "not as SDMX-JSON says: KeyError 'agencyID'"),
        (json.dumps(JSON).encode()[:-20], "cut off"),
        (structures.message().replace(b"v2_1/message", b"v2_0/message"), "SDMX-ML 2.0"),
        (
            structures.message()
            .replace(b"m:Structure ", b"m:GenericData ")
            .replace(b"</m:Structure>", b"</m:GenericData>"),
            "no structures",
        ),
    ],
)
def test_what_is_no_structure_message_is_refused_with_the_reason(data, said):
    with pytest.raises(StructureError, match=said):
        structure.read(data, name="file.xml")


def test_a_file_that_no_memory_should_hold_is_refused_by_its_size(tmp_path):
    large = tmp_path / "large.xml"
    with large.open("wb") as file:
        file.write(b"<?xml version='1.0'?><Structure")
        file.truncate(2 << 30)

    with pytest.raises(StructureError, match=r"large\.xml: over 256 MiB"):
        structure.read(large)
    with pytest.raises(MetadataError, match=r"large\.xml: over 256 MiB"):
        metadata.read(large)


def test_versions_are_kept_side_by_side(published, tmp_path):
    registry = Registry(tmp_path)

    for file in DSDS:
        registry.add(structure.read(published / file))

    assert Registry(tmp_path).names("structures") == sorted(DSDS.values())
    assert registry.latest("IAEG-SDGs", "SDG").short == "IAEG-SDGs:SDG(1.4)"
    for file, short in DSDS.items():
        assert Registry(tmp_path).structure(short) == structure.read(published / file).structures[0]
    assert registry.structure("KG_NSC:DF_SDG_KG(1.8)").short == "KG_NSC:SDG(1.8)"


def test_a_structure_keeps_the_codelists_it_came_with(tmp_path):
    registry = Registry(tmp_path)
    registry.add(structure.read(structures.message()))
    other = structure.read(structures.message(series={"NEW": "New"}).replace(b'id="SDG"', b'id="OTHER"'))

    registry.add(other)

    assert list(registry.structure("XX:SDG(1.0)").component("SERIES").codelist.codes) == ["SL_TLF_UEM", "SI_POV_DAY1"]
    assert list(registry.structure("XX:OTHER(1.0)").component("SERIES").codelist.codes) == ["NEW"]
    assert list(registry.codelist("XX:CL_SERIES(1.0)").codes) == ["NEW"]


def test_a_final_structure_does_not_change_unseen(tmp_path):
    registry = Registry(tmp_path)
    registry.add(structure.read(structures.message(final=True)))
    changed = structure.read(structures.message(final=True, series={"NEW": "New"}))

    with pytest.raises(StructureError, match=r"XX:SDG\(1.0\) is final"):
        registry.add(changed)
    assert "NEW" not in registry.structure("XX:SDG(1.0)").component("SERIES").codelist.codes

    registry.add(changed, replace_final=True)
    assert "NEW" in registry.structure("XX:SDG(1.0)").component("SERIES").codelist.codes


def test_an_unknown_structure_is_answered_with_those_that_there_are(tmp_path):
    registry = Registry(tmp_path)
    registry.add(structure.read(structures.message()))

    with pytest.raises(StructureError, match=r"no data structure XX:SDG\(9.9\) is known; there are: XX:SDG\(1.0\)"):
        registry.structure("XX:SDG(9.9)")
    with pytest.raises(StructureError, match="not a reference"):
        registry.structure("SDG")


def test_versions_are_ordered_by_their_numbers(tmp_path):
    registry = Registry(tmp_path)
    for version in (b"1.9", b"1.10", b"1.2"):
        registry.add(
            structure.read(
                structures.message().replace(
                    b'id="SDG" agencyID="XX" version="1.0"', b'id="SDG" agencyID="XX" version="%s"' % version
                )
            )
        )

    assert registry.latest("XX", "SDG").version == "1.10"
