"""The gallery's pages, pictures and feeds, as visitors, staff and attackers ask for them."""

import json
import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from lxml import etree

from regional_hub.core.middleware import site_today
from regional_hub.core.models import AuditEntry
from regional_hub.showcase import pictures
from regional_hub.showcase.about import About
from regional_hub.showcase.actions import readings, sharing
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.models import Publication, Revision
from regional_hub.showcase.views import shelf
from tests.showcase import world
from tests.showcase.bundles import bundle
from tests.showcase.world import Work

pytestmark = pytest.mark.django_db
ATOM = "{http://www.w3.org/2005/Atom}"
AIR = Work(
    "Air of the city", "城市空气", "Fine particles", "细颗粒物", ["air"], [3, 11], "aigul", picture="file", days=1
)
WATER = Work("Water", "水资源", "Wells", "水井", ["water"], [6], "tomas", "app", picture="", days=2)
EVIL = "<script>alert(1)</script>\"'{{ 7|add:7 }}"


@pytest.fixture
def two():
    """Two public publications: air, which is newer, and water."""
    cache.clear()
    return world.publish(AIR, WATER)


def text(response):
    return response.content.decode()


def titles(client, query="", language="en"):
    client.cookies["hub_language"] = language
    return re.findall(r'class="card-link"[^>]*>([^<]+)<', text(client.get(f"/showcase/{query}")))


def as_(person):
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


# -- the gallery -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_an_empty_gallery_says_what_will_be_there(client, language):
    client.cookies["hub_language"] = language

    page = text(client.get("/showcase/"))

    assert {"en": "Nothing is published yet", "zh-hans": "尚无发布内容"}[language] in page
    assert "showcase-form" not in page


def test_cards_say_all_that_chooses_among_them(client, two):
    page = text(client.get("/showcase/"))

    assert titles(client) == ["Air of the city", "Water"]
    for said in (
        "Fine particles",
        "Aigul Asanova",
        "CC-BY-4.0",
        "/showcase/?tag=air",
        "/showcase/?goal=11",
        "Live app",
    ):
        assert said in page
    assert titles(client, language="zh-hans") == ["城市空气", "水资源"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("?q=watr", ["Water"]), ("?q=水资源", ["Water"]), ("?q=tomás", ["Water"]), ("?kind=app", ["Water"]),
     ("?goal=3", ["Air of the city"]), ("?tag=air", ["Air of the city"]),
     ("?order=title", ["Air of the city", "Water"]),
     ("?q=Illustrative&tag=water", ["Water"]), ("?q=zzzz", []), ("?utm_source=x", ["Air of the city", "Water"])],
)  # fmt: skip
def test_an_address_holds_what_is_shown(client, two, query, expected):
    assert titles(client, query) == expected


def test_most_read_counts_ninety_days(client, two):
    air, water = two
    water.readings.create(day=timezone.now().date(), count=3)
    air.readings.create(day=timezone.now().date() - timedelta(days=readings.DAYS), count=500)

    assert titles(client, "?order=read") == ["Water", "Air of the city"]


def test_a_form_without_script_leads_to_the_short_address(client, two):
    response = client.get("/showcase/?q=air&kind=&goal=&tag=&written=&order=newest")

    assert response.headers["Location"] == "/showcase/?q=air&order=newest"


def test_htmx_gets_the_results_and_the_address_of_them(client, two):
    response = client.get("/showcase/?q=air&kind=", headers={"HX-Request": "true"})

    assert "<html" not in text(response) and 'id="showcase-results"' in text(response)
    assert response.headers["HX-Push-Url"] == "/showcase/?q=air"
    assert "HX-Request" in response.headers["Vary"]


@pytest.mark.parametrize("query", ["kind=book", "goal=99", "page=x", "order=<script>"])
def test_an_address_that_means_nothing_is_explained(client, two, query):
    response = client.get(f"/showcase/?{query}")

    assert response.status_code == 400
    assert query.partition("=")[0] in text(response) and "<script>" not in text(response).split("<main", 1)[1]


def test_what_strangers_wrote_is_text(client):
    world.publish(Work(EVIL, EVIL, EVIL, EVIL, [EVIL[:40]], [1], picture=""))

    for address in ("/showcase/", "/", f"/showcase/?q={EVIL}", "/showcase/feed.atom", "/showcase/feed.json"):
        page = text(client.get(address, HTTP_ACCEPT_LANGUAGE="en"))
        assert (
            "<script>alert" not in page.replace(json.dumps(EVIL)[1:-1], "") and "14" not in page.partition("{{")[0][-2:]
        )


def test_only_what_is_public_now_is_there(client, two, make_person):
    air, water = two
    publish(make_person("ed", "researchers"), bundle("Hidden"), About("Hidden"), To("hub"))
    assert titles(client) == ["Air of the city", "Water"]

    sharing.withdraw(air.author, air, "wrong figures")
    assert titles(client) == ["Water"]
    Publication.objects.filter(pk=water.pk).update(expires_on=site_today() - timedelta(days=1))
    assert titles(client) == []


def test_a_new_revision_that_is_not_reviewed_changes_nothing(client, two):
    publish(two[1].author, bundle("Unreviewed"), About("Unreviewed"), None, slug=two[1].slug)

    assert titles(client) == ["Air of the city", "Water"] and titles(client, "?q=unreviewed") == []


def test_nothing_is_read_anew_while_nothing_changes(client, two, monkeypatch):
    assert len(titles(client)) == 2
    monkeypatch.setattr(shelf, "_items", lambda: pytest.fail("made anew"))

    assert len(titles(client)) == 2
    assert titles(client, "?q=water") == ["Water"]


# -- featuring ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", ["staff", "admins"])
def test_staff_let_a_publication_stand_first(client, two, make_person, group):
    person = make_person("boss", group)
    address = f"/showcase/{two[1].slug}/feature/"
    assert address in text(as_(person).get(f"/showcase/{two[1].slug}/"))

    assert as_(person).post(address, {"on": "1"}).status_code == 302
    assert titles(client) == ["Water", "Air of the city"]
    as_(person).post(address, {"on": "0"})

    assert titles(client) == ["Air of the city", "Water"]
    told = AuditEntry.objects.filter(object=f"publication:{two[1].slug}", actor="boss").values_list("verb", flat=True)
    assert sorted(told) == ["feature", "unfeature"]


@pytest.mark.parametrize("who", ["author", "reviewers", "researchers"])
def test_nobody_else_does(two, make_person, who):
    person = two[1].author if who == "author" else make_person("eve", who)
    address = f"/showcase/{two[1].slug}/feature/"

    assert address not in text(as_(person).get(f"/showcase/{two[1].slug}/"))
    assert as_(person).post(address, {"on": "1"}).status_code == 403
    assert as_(person).get(address).status_code == 405
    assert Client().post(address, {"on": "1"}).headers["Location"].startswith("/accounts/login/")
    assert not Publication.objects.filter(featured=True).exists()


def test_what_is_not_public_is_not_featured(two, make_person):
    sharing.withdraw(two[1].author, two[1], "wrong")

    as_(make_person("boss", "admins")).post(f"/showcase/{two[1].slug}/feature/", {"on": "1"})

    assert not Publication.objects.filter(featured=True).exists()


# -- pictures ----------------------------------------------------------------------------------------------------------


def test_pictures_are_kept_for_ever_and_are_nothing_but_pictures(client, two):
    for publication in two:
        publication = Publication.objects.get(pk=publication.pk)
        for size, kind in (("card.webp", "image/webp"), ("large.jpg", "image/jpeg")):
            response = client.get(pictures.address(publication, size))

            assert response.status_code == 200 and response.headers["Content-Type"] == kind
            assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert len(b"".join(response.streaming_content)) > 500


def test_a_picture_that_is_not_public_is_not_found_by_its_name(client, two, make_person):
    air, water = (Publication.objects.get(pk=each.pk) for each in two)
    address = pictures.address(air, "card.webp")
    name = address.rpartition("/")[2]
    client.get(address)

    for guess in (f"/showcase/{water.slug}/picture/{name}", f"/showcase/{air.slug}/picture/{'0' * 32}-card.webp",
                  f"/showcase/{air.slug}/picture/..%2F{name}", f"/showcase/none/picture/{name}",
                  f"/showcase/{air.slug}/picture/{name[:-4]}png"):  # fmt: skip
        assert client.get(guess).status_code == 404, guess
    Publication.objects.filter(pk=air.pk).update(public_revision=None)
    assert client.get(address).status_code == 404
    Publication.objects.filter(pk=air.pk).update(public_revision=Revision.objects.get(publication=air))
    sharing.withdraw(air.author, Publication.objects.get(pk=air.pk), "wrong")
    assert client.get(address).status_code == 404
    assert as_(make_person("eve", "researchers")).get(address).status_code == 404


# -- feeds -------------------------------------------------------------------------------------------------------------


def entries(response):
    return etree.fromstring(response.content).findall(f"{ATOM}entry")


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_atom_is_as_rfc_4287_has_it(client, two, language):
    response = client.get(f"/showcase/feed.atom?language={language}")

    feed = etree.fromstring(response.content)
    assert response.headers["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert feed.tag == f"{ATOM}feed" and feed.get("{http://www.w3.org/XML/1998/namespace}lang") in ("en", "zh-Hans")
    for each in (feed, *entries(response)):
        assert all(len(each.findall(f"{ATOM}{name}")) == 1 for name in ("id", "title", "updated"))
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", each.findtext(f"{ATOM}updated"))
        assert each.find(f"{ATOM}author/{ATOM}name").text
        assert each.findtext(f"{ATOM}id").startswith("http")
    first = {"en": "Air of the city", "zh-hans": "城市空气"}[language]
    assert entries(response)[0].findtext(f"{ATOM}title") == first
    assert feed.findtext(f"{ATOM}updated") == entries(response)[0].findtext(f"{ATOM}updated")
    assert {link.get("rel") for link in feed.findall(f"{ATOM}link")} == {"self", "alternate"}


def test_json_feed_is_as_version_1_1_has_it(client, two):
    response = client.get("/showcase/feed.json?language=en&goal=6")

    feed = json.loads(response.content)
    assert response.headers["Content-Type"] == "application/feed+json; charset=utf-8"
    assert feed["version"] == "https://jsonfeed.org/version/1.1" and feed["feed_url"].endswith("goal=6&language=en")
    [item] = feed["items"]
    assert item["title"] == "Water" and item["authors"] == [{"name": "Tomás Herrera"}] and item["tags"] == ["water"]
    assert item["id"] == item["url"] and item["url"].endswith("/showcase/water/")
    assert client.get("/" + item["image"].split("/", 3)[3]).status_code == 200
    assert isinstance(item["content_html"], str) and item["date_published"].endswith("Z")


def test_ids_stay_over_revisions_and_an_update_is_newer(client, two):
    before = {
        each.findtext(f"{ATOM}id"): each.findtext(f"{ATOM}updated")
        for each in entries(client.get("/showcase/feed.atom"))
    }
    water = two[1]
    revision = publish(water.author, bundle("More wells"), None, None, slug=water.slug).revision
    people = world._people()
    world.approve(revision, people["rev-method"], people["rev-closed"])

    after = entries(client.get("/showcase/feed.atom"))

    assert {each.findtext(f"{ATOM}id") for each in after} == set(before)
    [changed] = [each for each in after if each.findtext(f"{ATOM}id").endswith("/water/")]
    assert changed.findtext(f"{ATOM}updated") > before[changed.findtext(f"{ATOM}id")]
    assert changed.findtext(f"{ATOM}published") == before[changed.findtext(f"{ATOM}id")]


def test_what_is_withdrawn_leaves_the_feed(client, two):
    sharing.withdraw(two[0].author, two[0], "wrong")

    assert [each.findtext(f"{ATOM}title") for each in entries(client.get("/showcase/feed.atom?language=en"))] == [
        "Water"
    ]


@pytest.mark.parametrize("query", ["language=fr", "goal=99", "kind=x"])
def test_a_feed_of_nothing_that_is_there_is_refused(client, query):
    assert client.get(f"/showcase/feed.atom?{query}").status_code == 400


def test_who_has_a_feed_already_gets_nothing_new(client, two):
    first = client.get("/showcase/feed.json")

    assert client.get("/showcase/feed.json", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_pages_say_where_their_feed_is(client, two):
    page = text(client.get("/showcase/?goal=6"))

    for address in re.findall(
        r'rel="alternate" type="application/(?:atom|feed)\+\w+" title="[^"]+" href="([^"]+)"', page
    ):
        response = client.get(address.replace("&amp;", "&"))
        assert response.status_code == 200 and b"Water" in response.content and b"Air" not in response.content
    assert page.count('rel="alternate"') == 2


# -- from elsewhere ----------------------------------------------------------------------------------------------------


def test_the_home_page_shows_the_newest_to_visitors_and_people(client, two, alice):
    for reader in (client, as_(alice)):
        page = text(reader.get("/"))
        assert "Air of the city" in page and "/showcase/water/" in page and "From the Showcase" in page
