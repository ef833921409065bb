"""Letters to people, in their own language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import translation


def send(
    address: str,
    language: str,
    subject: Callable[[dict[str, Any]], str],
    template: str,
    *,
    headers: Mapping[str, str] | None = None,
    html: str = "",
    **facts: Any,
) -> None:
    """Send `core/mail/<template>.txt`, or the path of another `.txt`; `html` is the path of the same with mark-up.

    `subject` is called when the language is set. Raises OSError when mail fails.
    """
    site = settings.HUB.site
    with translation.override(language or settings.LANGUAGE_CODE):
        chinese = (translation.get_language() or "").startswith("zh")
        known = {"site_name": site.name_zh if chinese else site.name, "site_url": settings.HUB.url, **facts}
        path = template if template.endswith(".txt") else f"core/mail/{template}.txt"
        text = render_to_string(path, known)
        message = EmailMultiAlternatives(subject(known), text, to=[address], headers=dict(headers or {}))
        if html:
            message.attach_alternative(render_to_string(html, known), "text/html")
        message.send()
