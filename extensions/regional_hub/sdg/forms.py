"""Forms of the stewards' desk. They judge what was typed; whether it may be done is for `sdg.actions`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from regional_hub.sdg import actions
from regional_hub.sdg.draft import PUBLISHED


def structures() -> list[tuple[str, str]]:
    named = [(short, short) for short in actions.room().registry.names("structures")]
    return [("", str(_("The one that the files name, or a structure file among them"))), *named]


def drafts() -> list[tuple[str, str]]:
    there = [(draft.id, draft) for draft in reversed(actions.store().drafts()) if draft.facts["state"] != PUBLISHED]
    named = [(id, f"{draft.flow} · {id} · {draft.facts['by']}") for id, draft in there]
    return [("", str(_("A new draft"))), *named]


class UploadForm(forms.Form):
    draft = forms.ChoiceField(label=_("Draft"), choices=drafts, required=False)
    structure = forms.ChoiceField(
        label=_("Structure"), choices=structures, required=False, help_text=_("For a new draft only.")
    )
    empty = forms.BooleanField(
        label=_("These files are everything"),
        required=False,
        help_text=_("What they leave out vanishes with this release. For a new draft only."),
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 2}))


class PublishForm(forms.Form):
    seen = forms.CharField(max_length=64)
    name = forms.CharField(max_length=64, required=False)
    force = forms.BooleanField(required=False)
    reason = forms.CharField(max_length=2000, required=False)


class EmbargoForm(forms.Form):
    """Series and areas that wait until a moment in the steward's own zone."""

    until = forms.DateTimeField(
        label=_("Until"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, codes: dict[str, list[tuple[str, str]]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dimensions = list(codes)
        self.fields["until"].help_text = _("In your time zone: %(zone)s.") % {"zone": timezone.get_current_timezone()}
        for dimension, choices in codes.items():
            self.fields[dimension] = forms.MultipleChoiceField(
                label=dimension,
                choices=choices,
                required=False,
                widget=forms.SelectMultiple(attrs={"size": 8, "data-filter": _("Search")}),
            )
        self.order_fields([*codes, "until", "reason"])

    def clean_until(self) -> datetime:
        until: datetime = self.cleaned_data["until"]
        if until <= timezone.now():
            raise forms.ValidationError(_("This moment is past."))
        return until

    def clean(self) -> dict[str, Any]:
        facts: dict[str, Any] = super().clean() or {}
        if not any(facts.get(dimension) for dimension in self.dimensions):
            raise forms.ValidationError(_("Choose at least one series or area."))
        return facts

    @property
    def where(self) -> dict[str, list[str]]:
        return {name: self.cleaned_data[name] for name in self.dimensions if self.cleaned_data.get(name)}
