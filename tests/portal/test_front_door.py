"""Whom the portal believes about addresses and schemes."""

import pytest

from regional_hub.portal.asgi import FrontDoor

OURS = ["127.0.0.1", "172.30.0.1"]


async def seen(client: str, headers: list[tuple[bytes, bytes]], scheme: str = "https") -> dict:
    found: dict = {}

    async def application(scope, receive, send):
        found.update(scope)

    await FrontDoor(application, OURS, scheme)({"type": "http", "client": (client, 1), "headers": headers}, None, None)
    return found


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", b"9.9.9.9", "9.9.9.9"),
        ("127.0.0.1", b"1.2.3.4, 9.9.9.9", "9.9.9.9"),
        ("127.0.0.1", b"9.9.9.9, 127.0.0.1", "9.9.9.9"),
        ("172.30.0.77", b"9.9.9.9", "172.30.0.77"),
        ("127.0.0.1", b"", "127.0.0.1"),
    ],
    ids=["from the proxy", "a spoofed hop first", "two of ours", "a container claims", "no header"],
)
async def test_the_visitors_address(peer, forwarded, address):
    scope = await seen(peer, [(b"x-forwarded-for", forwarded)] if forwarded else [])

    assert scope["client"][0] == address


async def test_the_scheme_is_the_sites_own_and_forwarded_headers_go_no_further():
    scope = await seen(
        "172.30.0.77", [(b"x-forwarded-proto", b"http"), (b"x-forwarded-host", b"evil"), (b"host", b"h")]
    )

    assert scope["scheme"] == "https"
    assert scope["headers"] == [(b"host", b"h")]
