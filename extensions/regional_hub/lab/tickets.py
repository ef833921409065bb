"""Tickets for seats in a live app: the portal signs what it admitted, the app's server checks it and asks nobody.

A ticket is `base64url(payload).base64url(signature)`, unpadded: the payload is JSON {"app", "seat", "digest", "exp"},
the signature Ed25519 (RFC 8032) over the first part as it is written. An app's server has the public key alone, which
opens nothing, so code in a notebook that reads it has won nothing. The keys are `regional_hub.hub.tickets`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PORTAL = "portal"  # the seat of the portal itself, for the state of an app and for ending a seat
LONGEST = 1000  # characters; a ticket has about 270
_SEAT = re.compile(r"[0-9a-f]{32}|portal")


class BadTicket(ValueError):
    """A ticket that opens nothing: not ours, not of this app, or over. The message says which and holds no ticket."""


@dataclass(frozen=True)
class Ticket:
    """One seat in one app: `seat` is 32 hex digits or `portal`, `digest` the revision's, `exp` in Unix seconds."""

    app: str
    seat: str
    digest: str
    exp: int


def sign(private: Ed25519PrivateKey, ticket: Ticket) -> str:
    """The ticket as text that fits into an address."""
    payload = _text(json.dumps(asdict(ticket), separators=(",", ":")).encode())
    return f"{payload}.{_text(private.sign(payload.encode()))}"


def verify(public: Ed25519PublicKey | str, text: str, app: str, now: float) -> Ticket:
    """The ticket that `text` is, if the portal signed it for this app and it is not over at `now` (Unix seconds).

    Whether its digest is the running revision's is the caller's to see. Raises BadTicket.
    """
    payload, dot, signature = text.partition(".")
    if len(text) > LONGEST or not dot:
        raise BadTicket("not a ticket")
    try:
        key = public_key(public) if isinstance(public, str) else public
        key.verify(_bytes(signature), payload.encode("ascii"))
        ticket = _read(_bytes(payload))
    except (InvalidSignature, ValueError) as error:
        raise BadTicket("not signed by this hub") from error
    if ticket.app != app:
        raise BadTicket("for another app")
    if ticket.exp <= now:
        raise BadTicket("over")
    return ticket


def public_key(text: str) -> Ed25519PublicKey:
    """The key out of REGIONAL_HUB_LIVE_KEY: 32 bytes, base64url. Raises ValueError for anything else."""
    return Ed25519PublicKey.from_public_bytes(_bytes(text))


def public_text(key: Ed25519PublicKey) -> str:
    """The key as the environment of an app has it."""
    return _text(key.public_bytes_raw())


def _read(payload: bytes) -> Ticket:
    found = json.loads(payload)
    if not isinstance(found, dict) or set(found) != {"app", "seat", "digest", "exp"}:
        raise ValueError("other fields")
    ticket = Ticket(**found)
    texts = (ticket.app, ticket.seat, ticket.digest)
    if not all(isinstance(text, str) for text in texts) or not isinstance(ticket.exp, int):
        raise ValueError("other types")
    if not _SEAT.fullmatch(ticket.seat):
        raise ValueError("no seat")
    return ticket


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    """Unpadded base64url, in its one spelling: no second text is the same ticket."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("not base64url") from error
    if _text(data) != text:
        raise ValueError("not the one spelling")
    return data
