"""Reads and writes SDMX-JSON metadata messages, 2.0 and 2.1.

Standard: SDMX-JSON Metadata Message 2.0.0 and 2.1.0 (github.com/sdmx-twg/sdmx-json).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from regional_hub.sdg.formats.writing import best, moment
from regional_hub.sdg.metadata import ADAPTER, PLAIN, MetadataError, MetadataSet, Reported

Version = Literal["2.0", "2.1"]
SCHEMA = "https://json.sdmx.org/{}/sdmx-json-metadata-schema.json"
Json = dict[str, Any]


def read(message: Json) -> list[MetadataSet]:
    """The sets in a message.

    Raises MetadataError for another message; KeyError, TypeError or ValueError for a broken one.
    """
    found = message.get("data", {}).get("metadataSets")
    if found is None:
        raise MetadataError("not an SDMX-JSON metadata message: there are no metadataSets")
    return [
        ADAPTER.validate_python(
            {
                "agency": item["agencyID"],
                "id": item["id"],
                "version": item.get("version", "1.0"),
                "name": item.get("names") or {"en": item["name"]},
                "flow": item.get("metadataflow") or item["metadataProvisionAgreement"],
                "targets": item["targets"],
                "attributes": tuple(map(_reported, item["attributes"])),
            }
        )
        for item in found
    ]


def _reported(item: Json) -> Reported:
    return Reported(item["id"], _said(item.get("value")), tuple(map(_reported, item.get("attributes", []))))


def _said(value: Any) -> Mapping[str, str]:
    if value is None:
        return {}
    if isinstance(value, dict):
        if not all(isinstance(text, str) for text in value.values()):
            raise TypeError(f"a text by language is expected, not {json.dumps(value, ensure_ascii=False)[:80]}")
        return value
    if isinstance(value, list):
        return {PLAIN: "\n".join(map(_plain, value))}
    return {PLAIN: _plain(value)}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def write(
    found: Iterable[MetadataSet],
    *,
    id: str,
    prepared: datetime,
    sender: str,
    version: Version = "2.0",
    languages: Sequence[str] = ("en",),
) -> bytes:
    """The message. Every language is in it; `name` is in the dearest to the reader. Sets without content are stubs."""
    schema = SCHEMA.format("2.0.0" if version == "2.0" else version)
    meta = {
        "schema": schema,
        "id": id,
        "test": False,
        "prepared": moment(prepared),
        "contentLanguages": list(languages),
    }
    meta |= {"sender": {"id": sender}}
    own = {"$schema": schema} if version == "2.1" else {}
    sets = [_set(made, languages) for made in found]
    return json.dumps({**own, "meta": meta, "data": {"metadataSets": sets}}, ensure_ascii=False).encode()


def _set(made: MetadataSet, languages: Sequence[str]) -> Json:
    name = best(made.name, languages, made.id)
    kind = "metadataProvisionAgreement" if "ProvisionAgreement=" in made.flow else "metadataflow"
    return {
        "id": made.id,
        "agencyID": made.agency,
        "version": made.version,
        "name": name,
        "names": dict(made.name) or {"en": name},
        kind: made.flow,
        "targets": list(made.targets),
        "attributes": [_attribute(attribute) for attribute in made.attributes],
    }


def _attribute(reported: Reported) -> Json:
    found: Json = {"id": reported.id}
    if list(reported.texts) == [PLAIN]:
        found["value"] = reported.texts[PLAIN]
    elif reported.texts:
        found["value"] = dict(reported.texts)
    if reported.below:
        found["attributes"] = [_attribute(below) for below in reported.below]
    return found
