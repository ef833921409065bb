"""Feeds of what changed: valid Atom and JSON Feed, for topics and languages, with nothing that an embargo hides."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from lxml import etree

pytestmark = pytest.mark.django_db
A = "{http://www.w3.org/2005/Atom}"
Q2 = "2019.Q2.G.01"


def atom(reply) -> etree._Element:
    assert reply.status_code == 200, reply.content[:300]
    return etree.fromstring(reply.content)


def titles(reply) -> list[str]:
    return [entry.findtext(f"{A}title") for entry in atom(reply).findall(f"{A}entry")]


def test_the_atom_feed_has_what_rfc_4287_asks_for(client, room):
    reply = client.get("/sdg/changes/feed.atom")
    feed = atom(reply)

    assert reply["Content-Type"].startswith("application/atom+xml")
    assert feed.tag == f"{A}feed" and feed.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    for node in (feed, *feed.findall(f"{A}entry")):
        for name in ("id", "title", "updated"):
            assert len(node.findall(f"{A}{name}")) == 1 and node.findtext(f"{A}{name}"), name
        assert urlsplit(node.findtext(f"{A}id")).scheme in ("http", "https")
        assert datetime.fromisoformat(node.findtext(f"{A}updated")).tzinfo is not None
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{A}link")}
    assert feed.findtext(f"{A}author/{A}name") and links["self"].endswith("/sdg/changes/feed.atom?language=en")
    entries = feed.findall(f"{A}entry")
    ids = [entry.findtext(f"{A}id") for entry in entries]
    assert len(entries) == 5 and len(set(ids)) == 5
    moments = [entry.findtext(f"{A}updated") for entry in entries]
    assert moments == sorted(moments, reverse=True) and feed.findtext(f"{A}updated") == moments[0]
    assert all(entry.find(f"{A}link[@rel='alternate']") is not None for entry in entries)
    assert all(entry.find(f"{A}content").get("type") == "html" for entry in entries)


def test_the_json_feed_has_what_its_standard_asks_for(client, room):
    reply = client.get("/sdg/changes/feed.json")
    feed = json.loads(reply.content)

    assert reply["Content-Type"].startswith("application/feed+json")
    assert feed["version"] == "https://jsonfeed.org/version/1.1" and feed["title"] and len(feed["items"]) == 5
    for item in feed["items"]:
        assert item["id"] and item["content_html"] and urlsplit(item["url"]).netloc
        assert datetime.fromisoformat(item["date_published"]).tzinfo is not None
    assert urlsplit(feed["feed_url"]).netloc == urlsplit(feed["home_page_url"]).netloc != ""


def test_a_series_has_its_own_feed_with_values_before_and_after(client, room):
    reply = client.get("/sdg/changes/feed.atom?series=SI_POV_DAY1&flow=IAEG-SDGs:SDG")

    assert [title.split(" (")[0] for title in titles(reply)] == [f"Release {Q2}", "Release 2019.Q1.G.03"]
    content = atom(reply).findtext(f"{A}entry/{A}content")
    assert "→" in content and "<li>" in content and "/sdg/changes/" in reply.content.decode()


def test_an_area_and_a_goal_have_theirs(client, room):
    assert any("np-1" in title for title in titles(client.get("/sdg/changes/feed.atom?area=NP")))
    assert all("IAEG" in title for title in titles(client.get("/sdg/changes/feed.atom?goal=5&flow=IAEG-SDGs:SDG")))


@pytest.mark.parametrize(
    ("query", "status"),
    [("series=NOPE", 404), ("goal=99", 404), ("flow=x", 404), ("language=fr", 400), ("colour=red", 400)],
)
def test_a_topic_that_is_not_there_is_named(client, room, query, status):
    reply = client.get(f"/sdg/changes/feed.atom?{query}")

    assert reply.status_code == status and query.partition("=")[2] in reply.content.decode()


@pytest.mark.parametrize("asked", [{"query": "?language=zh-hans"}, {"accept": "zh-hans"}])
def test_a_feed_speaks_the_language_that_is_asked_for(client, room, asked):
    reply = client.get(
        f"/sdg/changes/feed.atom{asked.get('query', '')}", headers={"Accept-Language": asked.get("accept", "en")}
    )

    assert atom(reply).get("{http://www.w3.org/XML/1998/namespace}lang") == "zh-Hans"
    assert all(title.startswith("版本") for title in titles(reply))


@pytest.mark.parametrize("name", ["feed.atom", "feed.json"])
def test_a_feed_is_sent_again_only_when_it_changed(client, room, name):
    first = client.get(f"/sdg/changes/{name}")
    again = client.get(f"/sdg/changes/{name}", headers={"If-None-Match": first["ETag"]})

    assert again.status_code == 304 and not again.content and again["ETag"] == first["ETag"]


def test_an_embargo_takes_its_series_out_of_the_feeds_at_once(client, own_room):
    address = "/sdg/changes/feed.atom?series=SI_POV_DAY1&flow=IAEG-SDGs:SDG"
    first = client.get(address)
    until = datetime.now(UTC) + timedelta(days=1)
    made = own_room.store.embargo("IAEG-SDGs:SDG", {"SERIES": ["SI_POV_DAY1"]}, until, by="ann", reason="wrong")

    assert titles(client.get(address, headers={"If-None-Match": first["ETag"]})) == []
    assert "SI_POV_DAY1" not in client.get("/sdg/changes/feed.json?flow=IAEG-SDGs:SDG").content.decode()
    own_room.store.lift(made.id, by="ann", reason="right")
    assert len(titles(client.get(address))) == 2


def test_pages_tell_feed_readers_where_the_feeds_are(client, room):
    page = client.get(f"/sdg/changes/{Q2}/?series=SI_POV_DAY1").content.decode()

    head = page.split("</head>")[0]
    assert 'type="application/atom+xml"' in head and 'type="application/feed+json"' in head
    assert "series=SI_POV_DAY1" in head


def test_an_empty_database_has_an_empty_feed(client, empty_room):
    assert titles(client.get("/sdg/changes/feed.atom")) == []


def test_characters_that_xml_cannot_carry_are_left_out():
    from regional_hub.core import feeds

    now = datetime(2026, 1, 1, tzinfo=UTC)
    entry = feeds.Entry("urn:x", "http://x/", "a\x00b\ud800c", now, "<b>&", "<p>&lt;script&gt;</p>")
    feed = feeds.Feed("t\x0b", "s", "en", "author", "http://x/", "http://x/a", "http://x/j", now, [entry])

    made = etree.fromstring(feeds.to_atom(feed))

    assert made.findtext(f"{A}entry/{A}title") == "abc"
    assert made.findtext(f"{A}entry/{A}content") == "<p>&lt;script&gt;</p>"
