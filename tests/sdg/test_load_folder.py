"""A folder as an office hands it over: data and their structure side by side."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from regional_hub.__main__ import main

KYRGYZSTAN = Path(__file__).resolve().parents[3] / "shared" / "data" / "kyrgyzstan"
published = pytest.mark.skipif(not KYRGYZSTAN.is_dir(), reason="../shared/data with the published files is not there")


def load(data: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    done = CliRunner().invoke(main, ["sdg", "load", *arguments, "--by", "li", "--data", str(data), "--json"])
    return done.exit_code, json.loads(done.output.strip().splitlines()[-1])


@published
def test_structure_beside_the_data_is_the_one_they_are_read_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATA", str(tmp_path))

    _, found = load(tmp_path, str(KYRGYZSTAN))

    counts = [found[name] for name in ("observations", "unique_keys", "duplicate_keys", "conflicting_keys")]
    assert found["structure"] == "KG_NSC:SDG(1.8)"
    assert counts == [26523, 25349, 1174, 2]


@published
def test_folder_of_structures_alone_is_said_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_DATA", str(tmp_path))

    code, found = load(tmp_path, str(KYRGYZSTAN / "SDG_DSD.KG_1.8.xml"))

    assert code == 1 and "./hub sdg structure" in str(found["error"])
