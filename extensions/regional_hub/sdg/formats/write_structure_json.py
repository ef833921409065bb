"""Writes SDMX-JSON 2.0 structure messages.

Standard: SDMX-JSON Structure Message 2.0.0 (github.com/sdmx-twg/sdmx-json).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from regional_hub.sdg.formats.bundle import Available, Bundle, concept_of
from regional_hub.sdg.formats.writing import Options, best, moment
from regional_hub.sdg.structure import Code, Codelist, Component, Concept, ConceptScheme, Maintained, Structure, urn

SCHEMA = "https://json.sdmx.org/2.0.0/sdmx-json-structure-schema.json"
Json = dict[str, Any]


def write(bundle: Bundle, options: Options) -> bytes:
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
        "dataConstraints": [make.available(bundle.available)] if bundle.available else [],
    }
    meta = {
        "schema": SCHEMA,  # where it stands in 2.0; `$schema` is its place in 2.1
        "id": options.message,
        "prepared": moment(options.prepared),
        "test": options.test,
        "contentLanguages": list(options.languages),
        "sender": {"id": options.sender},
    }
    message = {"$schema": SCHEMA, "meta": meta, "data": {name: found for name, found in data.items() if found}}
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
        }
        represented: Json = {"format": {"dataType": part.type} | {k: v for k, v in limits.items() if v is not None}}
        if part.codelist_ref:
            represented = {"enumeration": urn("Codelist", part.codelist_ref)}
        return {"id": part.id, "conceptIdentity": concept, "localRepresentation": represented}

    def available(self, one: Available) -> Json:
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
        kind = "dataflows" if one.of.kind == "dataflow" else "dataStructures"
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
            "constraintAttachment": {kind: [one.of.urn]},
            "cubeRegions": [{"include": True, "keyValues": values}],
        }


def _usage(part: Component) -> Json:
    return {"usage": "mandatory" if part.mandatory else "optional"}


def _relationship(part: Component) -> Json:
    if part.attachment == "group" and part.group:
        return {"group": part.group}
    if part.attachment == "dataset":
        return {"dataflow": {}}
    return {"dimensions": list(part.attached_to)} if part.attached_to else {"observation": {}}
