"""The key that the portal signs tickets for live apps with, and its public half for the servers that check them.

The private key is made of the hub's secret `live-ticket-key`, whose 64 hex digits are the 32 bytes of an Ed25519 key:
on a cluster it is one more entry of the hub's Secret. Only the portal signs. The Hub derives the public key and gives
it to each app's server as REGIONAL_HUB_LIVE_KEY. What a ticket is, says
`regional_hub.lab.tickets`, which is in the lab's image too.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from regional_hub.lab import tickets
from regional_hub.lab.tickets import PORTAL, BadTicket, Ticket, sign, verify
from regional_hub.settings import Settings

__all__ = ["PORTAL", "BadTicket", "Ticket", "private_key", "public_text", "sign", "verify"]


def private_key(settings: Settings) -> Ed25519PrivateKey:
    """The portal's key, made on first use; for the portal alone."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(settings.secret("live-ticket-key")))


def public_text(settings: Settings) -> str:
    """The public key as REGIONAL_HUB_LIVE_KEY has it: 32 bytes, base64url."""
    return tickets.public_text(private_key(settings).public_key())
