"""Tags of the gallery's cards, for pages of the Showcase and of the portal."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import get_language

from regional_hub.core import goals
from regional_hub.core.access import may
from regional_hub.showcase.gallery import Choice, Item
from regional_hub.showcase.models import Publication

register = template.Library()


@register.filter
def title(item: Item) -> str:
    """An item's title in the reader's language."""
    return item.label(get_language() or "en")


@register.filter
def summary(item: Item) -> str:
    return item.text(get_language() or "en")


@register.filter
def language(item: Item) -> str:
    """The language of the title that is shown, where it is not the reader's (WCAG 2.2, 3.1.2); else empty."""
    reader = "zh" if (get_language() or "en").startswith("zh") else "en"
    shown = item.label(get_language() or "en")
    own = "zh" if shown == item.title_zh or (reader not in item.languages and "zh" in item.languages) else "en"
    return "" if own == reader else {"zh": "zh-Hans", "en": "en"}[own]


@register.filter
def goal_title(goal: int) -> str:
    return goals.title(goal, get_language() or "en")


@register.filter
def kind_label(kind: str) -> str:
    return str(Publication.Kind(kind).label)


@register.simple_tag
def to_gallery(choice: Choice | None = None, **changes: Any) -> str:
    """The gallery's address with changes to a choice, or to none."""
    return (choice or Choice()).address(**changes)


@register.inclusion_tag("showcase/parts/feature.html", takes_context=True)
def feature_button(context: dict[str, Any], publication: Publication) -> dict[str, Any]:
    """A button for those who may have a publication stand first in the gallery; nothing for others."""
    request = context["request"]
    shown = may(request.user, "feature", "publication") and (publication.is_public or publication.featured)
    return {"publication": publication, "shown": shown, "csrf_token": context.get("csrf_token")}
