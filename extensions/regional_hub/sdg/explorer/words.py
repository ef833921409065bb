"""Labels of codes, concepts and goals in a reader's language: the data's own words first, then the hub's translations.

The codelists of the SDGs come in English and sometimes in a national language. `labels.zh.toml`, `series.zh.toml` and
`indicators.zh.toml` add Chinese; they are data, so that an institution corrects them without touching code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from regional_hub.core.goals import facts as goal_facts
from regional_hub.sdg.structure import Code, Component


@dataclass(frozen=True)
class Label:
    """A text and the language that it is in, so that a page can mark one that is not the reader's (WCAG 3.1.2)."""

    text: str
    language: str

    def __str__(self) -> str:
        return self.text


def best(names: Mapping[str, str], language: str) -> Label | None:
    """The name in a language, in one close to it, in English, or in any."""
    short = language.split("-")[0]
    for wanted in (language, short, "en"):
        for tag, text in names.items():
            if text and (tag == wanted or tag.split("-")[0] == wanted):
                return Label(text, tag)
    return next((Label(text, tag) for tag, text in names.items() if text), None)


def of_code(component: Component, code: str, language: str) -> Label:
    """A code's name; the code itself where nobody named it. "_T" and the like are named though no codelist does."""
    there = component.codelist.codes.get(code) if component.codelist else None
    names = dict(there.name) if there else {}
    ours = _translation((component.codelist_ref.partition("(")[0].partition(":")[2], component.id), code, language)
    if ours and not best({k: v for k, v in names.items() if k.split("-")[0] == language.split("-")[0]}, language):
        names = {**names, language: ours}
    return best(names, language) or Label(code, "und")


def of_component(component: Component, language: str) -> Label:
    """What a dimension or attribute is called."""
    ours = _translation(("CONCEPTS",), component.id, language)
    own = {tag: text for tag, text in component.name.items() if tag.split("-")[0] == language.split("-")[0]}
    if ours and not own:
        return Label(ours, language)
    return best(component.name, language) or Label(component.id.replace("_", " ").capitalize(), "und")


def _translation(tables: Iterable[str], code: str, language: str) -> str:
    """Our own translation. A national codelist is looked up by the name of the global one that it extends, or by the
    id of the component."""
    there = translations(language.split("-")[0])
    return next((there[name][code] for name in (*tables, "ANY") if code in there.get(name, {})), "")


@cache
def translations(language: str) -> Mapping[str, Mapping[str, str]]:
    """Table -> code -> text, from `labels.<language>.toml` and `series.<language>.toml`; empty where there are none."""
    return {name: table for kind in ("labels", "series") for name, table in _read(f"{kind}.{language}.toml").items()}


@dataclass(frozen=True)
class Goal:
    """One of the 17 goals; `colour` and `ink` (text on it) are CSS colours."""

    id: str
    title: Label
    colour: str
    ink: str


def goals(language: str) -> list[Goal]:
    """The goals in order, their official short titles in the language (English where there is none)."""
    found = []
    for id, facts in goal_facts().items():
        texts = {tag: text for tag, text in facts.items() if tag not in ("colour", "ink")}
        found.append(Goal(id, best(texts, language) or Label(id, "und"), facts["colour"], facts["ink"]))
    return found


def of_indicator(id: str, given: Mapping[str, str], language: str) -> Label:
    """The title of an indicator: what the data structure calls it, or the official title in the reader's language."""
    ours = _read(f"indicators.{language.split('-')[0]}.toml").get(id, "")
    own = {tag: text for tag, text in given.items() if tag.split("-")[0] == language.split("-")[0]}
    if ours and not own:
        return Label(ours, language)
    return best(given, language) or Label(id, "und")


@cache
def _read(name: str) -> Mapping[str, Any]:
    path = Path(__file__).with_name(name)
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def is_total(code: str | Code) -> bool:
    """Whether a code of a breakdown means "not broken down" (SDMX: _T total, _Z not applicable, _X unspecified)."""
    return (code if isinstance(code, str) else code.id) in ("_T", "_Z", "_X", "N", "")
