"""The operator's boundaries: found by the settings, and judged by `./hub doctor`."""

import json

import pytest

from regional_hub import settings as hub_settings
from regional_hub.operate import doctor
from regional_hub.sdg import map_settings


def with_boundaries(tmp_path, **said: str) -> hub_settings.Settings:
    return hub_settings.load(
        {"HUB_DATA": str(tmp_path), **{f"HUB_SDG__{key.upper()}": text for key, text in said.items()}}
    )


@pytest.fixture
def borders(tmp_path):
    ring = [[70, 38], [70, 43], [75, 43], [70, 38]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"iso": "KG"}, "geometry": shape}
    path = tmp_path / "maps" / "borders.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    return path


def test_without_a_setting_there_are_no_boundaries_and_nothing_to_say(tmp_path):
    settings = with_boundaries(tmp_path)

    assert map_settings.of(settings) is None
    assert list(doctor.check_maps(settings)) == []


def test_a_file_below_the_data_folder_is_found_with_its_own_key_and_disclaimer(tmp_path, borders):
    settings = with_boundaries(
        tmp_path,
        boundaries="maps/borders.json",
        boundaries_key="iso",
        boundaries_disclaimer="No opinion.",
        boundaries_disclaimer_zh="不表示任何意见。",
    )

    given = map_settings.of(settings)

    assert given and given.codes == {"KG"} and given.path == borders
    assert given.disclaimer("zh-hans") == "不表示任何意见。" and given.disclaimer("en") == "No opinion."
    assert [finding.level for finding in doctor.check_maps(settings)] == ["ok"]


def test_doctor_names_the_file_and_the_feature_at_fault(tmp_path, borders):
    settings = with_boundaries(tmp_path, boundaries=str(borders))

    found = list(doctor.check_maps(settings))

    assert [finding.level for finding in found] == ["fail"]
    assert str(borders) in found[0].message and "feature 1 has no 'M49'" in found[0].message
