"""The front page of the database, with data and without."""

import pytest

pytestmark = pytest.mark.django_db


def test_an_empty_database_says_what_to_do(client, empty_room):
    reply = client.get("/sdg/")

    assert reply.status_code == 200
    assert "There are no data yet" in reply.content.decode()


def test_a_page_is_sent_again_only_when_it_changed(client, room):
    first = client.get("/sdg/")

    again = client.get("/sdg/", headers={"If-None-Match": first["ETag"]})
    chinese = client.get("/sdg/", headers={"If-None-Match": first["ETag"], "Accept-Language": "zh-hans"})

    assert first.status_code == 200 and again.status_code == 304 and chinese.status_code == 200


def test_an_unknown_release_is_named_with_near_ones(client, room):
    reply = client.get("/sdg/?release=2019.Q2.G.02")

    assert reply.status_code == 404
    assert "2019.Q2.G.01" in reply.content.decode()
