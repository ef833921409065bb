"""The site of `tests.core.site`, with publications."""

from __future__ import annotations

import pytest
from django.test import Client

from regional_hub.hub import images
from regional_hub.settings import load
from tests.core.site import (  # noqa: F401 fixtures: pytest finds them here, nothing calls them
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
from tests.showcase.bundles import IMAGE
from tests.showcase.live_apps import allow, stage, water  # noqa: F401 fixtures, as above


@pytest.fixture(autouse=True)
def own_data(settings, tmp_path):
    """Files of the Showcase go into the test's own folder."""
    settings.HUB = settings.HUB.model_copy(update={"data_dir": tmp_path / "data"})


@pytest.fixture(autouse=True)
def nothing_read():
    """Readings of one test's publications are none of the next one's."""
    from regional_hub.showcase.actions import readings

    readings.forget()


@pytest.fixture
def bob(make_person):  # noqa: F811 asks for the fixture that is imported above
    return make_person("bob", "researchers")


@pytest.fixture
def as_(db):
    def sign_in(person, **more):
        client = Client(**more)
        if person is not None:
            client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in


@pytest.fixture(scope="session")
def lab_image() -> None:
    """The image in which notebooks run, built where it is not there."""
    if not images.exists(load({}), IMAGE):
        images.ensure(load({}), ["lab"], print)
