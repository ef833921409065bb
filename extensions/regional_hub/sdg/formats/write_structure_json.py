"""Writes SDMX-JSON structure messages, 2.0 and 2.1.

Standard: SDMX-JSON Structure Message 2.0.0 and 2.1.0 (github.com/sdmx-twg/sdmx-json). 2.1 tells what data there are
apart from what may be, and has the place of its schema at the root.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from regional_hub.sdg.formats.bundle import Available, Bundle, concept_of, time_ends
from regional_hub.sdg.formats.writing import Options, best, moment
from regional_hub.sdg.structure import (
    Code,
    Codelist,
    Component,
    Concept,
    ConceptScheme,
    Constraint,
    Maintained,
    MetadataAttribute,
    MetadataStructure,
    Region,
    Structure,
    urn,
)

Version = Literal["2.0", "2.1"]
SCHEMA = "https://json.sdmx.org/{}/sdmx-json-structure-schema.json"
Json = dict[str, Any]


def write(bundle: Bundle, options: Options, version: Version = "2.0") -> bytes:
    """The message; every language of a name is in it, `name` is in the dearest to the reader."""
    make = _Maker(bundle, options)
    data: Json = {
        "codelists": [make.codelist(one) for one in bundle.codelists],
        "conceptSchemes": [make.concept_scheme(one) for one in bundle.concept_schemes],
        "dataStructures": [make.structure(one) for one in bundle.structures],
        "dataflows": [
            make.maintained(one) | ({} if bundle.is_stub(one) else {"structure": urn("DataStructure", one.structure)})
            for one in bundle.dataflows
        ],
        "metadataStructures": [make.metadata_structure(one) for one in bundle.metadata_structures],
        "dataConstraints": [make.constraint(one, version) for one in bundle.constraints],
    }
    if bundle.available and version == "2.0":
        data["dataConstraints"].append(make.available_20(bundle.available))
    elif bundle.available:
        data["availabilityConstraints"] = [make.available(bundle.available)]
    schema = SCHEMA.format("2.0.0" if version == "2.0" else version)
    meta = {
        "schema": schema,  # where it stands in 2.0, and where clients look for it; `$schema` is its place in 2.1
        "id": options.message,
        "prepared": moment(options.prepared),
        "test": options.test,
        "contentLanguages": list(options.languages),
        "sender": {"id": options.sender},
    }
    message = {"$schema": schema, "meta": meta, "data": {name: found for name, found in data.items() if found}}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


class _Maker:
    def __init__(self, bundle: Bundle, options: Options) -> None:
        self._bundle = bundle
        self._languages = options.languages

    def named(self, names: Mapping[str, str], otherwise: str, what: str = "name") -> Json:
        if not names and what != "name":
            return {}
        return {what: best(names, self._languages, otherwise)} | ({f"{what}s": dict(names)} if names else {})

    def maintained(self, one: Maintained) -> Json:
        said = {"id": one.id, "agencyID": one.agency, "version": one.version, **self.named(one.name, one.id)}
        return said | ({"isExternalReference": True} if self._bundle.is_stub(one) else {})

    def codelist(self, one: Codelist) -> Json:
        said = self.maintained(one) | ({"isPartial": True} if self._bundle.is_partial(one) else {})
        return (
            said if self._bundle.is_stub(one) else said | {"codes": [self._code(code) for code in one.codes.values()]}
        )

    def _code(self, code: Code) -> Json:
        said = {"id": code.id, **self.named(code.name, code.id), **self.named(code.description, "", "description")}
        notes = [{"type": kind, "text": text, "texts": {"en": text}} for kind, text in code.annotations.items()]
        return said | ({"parent": code.parent} if code.parent else {}) | ({"annotations": notes} if notes else {})

    def concept_scheme(self, one: ConceptScheme) -> Json:
        said = self.maintained(one) | ({"isPartial": True} if self._bundle.is_partial(one) else {})
        if self._bundle.is_stub(one):
            return said
        concepts = [self._concept(concept) for concept in one.concepts.values()]
        return said | {"concepts": concepts}

    def _concept(self, concept: Concept) -> Json:
        said = {"id": concept.id, **self.named(concept.name, concept.id)}
        said |= self.named(concept.description, "", "description")
        if concept.codelist:
            return said | {"coreRepresentation": {"enumeration": urn("Codelist", concept.codelist)}}
        return said | ({"coreRepresentation": {"format": {"dataType": concept.type}}} if concept.type else {})

    def structure(self, one: Structure) -> Json:
        if self._bundle.is_stub(one):
            return self.maintained(one)
        dimensions: Json = {
            "id": "DimensionDescriptor",
            "dimensions": [
                self._component(part, one) | {"position": place} for place, part in enumerate(one.dimensions)
            ],
        }
        if one.time:
            dimensions["timeDimension"] = self._component(one.time, one)
        lists: Json = {"dimensionList": dimensions}
        if one.measures:
            measures = [self._component(part, one) | _usage(part) for part in one.measures]
            lists["measureList"] = {"id": "MeasureDescriptor", "measures": measures}
        if one.groups:
            lists["groups"] = [{"id": id, "groupDimensions": list(ids)} for id, ids in one.groups.items()]
        if one.attributes:
            attributes = [
                self._component(part, one) | _usage(part) | {"attributeRelationship": _relationship(part)}
                for part in one.attributes
            ]
            lists["attributeList"] = {"id": "AttributeDescriptor", "attributes": attributes}
        return self.maintained(one) | {"dataStructureComponents": lists}

    def _component(self, part: Component, structure: Structure) -> Json:
        concept = f"urn:sdmx:org.sdmx.infomodel.conceptscheme.Concept={concept_of(part, structure)}"
        facets = part.facets
        limits = {
            "minLength": facets.min_length,
            "maxLength": facets.max_length,
            "decimals": facets.decimals,
            "pattern": facets.pattern,
            "minValue": _number(facets.min_value),
            "maxValue": _number(facets.max_value),
        }
        represented: Json = {"format": {"dataType": part.type} | {k: v for k, v in limits.items() if v is not None}}
        if part.codelist_ref:
            represented = {"enumeration": urn("Codelist", part.codelist_ref)}
        return {"id": part.id, "conceptIdentity": concept, "localRepresentation": represented}

    def metadata_structure(self, one: MetadataStructure) -> Json:
        if self._bundle.is_stub(one):
            return self.maintained(one)
        attributes = [self._metadata_attribute(part, one) for part in one.attributes if part.parent is None]
        listed = {"id": "MetadataAttributeDescriptor", "metadataAttributes": attributes}
        return self.maintained(one) | {"metadataStructureComponents": {"metadataAttributeList": listed}}

    def _metadata_attribute(self, part: MetadataAttribute, whole: MetadataStructure) -> Json:
        concept = f"urn:sdmx:org.sdmx.infomodel.conceptscheme.Concept={concept_of(part, whole)}"
        said: Json = {"id": part.id, "conceptIdentity": concept, "minOccurs": int(part.mandatory)}
        said |= {"maxOccurs": "unbounded" if part.several else 1}
        said |= {"isPresentational": True} if part.presentational else {}
        if part.codelist_ref:
            said["localRepresentation"] = {"enumeration": urn("Codelist", part.codelist_ref)}
        elif part.type:
            said["localRepresentation"] = {"format": {"dataType": part.type}}
        below = [self._metadata_attribute(one, whole) for one in whole.attributes if one.parent == part.id]
        return said | ({"metadataAttributes": below} if below else {})

    # -- what data there may be, and what there are -------------------------------------------------------------------

    def constraint(self, one: Constraint, version: Version) -> Json:
        said = self.maintained(one) | ({"role": one.role} if version == "2.0" else {})
        if self._bundle.is_stub(one):
            return said
        flows = [short for short in one.attached if short in self._bundle.flows]
        others = [short for short in one.attached if short not in self._bundle.flows]
        attached = {"dataflows": [urn("Dataflow", short) for short in flows]}
        attached |= {"dataStructures": [urn("DataStructure", short) for short in others]}
        said["constraintAttachment"] = {kind: urns for kind, urns in attached.items() if urns}
        keys = [
            {"isIncluded": included, "keys": found}
            for included in (True, False)
            if (found := [_key(key) for key in one.keys if key.include is included])
        ]
        return said | ({"dataKeySets": keys} if keys else {}) | ({"cubeRegions": _regions(one)} if one.regions else {})

    def available_20(self, one: Available) -> Json:
        """As a constraint of its own that says what is actually there: 2.0 has nothing else for it."""
        counts = {"series_count": one.series, "obs_count": one.observations}
        notes = [{"id": id, "type": "sdmx_metrics", "title": str(count)} for id, count in counts.items()]
        return {
            "id": one.id,
            "agencyID": one.of.agency,
            "version": "1.0.0",
            "name": f"Data of {one.of.short}",
            "names": {"en": f"Data of {one.of.short}", "zh": f"{one.of.short} 的数据"},
            "annotations": notes,
            "role": "Actual",
            "constraintAttachment": {_kind(one): [one.of.urn]},
            "cubeRegions": [{"include": True, "keyValues": _there(one)}],
        }

    def available(self, one: Available) -> Json:
        return {
            "constraintAttachment": {_kind(one).removesuffix("s"): one.of.urn},
            "cubeRegion": {"include": True, "keyValues": _there(one)},
            "seriesCount": one.series,
            "obsCount": one.observations,
        }


def _kind(one: Available) -> str:
    return "dataflows" if one.of.kind == "dataflow" else "dataStructures"


def _there(one: Available) -> list[Json]:
    """The values that have data, by component."""
    values: list[Json] = [
        {"id": id, "values": [{"value": value} for value in codes]}
        for id, codes in one.values.items()
        if id != one.time
    ]
    if one.time and one.first:
        period = {
            "startPeriod": {"period": one.first, "isInclusive": True},
            "endPeriod": {"period": one.last, "isInclusive": True},
        }
        values.append({"id": one.time, "timeRange": period})
    return values


def _key(key: Region) -> Json:
    return {"keyValues": [{"id": id, "value": values[0]} for id, values in key.values.items() if values]}


def _regions(one: Constraint) -> list[Json]:
    return [
        {
            "include": region.include,
            "keyValues": [
                {"id": id, "include": id not in region.excluded, "values": [{"value": value} for value in values]}
                for id, values in region.values.items()
                if values
            ]
            + [
                {"id": id, "include": id not in region.excluded, "timeRange": _time(bounds)}
                for id, bounds in region.bounds.items()
            ],
        }
        for region in one.regions
    ]


def _time(bounds: Sequence[tuple[str, str]]) -> Json:
    return {
        name[0].lower() + name[1:]: {"period": period, "isInclusive": inclusive}
        for name, period, inclusive in time_ends(bounds)
    }


def _number(text: str | None) -> float | int | None:
    if text is None:
        return None
    return float(text) if "." in text or "e" in text.lower() else int(text)


def _usage(part: Component) -> Json:
    return {"usage": "mandatory" if part.mandatory else "optional"}


def _relationship(part: Component) -> Json:
    if part.attachment == "group" and part.group:
        return {"group": part.group}
    if part.attachment == "dataset":
        return {"dataflow": {}}
    return {"dimensions": list(part.attached_to)} if part.attached_to else {"observation": {}}
