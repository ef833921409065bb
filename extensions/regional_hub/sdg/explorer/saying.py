"""Short texts that the domain says itself, in the reader's language; pages take theirs from Django's catalogs."""

from __future__ import annotations

from decimal import Decimal


def is_chinese(language: str) -> bool:
    return language.split("-")[0] == "zh"


def say(language: str, en: str, zh: str) -> str:
    return zh if is_chinese(language) else en


def figure(value: Decimal | None, missing: str = "–") -> str:
    """A number with all digits that the data have and thin groups of thousands; both languages write it alike."""
    if value is None:
        return missing
    text = f"{value:,f}"
    return text.replace("-", "\u2212", 1)
