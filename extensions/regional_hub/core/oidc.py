"""The OpenID provider: what it says about people, and its client, the Hub."""

from __future__ import annotations

import hashlib
from typing import Any

from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from allauth.idp.oidc.models import Client
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils.translation import gettext_lazy as _

from regional_hub.settings import Settings

HUB_CLIENT = "jupyterhub"
SCOPES = ("openid", "profile", "email", "groups")


class OidcAdapter(DefaultOIDCAdapter):
    """Adds the claim `groups`, and names us by the address people use, whichever way a request came in."""

    scope_display = {**DefaultOIDCAdapter.scope_display, "groups": _("View the groups you belong to")}

    def get_issuer(self) -> str:
        return str(settings.HUB.url)

    def get_claims(
        self, purpose: Any, user: Any, client: Any, scopes: Any, email: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        claims = super().get_claims(purpose, user, client, scopes, email=email, **kwargs)
        if "groups" in scopes:
            claims["groups"] = sorted(user.group_names)
        return claims


def ensure_hub_client(hub: Settings) -> bool:
    """Make or correct the Hub's client; whether anything had to be written."""
    secret = hub.secret("oidc-client-secret")
    callback = f"{hub.url}/hub/oauth_callback"
    stamp = hashlib.sha256(f"1 {secret} {callback}".encode()).hexdigest()
    client = Client.objects.filter(pk=HUB_CLIENT).first() or Client(pk=HUB_CLIENT)
    if (client.data or {}).get("stamp") == stamp:
        return False
    client.name = "JupyterHub"
    client.type = Client.Type.CONFIDENTIAL
    client.skip_consent = True
    client.data = {"stamp": stamp}
    # 256 random bits cannot be guessed: stretching them would only slow every sign-in.
    hasher = PBKDF2PasswordHasher()
    client.secret = hasher.encode(secret, hasher.salt(), iterations=1000)
    client.set_scopes(list(SCOPES))
    client.set_default_scopes(["openid"])
    client.set_grant_types([Client.GrantType.AUTHORIZATION_CODE, Client.GrantType.REFRESH_TOKEN])
    client.set_response_types(["code"])
    client.set_redirect_uris([callback])
    client.set_post_logout_redirect_uris([f"{hub.url}/"])
    client.save()
    return True
