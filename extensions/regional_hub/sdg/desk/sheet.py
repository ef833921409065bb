"""A form of reference metadata: its fields out of the metadata structure, a set out of the answers, and what changed.

The order and nesting are those of the structure. Languages that the form does not show, and further values of an
attribute that may have several, stay as they were.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from regional_hub.sdg.metadata import PLAIN, TYPES, MetadataSet, Reported
from regional_hub.sdg.registry import Registry
from regional_hub.sdg.structure import Component, MetadataAttribute, MetadataStructure, Structure, StructureError

CODE_URN = "urn:sdmx:org.sdmx.infomodel.codelist.Code={}.{}"
FLOW_URN = "urn:sdmx:org.sdmx.infomodel.metadatastructure.Metadataflow={}"
IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,79}")
LANGUAGES = ("en", "zh")
# Dimensions that a set of the SDGs is about, as far as a structure has them.
TARGETS = ("REPORTING_TYPE", "SERIES", "REF_AREA")

Answers = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Field:
    """A field of the form: `texts` by language; `plain` has one text without a language; a heading has none."""

    id: str
    names: Mapping[str, str]
    depth: int
    heading: bool
    mandatory: bool
    plain: bool
    type: str
    texts: Mapping[str, str]

    @property
    def languages(self) -> tuple[str, ...]:
        return (PLAIN,) if self.plain else LANGUAGES


def fields(made: MetadataStructure, registry: Registry, current: Sequence[Reported] = ()) -> list[Field]:
    """The fields in the order of the structure, an attribute before those below it, filled from a set."""
    found: list[Field] = []

    def walk(parent: str | None, depth: int, said: Sequence[Reported]) -> None:
        for attribute in (each for each in made.attributes if each.parent == parent):
            reported = next((each for each in said if each.id == attribute.id), Reported(attribute.id))
            found.append(_field(attribute, registry, depth, reported.texts))
            walk(attribute.id, depth + 1, reported.below)

    walk(None, 0, current)
    return found


def _field(attribute: MetadataAttribute, registry: Registry, depth: int, texts: Mapping[str, str]) -> Field:
    plain = attribute.type in TYPES
    shown = {PLAIN: next(iter(texts.values()), "")} if plain else {name: texts.get(name, "") for name in LANGUAGES}
    if not plain and not shown["en"] and PLAIN in texts:
        shown["en"] = texts[PLAIN]
    names = attribute.name or _concept(attribute.concept_ref, registry)
    return Field(
        attribute.id, names, depth, attribute.presentational, attribute.mandatory, plain, attribute.type, shown
    )


def _concept(ref: str, registry: Registry) -> Mapping[str, str]:
    """The names of the concept behind an attribute, where its scheme is kept."""
    scheme, _, concept = ref.rpartition(".")
    try:
        found = registry.concept_scheme(scheme).concepts.get(concept)
    except StructureError:
        return {}
    return found.name if found else {}


def attributes(made: MetadataStructure, answers: Answers, current: Sequence[Reported] = ()) -> tuple[Reported, ...]:
    """What the answers say, as a set has it; empty answers say nothing."""

    def walk(parent: str | None, said: Sequence[Reported]) -> tuple[Reported, ...]:
        result: list[Reported] = []
        for attribute in (each for each in made.attributes if each.parent == parent):
            there = [each for each in said if each.id == attribute.id]
            first = there[0] if there else Reported(attribute.id)
            texts = {} if attribute.presentational else _texts(attribute, answers, first)
            new = Reported(attribute.id, texts, walk(attribute.id, first.below))
            result += [new] if new.texts or new.below else []
            result += there[1:]
        known = {each.id for each in made.attributes if each.parent == parent}
        return (*result, *(each for each in said if each.id not in known))

    return walk(None, current)


def _texts(attribute: MetadataAttribute, answers: Answers, before: Reported) -> dict[str, str]:
    languages = (PLAIN,) if attribute.type in TYPES else LANGUAGES
    kept = {name: text for name, text in before.texts.items() if name not in (*LANGUAGES, PLAIN)}
    given = {name: _lines(answers.get((attribute.id, name), "")) for name in languages}
    return {**{name: text for name, text in given.items() if text}, **kept}


def _lines(text: str) -> str:
    """Browsers send CR LF; a set holds LF."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def next_version(version: str) -> str:
    """The version that follows: 1.0 -> 1.1, 1.2.3 -> 1.3.0."""
    parts = version.split(".")
    if len(parts) == 1 or not parts[1].isdigit():
        return f"{parts[0]}.1"
    return ".".join([parts[0], str(int(parts[1]) + 1), *("0" for _ in parts[2:])])


def dimensions(structure: Structure) -> list[Component]:
    """The dimensions whose codes a set can be about, with their codelists."""
    return [part for part in structure.dimensions if part.id in TARGETS and part.codelist is not None]


def targets(structure: Structure, chosen: Mapping[str, Iterable[str]], before: Sequence[str] = ()) -> tuple[str, ...]:
    """The URNs of the chosen codes by dimension. Raises ValueError for a code that the codelist does not have.

    Targets of `before` that the form cannot show (of other codelists) stay.
    """
    found = []
    shown = tuple(f"Code={part.codelist_ref.partition('(')[0]}(" for part in dimensions(structure))
    for part in dimensions(structure):
        known = part.codelist.codes if part.codelist else {}
        for code in chosen.get(part.id, ()):
            if code not in known:
                raise ValueError(f"{part.id} has no code {code!r}")
            found.append(CODE_URN.format(part.codelist_ref, code))
    return (*found, *(urn for urn in before if not any(name in urn for name in shown)))


def about(structure: Structure, found: MetadataSet) -> dict[str, list[str]]:
    """The codes that a set is about, by dimension of a structure."""
    return {part.id: sorted(found.codes.get(part.codelist_ref.partition("(")[0], ())) for part in dimensions(structure)}


def revised(
    current: MetadataSet, said: tuple[Reported, ...], urns: tuple[str, ...], name: Mapping[str, str]
) -> MetadataSet:
    """The next version of a set."""
    names = {**current.name, **{language: text for language, text in name.items() if text}}
    return replace(current, version=next_version(current.version), attributes=said, targets=urns, name=names)


@dataclass(frozen=True)
class Difference:
    """A text of an attribute that differs; `pieces` are (same | gone | new, text) in reading order."""

    id: str
    language: str
    pieces: tuple[tuple[str, str], ...]


def differences(before: MetadataSet, after: MetadataSet) -> list[Difference]:
    """What differs between two versions, attribute by attribute and language by language; targets come last."""
    old, new = dict(_flat(before.attributes)), dict(_flat(after.attributes))
    found = [
        Difference(id, language, words(old.get((id, language), ""), new.get((id, language), "")))
        for id, language in dict.fromkeys([*new, *old])
        if old.get((id, language)) != new.get((id, language))
    ]
    there = [target.rpartition("=")[2] for target in before.targets], [t.rpartition("=")[2] for t in after.targets]
    if there[0] != there[1]:
        found.append(Difference("", "", words("\n".join(there[0]), "\n".join(there[1]))))
    return found


def _flat(said: Iterable[Reported], above: str = "") -> Iterable[tuple[tuple[str, str], str]]:
    counted: dict[str, int] = {}
    for reported in said:
        counted[reported.id] = counted.get(reported.id, 0) + 1
        number = f" {counted[reported.id]}" if counted[reported.id] > 1 else ""
        name = f"{above}{reported.id}{number}"
        for language, text in reported.texts.items():
            yield (name, language), text
        yield from _flat(reported.below, f"{name}.")


_WORDS = re.compile(r"[A-Za-z0-9_'’]+|\s+|.", re.DOTALL)
MOST_WORDS = 20_000


def words(before: str, after: str) -> tuple[tuple[str, str], ...]:
    """Two texts as one, word by word (Chinese by character): what is the same, gone and new."""
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if len(old) + len(new) > MOST_WORDS:  # quadratic beyond this
        return tuple((kind, text) for kind, text in (("gone", before), ("new", after)) if text)
    pieces: list[tuple[str, str]] = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            pieces.append(("same", "".join(old[a:b])))
            continue
        pieces += [("gone", "".join(old[a:b]))] if b > a else []
        pieces += [("new", "".join(new[c:d]))] if d > c else []
    return tuple(pieces)
