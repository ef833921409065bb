"""Reference metadata: what a metadata structure (as the SDG MSD) says about series, areas and kinds of reporting.

A metadata set names its targets by URN. Targets that are codes of different codelists make a key together
(REPORTING_TYPE x SERIES x REF_AREA for the SDGs); a dimension that no target names is meant whole.
Standard: SDMX 3.1 Technical Notes, section 11; SDMX-JSON Metadata Message 2.0, SDMX-ML generic metadata 3.0 and 3.1.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from pydantic import TypeAdapter

from regional_hub.sdg import durable, periods
from regional_hub.sdg.registry import Registry, version_order
from regional_hub.sdg.structure import (
    Codelist,
    Maintained,
    MetadataAttribute,
    MetadataStructure,
    Structure,
    StructureError,
    whole,
)

CODE = re.compile(r"Code=(?P<codelist>[^()]+)\([^()]*\)\.(?P<code>[\w@$-]+)$")
# The class of an artefact, its agency, id and version, in the URN of it or of an item in it.
URN = re.compile(
    r"urn:sdmx:org\.sdmx\.infomodel\.\w+\.(?P<kind>\w+)=(?P<agency>[^:]+):(?P<id>[^(]+)\((?P<version>[^)]+)\)"
)
# Characters that XML cannot say; texts pasted from word processors hold some.
UNSAYABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
PLAIN = "und"  # the language of a text that has none (BCP 47)


class MetadataError(ValueError):
    """Metadata that cannot be read or kept; the message says what to do."""


@dataclass(frozen=True)
class Reported:
    """What is said of one metadata attribute: texts by language, and the attributes below it."""

    id: str
    texts: Mapping[str, str] = field(default_factory=dict)
    below: tuple[Reported, ...] = ()


@dataclass(frozen=True)
class MetadataSet(Maintained):
    """A metadata set: `flow` is the URN of the metadataflow or provision agreement it follows."""

    flow: str = ""
    targets: tuple[str, ...] = ()
    attributes: tuple[Reported, ...] = ()

    @property
    def urn(self) -> str:
        return f"urn:sdmx:org.sdmx.infomodel.metadatastructure.MetadataSet={self.short}"

    @cached_property
    def codes(self) -> Mapping[str, frozenset[str]]:
        """Codes among the targets, by codelist without its version (`IAEG-SDGs:CL_SERIES`)."""
        found: dict[str, set[str]] = {}
        for target in self.targets:
            if match := CODE.search(target):
                found.setdefault(match["codelist"], set()).add(match["code"])
        return {codelist: frozenset(codes) for codelist, codes in found.items()}

    def about(self, structure: Structure, key: Mapping[str, str]) -> bool:
        """Whether the set is about a key of a structure: no target speaks of another code, and one speaks of this."""
        named = 0
        for dimension in structure.dimensions:
            codes = self.codes.get(dimension.codelist_ref.partition("(")[0])
            if codes is not None:
                if key.get(dimension.id) not in codes:
                    return False
                named += 1
        return named > 0


ADAPTER = TypeAdapter(MetadataSet)


def read(path: Path) -> list[MetadataSet]:
    """The metadata sets in a message, SDMX-JSON 2.x or SDMX-ML 3.x. Raises MetadataError for anything else."""
    from regional_hub.sdg import metadata_json, metadata_ml, xml_tree

    try:
        data = whole(path)
        if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            return metadata_json.read(json.loads(data.decode("utf-8-sig")))
        return metadata_ml.read(xml_tree.parse(data, str(path)))
    except MetadataError as error:
        raise MetadataError(f"{path}: {error}") from None
    except StructureError as error:
        raise MetadataError(str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MetadataError(f"{path}: no metadata message, or cut off: {type(error).__name__} {error}") from error


# -- what is wrong with a set ------------------------------------------------------------------------------------------


def faults(found: MetadataSet, made: MetadataStructure) -> list[str]:
    """What does not follow the metadata structure: attributes unknown, misplaced, missing or mistyped."""
    by_id = {attribute.id: attribute for attribute in made.attributes}
    problems: list[str] = []
    seen: set[str] = set()

    def walk(attributes: Iterable[Reported], above: str | None) -> None:
        for reported in attributes:
            known = by_id.get(reported.id)
            if known is None:
                near = difflib.get_close_matches(reported.id, by_id, 1)
                problems.append(
                    f"{made.short} has no attribute {reported.id!r}" + (f"; is {near[0]} meant?" if near else "")
                )
            elif known.parent != above:
                problems.append(
                    f"{reported.id} stands below {above or 'nothing'}, not below {known.parent or 'nothing'}"
                )
            problems.extend(_value_faults(reported, known))
            seen.add(reported.id)
            walk(reported.below, reported.id)

    walk(found.attributes, None)
    problems += [f"{a.id} is missing" for a in made.attributes if a.mandatory and a.parent is None and a.id not in seen]
    return problems


def _value_faults(reported: Reported, known: MetadataAttribute | None) -> Iterator[str]:
    for text in reported.texts.values():
        if odd := UNSAYABLE.search(text):
            yield f"{reported.id} holds the control character U+{ord(odd[0]):04X}; remove it"
        if known and known.type in TYPES and not TYPES[known.type](text):
            yield f"{reported.id} is {text[:40]!r}, not of the type {known.type}"


def _is_time(text: str) -> bool:
    try:
        periods.span(text)
    except periods.PeriodError:
        return False
    return True


def _is_day(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) is not None and _is_time(text)


TYPES: Mapping[str, Callable[[str], bool]] = {
    "GregorianDay": _is_day,
    "GregorianTimePeriod": _is_time,
    "ObservationalTimePeriod": _is_time,
    "Integer": lambda text: re.fullmatch(r"[+-]?\d+", text, re.ASCII) is not None,
    "Boolean": lambda text: text in ("true", "false", "0", "1"),
}


def target_faults(found: MetadataSet, registry: Registry) -> list[str]:
    """Targets that are no URN, and codes that no codelist of the registry has. Codelists that are not kept pass."""
    lists: dict[str, dict[str, Codelist]] = {}
    for short in registry.names("codelists"):
        lists.setdefault(short.partition("(")[0], {})[short] = registry.codelist(short)
    problems = [f"{target!r} is no URN of SDMX" for target in found.targets if not URN.match(target)]
    for codelist, codes in found.codes.items():
        there = {code for kept in lists.get(codelist, {}).values() for code in kept.codes}
        for code in sorted(codes - there) if there else ():
            near = difflib.get_close_matches(code, there, 1)
            problems.append(f"{codelist} has no code {code!r}" + (f"; is {near[0]} meant?" if near else ""))
    return problems


# -- the sets that are kept --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """A set, and since when it is here."""

    since: datetime
    set: MetadataSet


KEPT = TypeAdapter(Kept)


class Library:
    """The metadata sets that are kept below a folder; a version never changes once it is there."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.folder = folder
        self._clock = clock
        self._read: dict[str, Kept] = {}

    def add(self, found: Sequence[MetadataSet]) -> list[str]:
        """Keep sets; returns the short names that are new. Raises MetadataError for a version with other content."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = []
        with durable.lock(self.folder / "lock"):
            for made in found:  # all or nothing
                if self._path(made.short).exists() and self.get(made.short) != made:
                    raise MetadataError(f"{made.short} is kept already with another content; give it a new version")
            now = self._clock()
            for made in found:
                if not self._path(made.short).exists():
                    durable.write_json(self._path(made.short), KEPT.dump_python(Kept(now, made), mode="json"))
                    new.append(made.short)
        return new

    def _path(self, short: str) -> Path:
        if not re.fullmatch(r"[\w.:()@$+-]+", short):
            raise MetadataError(f"{short!r} cannot name a metadata set")
        return self.folder / f"{short}.json"

    def kept(self, short: str) -> Kept:
        """A set and since when it is here. Raises MetadataError, naming what there is, for an unknown one."""
        path = self._path(short)
        if short not in self._read:
            if not path.exists():
                raise MetadataError(f"no metadata set {short}; there are: {', '.join(self.names()) or 'none'}")
            self._read[short] = KEPT.validate_json(path.read_bytes())
        return self._read[short]

    def named(self, name: str) -> Kept:
        """A set by its short name, or the newest by agency and id. Raises MetadataError."""
        if "(" in name:
            return self.kept(name)
        versions = [short for short in self.names() if short.partition("(")[0] == name]
        return self.kept(max(versions, key=version_order)) if versions else self.kept(name)

    def get(self, short: str) -> MetadataSet:
        return self.kept(short).set

    def names(self, at: datetime | None = None) -> list[str]:
        """Short names of all sets, or of those that were here at a moment."""
        found = sorted(path.stem for path in self.folder.glob("*.json") if not path.name.startswith("."))
        return [short for short in found if at is None or self.kept(short).since <= at]

    def latest(self, at: datetime | None = None) -> Iterator[MetadataSet]:
        """Each set in its newest version."""
        newest: dict[str, str] = {}
        for short in self.names(at):
            name = short.partition("(")[0]
            if name not in newest or version_order(short) > version_order(newest[name]):
                newest[name] = short
        return (self.get(short) for short in newest.values())

    def about(self, structure: Structure, key: Mapping[str, str]) -> list[MetadataSet]:
        """The newest sets about a key, the one that names most of it first."""
        found = [made for made in self.latest() if made.about(structure, key)]
        return sorted(found, key=lambda made: (-len(made.codes), made.short))
