"""The theme: readable in light and dark, and the same dark by attribute and by system."""

from __future__ import annotations

import re

import pytest

from regional_hub.hub.pages import THEME

CSS = THEME.read_text(encoding="utf-8")


def _variables(block: str) -> dict[str, str]:
    return dict(re.findall(r"(--[\w-]+):\s*([^;]+);", block))


def _block(start: str) -> dict[str, str]:
    found = re.search(re.escape(start) + r"\s*\{(.*?)\}", CSS, re.DOTALL)
    assert found, start
    return _variables(found[1])


LIGHT = _block('[data-bs-theme="light"]')
DARK = _block('[data-bs-theme="dark"]')


def _luminance(color: str) -> float:
    digits = color.lstrip("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_dark_by_system_is_dark_by_attribute():
    assert _block(":root:not([data-bs-theme])") == DARK


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *((ink, ground) for ink in ("ink", "muted", "primary") for ground in ("ground", "paper", "raised")),
        ("on-primary", "primary"),
        ("on-primary", "primary-hover"),
        ("on-primary", "primary-active"),
        ("tint-ink", "tint"),
        *((state, f"{state}-tint") for state in ("ok", "busy", "off", "warning", "failed")),
    ],
)
def test_text_has_the_contrast_of_wcag_aa(scheme, ink, ground):
    assert _contrast(scheme[f"--rh-{ink}"], scheme[f"--rh-{ground}"]) >= 4.5


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_borders_of_fields_and_the_focus_ring_stand_out(scheme):
    for part in ("line-strong", "focus"):
        for ground in ("ground", "raised"):
            assert _contrast(scheme[f"--rh-{part}"], scheme[f"--rh-{ground}"]) >= 3
