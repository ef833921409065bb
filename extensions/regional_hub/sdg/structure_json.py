"""Reads SDMX-JSON structure messages, 1.0 and 2.x, into `structure`.

Standard: SDMX-JSON Structure Message (github.com/sdmx-twg/sdmx-json); the versions differ in a few names only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from regional_hub.sdg import structure as model
from regional_hub.sdg.structure import StructureError

Json = dict[str, Any]
KINDS = {
    "codelists": "Codelist",
    "valueLists": "ValueList",
    "conceptSchemes": "ConceptScheme",
    "dataStructures": "DataStructure",
    "dataflows": "Dataflow",
    "contentConstraints": "ContentConstraint",
    "dataConstraints": "DataConstraint",
    "metadataStructures": "MetadataStructure",
}


def read(data: bytes, name: str) -> model.Structures:
    """Raises StructureError for what is not an SDMX-JSON structure message."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StructureError(f"{name}: not JSON, or cut off: {error}") from None
    body = message.get("data", message) if isinstance(message, dict) else None
    if not isinstance(body, dict) or not any(isinstance(body.get(kind), list) for kind in KINDS):
        raise StructureError(f"{name}: not an SDMX-JSON structure message: there is none of {', '.join(KINDS)}")
    try:
        return _structures(body)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StructureError(f"{name}: not as SDMX-JSON says: {type(error).__name__} {error}") from error


def _structures(body: Json) -> model.Structures:
    codelists = tuple(_codelist(item) for kind in ("codelists", "valueLists") for item in body.get(kind, []))
    schemes = tuple(_concept_scheme(item) for item in body.get("conceptSchemes", []))
    concepts = {f"{s.short}.{concept.id}": concept for s in schemes for concept in s.concepts.values()}
    lists = {codelist.short: codelist for codelist in codelists}
    constraints = (item for kind in ("contentConstraints", "dataConstraints") for item in body.get(kind, []))
    return model.Structures(
        codelists=codelists,
        concept_schemes=schemes,
        structures=tuple(_structure(item, concepts).resolved(lists) for item in body.get("dataStructures", [])),
        dataflows=tuple(
            model.Dataflow(**_maintained(item), structure=_short(item.get("structure")))
            for item in body.get("dataflows", [])
        ),
        constraints=tuple(_constraint(item) for item in constraints),
        metadata_structures=tuple(_metadata_structure(item, concepts) for item in body.get("metadataStructures", [])),
        others=tuple(
            f"{kind} {item.get('agencyID', '')}:{item.get('id', '')}"
            for kind, items in body.items()
            if kind not in KINDS and isinstance(items, list)
            for item in items
        ),
    )


def _texts(item: Json, name: str) -> dict[str, str]:
    several = item.get(name + "s")
    if several:
        return dict(several)
    return {"en": item[name]} if item.get(name) else {}


def _short(reference: str | None) -> str:
    return model.to_short(reference) if reference else ""


def _maintained(item: Json) -> Json:
    names = _texts(item, "name")
    return {"agency": item["agencyID"], "id": item["id"], "version": item.get("version", "1.0"), "name": names}


def _final(item: Json) -> bool:
    stable = re.fullmatch(r"\d+\.\d+\.\d+", item.get("version", ""))
    return item.get("isFinal") is True or bool(stable and "isFinal" not in item)


def _annotations(item: Json) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for note in item.get("annotations", []):
        key = note.get("type") or note.get("id") or note.get("title") or ""
        texts = _texts(note, "text")
        text = texts.get("en") or next(iter(texts.values()), "") or note.get("value", "")
        if not text and note.get("title") != key:
            text = note.get("title") or ""
        found.setdefault(key, []).append(text)
    return {key: ", ".join(dict.fromkeys(texts)) for key, texts in found.items()}


def _codelist(item: Json) -> model.Codelist:
    codes = {
        code["id"]: model.Code(
            code["id"],
            _texts(code, "name"),
            code.get("parent"),
            _annotations(code),
            _texts(code, "description"),
        )
        for code in item.get("codes") or item.get("valueItems") or []
    }
    partial = bool(item.get("isPartial") or item.get("isExternalReference"))
    return model.Codelist(**_maintained(item), codes=codes, final=_final(item), partial=partial)


def _concept_scheme(item: Json) -> model.ConceptScheme:
    concepts = {}
    for concept in item.get("concepts", []):
        codelist, kind, _, _ = _representation(concept.get("coreRepresentation"))
        names, descriptions = _texts(concept, "name"), _texts(concept, "description")
        concepts[concept["id"]] = model.Concept(concept["id"], names, descriptions, codelist, kind)
    return model.ConceptScheme(**_maintained(item), concepts=concepts, final=_final(item))


def _representation(item: Json | None) -> tuple[str, str, model.Facets, bool]:
    if not item:
        return "", "", model.Facets(), False
    text = item.get("textFormat") or item.get("format") or item.get("enumerationFormat") or {}
    several = str(item.get("maxOccurs", 1)) != "1"
    facets = model.Facets(
        min_length=text.get("minLength"),
        max_length=text.get("maxLength"),
        min_value=None if text.get("minValue") is None else str(text["minValue"]),
        max_value=None if text.get("maxValue") is None else str(text["maxValue"]),
        decimals=text.get("decimals"),
        pattern=text.get("pattern"),
    )
    kind = text.get("textType") or text.get("dataType") or ""
    return _short(item.get("enumeration")), kind, facets, several


def _structure(item: Json, concepts: Mapping[str, model.Concept]) -> model.Structure:
    parts = item["dataStructureComponents"]
    groups = {group["id"]: tuple(map(_item, group["groupDimensions"])) for group in parts.get("groups", [])}
    dimension_list = parts["dimensionList"]
    dimensions = [*dimension_list.get("dimensions", []), *dimension_list.get("measureDimensions", [])]
    dimensions.sort(key=lambda dimension: int(dimension.get("position", 0)))
    ids = tuple(dimension["id"] for dimension in dimensions)
    times = dimension_list.get("timeDimensions") or [dimension_list.get("timeDimension")]
    measure_list = parts.get("measureList", {})
    measures = measure_list.get("measures") or [measure_list.get("primaryMeasure")]
    attributes = parts.get("attributeList", {}).get("attributes", [])
    components = [_component(dimension, "dimension", concepts) for dimension in dimensions]
    components += [_component(time, "time", concepts) for time in times if time]
    components += [_component(measure, "measure", concepts) for measure in measures if measure]
    components += [_component(attribute, "attribute", concepts, groups, ids) for attribute in attributes]
    return model.Structure(**_maintained(item), components=tuple(components), groups=groups, final=_final(item))


def _item(reference: str) -> str:
    """The id at the end of a URN, or the id itself."""
    return reference.rpartition(".")[2] if reference.startswith("urn:") else reference


def _component(
    item: Json,
    role: model.Role,
    concepts: Mapping[str, model.Concept],
    groups: Mapping[str, tuple[str, ...]] | None = None,
    dimensions: tuple[str, ...] = (),
) -> model.Component:
    reference = (item.get("conceptIdentity") or "").rpartition("=")[2]
    concept = concepts.get(reference)
    codelist, kind, facets, several = _representation(item.get("localRepresentation"))
    if not codelist and not kind and concept:
        codelist, kind = concept.codelist, concept.type
    usage = str(item.get("assignmentStatus") or item.get("usage") or "")
    attachment, attached_to, group = _relationship(item.get("attributeRelationship") or {}, groups or {}, dimensions)
    return model.Component(
        id=item.get("id") or _item(reference),
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


def _relationship(
    item: Json, groups: Mapping[str, tuple[str, ...]], dimensions: tuple[str, ...]
) -> tuple[model.Attachment, tuple[str, ...], str]:
    if "none" in item or "dataflow" in item or "dataset" in item:
        return "dataset", (), ""
    if "primaryMeasure" in item or "observation" in item:
        return "observation", (), ""
    if "group" in item:
        group = _item(item["group"])
        return "group", groups.get(group, ()), group
    named = tuple(map(_item, item.get("dimensions", [])))
    if any(dimension not in dimensions for dimension in named):
        return "observation", named, ""  # the time is among them
    return ("series", named, "") if named else ("observation", (), "")


def _constraint(item: Json) -> model.Constraint:
    attachment = item.get("constraintAttachment") or {}
    attached = (reference for references in attachment.values() for reference in _listed(references))
    keys = []
    for sets in item.get("dataKeySets", []):
        keys += [_region(key, bool(sets.get("isIncluded", True))) for key in sets.get("keys", [])]
    return model.Constraint(
        **_maintained(item),
        role=item.get("type") or item.get("role") or "Allowed",
        attached=tuple(found[0] for reference in attached if (found := model.SHORT.search(reference))),
        regions=tuple(_region(region) for region in item.get("cubeRegions", [])),
        keys=tuple(keys),
    )


def _listed(references: Any) -> list[str]:
    return [reference for reference in references if isinstance(reference, str)] if isinstance(references, list) else []


def _region(item: Json, included: bool | None = None) -> model.Region:
    values: dict[str, tuple[str, ...]] = {}
    bounds = {}
    excluded = []
    for part in [*item.get("keyValues", []), *item.get("components", []), *item.get("attributes", [])]:
        if "timeRange" in part:
            bounds[part["id"]] = tuple(_bound(kind, end) for kind, end in part["timeRange"].items() if kind in ENDS)
            continue
        found = part.get("values") or ([part["value"]] if "value" in part else [])
        values[part["id"]] = tuple(value["value"] if isinstance(value, dict) else str(value) for value in found)
        if part.get("include") is False or part.get("isIncluded") is False:
            excluded.append(part["id"])
    include = bool(item.get("include", item.get("isIncluded", True))) if included is None else included
    return model.Region(include, values, tuple(excluded), bounds)


# Whether an end of time is the first of it.
ENDS = {"startPeriod": True, "afterPeriod": True, "endPeriod": False, "beforePeriod": False}


def _bound(kind: str, end: Json) -> tuple[str, str]:
    inclusive = end.get("isInclusive", True)
    return ("ge" if inclusive else "gt") if ENDS[kind] else ("le" if inclusive else "lt"), str(end["period"])


def _metadata_structure(item: Json, concepts: Mapping[str, model.Concept]) -> model.MetadataStructure:
    found: list[model.MetadataAttribute] = []

    def walk(parts: list[Json], above: str | None) -> None:
        for part in parts:
            reference = (part.get("conceptIdentity") or "").rpartition("=")[2]
            concept = concepts.get(reference)
            codelist, kind, _, _ = _representation(part.get("localRepresentation"))
            found.append(
                model.MetadataAttribute(
                    id=part.get("id") or _item(reference),
                    name=concept.name if concept else {},
                    parent=above,
                    mandatory=int(part.get("minOccurs", 1)) > 0,
                    several=str(part.get("maxOccurs", 1)) != "1",
                    presentational=bool(part.get("isPresentational", False)),
                    type=kind,
                    codelist_ref=codelist,
                    concept_ref=reference,
                )
            )
            walk(part.get("metadataAttributes", []), found[-1].id)

    components = item.get("metadataStructureComponents") or {}
    walk((components.get("metadataAttributeList") or {}).get("metadataAttributes", []), None)
    for report in components.get("reportStructures", []):
        walk(report.get("metadataAttributes", []), None)
    return model.MetadataStructure(**_maintained(item), attributes=tuple(found), final=_final(item))
