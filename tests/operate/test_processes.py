"""supervisor's configuration: the commands arrive whole, and no secret is in it."""

from __future__ import annotations

import configparser
import shlex
from pathlib import Path

import pytest

from regional_hub import settings as hub_settings
from regional_hub.operate import processes, run
from regional_hub.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    place = tmp_path / "a folder at 100%"
    (place / "secrets").mkdir(parents=True)
    return hub_settings.load({"HUB_DATA": str(place), "HUB_SPAWNER__KIND": "local"})


def programs(config: Path) -> dict[str, list[str]]:
    """Each program's command, read as supervisor reads it."""
    parser = configparser.RawConfigParser()
    parser.read(config)
    found = {section: parser[section]["command"] for section in parser.sections() if section.startswith("program:")}
    return {name.removeprefix("program:"): shlex.split(line % {}) for name, line in found.items()}


def test_every_process_is_started_by_its_own_command_or_by_way_of_run(settings: Settings) -> None:
    found = programs(processes.write_config(settings))

    unscheduled = {"puller"}  # which is there only where pulls are scheduled
    assert set(found) == set(run.PROCESSES) - unscheduled | {"jobs-2"}
    for name, recipe in run.recipes(settings).items():
        command, secrets = recipe(settings)
        assert (found[name][-2:] == ["regional_hub.operate.run", name]) if secrets else (found[name] == command)


def test_as_many_processes_run_jobs_as_the_settings_say(settings: Settings) -> None:
    one, four = (settings.model_copy(update={"jobs": settings.jobs.model_copy(update={"at_once": n})}) for n in (1, 4))

    assert [name for name in run.recipes(one) if name.startswith("jobs")] == ["jobs"]
    assert [name for name in run.recipes(four) if name.startswith("jobs")] == ["jobs", "jobs-2", "jobs-3", "jobs-4"]


def test_no_secret_is_in_the_configuration(settings: Settings) -> None:
    handed_over = [value for recipe in run.PROCESSES.values() for value in recipe(settings)[1].values()]

    written = processes.write_config(settings).read_text()

    assert len(handed_over) == 3
    assert not [secret for secret in handed_over if secret in written]


def test_percent_signs_survive_supervisor(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["/opt/a folder at 100%/python", "it's"]
    monkeypatch.setattr(processes, "recipes", lambda _settings: {"hub": lambda _settings: (command, {})})

    assert programs(processes.write_config(settings)) == {"hub": command}
