"""Signing in with a second step."""

import re
import time

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

from tests.core.site import PASSWORD

pytestmark = pytest.mark.django_db


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def test_with_an_authenticator_app_the_password_alone_opens_nothing(client, alice):
    client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    assert "data:image/svg+xml" in page
    secret = re.search(r'id="authenticator_secret"[^>]*value="([A-Z2-7]+)"', page) or re.search(
        r'value="([A-Z2-7]+)"[^>]*id="authenticator_secret"', page
    )
    secret = client.session["mfa.totp.secret"] if secret is None else secret[1]
    assert client.post("/accounts/2fa/totp/activate/", {"code": code(secret)}).status_code == 302
    client.post("/accounts/logout/")

    response = client.post("/accounts/login/", {"login": "alice", "password": PASSWORD})

    assert response.headers["Location"] == "/accounts/2fa/authenticate/"
    assert client.get("/servers/").status_code == 302
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert client.get("/servers/").status_code == 302
