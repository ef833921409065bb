"""The configuration of nbgrader and Voila names only settings that the installed versions know, with fitting values."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from traitlets.config import Config, PyFileConfigLoader

CONFIG = Path(__file__).resolve().parents[2] / "hub_config"
WHERE = {
    "ClearSolutions": "nbgrader.preprocessors",
    "ClearHiddenTests": "nbgrader.preprocessors",
    "ExecutePreprocessor": "nbconvert.preprocessors",
    "CourseDirectory": "nbgrader.coursedir",
    "Exchange": "nbgrader.exchange.default",
    "VoilaConfiguration": "voila.configuration",
    "MappingKernelManager": "jupyter_server.services.kernels.kernelmanager",
}


def settings() -> list[tuple[str, str, object]]:
    nbgrader = PyFileConfigLoader("nbgrader_config.py", path=str(CONFIG)).load_config()
    voila = Config(json.loads((CONFIG / "voila.json").read_text()))
    return [
        (name, key, value) for config in (nbgrader, voila) for name in config for key, value in config[name].items()
    ]


@pytest.mark.parametrize(("name", "key", "value"), settings(), ids=lambda part: part if isinstance(part, str) else "")
def test_a_setting_is_known_and_its_value_fits(name, key, value):
    pytest.importorskip(WHERE[name].split(".")[0], reason="the package that is configured is not installed")
    owner = getattr(importlib.import_module(WHERE[name]), name)
    traits = owner.class_traits(config=True)

    assert key in traits
    traits[key]._validate(owner(), value)


def test_an_app_shows_visitors_neither_sources_nor_tracebacks_nor_data():
    voila = json.loads((CONFIG / "voila.json").read_text())["VoilaConfiguration"]

    assert voila["strip_sources"] is True
    assert voila["show_tracebacks"] is False
    assert voila["allow_template_override"] == "NO"
