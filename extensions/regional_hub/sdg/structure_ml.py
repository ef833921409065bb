"""Reads SDMX-ML structure messages, 2.1, 3.0 and 3.1, into `structure`.

The versions differ in how they refer (a `Ref` element, a URN) and in a few names; both are understood everywhere.
A document type declaration is refused before anything in it is read, so no entity is expanded and no address opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.etree.ElementTree import Element

from regional_hub.sdg import structure as model
from regional_hub.sdg.structure import StructureError
from regional_hub.sdg.xml_tree import child as _child
from regional_hub.sdg.xml_tree import children as _children
from regional_hub.sdg.xml_tree import local as _local
from regional_hub.sdg.xml_tree import parse as _parse
from regional_hub.sdg.xml_tree import split as _split
from regional_hub.sdg.xml_tree import texts as _texts

MESSAGE = re.compile(r"http://www\.sdmx\.org/resources/sdmxml/schemas/(v[\d_]+)/message", re.IGNORECASE)
READ = ("v2_1", "v3_0", "v3_1")


def read(data: bytes, name: str) -> model.Structures:
    """Raises StructureError for what is not an SDMX-ML structure message."""
    root = _parse(data, name)
    namespace, local = _split(root.tag)
    version = MESSAGE.fullmatch(namespace)
    if not version:
        raise StructureError(f"{name}: not SDMX: the outermost element is <{local}>")
    if version[1].lower() not in READ:
        raise StructureError(
            f"{name}: this is SDMX-ML {version[1][1:].replace('_', '.')}, whose structures are not read here; "
            "convert it to SDMX-ML 2.1 or 3.0 first"
        )
    if local != "Structure":
        raise StructureError(f"{name}: this is a message of kind {local}, which holds no structures")
    try:
        return _Message(root).structures()
    except (KeyError, IndexError, ValueError) as error:
        raise StructureError(f"{name}: {error}") from error


def _maintained(element: Element) -> dict[str, Any]:
    return {
        "agency": element.attrib["agencyID"],
        "id": element.attrib["id"],
        "version": element.get("version", "1.0"),
        "name": _texts(element, "Name"),
    }


def _final(element: Element) -> bool:
    # 3.x has no isFinal: a version x.y.z without an extension does not change any more.
    stable = re.fullmatch(r"\d+\.\d+\.\d+", element.get("version", ""))
    return element.get("isFinal") == "true" or bool(stable and "isFinal" not in element.attrib)


def _reference(element: Element | None) -> tuple[str, str]:
    """The artefact (short name) and the item in it that an element refers to, in either way of referring."""
    if element is None:
        return "", ""
    ref = _child(element, "Ref")
    if ref is not None:
        if "maintainableParentID" in ref.attrib:
            version = ref.get("maintainableParentVersion", "1.0")
            return f"{ref.get('agencyID', '')}:{ref.attrib['maintainableParentID']}({version})", ref.attrib["id"]
        short = (
            f"{ref.attrib['agencyID']}:{ref.attrib['id']}({ref.get('version', '1.0')})"
            if "agencyID" in ref.attrib
            else ""
        )
        return short, ref.attrib["id"]
    urn = _child(element, "URN")
    text = ((urn.text if urn is not None else element.text) or "").strip()
    match = model.SHORT.search(text.rpartition("=")[2])
    if match is None:
        return "", text
    return match[0], text.rpartition("=")[2][match.end() :].lstrip(".")


def notes(element: Element) -> dict[str, str]:
    """Texts by type, else id, else title; English where there are several languages, `, ` between several."""
    found: dict[str, list[str]] = {}
    for note in _children(_child(element, "Annotations"), "Annotation"):
        kind, title = _child(note, "AnnotationType"), _child(note, "AnnotationTitle")
        key = (kind.text if kind is not None else None) or note.get("id") or (title.text if title is not None else "")
        texts = _texts(note, "AnnotationText")
        text = texts.get("en") or next(iter(texts.values()), "")
        if not text and title is not None and title.text != key:
            text = title.text or ""
        found.setdefault((key or "").strip(), []).append(text)
    return {key: ", ".join(dict.fromkeys(texts)) for key, texts in found.items()}


class _Message:
    def __init__(self, root: Element) -> None:
        self.root = root
        self.concepts: dict[str, model.ConceptScheme] = {}

    def structures(self) -> model.Structures:
        elements: dict[str, list[Element]] = {}
        # 2.1 groups several kinds in one list (Concepts, Constraints, Codelists); the elements' own names tell them.
        for group in _children(_child(self.root, "Structures")):
            for element in group:
                elements.setdefault(_local(element), []).append(element)

        def made(function: Callable[[Element], Any], *names: str) -> tuple[Any, ...]:
            return tuple(function(element) for name in names for element in elements.pop(name, []))

        codelists = made(_codelist, "Codelist", "ValueList")
        schemes = made(_concept_scheme, "ConceptScheme")
        self.concepts = {scheme.short: scheme for scheme in schemes}
        lists = {codelist.short: codelist for codelist in codelists}
        return model.Structures(
            codelists=codelists,
            concept_schemes=schemes,
            structures=tuple(made.resolved(lists) for made in made(self._structure, "DataStructure")),
            dataflows=made(_dataflow, "Dataflow"),
            constraints=made(_constraint, "ContentConstraint", "DataConstraint"),
            metadata_structures=made(self._metadata_structure, "MetadataStructure"),
            others=tuple(
                f"{name} {e.get('agencyID', '')}:{e.get('id', '')}" for name in elements for e in elements[name]
            ),
        )

    def _structure(self, element: Element) -> model.Structure:
        parts = _child(element, "DataStructureComponents")
        groups = {group.attrib["id"]: _group_dimensions(group) for group in _children(parts, "Group")}
        dimensions = list(_children(_child(parts, "DimensionList"), "Dimension", "MeasureDimension"))
        if all("position" in dimension.attrib for dimension in dimensions):
            dimensions.sort(key=lambda dimension: int(dimension.attrib["position"]))
        ids = tuple(self._id(dimension) for dimension in dimensions)
        components = [self._component(dimension, "dimension") for dimension in dimensions]
        components += [
            self._component(time, "time") for time in _children(_child(parts, "DimensionList"), "TimeDimension")
        ]
        measures = _children(_child(parts, "MeasureList"), "PrimaryMeasure", "Measure")
        components += [self._component(measure, "measure") for measure in measures]
        attributes = _children(_child(parts, "AttributeList"), "Attribute")
        components += [self._component(attribute, "attribute", groups, ids) for attribute in attributes]
        return model.Structure(
            **_maintained(element), components=tuple(components), groups=groups, final=_final(element)
        )

    def _id(self, element: Element) -> str:
        return element.get("id") or _reference(_child(element, "ConceptIdentity"))[1]

    def _concept(self, element: Element) -> tuple[model.Concept | None, str]:
        scheme, item = _reference(_child(element, "ConceptIdentity"))
        known = self.concepts.get(scheme)
        return (known.concepts.get(item) if known else None), (f"{scheme}.{item}" if scheme else "")

    def _component(
        self,
        element: Element,
        role: model.Role,
        groups: Mapping[str, tuple[str, ...]] | None = None,
        dimensions: tuple[str, ...] = (),
    ) -> model.Component:
        concept, reference = self._concept(element)
        codelist, kind, facets, several = _representation(_child(element, "LocalRepresentation"))
        if not codelist and not kind and concept:
            codelist, kind = concept.codelist, concept.type
        attachment, attached_to, group = _relationship(element, groups or {}, dimensions)
        usage = element.get("assignmentStatus") or element.get("usage") or ""
        return model.Component(
            id=self._id(element),
            role=role,
            type=kind or ("ObservationalTimePeriod" if role == "time" else "String"),
            mandatory=role in ("dimension", "time") or usage.lower() == "mandatory",
            attachment=attachment if role == "attribute" else None,
            attached_to=attached_to,
            group=group,
            name=concept.name if concept else {},
            concept_ref=reference,
            codelist_ref=codelist,
            facets=facets,
            several=several,
        )

    def _metadata_structure(self, element: Element) -> model.MetadataStructure:
        found: list[model.MetadataAttribute] = []

        def walk(parent: Element | None, above: str | None) -> None:
            for part in _children(parent, "MetadataAttribute"):
                concept, reference = self._concept(part)
                codelist, kind, _, _ = _representation(_child(part, "LocalRepresentation"))
                found.append(
                    model.MetadataAttribute(
                        id=self._id(part),
                        name=concept.name if concept else {},
                        parent=above,
                        mandatory=part.get("minOccurs", "1") != "0",
                        several=part.get("maxOccurs", "1") != "1",
                        presentational=part.get("isPresentational") == "true",
                        type=kind,
                        codelist_ref=codelist,
                        concept_ref=reference,
                    )
                )
                walk(part, found[-1].id)

        components = _child(element, "MetadataStructureComponents")
        for holder in _children(components, "MetadataAttributeList", "ReportStructure"):
            walk(holder, None)
        return model.MetadataStructure(**_maintained(element), attributes=tuple(found), final=_final(element))


def _group_dimensions(group: Element) -> tuple[str, ...]:
    references = (_child(part, "DimensionReference") for part in _children(group, "GroupDimension"))
    return tuple(_reference(reference)[1] for reference in references)


def _codelist(element: Element) -> model.Codelist:
    codes = {}
    for code in _children(element, "Code", "ValueItem"):
        parent = _reference(_child(code, "Parent"))[1] or None
        names, description = _texts(code, "Name"), _texts(code, "Description")
        codes[code.attrib["id"]] = model.Code(code.attrib["id"], names, parent, notes(code), description)
    partial = element.get("isPartial") == "true" or element.get("isExternalReference") == "true"
    return model.Codelist(**_maintained(element), codes=codes, final=_final(element), partial=partial)


def _concept_scheme(element: Element) -> model.ConceptScheme:
    concepts = {}
    for concept in _children(element, "Concept"):
        codelist, kind, _, _ = _representation(_child(concept, "CoreRepresentation"))
        concepts[concept.attrib["id"]] = model.Concept(
            concept.attrib["id"], _texts(concept, "Name"), _texts(concept, "Description"), codelist, kind
        )
    return model.ConceptScheme(**_maintained(element), concepts=concepts, final=_final(element))


def _representation(element: Element | None) -> tuple[str, str, model.Facets, bool]:
    """Codelist (short name), data type, limits, and whether there may be several values."""
    if element is None:
        return "", "", model.Facets(), False
    several = element.get("maxOccurs", "1") != "1"
    enumeration = _reference(_child(element, "Enumeration"))[0]
    text = _child(element, "TextFormat")
    if text is None:
        text = _child(element, "EnumerationFormat")
    if text is None:
        return enumeration, "", model.Facets(), several

    def number(key: str) -> int | None:
        return int(text.attrib[key]) if key in text.attrib else None

    facets = model.Facets(
        min_length=number("minLength"),
        max_length=number("maxLength"),
        min_value=text.get("minValue"),
        max_value=text.get("maxValue"),
        decimals=number("decimals"),
        pattern=text.get("pattern"),
    )
    return enumeration, text.get("textType", "String"), facets, several


def _relationship(
    element: Element, groups: Mapping[str, tuple[str, ...]], dimensions: tuple[str, ...]
) -> tuple[model.Attachment, tuple[str, ...], str]:
    """Where an attribute belongs: the level, its dimensions, and the group where it is one."""
    relation = _child(element, "AttributeRelationship")
    for part in _children(relation):
        kind = _local(part)
        if kind in ("None", "Dataflow", "Dataset"):
            return "dataset", (), ""
        if kind in ("PrimaryMeasure", "Observation"):
            return "observation", (), ""
        if kind == "Group":
            group = _reference(part)[1]
            return "group", groups.get(group, ()), group
    named = tuple(_reference(part)[1] for part in _children(relation, "Dimension"))
    if any(dimension not in dimensions for dimension in named):
        return "observation", named, ""  # the time is among them
    return ("series", named, "") if named else ("observation", (), "")


def _dataflow(element: Element) -> model.Dataflow:
    return model.Dataflow(**_maintained(element), structure=_reference(_child(element, "Structure"))[0])


def _constraint(element: Element) -> model.Constraint:
    attachment = _child(element, "ConstraintAttachment")
    regions = tuple(_region(region) for region in _children(element, "CubeRegion"))
    keys = []
    for sets in _children(element, "DataKeySet"):
        included = sets.get("isIncluded", "true") == "true"
        keys += [_region(key, included) for key in _children(sets, "Key")]
    return model.Constraint(
        **_maintained(element),
        role=element.get("type") or element.get("role") or "Allowed",
        attached=tuple(reference for part in _children(attachment) if (reference := _reference(part)[0])),
        regions=regions,
        keys=tuple(keys),
    )


def _region(element: Element, included: bool | None = None) -> model.Region:
    values: dict[str, tuple[str, ...]] = {}
    excluded = []
    bounds = {}
    for part in _children(element, "KeyValue", "Attribute", "Component"):
        time = _child(part, "TimeRange")
        if time is not None:
            bounds[part.attrib["id"]] = tuple(_bound(end) for end in time)
        else:
            values[part.attrib["id"]] = tuple((value.text or "").strip() for value in _children(part, "Value"))
        if part.get("include", "true") == "false":
            excluded.append(part.attrib["id"])
    include = element.get("include", "true") == "true" if included is None else included
    return model.Region(include, values, tuple(excluded), bounds)


def _bound(end: Element) -> tuple[str, str]:
    first = _local(end) in ("StartPeriod", "AfterPeriod")
    inclusive = end.get("isInclusive", "true") == "true"
    return ("ge" if inclusive else "gt") if first else ("le" if inclusive else "lt"), (end.text or "").strip()
