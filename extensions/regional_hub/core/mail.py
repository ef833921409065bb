"""Letters to people, in their own language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.utils import translation


def send(address: str, language: str, subject: Callable[[dict[str, Any]], str], template: str, **facts: Any) -> None:
    """Send `core/mail/<template>.txt`. `subject` is called when the language is set. Raises OSError when mail fails."""
    site = settings.HUB.site
    with translation.override(language or settings.LANGUAGE_CODE):
        chinese = (translation.get_language() or "").startswith("zh")
        known = {"site_name": site.name_zh if chinese else site.name, "site_url": settings.HUB.url, **facts}
        EmailMessage(subject(known), render_to_string(f"core/mail/{template}.txt", known), to=[address]).send()
