"""Settings: every key is named once, nothing is silently ignored, and secrets stay secret."""

import stat
import tomllib
from pathlib import Path
from threading import Thread

import pytest

from regional_hub import settings


def load(folder: Path, **env: str) -> settings.Settings:
    return settings.load({"HUB_DATA": str(folder), **env})


def test_defaults_name_every_field_of_the_model(tmp_path: Path) -> None:
    named = tomllib.loads(settings.DEFAULTS.read_text())

    assert set(named) == set(settings.Settings.model_fields) - {"data_dir"}
    for name in ("site", "ports", "database", "accounts", "email", "spawner", "network", "gateway", "images"):
        model = settings.Settings.model_fields[name].annotation
        assert model is not None and set(named[name]) == set(model.model_fields), name


def test_every_default_has_its_reason_or_unit_beside_it() -> None:
    lines = settings.DEFAULTS.read_text().splitlines()
    section = ""
    for line in lines:
        if line.startswith("["):
            section = line.strip("[]").split(".")[0]
        bare = "=" in line and not line.startswith("#") and "#" not in line
        if bare and section not in ("profiles", "groups", "gateway", "email", "images"):
            pytest.fail(f"no reason beside: {line}")


def test_unknown_key_in_the_operators_file_is_an_error_that_names_key_and_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[spawner]\nidle_minuets = 5\n[sight]\nname = "x"\n')

    with pytest.raises(settings.SettingsError) as error:
        load(tmp_path)

    assert "spawner.idle_minuets" in str(error.value)
    assert "`sight`" in str(error.value)
    assert str(tmp_path / "settings.toml") in str(error.value)


def test_unknown_variable_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(settings.SettingsError, match=r"ports\.pubic"):
        load(tmp_path, HUB_PORTS__PUBIC="1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[ports]\npublic = 70000\n", "ports.public"),
        ('[spawner]\nkind = "podman"\n', "spawner.kind"),
        ('[groups.x]\nprofiles = ["huge"]\n', "there is no profile `huge`"),
        ('[spawner]\ndefault_profile = "huge"\n', "there is no profile `huge`"),
        ('[spawner.shared_folders]\n"../x" = "/data"\n', "cannot be the name"),
        ("[ports\n", "settings.toml"),
    ],
)
def test_value_that_does_not_fit_is_an_error_that_names_the_key(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "settings.toml").write_text(text)

    with pytest.raises(settings.SettingsError) as error:
        load(tmp_path)

    assert expected in str(error.value)


def test_environment_overrides_the_operators_file_which_overrides_the_default(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[site]\nname = "A"\nname_zh = "甲"\n')

    found = load(tmp_path, HUB_SITE__NAME="B", HUB_SPAWNER__ALLOWED_IMAGES='["x:1"]')

    assert (found.site.name, found.site.name_zh) == ("B", "甲")
    assert found.spawner.allowed_images == ["x:1"]
    assert found.accounts.invitation_days == 14


def test_all_ports_differ_and_follow_the_public_one(tmp_path: Path) -> None:
    ports = load(tmp_path, HUB_PORTS__PUBLIC="9000").ports.all()

    assert sorted(ports.values()) == list(range(9000, 9008))


def test_secret_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    found = load(tmp_path)
    made: list[str] = []
    threads = [Thread(target=lambda: made.append(found.secret("some-token"))) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 1 and len(made[0]) == 64
    assert stat.S_IMODE((tmp_path / "secrets" / "some-token").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert [place.name for place in (tmp_path / "secrets").iterdir()] == ["some-token"]
