"""The sign-up form: what allauth asks, the person's name, and, without an invitation, why access is needed."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm, SignupForm
from django import forms
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from regional_hub.core import invitations
from regional_hub.core.actions import Refused
from regional_hub.core.models import check_person_name

USERNAME_VALIDATORS = [check_person_name]


class SignInForm(LoginForm):
    """One field for user name or e-mail address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["login"]
        field.label = _("User name or e-mail address")
        field.widget.attrs |= {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        field.widget.attrs.pop("placeholder", None)


class SignUpForm(SignupForm):
    """With an invitation the e-mail address is the invited one and cannot be changed."""

    display_name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    organisation = forms.CharField(
        label=_("Organisation"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    request_note = forms.CharField(
        label=_("Why you need access"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3})
    )
    field_order = ("email", "display_name", "organisation", "username", "request_note", "password1", "password2")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        from allauth.core import context

        self.invitation = invitations.held(context.request)
        self.fields["email"].label = _("E-mail address")
        self.fields["email"].widget.attrs.pop("placeholder", None)
        self.fields["username"].label = _("User name")
        self.fields["username"].widget.attrs.pop("placeholder", None)
        self.fields["username"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
        self.fields["username"].help_text = _(
            "Small letters, digits and hyphens. It names your folder and cannot be changed."
        )
        if self.invitation is not None:
            self.fields["email"].initial = self.invitation.email
            self.fields["email"].disabled = True
            del self.fields["request_note"]

    def save(self, request: HttpRequest) -> Any:
        """Make the account and use up the invitation, both or neither."""
        with transaction.atomic():
            person = super().save(request)
            for name in ("display_name", "organisation", "request_note"):
                setattr(person, name, self.cleaned_data.get(name, ""))
            person.language = request.LANGUAGE_CODE
            person.save()
            invitations.admit(request, person)
        return person

    def try_save(self, request: HttpRequest) -> Any:
        try:
            return super().try_save(request)
        except Refused as refused:
            from allauth.core.exceptions import ImmediateHttpResponse
            from django.contrib import messages
            from django.shortcuts import redirect

            messages.error(request, str(refused))
            raise ImmediateHttpResponse(redirect("account_login")) from refused
