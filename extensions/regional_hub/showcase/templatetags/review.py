"""Words of checks and reviews, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from django import template
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from regional_hub.showcase.models import Check

register = template.Library()

CHECKS = {
    "runs": _("Runs from top to bottom"),
    "same": _("Gives the same results"),
    "secrets": _("No secrets"),
    "personal": _("No personal data"),
    "disclosure": _("Disclosure control"),
    "pictures": _("Pictures have texts"),
    "licence": _("Licence"),
    "environment": _("Environment"),
    "size": _("Size"),
}
STYLES = {
    "waiting": "is-busy",
    "passed": "is-ok",
    "warned": "is-warning",
    "failed": "is-failed",
    "shared": "is-off",
    "checking": "is-busy",
    "in-review": "is-busy",
    "changes": "is-warning",
    "approved": "is-ok",
    "declined": "is-failed",
    "open": "is-busy",
}


@register.filter
def check_name(check: Check) -> str:
    """What a check looks for; its own name where nobody gave it a word."""
    return str(CHECKS.get(check.name, check.name))


@register.filter
def pill(value: str) -> str:
    """The class of a status pill for an outcome, a state or a decision."""
    return STYLES.get(value, "is-off")


@register.filter
def in_language(found: Mapping[str, str]) -> str:
    """A finding in the reader's language."""
    chinese = (get_language() or "").startswith("zh")
    return (found.get("text_zh", "") if chinese else "") or found["text"]
