"""The key that the OpenID provider signs with: made on first use, in the secrets folder, RSA for RS256."""

from __future__ import annotations

import contextlib
import os

from regional_hub.settings import Settings


def oidc_key(settings: Settings) -> str:
    """The private key in PEM. Of two first starts at once, the first one's key stands."""
    place = settings.path("secrets", "oidc-key.pem")
    try:
        return place.read_text()
    except FileNotFoundError:
        pass
    settings.secret("django-secret-key")  # makes the folder with the right mode
    fresh = place.with_name(f".oidc-key.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(_generate())
    with contextlib.suppress(FileExistsError):
        os.link(fresh, place)
    fresh.unlink()
    return place.read_text()


def _generate() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
