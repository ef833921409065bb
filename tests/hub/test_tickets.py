"""Tickets for live apps: what the portal signed opens one seat of one app until its time, and nothing else does."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from regional_hub import settings as hub_settings
from regional_hub.hub import tickets
from regional_hub.hub.tickets import BadTicket, Ticket
from regional_hub.settings import Settings

NOW = 1_790_000_000
TICKET = Ticket("prices", "0f" * 16, "sha256:abc", NOW + 60)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return hub_settings.load({"HUB_DATA": str(tmp_path)})


@pytest.fixture
def public(settings: Settings) -> str:
    return tickets.public_text(settings)


@pytest.fixture
def text(settings: Settings) -> str:
    return tickets.sign(tickets.private_key(settings), TICKET)


def test_what_the_portal_signed_is_read_with_the_public_key(public: str, text: str) -> None:
    assert tickets.verify(public, text, "prices", NOW) == TICKET
    assert text.isascii() and "=" not in text and "/" not in text


def test_the_key_stays_the_same_between_starts(settings: Settings, public: str) -> None:
    again = hub_settings.load({"HUB_DATA": str(settings.data_dir)})

    assert tickets.public_text(again) == public
    assert settings.path("secrets", "live-ticket-key").stat().st_mode & 0o077 == 0


def test_a_ticket_is_of_one_app_and_has_an_end(public: str, text: str) -> None:
    with pytest.raises(BadTicket, match="another app"):
        tickets.verify(public, text, "ships", NOW)
    with pytest.raises(BadTicket, match="over"):
        tickets.verify(public, text, "prices", NOW + 60)


def test_a_ticket_signed_by_another_is_refused(public: str) -> None:
    forged = tickets.sign(Ed25519PrivateKey.generate(), TICKET)

    with pytest.raises(BadTicket, match="not signed"):
        tickets.verify(public, forged, "prices", NOW)


def test_changing_a_ticket_makes_it_worthless(public: str, text: str) -> None:
    payload, _, signature = text.partition(".")
    longer = json.dumps({"app": "prices", "seat": "0f" * 16, "digest": "sha256:abc", "exp": NOW + 9999}).encode()
    changed = base64.urlsafe_b64encode(longer).rstrip(b"=").decode()

    for bad in (f"{changed}.{signature}", f"{payload}.", payload, "", ".", f"{payload}.{signature}=", f"{text}.x"):
        with pytest.raises(BadTicket):
            tickets.verify(public, bad, "prices", NOW)


def test_a_ticket_has_one_spelling(public: str, text: str) -> None:
    last = text[-1]  # of 64 bytes the last sign carries two bits: others decode to the same bytes
    twin = text[:-1] + chr(ord(last) + 1)

    with pytest.raises(BadTicket):
        tickets.verify(public, twin, "prices", NOW)


def test_rubbish_is_refused_and_not_repeated(public: str) -> None:
    for bad in ("x" * 5000, "ключ.ключ", "a.b", "\x00.\x00", "%2e.%2e"):
        with pytest.raises(BadTicket) as refused:
            tickets.verify(public, bad, "prices", NOW)
        assert bad not in str(refused.value)


@pytest.mark.parametrize("seat", ["", "../../etc", "0F" * 16, "0f" * 17, "Portal"])
def test_a_seat_is_32_hex_digits_or_the_portal(settings: Settings, public: str, seat: str) -> None:
    text = tickets.sign(tickets.private_key(settings), replace(TICKET, seat=seat))

    with pytest.raises(BadTicket):
        tickets.verify(public, text, "prices", NOW)


def test_other_fields_or_types_are_refused(settings: Settings, public: str) -> None:
    private = tickets.private_key(settings)
    for fields in ({"exp": "1e99"}, {"app": 1}, {"more": 1}):
        payload = json.dumps({"app": "prices", "seat": "portal", "digest": "d", "exp": NOW + 9} | fields).encode()
        first = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
        second = base64.urlsafe_b64encode(private.sign(first.encode())).rstrip(b"=").decode()

        with pytest.raises(BadTicket):
            tickets.verify(public, f"{first}.{second}", "prices", NOW)
