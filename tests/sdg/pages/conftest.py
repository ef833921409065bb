"""Pages over published data: the site of `tests.core.site`, and the databases that it shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from regional_hub.sdg.loading import Room
from tests.core.site import (  # noqa: F401
    admin,
    alice,
    django_db_modify_db_settings,
    groups,
    listening_hub,
    make_person,
    quick_site,
    signed_in,
    translated,
)
from tests.sdg import world


@pytest.fixture(scope="session")
def built(published, tmp_path_factory) -> Path:
    """The published data in releases, made once; tests read it or take a copy."""
    folder = tmp_path_factory.mktemp("world") / "sdg"
    world.build(folder, published)
    return folder


@pytest.fixture
def room(built, settings, monkeypatch) -> Room:
    """The site shows the published data; the test only reads them."""
    return _shown(built, settings)


@pytest.fixture
def own_room(built, settings, tmp_path) -> Room:
    """The same in a copy that the test may change."""
    shutil.copytree(built, tmp_path / "data" / "sdg")
    return _shown(tmp_path / "data" / "sdg", settings)


@pytest.fixture
def empty_room(settings, tmp_path) -> Room:
    """A database without any release."""
    (tmp_path / "empty" / "sdg").mkdir(parents=True)
    return _shown(tmp_path / "empty" / "sdg", settings)


def _shown(folder: Path, settings) -> Room:
    settings.HUB = settings.HUB.model_copy(update={"data_dir": folder.parent})
    return Room(folder)
