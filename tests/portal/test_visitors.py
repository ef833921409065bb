"""One answer for all visitors: what is shared, with whom, for how long, and what never is."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import httpx
import pytest

from regional_hub.portal import visitors
from regional_hub.portal.visitors import VisitorsPages
from regional_hub.showcase.signals import READ

PUBLIC = {"cache-control": "public, max-age=60", "etag": '"a"'}


class Site:
    """Answers each request with its number, and these headers."""

    def __init__(self, status: int = 200, **headers: str) -> None:
        self.made, self.status = 0, status
        self.headers = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        self.pause = 0.0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.made += 1
        number = self.made
        scope[READ] = 7
        await asyncio.sleep(self.pause)
        headers = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"answer ", "more_body": True})
        await send({"type": "http.response.body", "body": str(number).encode()})


class Counted(list[int]):
    def __call__(self, publication: int, headers: dict[str, str]) -> None:
        if headers.get("User-Agent") == "Firefox":
            self.append(publication)


@pytest.fixture
def site() -> Site:
    site = Site()
    site.headers = dict(PUBLIC)
    return site


def client(site: Site, **more: Any) -> httpx.AsyncClient:
    pages = more.pop("pages", None) or VisitorsPages(site, more.pop("counted", Counted()))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=pages), base_url="http://hub", **more)


async def ask(asking: httpx.AsyncClient, path: str = "/showcase/water/", **headers: str) -> str:
    return (await asking.get(path, headers={n.replace("_", "-"): v for n, v in headers.items()})).text


async def test_a_page_for_all_is_made_once_and_then_again(site, monkeypatch):
    async with client(site) as visitor:
        first = [await ask(visitor) for _ in range(3)]
        monkeypatch.setattr(visitors, "FRESH", -1)
        later = await ask(visitor)

    assert first == ["answer 1"] * 3 and later == "answer 2"


async def test_many_who_ask_for_a_new_page_wait_for_one_who_makes_it(site):
    site.pause = 0.05

    async with client(site) as visitor:
        answers = await asyncio.gather(*(ask(visitor) for _ in range(50)))

    assert set(answers) == {"answer 1"} and site.made == 1


async def test_many_who_ask_for_what_is_not_for_all_do_not_wait_for_one_another(site):
    site.pause, site.status = 0.1, 302

    async with client(site) as visitor:
        begun = asyncio.get_running_loop().time()
        await asyncio.gather(*(ask(visitor) for _ in range(20)))

    assert site.made == 20 and asyncio.get_running_loop().time() - begun < 1


async def test_a_change_is_seen_by_the_next_request_even_while_the_page_was_being_made(site):
    pages = VisitorsPages(site, Counted())
    async with client(site, pages=pages) as visitor:
        await ask(visitor)
        pages.forget()
        after = await ask(visitor)
        site.pause = 0.05
        pages.forget()
        slow = asyncio.create_task(ask(visitor))
        await asyncio.sleep(0.02)
        pages.forget()  # what is being made was read before this
        await slow
        site.pause = 0

        assert (after, await slow, await ask(visitor)) == ("answer 2", "answer 3", "answer 4")


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": "portal_session=x"},
        {"cookie": "hub_language=en; csrftoken=x"},
        {"cookie": "bad\x07=;;portal_session=x"},
        {"authorization": "token x"},
        {"range": "bytes=0-1"},
    ],
    ids=lambda headers: next(iter(headers.items()))[1],
)
async def test_whoever_brings_something_of_a_person_is_answered_alone(site, headers):
    async with client(site) as visitor:
        await ask(visitor)

        assert await ask(visitor, **headers) == "answer 2"
        assert await ask(visitor) == "answer 1"  # and what they got is given to nobody


@pytest.mark.parametrize(
    "headers",
    [
        {"cache-control": "private, no-cache"},
        {},
        PUBLIC | {"set-cookie": "a=b"},
        {"cache-control": "no-store, public"},
    ],
    ids=["private", "says nothing", "sets a cookie", "not stored"],
)
async def test_what_is_not_marked_as_anybodys_is_nobody_elses(site, headers):
    site.headers = headers

    async with client(site) as visitor:
        assert [await ask(visitor), await ask(visitor)] == ["answer 1", "answer 2"]


@pytest.mark.parametrize("path", ["/", "/sdg/", "/office/", "/showcase"])
async def test_other_pages_are_left_to_the_site(site, path):
    async with client(site) as visitor:
        assert [await ask(visitor, path), await ask(visitor, path)] == ["answer 1", "answer 2"]


@pytest.mark.parametrize(
    "other",
    [
        {"accept_language": "zh"},
        {"cookie": "hub_language=zh-hans"},
        {"host": "other"},
        {"accept_encoding": "identity"},
    ],
    ids=str,
)
async def test_answers_differ_by_language_host_and_encoding(site, other):
    async with client(site) as visitor:
        assert await ask(visitor) != await ask(visitor, **other)


async def test_whoever_has_it_already_is_told_so(site):
    site.headers = PUBLIC | {"etag": 'W/"a"', "content-length": "8"}

    async with client(site) as visitor:
        await ask(visitor)
        answer = await visitor.get("/showcase/water/", headers={"if-none-match": 'W/"a"'})

    assert answer.status_code == 304 and answer.headers["etag"] == 'W/"a"' and not answer.content
    assert site.made == 1


async def test_every_reading_is_counted(site):
    counted = Counted()

    async with client(site, counted=counted) as visitor:
        for _ in range(3):
            await ask(visitor, user_agent="Firefox")
        await ask(visitor, user_agent="bot")

    assert counted == [7, 7]  # the first was counted by the site itself


async def test_the_oldest_answers_go_when_there_are_too_many(site, monkeypatch):
    monkeypatch.setattr(visitors, "MOST", 80)
    pages = VisitorsPages(site, Counted())

    async with client(site, pages=pages) as visitor:
        for number in range(30):
            await ask(visitor, f"/showcase/{number}/")

    assert pages._size == sum(len(answer.body) for answer in pages._kept.values()) <= 80


async def test_a_packed_answer_stays_packed(site):
    site.headers = PUBLIC | {"content-encoding": "gzip"}

    async def packed(scope, receive, send):
        headers = [(name.encode(), value.encode()) for name, value in site.headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": gzip.compress(b"text")})

    async with client(site, pages=VisitorsPages(packed, Counted())) as visitor:
        assert [await ask(visitor), await ask(visitor)] == ["text", "text"]
