"""Template tags for following changes: links to feeds for the head of a page, and the buttons beside them."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context
from django.utils.translation import get_language

from regional_hub.sdg.explorer.news import Counts
from regional_hub.sdg.explorer.points import number
from regional_hub.sdg.explorer.saying import figure
from regional_hub.sdg.explorer.topics import Topic
from regional_hub.sdg.views import news_parts

register = template.Library()


@register.inclusion_tag("sdg/parts/feed_links.html")
def feed_links(flow: str = "", goal: str = "", series: str = "", area: str = "") -> dict[str, Any]:
    """`<link rel="alternate">` of the feeds of a topic, by which feed readers find them."""
    return {"query": f"{Topic(flow, goal, series, area).query}&language={get_language()}".lstrip("&")}


@register.inclusion_tag("sdg/parts/follow.html", takes_context=True)
def follow(context: Context, flow: str = "", goal: str = "", series: str = "", area: str = "") -> dict[str, Any]:
    """Buttons to follow a topic: by e-mail (one click for whoever is signed in) and by feed."""
    topic = Topic(flow, goal, series, area)
    request = context.get("request")
    query = f"{topic.query}&language={get_language()}".lstrip("&")
    return {
        "topic": topic,
        "query": query,
        "user": getattr(request, "user", None),
        "csrf_token": context.get("csrf_token"),
    }


@register.filter
def counted(counts: Counts) -> str:
    """ "3 added, 2 revised"."""
    return news_parts.counted(counts)


@register.filter
def value(text: str) -> str:
    """A value with all its digits; a text that is no number as it is; a dash where there is none."""
    found = number(text)
    return figure(found) if found is not None else text or "–"


@register.filter
def signed(difference: Any) -> str:
    """A difference with its sign."""
    if difference is None:
        return ""
    return f"+{figure(difference)}" if difference > 0 else figure(difference)
