"""The site of `tests.core.site`, with publications."""

from __future__ import annotations

import pytest

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


@pytest.fixture(autouse=True)
def own_data(settings, tmp_path):
    """Files of the Showcase go into the test's own folder."""
    settings.HUB = settings.HUB.model_copy(update={"data_dir": tmp_path / "data"})


@pytest.fixture(autouse=True)
def nothing_read():
    """Readings of one test's publications are none of the next one's."""
    from regional_hub.showcase.actions import readings

    readings.forget()
