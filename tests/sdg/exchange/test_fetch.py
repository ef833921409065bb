"""Other people's services on a bad day: slow, cut off, moved, too large; and how polite we stay."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from regional_hub.sdg.exchange.fetch import Client, FetchError, Validators, retry_after
from tests.sdg.exchange.conftest import impatient
from tests.sdg.exchange.web import Said, web

CSV = {"Content-Type": "text/csv"}


def in_turn(*answers):
    """Each answer once, the last one for ever."""
    left = list(answers)
    return lambda _request: left.pop(0) if len(left) > 1 else left[0]


def test_who_asks_is_said(client, tmp_path):
    with web(lambda _: Said(200, b"a", CSV)) as there:
        client.fetch(there.address, tmp_path / "f", "text/csv")

    assert there.requests[0].headers["user-agent"] == "tests/1"
    assert there.requests[0].headers["accept"] == "text/csv"


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_service_that_is_busy_is_asked_again(status, client, tmp_path):
    with web(in_turn(Said(status), Said(status), Said(200, b"data", CSV))) as there:
        found = client.fetch(there.address, tmp_path / "f", "*/*")

    assert found.path.read_bytes() == b"data"
    assert len(there.requests) == 3


def test_retry_after_is_waited_for_but_not_for_ever(tmp_path):
    waited = []
    date = format_datetime(datetime.now(UTC) + timedelta(days=2), usegmt=True)
    answers = in_turn(
        Said(429, headers={"Retry-After": "7"}), Said(503, headers={"Retry-After": date}), Said(200, b"data", CSV)
    )
    with web(answers) as there, Client(impatient(sleep=waited.append, longest_wait=90.0)) as client:
        client.fetch(there.address, tmp_path / "f", "*/*")

    assert waited == [7.0, 90.0]


def test_retry_after_that_means_nothing_is_none():
    assert retry_after("soon") is None
    assert retry_after("") is None


def test_tries_end_with_what_the_service_said(tmp_path):
    with (
        web(lambda _: Said(503, b"closed on Sundays")) as there,
        Client(impatient(attempts=3)) as client,
        pytest.raises(FetchError, match=r"503 .*closed on Sundays \(tried 3 times\)"),
    ):
        client.fetch(there.address, tmp_path / "f", "*/*")

    assert len(there.requests) == 3
    assert list(tmp_path.iterdir()) == []


def test_requests_keep_their_distance(tmp_path):
    waited = []
    with web(lambda _: Said(200, b"a", CSV)) as there, Client(impatient(interval=5.0, sleep=waited.append)) as client:
        for name in "ab":
            client.fetch(there.address, tmp_path / name, "*/*")

    assert len(waited) == 1
    assert 4.0 < waited[0] <= 5.0


def ranged(body: bytes, tag: str, cut: int, packed: bool = False):
    """A service that breaks off its first answer, and continues where it is asked to."""
    seen = []

    def answer(request):
        headers = {"ETag": tag, "Accept-Ranges": "bytes", "Content-Type": "text/csv"}
        headers |= {"Content-Encoding": "gzip"} if packed else {}
        seen.append(request)
        wanted = request.headers.get("range")
        if wanted and request.headers.get("if-range") == tag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            return Said(206, body[start:], {**headers, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"})
        return Said(200, body, headers, cut=cut if len(seen) == 1 else None)

    return answer


@pytest.mark.parametrize("packed", [False, True])
def test_an_interrupted_transfer_goes_on_where_it_stopped(packed, client, tmp_path):
    data = bytes(range(256)) * 4000
    body = gzip.compress(data, mtime=0) if packed else data
    with web(ranged(body, '"v1"', len(body) // 2, packed)) as there:
        found = client.fetch(there.address, tmp_path / "f", "*/*")

    assert found.path.read_bytes() == data
    assert there.requests[1].headers["range"].startswith("bytes=")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_also_in_another_process_later(tmp_path):
    data = b"x" * 100_000
    with web(ranged(data, '"v1"', 60_000)) as there:
        with Client(impatient(attempts=1)) as first, pytest.raises(FetchError, match="cut off"):
            first.fetch(there.address, tmp_path / "f", "*/*")
        with Client(impatient()) as second:
            found = second.fetch(there.address, tmp_path / "f", "*/*")

    assert found.path.read_bytes() == data
    assert int(there.requests[1].headers["range"].removeprefix("bytes=").rstrip("-")) > 0


def test_what_changed_meanwhile_is_taken_from_the_start(client, tmp_path):
    answers = in_turn(
        Said(200, b"old" * 9000, {"ETag": '"1"', "Accept-Ranges": "bytes", **CSV}, cut=9000),
        Said(200, b"new" * 9000, {"ETag": '"2"', "Accept-Ranges": "bytes", **CSV}),
    )
    with web(answers) as there:
        assert client.fetch(there.address, tmp_path / "f", "*/*").path.read_bytes() == b"new" * 9000


def test_a_weak_tag_continues_nothing(client, tmp_path):
    answers = in_turn(
        Said(200, b"old" * 9000, {"ETag": 'W/"1"', "Accept-Ranges": "bytes", **CSV}, cut=9000), Said(200, b"all", CSV)
    )
    with web(answers) as there:
        assert client.fetch(there.address, tmp_path / "f", "*/*").path.read_bytes() == b"all"
    assert "range" not in there.requests[1].headers


def test_a_packed_body_that_ends_early_is_asked_for_again(client, tmp_path):
    packed = gzip.compress(b"data" * 1000)
    headers = {"Content-Encoding": "gzip", **CSV}
    with web(in_turn(Said(200, packed[:-9], headers), Said(200, packed, headers))) as there:
        assert client.fetch(there.address, tmp_path / "f", "*/*").path.read_bytes() == b"data" * 1000


def test_nothing_new_is_a_304(client, tmp_path):
    with web(lambda _: Said(304)) as there:
        found = client.fetch(there.address, tmp_path / "f", "*/*", Validators(tag='"a"'))
        client.fetch(there.address, tmp_path / "f", "*/*", Validators(modified="Mon, 01 Jan 2024 00:00:00 GMT"))

    assert (found.status, found.path) == (304, None)
    assert there.requests[0].headers["if-none-match"] == '"a"'
    assert there.requests[1].headers["if-modified-since"] == "Mon, 01 Jan 2024 00:00:00 GMT"


@pytest.mark.parametrize(
    "said",
    [
        Said(200, b"x" * 5000, CSV),
        Said(200, gzip.compress(b"x" * 500_000), {"Content-Encoding": "gzip", **CSV}),
        Said(200, b"", {"Content-Length": "9999999999", **CSV}, cut=0),
    ],
    ids=["body", "bomb", "announced"],
)
def test_no_answer_is_larger_than_agreed(said, tmp_path):
    with (
        web(lambda _: said) as there,
        Client(impatient(most_bytes=4096, attempts=2)) as client,
        pytest.raises(FetchError, match="more than the 0 MiB"),
    ):
        client.fetch(there.address, tmp_path / "f", "*/*")

    assert list(tmp_path.iterdir()) == []


def test_a_redirect_on_the_same_host_is_followed(client, tmp_path):
    with web(
        lambda request: Said(302, headers={"Location": "/b"}) if request.path == "/a" else Said(200, b"x", CSV)
    ) as there:
        assert client.fetch(f"{there.address}/a", tmp_path / "f", "*/*").path.read_bytes() == b"x"


def test_a_redirect_to_another_host_is_refused_unless_allowed(tmp_path):
    with web(lambda _: Said(200, b"elsewhere", CSV)) as other:
        elsewhere = other.address.replace("127.0.0.1", "localhost")
        with web(lambda _: Said(302, headers={"Location": elsewhere})) as there:
            with Client(impatient()) as strict, pytest.raises(FetchError, match="sends us to another host, localhost"):
                strict.fetch(there.address, tmp_path / "f", "*/*")
            assert other.requests == []
            with Client(impatient(hosts=frozenset(("localhost",)))) as told:
                assert told.fetch(there.address, tmp_path / "f", "*/*").path.read_bytes() == b"elsewhere"


def test_redirects_end(client, tmp_path):
    with (
        web(lambda _: Said(302, headers={"Location": "/again"})) as there,
        pytest.raises(FetchError, match="more than 5 times"),
    ):
        client.fetch(there.address, tmp_path / "f", "*/*")


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_to_no_web_address_is_refused(location, client, tmp_path):
    with (
        web(lambda _: Said(302, headers={"Location": location})) as there,
        pytest.raises(FetchError, match="only http"),
    ):
        client.fetch(there.address, tmp_path / "f", "*/*")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://x/", "//x/y", "http:///nothing"])
def test_only_web_addresses_are_fetched(url, client, tmp_path):
    with pytest.raises(FetchError, match="only http"):
        client.fetch(url, tmp_path / "f", "*/*")


def test_a_password_in_an_address_is_refused_and_not_repeated(client, tmp_path):
    with pytest.raises(FetchError) as refused:
        client.fetch("https://ann:geheim@example.org/", tmp_path / "f", "*/*")

    assert "geheim" not in str(refused.value)


def test_nobody_listens(tmp_path):
    with web(lambda _: Said()) as there:
        pass
    with Client(impatient(attempts=2)) as client, pytest.raises(FetchError, match=f"{there.address}: no connection"):
        client.fetch(there.address, tmp_path / "f", "*/*")


def test_a_silent_service_is_not_waited_for_for_ever(tmp_path):
    import time

    def answer(_):
        time.sleep(1)
        return Said()

    with (
        web(answer) as there,
        Client(impatient(attempts=1, timeout=0.2)) as client,
        pytest.raises(FetchError, match="silent for too long"),
    ):
        client.fetch(there.address, tmp_path / "f", "*/*")
