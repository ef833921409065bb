"""How allauth's sign-in and sign-up follow our rules: who may sign up, names, what is said, and where to go next."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from regional_hub.core import invitations
from regional_hub.core.models import Person

HUB_COOKIE = "jupyterhub-session-id"


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up by invitation, or by asking, as `accounts.sign_up` says."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": _(
            "The user name or the password is not right. Try again, or reset your password."
        ),
        "email_password_mismatch": _(
            "The e-mail address or the password is not right. Try again, or reset your password."
        ),
        "too_many_login_attempts": _(
            "Too many failed attempts. Wait five minutes, then try again or reset your password."
        ),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.HUB.accounts.sign_up == "approval" or invitations.held(request) is not None

    def clean_username(self, username: str, shallow: bool = False) -> str:
        return str(super().clean_username(username.lower(), shallow))

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """An administrator vouches for an invited address."""
        invitation = invitations.held(request)
        if invitation is not None and invitation.email == email.lower():
            return True
        return bool(super().is_email_verified(request, email))

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        """Signing out here signs out of the Hub as well, when the browser is signed in there."""
        if request.user.is_authenticated and HUB_COOKIE in request.COOKIES:
            return "/hub/logout"
        return "/"

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return "/"

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:

        super().send_mail(
            template_prefix, email, {"site_name": settings.HUB.site.name, "site_url": settings.HUB.url, **context}
        )


class SocialAdapter(DefaultSocialAccountAdapter):
    """An institution's own sign-in, where configured, opens accounts under the same rules as the sign-up page."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return settings.HUB.accounts.sign_up == "approval" or invitations.held(request) is not None

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> Person:
        person: Person = super().save_user(request, sociallogin, form)
        invitations.admit(request, person)
        return person
