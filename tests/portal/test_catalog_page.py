"""The catalog's pages: what a reader sees, in both languages, and that the open files are all that anyone else gets."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.test import Client

from regional_hub.core.models import Person
from regional_hub.hub import samples
from regional_hub.portal import catalog, catalog_preview

ROOT = Path(__file__).resolve().parents[2]
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators"),
]


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A hub's folder with small samples, made once."""
    from regional_hub.settings import load

    hub = load({"HUB_DATA": str(tmp_path_factory.mktemp("catalog")), "HUB_CATALOGS__SAMPLE_ROWS": "2400"})
    samples.ensure(hub)
    return hub


@pytest.fixture
def place(made, monkeypatch, tmp_path):
    """The portal on that folder, with catalogs that a test may change."""
    shutil.copytree(ROOT / "catalogs", tmp_path / "catalogs")
    monkeypatch.setattr(catalog, "folder", lambda: tmp_path / "catalogs")
    monkeypatch.setattr(settings, "HUB", made)
    monkeypatch.setitem(
        settings.STORAGES, "staticfiles", {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    )
    return tmp_path


@pytest.fixture
def reader(place):
    client = Client(HTTP_HOST="127.0.0.1")
    client.force_login(Person.objects.create_user(username="reader", email="reader@example.org"), backend=BACKEND)
    return client


@pytest.fixture
def visitor(place):
    return Client(HTTP_HOST="127.0.0.1")


def page(client, address, language="en"):
    client.cookies["hub_language"] = language
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def test_visitors_are_asked_to_sign_in(visitor):
    assert visitor.get("/catalog/").status_code == 302
    assert visitor.get("/catalog/sdg_sample/").status_code == 302


def test_the_list_tells_licence_size_and_freshness_in_both_languages(reader):
    english, chinese = page(reader, "/catalog/"), page(reader, "/catalog/", "zh-hans")

    assert "SDG sample (illustrative)" in english
    assert "可持续发展目标示例数据（虚构）" in chinese
    assert all(text in english for text in ("CC0-1.0", "KB", "<time datetime="))
    assert 'href="/catalog/raster_sample/"' in english


@pytest.mark.parametrize(
    ("query", "there", "not_there"),
    [
        ("q=zarr", "raster_sample", "events_sample"),
        ("q=PARQUET+million", "events_sample", "raster_sample"),
        ("q=栅格", "raster_sample", "events_sample"),
        ("tag=sdmx", "sdmx_file", "raster_sample"),
    ],
)
def test_search_and_tags_choose(reader, query, there, not_there):
    text = page(reader, f"/catalog/?{query}")

    assert f"/catalog/{there}/" in text
    assert f"/catalog/{not_there}/" not in text


def test_a_search_without_result_says_what_to_do_and_echoes_nothing_live(reader):
    text = page(reader, "/catalog/?q=%3Cscript%3Ealert(1)%3C/script%3E")

    assert "No entry fits" in text
    assert "<script>alert" not in text


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("sdg_sample", ["intake.cat.sdg_sample(series=&#x27;*&#x27;, area=&#x27;*&#x27;)", "SI_POV_DAY1", "OBS_VALUE"]),
        ("raster_sample", ["time 120 × y 400 × x 400", "12 × 200 × 200", "int16", "xarray"]),
        ("events_sample", ["The first 8 rows of 2400", "2025-01-01", "quantity"]),
        ("sdmx_file", ["path=&#x27;samples/sdg/observations.csv&#x27;", "Path or glob"]),
    ],
)
def test_an_entry_shows_its_preview_parameters_and_code(reader, name, shown):
    text = page(reader, f"/catalog/{name}/")

    assert [part for part in shown if part not in text] == []
    assert "/hub/user-redirect/lab/tree/start_here.ipynb" in text


def test_an_entry_that_is_not_there_is_a_404(reader):
    assert reader.get("/catalog/nothing/").status_code == 404


def test_a_preview_is_made_once_and_again_when_the_data_change(made, place):
    entry = catalog.catalog.find(place / "catalogs", "sdg_sample")
    facts = catalog.catalog.facts(entry, made.shared_dir)
    first = catalog_preview.preview(entry, facts, place / "cache")
    (kept,) = (place / "cache").iterdir()
    kept.write_text(kept.read_text().replace("SI_POV_DAY1", "FROM_CACHE"))

    cached = catalog_preview.preview(entry, facts, place / "cache")
    changed = catalog_preview.preview(entry, catalog.catalog.Facts(1, 1, facts.made, facts.paths), place / "cache")

    assert "FROM_CACHE" in str(cached)
    assert changed == first
    assert len(list((place / "cache").iterdir())) == 1


def test_a_file_that_cannot_be_previewed_leaves_the_page_standing(made, place, reader):
    broken = made.shared_dir / "broken.xml"
    broken.write_text("<half")
    main = place / "catalogs" / "main.yaml"
    main.write_text(main.read_text().replace("default: samples/sdg/observations.csv", "default: broken.xml"))

    text = page(reader, "/catalog/sdmx_file/")

    broken.unlink()
    assert "Parameters" in text
    assert ">Preview<" not in text


def test_a_broken_catalog_is_named_above_the_others(place, reader):
    (place / "catalogs" / "bad.yaml").write_text("sources:\n  x: [\n")

    text = page(reader, "/catalog/")

    assert "bad.yaml, line 3: not YAML" in text
    assert "/catalog/sdg_sample/" in text


# -- open to the world ------------------------------------------------------------------------------------------------


def test_the_open_catalog_names_only_open_entries_and_is_v1(visitor):
    document = yaml.safe_load(visitor.get("/intake/catalog.yaml").content)

    assert list(document["sources"]) == ["sdg_sample"]
    assert document["metadata"]["version"] == 1
    assert document["sources"]["sdg_sample"]["driver"] == "csv"
    assert document["sources"]["sdg_sample"]["args"]["urlpath"].endswith("/intake/files/sdg_sample/observations.csv")


def test_an_open_file_arrives_whole_or_by_range(made, visitor):
    whole = (made.shared_dir / "samples" / "sdg" / "observations.csv").read_bytes()
    address = "/intake/files/sdg_sample/observations.csv"

    answer = visitor.get(address)
    part = visitor.get(address, headers={"Range": "bytes=10-19"})
    tail = visitor.get(address, headers={"Range": "bytes=-5"})
    beyond = visitor.get(address, headers={"Range": f"bytes={len(whole)}-"})
    odd = visitor.get(address, headers={"Range": "bytes=9-3,1-2"})

    assert b"".join(answer) == whole
    assert (part.status_code, b"".join(part)) == (206, whole[10:20])
    assert part["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert b"".join(tail) == whole[-5:]
    assert beyond.status_code == 416
    assert (odd.status_code, int(odd["Content-Length"])) == (200, len(whole))


@pytest.mark.parametrize(
    "address",
    [
        "/intake/files/sdg_sample/manifest.json",
        "/intake/files/sdg_sample/..%2fmanifest.json",
        "/intake/files/sdg_sample/..%2f..%2f..%2f..%2fsecrets%2fdjango-secret-key",
        "/intake/files/sdg_sample/../../../secrets/django-secret-key",
        "/intake/files/sdg_sample//etc/passwd",
        "/intake/files/sdg_sample/%2fetc%2fpasswd",
        "/intake/files/sdg_sample/observations.csv%00.txt",
        "/intake/files/sdg_sample/",
        "/intake/files/events_sample/part-01.parquet",
        "/intake/files/sdmx_file/observations.csv",
        "/intake/files/nothing/observations.csv",
    ],
)
def test_nothing_else_can_be_fetched(visitor, address):
    assert visitor.get(address).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_open_files_cannot_be_changed(visitor, method):
    assert getattr(visitor, method)("/intake/files/sdg_sample/observations.csv").status_code == 405
