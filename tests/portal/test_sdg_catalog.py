"""The SDG database in the open catalog: what anybody may list, and that nothing is sent twice or too early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import yaml
from django.conf import settings
from django.test import Client

from regional_hub.core.models import Person
from regional_hub.sdg.loading import Room
from regional_hub.settings import load
from tests.sdg import release_hub
from tests.sdg.release_hub import FLOW

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
SERIES = f"/intake/sdg/{FLOW}/series.yaml"
pytestmark = pytest.mark.django_db


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The portal on an empty data folder."""
    monkeypatch.setattr(settings, "HUB", load({"HUB_DATA": str(tmp_path)}))
    storage = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    monkeypatch.setitem(settings.STORAGES, "staticfiles", storage)
    return tmp_path


@pytest.fixture
def hub(place) -> release_hub.Hub:
    """The same with a release in it."""
    made = release_hub.Hub(release_hub.room(place / "sdg"), "", place)
    made.publish("POV KG F 2019 12.5 PT", "MOR KG F 2019 4 DEATHS")
    return made


@pytest.fixture
def visitor():
    return Client(HTTP_HOST="127.0.0.1")


def read(visitor, address, **headers):
    answer = visitor.get(address, headers=headers)
    assert answer.status_code == 200, address
    return answer, yaml.safe_load(answer.content)


def test_a_hub_without_releases_lists_none(place, visitor):
    _, document = read(visitor, "/intake/catalog.yaml")

    assert not any(name.startswith("sdg_csv") for name in document["sources"])
    assert visitor.get(SERIES).status_code == 404


def test_the_open_catalog_names_the_release_by_driver_and_by_plain_csv(hub, visitor):
    _, document = read(visitor, "/intake/catalog.yaml")

    sources, url = document["sources"], settings.HUB.url
    assert sources["sdg"]["driver"] == "regional_hub.sdg.release_source.ReleaseSource"
    assert (sources["sdg"]["args"]["flow"], sources["sdg"]["args"]["url"]) == (FLOW, url)
    assert sources["sdg"]["metadata"]["release"] == hub.room.store.current(FLOW).id
    assert sources["sdg"]["metadata"]["licence_zh"]
    assert sources["sdg_csv"]["args"]["urlpath"].startswith(f"{url}/sdmx/v2/data/dataflow/TEST/SDG?format=csv")
    assert sources["sdg_series"]["args"]["path"] == f"{url}/intake/sdg/TEST%3ASDG/series.yaml"


def test_each_series_is_listed_with_both_languages(hub, visitor):
    _, document = read(visitor, SERIES)

    assert list(document["sources"]) == ["MOR", "POV"]
    facts = document["sources"]["POV"]["metadata"]
    assert (facts["title"], facts["title_zh"]) == ("Poverty", "贫困")
    assert facts["metadata_url"].startswith(settings.HUB.url)
    assert read(visitor, "/intake/sdg/TEST%3ASDG/series.yaml")[1] == document


@pytest.mark.parametrize("address", ["/intake/catalog.yaml", SERIES])
def test_a_catalog_is_sent_again_only_for_another_release(hub, visitor, address):
    first, _ = read(visitor, address)

    assert visitor.get(address, headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert visitor.get(address, headers={"If-None-Match": f"W/{first['ETag']}"}).status_code == 304
    hub.publish("GDP KG F 2019 1 USD")
    second, _ = read(visitor, address, **{"If-None-Match": first["ETag"]})
    assert second["ETag"] != first["ETag"]
    assert "no-cache" in second["Cache-Control"]


def test_an_embargo_takes_a_series_off_the_list_at_once(hub, visitor):
    first, _ = read(visitor, SERIES)

    until = datetime.now(UTC) + timedelta(days=1)
    hub.room.store.embargo(FLOW, {"SERIES": ["MOR"]}, until, by="bob", reason="")

    assert list(read(visitor, SERIES, **{"If-None-Match": first["ETag"]})[1]["sources"]) == ["POV"]


def test_a_flow_that_is_not_there_is_not_found(hub, visitor):
    assert visitor.get("/intake/sdg/TEST:NOTHING/series.yaml").status_code == 404
    assert visitor.get("/intake/sdg/..%2F..%2Fsecrets/series.yaml").status_code == 404
    assert visitor.post(SERIES).status_code == 405


@pytest.mark.parametrize(
    ("name", "said"), [("sdg", "intake.cat.sdg("), ("sdg_series", "entries = intake.cat.sdg_series")]
)
def test_the_catalogs_pages_show_how_to_open_the_database(hub, visitor, name, said):
    reader = Person.objects.create_user(username="reader", email="reader@example.org")
    visitor.force_login(reader, backend=BACKEND)

    answer = visitor.get(f"/catalog/{name}/")

    assert answer.status_code == 200
    assert said in answer.content.decode()


def test_the_database_is_not_begun_by_looking(place, visitor):
    visitor.get("/intake/catalog.yaml")

    assert not (place / "sdg").exists()
    assert Room(place / "sdg").folder == place / "sdg"
