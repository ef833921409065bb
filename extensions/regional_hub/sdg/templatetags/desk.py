"""Template tags of the stewards' desk."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.translation import gettext_lazy as _

from regional_hub.sdg import timeline

register = template.Library()

# What the rules of a validation are called, and how serious a finding is.
RULES = {
    "file": _("Files that cannot be read"),
    "structure": _("Other version of the structure"),
    "other-structure": _("Other structure"),
    "empty-key": _("Incomplete keys"),
    "code": _("Unknown codes"),
    "codelist": _("Codelists that are not known"),
    "mandatory": _("Missing attributes"),
    "type": _("Wrong types"),
    "number": _("Values that are no numbers"),
    "time": _("Wrong periods"),
    "frequency": _("Wrong frequency"),
    "constraint": _("Not allowed by a constraint"),
    "duplicate": _("Duplicates"),
    "attributes": _("Duplicates with other attributes"),
    "conflict": _("Conflicts"),
    "bounds": _("Out of bounds"),
    "jump": _("Jumps"),
    "aggregate": _("Totals that do not add up"),
    "vanished": _("Vanished series"),
}
SEVERITIES = {"error": _("error"), "warning": _("warning"), "info": _("note")}


@register.filter
def moment(text: str) -> datetime:
    """A moment as the store writes it."""
    return timeline.moment(text)


@register.filter
def rule(name: str) -> str:
    return str(RULES.get(name, name))


@register.filter
def severity(name: str) -> str:
    return str(SEVERITIES.get(name, name))


@register.filter
def text_rows(text: str) -> int:
    """How many lines a box for a text has: two for a short one, twelve at most."""
    return min(12, max(2, len(text) // 60 + text.count("\n") + 1))
