"""Reference metadata: what a metadata structure (as the SDG MSD) says about series, areas and kinds of reporting.

A metadata set names its targets by URN. Targets that are codes of different codelists make a key together
(REPORTING_TYPE x SERIES x REF_AREA for the SDGs); a dimension that no target names is meant whole.
Standard: SDMX 3.1 Technical Notes, section 11; SDMX-JSON Metadata Message 2.0, SDMX-ML generic metadata 3.0 and 3.1.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from pydantic import TypeAdapter

from regional_hub.sdg import durable
from regional_hub.sdg.registry import version_order
from regional_hub.sdg.structure import Maintained, MetadataStructure, Structure, StructureError
from regional_hub.sdg.xml_tree import child, children, local, parse, split, texts

CODE = re.compile(r"Code=(?P<codelist>[^()]+)\([^()]*\)\.(?P<code>[\w@$-]+)$")
MESSAGE = re.compile(r"http://www\.sdmx\.org/resources/sdmxml/schemas/v3_[01]/message")
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
    data = path.read_bytes()
    try:
        if data.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            return _read_json(json.loads(data.decode("utf-8-sig")))
        return _read_ml(parse(data, str(path)))
    except MetadataError as error:
        raise MetadataError(f"{path}: {error}") from None
    except StructureError as error:
        raise MetadataError(str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MetadataError(f"{path}: no metadata message, or cut off: {type(error).__name__} {error}") from error


def _read_json(message: dict[str, Any]) -> list[MetadataSet]:
    found = message.get("data", {}).get("metadataSets")
    if found is None:
        raise MetadataError("not an SDMX-JSON metadata message: there are no metadataSets")
    return [
        MetadataSet(
            agency=item["agencyID"],
            id=item["id"],
            version=item.get("version", "1.0"),
            name=item.get("names") or {"en": item["name"]},
            flow=item.get("metadataflow") or item["metadataProvisionAgreement"],
            targets=tuple(item["targets"]),
            attributes=tuple(map(_reported, item["attributes"])),
        )
        for item in found
    ]


def _reported(item: dict[str, Any]) -> Reported:
    value = item.get("value")
    if value is None:
        said: Mapping[str, str] = {}
    elif isinstance(value, dict):
        said = value
    else:
        said = {PLAIN: json.dumps(value) if isinstance(value, bool) else str(value)}
    return Reported(item["id"], said, tuple(map(_reported, item.get("attributes", []))))


def _read_ml(root: Element) -> list[MetadataSet]:
    namespace, name = split(root.tag)
    if not MESSAGE.fullmatch(namespace) or name != "GenericMetadata":
        raise MetadataError(f"<{name}> is no generic metadata message of SDMX-ML 3.0 or 3.1")
    return [
        MetadataSet(
            agency=item.attrib["agencyID"],
            id=item.attrib["id"],
            version=item.get("version", "1.0"),
            name=texts(item, "Name"),
            flow=_text(child(item, "Metadataflow")) or _text(child(item, "MetadataProvisionAgreement")),
            targets=tuple(_text(target) for target in children(item, "Target")),
            attributes=tuple(map(_reported_ml, children(item, "Attribute"))),
        )
        for item in children(root, "MetadataSet")
    ]


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _reported_ml(item: Element) -> Reported:
    said = texts(item, "Text")
    for structured in children(item, "StructuredText"):
        language = structured.get("{http://www.w3.org/XML/1998/namespace}lang", "en")
        said[language] = "".join(structured.itertext()).strip()
    values = [_text(value) for value in children(item, "Value")]
    if values:
        said[PLAIN] = "\n".join(values)
    return Reported(item.attrib["id"], said, tuple(_reported_ml(e) for e in item if local(e) == "Attribute"))


def faults(found: MetadataSet, made: MetadataStructure) -> list[str]:
    """What does not follow the metadata structure: attributes that are not in it, in another place, or missing."""
    by_id = {attribute.id: attribute for attribute in made.attributes}
    problems = []
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
            seen.add(reported.id)
            walk(reported.below, reported.id)

    walk(found.attributes, None)
    problems += [f"{a.id} is missing" for a in made.attributes if a.mandatory and a.parent is None and a.id not in seen]
    return problems


class Library:
    """The metadata sets that are kept below a folder; a version never changes once it is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, found: Sequence[MetadataSet]) -> list[str]:
        """Keep sets; returns the short names that are new. Raises MetadataError for a version with other content."""
        self.folder.mkdir(parents=True, exist_ok=True)
        new = []
        with durable.lock(self.folder / "lock"):
            for made in found:  # all or nothing
                path = self._path(made.short)
                if path.exists() and ADAPTER.validate_json(path.read_bytes()) != made:
                    raise MetadataError(f"{made.short} is kept already with another content; give it a new version")
            for made in found:
                if not self._path(made.short).exists():
                    durable.write_json(self._path(made.short), ADAPTER.dump_python(made, mode="json"))
                    new.append(made.short)
        return new

    def _path(self, short: str) -> Path:
        if not re.fullmatch(r"[\w.:()@$+-]+", short):
            raise MetadataError(f"{short!r} cannot name a metadata set")
        return self.folder / f"{short}.json"

    def get(self, short: str) -> MetadataSet:
        path = self._path(short)
        if not path.exists():
            raise MetadataError(f"no metadata set {short}; there are: {', '.join(self.names()) or 'none'}")
        return ADAPTER.validate_json(path.read_bytes())

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def latest(self) -> Iterator[MetadataSet]:
        """Each set in its newest version."""
        newest: dict[str, str] = {}
        for short in self.names():
            name = short.partition("(")[0]
            if name not in newest or version_order(short) > version_order(newest[name]):
                newest[name] = short
        return (self.get(short) for short in newest.values())

    def about(self, structure: Structure, key: Mapping[str, str]) -> list[MetadataSet]:
        """The newest sets about a key, the one that names most of it first."""
        found = [made for made in self.latest() if made.about(structure, key)]
        return sorted(found, key=lambda made: (-len(made.codes), made.short))


def write_json(found: Iterable[MetadataSet], *, id: str, prepared: datetime, sender: str) -> bytes:
    """An SDMX-JSON 2.0 metadata message."""
    message = {
        "meta": {"id": id, "test": False, "prepared": prepared.isoformat(), "sender": {"id": sender}},
        "data": {"metadataSets": [_set_json(made) for made in found]},
    }
    return json.dumps(message, ensure_ascii=False).encode()


def _set_json(made: MetadataSet) -> dict[str, Any]:
    name = made.name.get("en") or next(iter(made.name.values()), made.id)
    kind = "metadataProvisionAgreement" if "ProvisionAgreement=" in made.flow else "metadataflow"
    return {
        "id": made.id,
        "agencyID": made.agency,
        "version": made.version,
        "name": name,
        "names": dict(made.name) or {"en": name},
        kind: made.flow,
        "targets": list(made.targets),
        "attributes": [_attribute_json(attribute) for attribute in made.attributes],
    }


def _attribute_json(reported: Reported) -> dict[str, Any]:
    found: dict[str, Any] = {"id": reported.id}
    if list(reported.texts) == [PLAIN]:
        found["value"] = reported.texts[PLAIN]
    elif reported.texts:
        found["value"] = dict(reported.texts)
    if reported.below:
        found["attributes"] = [_attribute_json(below) for below in reported.below]
    return found
