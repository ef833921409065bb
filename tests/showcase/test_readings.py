"""Readings of public pages: people are counted, machines are not, and nothing is kept of anybody."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import DatabaseError
from django.test import RequestFactory

from regional_hub.showcase.actions import readings
from regional_hub.showcase.models import Publication, Reading

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def water(alice):
    from tests.showcase.reviewing import in_review

    revision = in_review(alice)
    Publication.objects.update(public_revision=revision)
    return Publication.objects.get()


def get(agent=FIREFOX, **more):
    return RequestFactory().get("/showcase/water/", HTTP_USER_AGENT=agent, REMOTE_ADDR="203.0.113.9", **more)


def total():
    readings.write()
    return sum(Reading.objects.values_list("count", flat=True))


def test_a_reading_is_a_number_of_a_publication_and_a_day(water):
    readings.count(water, get())
    readings.count(water, get())
    readings.write()

    [row] = Reading.objects.values()
    assert row == {"id": row["id"], "publication_id": water.pk, "day": datetime.now(UTC).date(), "count": 2}


@pytest.mark.parametrize(
    "agent",
    [
        "",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0) Chrome/116 Safari/537.36",
        "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
        "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
        "facebookexternalhit/1.1",
        "curl/8.5.0",
        "python-httpx/0.28.1",
        "Slackbot-LinkExpanding 1.0",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36",
    ],
)
def test_machines_are_not_counted(water, agent):
    readings.count(water, get(agent))

    assert total() == 0


@pytest.mark.parametrize(
    "agent",
    [
        FIREFOX,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
        "Mozilla/5.0 (Linux; Android 9; CUBOT) AppleWebKit/537.36 Chrome/99.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130 Mobile Safari/537.36 MicroMessenger/8.0.50",
    ],
)
def test_browsers_of_people_are(water, agent):
    readings.count(water, get(agent))

    assert total() == 1


@pytest.mark.parametrize("header", ["HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_MOZ"])
def test_what_a_browser_fetches_ahead_is_not_read(water, header):
    readings.count(water, get(**{header: "prefetch;prerender"}))

    assert total() == 0


def test_looking_whether_a_page_is_there_is_not_reading_it(water):
    readings.count(water, RequestFactory().head("/showcase/water/", HTTP_USER_AGENT=FIREFOX))

    assert total() == 0


def test_a_page_that_is_not_public_is_not_counted(water):
    Publication.objects.update(withdrawn_at=datetime.now(UTC))
    readings.count(Publication.objects.get(), get())

    assert total() == 0


def test_a_crowd_costs_hardly_any_write(water, django_assert_num_queries):
    readings.count(water, get())  # writes at once, the next ones wait

    with django_assert_num_queries(0):
        for _ in range(readings.MOST - 1):
            readings.count(water, get())

    assert total() == readings.MOST


def test_many_in_hand_are_written_though_no_time_passed(water):
    for _ in range(readings.MOST + 1):
        readings.count(water, get())

    assert Reading.objects.get().count == readings.MOST + 1


def test_readings_after_a_pause_are_written_at_once(water, monkeypatch):
    monkeypatch.setattr(readings, "EVERY", 0.0)
    readings.count(water, get())
    readings.count(water, get())

    assert Reading.objects.get().count == 2


def test_a_database_that_does_not_take_it_now_gets_it_later(water, monkeypatch):
    def refuse(*given, **named):
        raise DatabaseError("locked")

    with monkeypatch.context() as broken:
        broken.setattr(Reading.objects, "bulk_create", refuse)
        readings.count(water, get())

    assert total() == 1


def test_readings_of_many_threads_are_all_counted(water, monkeypatch):
    readings.count(water, get())
    monkeypatch.setattr(readings, "MOST", 10**6)
    threads = [threading.Thread(target=lambda: [readings.count(water, get()) for _ in range(500)]) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert total() == 2001


def test_most_read_looks_back_ninety_days(water):
    today = datetime.now(UTC).date()
    for days, number in ((0, 3), (89, 4), (90, 100)):
        Reading.objects.create(publication=water, day=today - timedelta(days=days), count=number)

    assert readings.read_lately() == {water.pk: 7}
    assert isinstance(Reading.objects.first().day, date)
