"""Forms of the portal's own pages. They judge what was typed; whether it may be done is for `core.actions`."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from regional_hub.core.models import Group, Person

LANGUAGE_NAMES = {"en": "English", "zh-hans": "简体中文"}


def _group_choices() -> list[tuple[str, str]]:
    return [(group.name, group.label) for group in Group.objects.all()]


def _zones() -> list[tuple[str, str]]:
    default = (("", _("As the site: %(zone)s") % {"zone": settings.HUB.site.time_zone}),)
    return [*default, *((zone, zone) for zone in sorted(zoneinfo.available_timezones()) if "/" in zone)]


def _languages() -> list[tuple[str, str]]:
    return [(code, LANGUAGE_NAMES[code]) for code, _name in settings.LANGUAGES]


class GroupsField(forms.MultipleChoiceField):
    """Any number of the hub's groups, as check boxes."""

    def __init__(self, **more: Any) -> None:
        boxes = forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"})
        super().__init__(choices=_group_choices, widget=boxes, required=False, **more)


class ProfileForm(forms.Form):
    display_name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    organisation = forms.CharField(
        label=_("Organisation"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    language = forms.ChoiceField(
        label=_("Language"), choices=_languages, help_text=_("Of pages here and at the Hub, and of mails.")
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=lazy(_zones, list), required=False)


class InviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    language = forms.ChoiceField(label=_("Language of the letter"), choices=_languages)
    groups = GroupsField(label=_("Groups"), help_text=_("What the new account may do follows from its groups."))


class GroupsForm(forms.Form):
    groups = GroupsField(label=_("Groups"))


class TitlesForm(forms.Form):
    title = forms.CharField(label=_("Title"), max_length=120)
    title_zh = forms.CharField(label=_("Title in Chinese"), max_length=120, required=False)


class ProjectForm(TitlesForm):
    slug = forms.RegexField(
        r"^[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?$",
        label=_("Short name"),
        max_length=22,
        help_text=_("Small letters a-z, digits and hyphens. It names the project's folder and cannot be changed."),
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
    )
    field_order = ("title", "title_zh", "slug")


class MemberForm(forms.Form):
    """Adds one person by user name or e-mail address."""

    person = forms.CharField(label=_("User name or e-mail address"), max_length=254)

    def clean_person(self) -> Person:
        text = self.cleaned_data["person"].strip().lower()
        found = Person.objects.filter(username=text).first() or Person.objects.filter(email__iexact=text).first()
        if found is None:
            raise forms.ValidationError(
                _("Nobody has the user name or e-mail address “%(text)s”."), params={"text": text}
            )
        return found
