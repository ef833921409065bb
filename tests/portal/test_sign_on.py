"""The OpenID provider, as the Hub uses it."""

import base64
import hashlib
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from regional_hub.core import actions
from regional_hub.core.oidc import ensure_hub_client

pytestmark = pytest.mark.django_db
VERIFIER = "v" * 64


@pytest.fixture
def hub(settings):
    """The Hub's side: its callback address and secret."""
    ensure_hub_client(settings.HUB)
    return {"callback": f"{settings.HUB.url}/hub/oauth_callback", "secret": settings.HUB.secret("oidc-client-secret")}


def ask(client, hub, **more):
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": "jupyterhub", "response_type": "code", "redirect_uri": hub["callback"], "state": "s",
        "scope": "openid profile email groups", "code_challenge": challenge, "code_challenge_method": "S256", **more,
    }  # fmt: skip
    return client.get("/identity/o/authorize", query)


def redeem(hub, code, **more):
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": hub["callback"], "client_id": "jupyterhub",
        "client_secret": hub["secret"], "code_verifier": VERIFIER, **more,
    }  # fmt: skip
    return Client().post("/identity/o/api/token", form)


def sign_in(client, hub):
    code = parse_qs(urlsplit(ask(client, hub).headers["Location"]).query)["code"][0]
    return redeem(hub, code).json()


def who(token):
    return Client().get("/identity/o/api/userinfo", headers={"Authorization": f"Bearer {token}"})


def test_the_hub_learns_name_and_groups(hub, alice, signed_in):
    tokens = sign_in(signed_in(alice), hub)

    said = who(tokens["access_token"]).json()
    assert said["preferred_username"] == "alice"
    assert said["groups"] == ["researchers"]
    assert said["email"] == "alice@example.org"


def test_the_issuer_is_the_public_address_whichever_way_one_asks(hub, settings, alice, signed_in):
    token = sign_in(signed_in(alice), hub)["id_token"]

    body = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert claims["iss"] == settings.HUB.url
    assert Client().get("/.well-known/openid-configuration").json()["issuer"] == settings.HUB.url


def test_no_code_goes_to_a_foreign_address(hub, alice, signed_in):
    response = ask(signed_in(alice), hub, redirect_uri="https://evil.example/cb")

    assert "Location" not in response.headers
    assert "code=" not in response.content.decode()


def test_visitors_sign_in_first(client, hub):
    assert ask(client, hub).headers["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("wrong", [{"client_secret": "x"}, {"code_verifier": "x" * 64}])
def test_a_stolen_code_is_worth_nothing(hub, alice, signed_in, wrong):
    code = parse_qs(urlsplit(ask(signed_in(alice), hub).headers["Location"]).query)["code"][0]

    assert redeem(hub, code, **wrong).status_code in {400, 401}


def test_a_disabled_persons_tokens_are_void(hub, admin, alice, signed_in):
    tokens = sign_in(signed_in(alice), hub)
    actions.disable(admin, alice)

    assert who(tokens["access_token"]).status_code == 401
    form = {
        "grant_type": "refresh_token", "refresh_token": tokens.get("refresh_token", ""), "client_id": "jupyterhub",
        "client_secret": hub["secret"],
    }  # fmt: skip
    assert Client().post("/identity/o/api/token", form).status_code == 400


def test_the_client_is_written_once_and_corrected_when_the_address_changes(hub, settings):
    assert ensure_hub_client(settings.HUB) is False

    site = settings.HUB.site.model_copy(update={"url": "https://hub.example.org"})
    assert ensure_hub_client(settings.HUB.model_copy(update={"site": site})) is True
    from allauth.idp.oidc.models import Client as Known

    assert Known.objects.get(pk="jupyterhub").get_redirect_uris() == ["https://hub.example.org/hub/oauth_callback"]


def test_keys_are_published(client):
    keys = client.get("/.well-known/jwks.json").json()["keys"]

    assert [key["kty"] for key in keys] == ["RSA"]
    assert not re.search(r'"d":', json.dumps(keys))
