"""The forms of the page on which an author manages a publication."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from regional_hub.core.models import Group, Person
from regional_hub.showcase.about import GOALS, LICENCES, About
from regional_hub.showcase.actions.sharing import LABELS, To
from regional_hub.showcase.models import Publication


class AudienceForm(forms.Form):
    """Who may read. People are added one by one beside it."""

    audience = forms.ChoiceField(
        label=_("Audience"),
        choices=Publication.Audience.choices,
        widget=forms.RadioSelect({"class": "form-check-input"}),
    )
    project = forms.ChoiceField(label=_("Project"), required=False)

    def __init__(self, person: Person, publication: Publication, data: Any = None) -> None:
        project = publication.project.name if publication.project else ""
        super().__init__(data, initial={"audience": publication.audience, "project": project}, prefix="audience")
        self._publication = publication
        mine: list[Group] = [group for group in person.groups.all() if group.is_project]
        self.fields["project"].choices = [("", "—"), *((group.name, group.label) for group in mine)]
        if not mine:
            del self.fields["project"]

    def to(self) -> To:
        """What was chosen; the people who were named stay named."""
        people = [person.username for person in self._publication.people.filter(is_active=True)]
        return To(self.cleaned_data["audience"], people, self.cleaned_data.get("project", ""))


class AboutForm(forms.Form):
    """What is said of a publication."""

    title = forms.CharField(label=LABELS["title"], max_length=200)
    title_zh = forms.CharField(label=LABELS["title_zh"], max_length=200, required=False)
    summary = forms.CharField(
        label=LABELS["summary"], max_length=2000, required=False, widget=forms.Textarea({"rows": 3})
    )
    summary_zh = forms.CharField(
        label=LABELS["summary_zh"], max_length=2000, required=False, widget=forms.Textarea({"rows": 3})
    )
    tags = forms.CharField(label=LABELS["tags"], required=False, help_text=_("Separated by commas."))
    goals = forms.TypedMultipleChoiceField(
        label=LABELS["goals"], choices=[(goal, str(goal)) for goal in GOALS], coerce=int, required=False,
        widget=forms.SelectMultiple({"size": 5}),
    )  # fmt: skip
    licence = forms.ChoiceField(
        label=LABELS["licence"], choices=[("", "—"), *((name, name) for name in LICENCES)], required=False
    )
    kind = forms.ChoiceField(label=LABELS["kind"], choices=Publication.Kind.choices)

    def __init__(self, publication: Publication, data: Any = None) -> None:
        names = ("title", "title_zh", "summary", "summary_zh", "goals", "licence", "kind")
        initial = {name: getattr(publication, name) for name in names} | {"tags": ", ".join(publication.tags)}
        super().__init__(data, initial=initial, prefix="about")
        licence = self.fields["licence"]
        if publication.licence and publication.licence not in LICENCES:
            licence.choices = [*licence.choices, (publication.licence, publication.licence)]

    def about(self) -> About:
        said = dict(self.cleaned_data)
        said["tags"] = said["tags"].replace("，", ",").split(",")
        return About(**said)


class ExpiryForm(forms.Form):
    expires_on = forms.DateField(
        label=_("Last day of the public page"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )


class WithdrawForm(forms.Form):
    reason = forms.CharField(label=_("Reason"), max_length=1000, widget=forms.Textarea({"rows": 2}))
    reason_zh = forms.CharField(
        label=_("Reason in Chinese"), max_length=1000, required=False, widget=forms.Textarea({"rows": 2})
    )
