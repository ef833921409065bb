"""The 17 goals: the United Nations' short titles and colours, as `goals.toml` has them. Plain Python."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path


@cache
def facts() -> Mapping[str, Mapping[str, str]]:
    """Number of a goal -> its titles by language (`en`, `zh`), its `colour`, and the `ink` that reads on it."""
    return tomllib.loads(Path(__file__).with_name("goals.toml").read_text(encoding="utf-8"))


def title(goal: int, language: str) -> str:
    """A goal's short title, in Chinese for any `zh…`, else in English. Raises KeyError for what is no goal."""
    return facts()[str(goal)]["zh" if language.startswith("zh") else "en"]
