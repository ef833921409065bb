"""Writes SDMX-ML structure messages, 2.1, 3.0 and 3.1.

Standard: SDMX 2.1, 3.0 and 3.1 Technical Specifications, section 3 (SDMX-ML schemas). 2.1 refers by `<Ref>`, 3.x by
URN; 3.1 tells what data there are apart from what may be. Metadata structures are those of 3.x: 2.1 gets their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from regional_hub.sdg.formats.bundle import Available, Bundle, concept_of, time_ends
from regional_hub.sdg.formats.writing import Options, moment
from regional_hub.sdg.structure import (
    Code,
    Codelist,
    Component,
    Concept,
    ConceptScheme,
    Constraint,
    Dataflow,
    Maintained,
    MetadataAttribute,
    MetadataStructure,
    Region,
    Structure,
    urn,
)

Version = Literal["2.1", "3.0", "3.1"]
BASE = "http://www.sdmx.org/resources/sdmxml/schemas/"
ITEM = re.compile(r"([^:]+):([^(]+)\(([^)]+)\)\.?(.*)")


def write(bundle: Bundle, options: Options, version: Version = "2.1") -> bytes:
    """The message, with every language of each name."""
    base = f"{BASE}v{version.replace('.', '_')}/"
    make = _Maker(bundle, version)
    sections = {
        "Codelists": [make.codelist(one) for one in bundle.codelists],
        "Concepts": [make.concept_scheme(one) for one in bundle.concept_schemes],
        "DataStructures": [make.structure(one) for one in bundle.structures],
        "Dataflows": [make.dataflow(one) for one in bundle.dataflows],
        "MetadataStructures": [make.metadata_structure(one) for one in bundle.metadata_structures],
        "Constraints": [make.constraint(one) for one in bundle.constraints],
    }
    there = "AvailabilityConstraints" if version == "3.1" else "Constraints"
    sections.setdefault(there, []).extend([make.available(bundle.available)] if bundle.available else [])
    order: tuple[str, ...] = (
        "Dataflows",
        "Codelists",
        "Concepts",
        "MetadataStructures",
        "DataStructures",
        "Constraints",
    )
    names: Mapping[str, str] = {}
    if version != "2.1":
        names = {"Concepts": "ConceptSchemes", "Constraints": "DataConstraints"}
        order = tuple(sorted(sections, key=lambda name: str(names.get(name, name)).lower()))
    body = "".join(
        _element(f"str:{names.get(name, name)}", "".join(sections[name])) for name in order if sections[name]
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<mes:Structure xmlns:mes="{base}message" xmlns:str="{base}structure" '
        f'xmlns:com="{base}common">\n<mes:Header><mes:ID>{escape(options.message)}</mes:ID>'
        f"<mes:Test>{str(options.test).lower()}</mes:Test><mes:Prepared>{moment(options.prepared)}</mes:Prepared>"
        f"<mes:Sender id={quoteattr(options.sender)}/></mes:Header>\n<mes:Structures>{body}</mes:Structures>\n"
        "</mes:Structure>\n"
    ).encode()


def _element(name: str, content: str = "", attributes: Mapping[str, str] | None = None) -> str:
    spelled = "".join(f" {key}={quoteattr(value)}" for key, value in (attributes or {}).items())
    return f"<{name}{spelled}>{content}</{name}>" if content else f"<{name}{spelled}/>"


def _texts(element: str, texts: Mapping[str, str], otherwise: str = "") -> str:
    said = dict(texts) or ({"en": otherwise} if otherwise else {})
    return "".join(_element(element, escape(text), {"xml:lang": language}) for language, text in said.items())


class _Maker:
    def __init__(self, bundle: Bundle, version: Version) -> None:
        self._bundle = bundle
        self._version = version
        self._old = version == "2.1"

    # -- what all have in common ----------------------------------------------------------------------------------

    def _maintained(self, name: str, one: Maintained, content: str = "", more: Mapping[str, str] | None = None) -> str:
        attributes = {"id": one.id, "agencyID": one.agency, "version": one.version, **(more or {})}
        if self._bundle.is_stub(one) or (self._old and isinstance(one, MetadataStructure)):
            address = f"../../{one.agency}/{one.id}/{one.version}"
            attributes |= {"isExternalReference": "true", "structureURL": address}
            content = ""
        elif self._old and getattr(one, "final", False):
            attributes["isFinal"] = "true"
        if isinstance(one, (Codelist, ConceptScheme)) and self._bundle.is_partial(one):
            attributes["isPartial"] = "true"
        return _element(name, _texts("com:Name", one.name, one.id) + content, attributes) + "\n"

    def _reference(self, kind: str, short: str, item: str = "") -> str:
        """A reference to an artefact, or to an item in it."""
        match = ITEM.fullmatch(short)
        if match is None:
            return ""
        agency, id, version, inner = match.groups()
        if not self._old:
            package = {"Concept": "conceptscheme"}.get(kind)
            return f"urn:sdmx:org.sdmx.infomodel.{package}.{kind}={short}" if package else urn(kind, short)
        if kind == "Concept":
            parts = {"id": inner, "maintainableParentID": id, "maintainableParentVersion": version}
            return _element("Ref", "", {**parts, "agencyID": agency, "package": "conceptscheme", "class": "Concept"})
        package = "codelist" if kind == "Codelist" else "datastructure"
        parts = {"id": id, "version": version, "agencyID": agency, "package": package, "class": kind}
        return _element("Ref", "", parts)

    def _local(self, id: str) -> str:
        return _element("Ref", "", {"id": id}) if self._old else id

    # -- artefacts ------------------------------------------------------------------------------------------------

    def codelist(self, one: Codelist) -> str:
        return self._maintained("str:Codelist", one, "".join(map(self._code, one.codes.values())))

    def _code(self, code: Code) -> str:
        notes = "".join(
            _element(
                "com:Annotation",
                _element("com:AnnotationType", escape(kind)) + _texts("com:AnnotationText", {"en": text}),
            )
            for kind, text in code.annotations.items()
        )
        content = _element("com:Annotations", notes) if notes else ""
        content += _texts("com:Name", code.name, code.id) + _texts("com:Description", code.description)
        content += _element("str:Parent", self._local(code.parent)) if code.parent else ""
        return _element("str:Code", content, {"id": code.id})

    def concept_scheme(self, one: ConceptScheme) -> str:
        concepts = (
            _element(
                "str:Concept",
                _texts("com:Name", concept.name, concept.id)
                + _texts("com:Description", concept.description)
                + self._core(concept),
                {"id": concept.id},
            )
            for concept in one.concepts.values()
        )
        return self._maintained("str:ConceptScheme", one, "".join(concepts))

    def _core(self, concept: Concept) -> str:
        if concept.codelist:
            enumerated = _element("str:Enumeration", self._reference("Codelist", concept.codelist))
            return _element("str:CoreRepresentation", enumerated)
        if concept.type:
            return _element("str:CoreRepresentation", _element("str:TextFormat", "", {"textType": concept.type}))
        return ""

    def dataflow(self, one: Dataflow) -> str:
        return self._maintained(
            "str:Dataflow", one, _element("str:Structure", self._reference("DataStructure", one.structure))
        )

    def structure(self, one: Structure) -> str:
        dimensions = "".join(
            self._component("str:Dimension", part, one, {"position": str(place)})
            for place, part in enumerate(one.dimensions, start=1)
        )
        if one.time:
            place = {"position": str(len(one.dimensions) + 1)} if self._old else {}
            dimensions += self._component("str:TimeDimension", one.time, one, place)
        content = _element("str:DimensionList", dimensions, {"id": "DimensionDescriptor"})
        content += "".join(self._group(id, ids) for id, ids in one.groups.items())
        measures, attributes = "".join(self._measures(one)), "".join(self._attributes(one))
        measure_list = _element("str:MeasureList", measures, {"id": "MeasureDescriptor"}) if measures else ""
        attribute_list = _element("str:AttributeList", attributes, {"id": "AttributeDescriptor"}) if attributes else ""
        content += attribute_list + measure_list
        return self._maintained("str:DataStructure", one, _element("str:DataStructureComponents", content))

    def _group(self, id: str, ids: Iterable[str]) -> str:
        parts = (_element("str:GroupDimension", _element("str:DimensionReference", self._local(part))) for part in ids)
        return _element("str:Group", "".join(parts), {"id": id})

    def _measures(self, structure: Structure) -> Iterator[str]:
        if self._old:
            yield self._component("str:PrimaryMeasure", structure.measure, structure)
            return
        for part in structure.measures:
            yield self._component("str:Measure", part, structure, {"usage": _usage(part)})

    def _attributes(self, structure: Structure) -> Iterator[str]:
        status = "assignmentStatus" if self._old else "usage"
        for part in structure.attributes:
            usage = {"mandatory": "Mandatory", "optional": "Conditional"}[_usage(part)] if self._old else _usage(part)
            relation = _element("str:AttributeRelationship", self._relationship(part, structure))
            yield self._component("str:Attribute", part, structure, {status: usage}, relation)

    def _relationship(self, part: Component, structure: Structure) -> str:
        if part.attachment == "group" and part.group:
            return _element("str:Group", self._local(part.group))
        if part.attachment == "dataset":
            return "<str:None/>" if self._old else "<str:Dataflow/>"
        if part.attached_to:
            return "".join(_element("str:Dimension", self._local(id)) for id in part.attached_to)
        return _element("str:PrimaryMeasure", self._local(structure.measure.id)) if self._old else "<str:Observation/>"

    def _component(
        self, name: str, part: Component, structure: Structure, more: Mapping[str, str] | None = None, after: str = ""
    ) -> str:
        content = _element("str:ConceptIdentity", self._reference("Concept", concept_of(part, structure)))
        content += _element("str:LocalRepresentation", self._representation(part))
        return _element(name, content + after, {"id": part.id, **(more or {})})

    def _representation(self, part: Component) -> str:
        if part.codelist_ref:
            return _element("str:Enumeration", self._reference("Codelist", part.codelist_ref))
        facets = part.facets
        limits = {"minLength": facets.min_length, "maxLength": facets.max_length, "decimals": facets.decimals}
        limits |= {"minValue": facets.min_value, "maxValue": facets.max_value}  # type: ignore[dict-item]
        said = {"textType": part.type} | {key: str(value) for key, value in limits.items() if value is not None}
        return _element("str:TextFormat", "", said | ({"pattern": facets.pattern} if facets.pattern else {}))

    # -- reference metadata ---------------------------------------------------------------------------------------

    def metadata_structure(self, one: MetadataStructure) -> str:
        content = "".join(self._metadata_attribute(part, one) for part in one.attributes if part.parent is None)
        listed = _element("str:MetadataAttributeList", content, {"id": "MetadataAttributeDescriptor"})
        return self._maintained("str:MetadataStructure", one, _element("str:MetadataStructureComponents", listed))

    def _metadata_attribute(self, part: MetadataAttribute, whole: MetadataStructure) -> str:
        said = {"minOccurs": str(int(part.mandatory)), "maxOccurs": "unbounded" if part.several else "1"}
        said |= {"isPresentational": "true"} if part.presentational else {}
        content = _element("str:ConceptIdentity", self._reference("Concept", concept_of(part, whole)))
        if part.codelist_ref:
            enumerated = _element("str:Enumeration", self._reference("Codelist", part.codelist_ref))
            content += _element("str:LocalRepresentation", enumerated)
        elif part.type:
            format = _element("str:TextFormat", "", {"textType": part.type})
            content += _element("str:LocalRepresentation", format)
        content += "".join(self._metadata_attribute(one, whole) for one in whole.attributes if one.parent == part.id)
        return _element("str:MetadataAttribute", content, {"id": part.id, **said})

    # -- what data there may be, and what there are ---------------------------------------------------------------

    def constraint(self, one: Constraint) -> str:
        attached = "".join(
            _element(f"str:{kind}", self._reference(kind, short))
            for kind in ("DataStructure", "Dataflow")
            for short in one.attached
            if (kind == "Dataflow") == (short in self._bundle.flows)
        )
        content = _element("str:ConstraintAttachment", attached) if attached else ""
        for included in (True, False):
            keys = "".join(self._region("str:Key", key, key=True) for key in one.keys if key.include is included)
            content += _element("str:DataKeySet", keys, {"isIncluded": str(included).lower()}) if keys else ""
        content += "".join(self._region("str:CubeRegion", region) for region in one.regions)
        if self._old:
            return self._maintained("str:ContentConstraint", one, content, {"type": one.role})
        return self._maintained(
            "str:DataConstraint", one, content, {"role": one.role} if self._version == "3.0" else {}
        )

    def _region(self, name: str, region: Region, key: bool = False) -> str:
        space = "com" if self._old else "str"
        values = "".join(
            _element(
                f"{space}:KeyValue",
                "".join(_element(f"{space}:Value", escape(value)) for value in listed),
                {"id": id} | ({"include": "false"} if id in region.excluded else {}),
            )
            for id, listed in region.values.items()
            if listed
        )
        for id, bounds in region.bounds.items():
            said = {"include": "false"} if id in region.excluded else {}
            ends = "".join(
                _element(f"{space}:{end}", escape(at), {"isInclusive": str(inclusive).lower()})
                for end, at, inclusive in time_ends(bounds)
            )
            values += _element(f"{space}:KeyValue", _element(f"{space}:TimeRange", ends), {"id": id, **said})
        return _element(name, values, {} if key else {"include": str(region.include).lower()})

    def available(self, one: Available) -> str:
        key, space = ("com:KeyValue", "com") if self._old else ("str:KeyValue", "str")
        values = "".join(
            _element(key, "".join(_element(f"{space}:Value", escape(value)) for value in codes), {"id": id})
            for id, codes in one.values.items()
            if id != one.time and codes
        )
        if one.time and one.first:
            ends = {"StartPeriod": one.first, "EndPeriod": one.last}
            span = "".join(_element(f"{space}:{end}", escape(at), {"isInclusive": "true"}) for end, at in ends.items())
            values += _element(key, _element(f"{space}:TimeRange", span), {"id": one.time})
        counts = {"series_count": one.series, "obs_count": one.observations}
        notes = "".join(
            _element(
                "com:Annotation",
                _element("com:AnnotationTitle", str(count)) + _element("com:AnnotationType", "sdmx_metrics"),
                {"id": id},
            )
            for id, count in counts.items()
        )
        kind = "Dataflow" if one.of.kind == "dataflow" else "DataStructure"
        attached = _element("str:ConstraintAttachment", _element(f"str:{kind}", self._reference(kind, one.of.short)))
        if self._version == "3.1":
            region = _element("str:CubeRegion", values, {"include": "true"})
            said = {"seriesCount": str(one.series), "obsCount": str(one.observations)}
            return _element("str:AvailabilityConstraint", attached + region, said)
        content = _element("com:Annotations", notes) + _texts("com:Name", {"en": f"Data of {one.of.short}"}) + attached
        content += _element("str:CubeRegion", values, {"include": "true"}) if values else ""
        version = {"id": one.id, "agencyID": one.of.agency, "version": "1.0" if self._old else "1.0.0"}
        if self._old:
            return _element("str:ContentConstraint", content, {**version, "type": "Actual"})
        return _element("str:DataConstraint", content, {**version, "role": "Actual"})


def _usage(part: Component) -> str:
    return "mandatory" if part.mandatory else "optional"
