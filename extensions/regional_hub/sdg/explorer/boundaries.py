"""Boundaries that the operator sets: a GeoJSON or TopoJSON file whose features are keyed by M49 or REF_AREA codes.

Which borders are drawn is the institution's decision; the software ships none. A file that cannot be used is an error
that names the file and the feature; pages then show the tiles instead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from regional_hub.sdg.explorer.saying import say

MOST_BYTES = 20_000_000
SHAPES = ("Polygon", "MultiPolygon", "Point", "MultiPoint", "LineString", "MultiLineString", "GeometryCollection")
Json = dict[str, Any]


class BoundaryError(ValueError):
    """A file of boundaries that cannot be used; the message names the file, and the feature where one is at fault."""


@dataclass(frozen=True)
class Boundaries:
    """`codes` are the areas that have a shape; `content` is the file as it is; `object` the TopoJSON object in it."""

    path: Path
    content: Json
    object: str
    codes: frozenset[str]
    key: str
    tag: str
    disclaimers: Mapping[str, str] = field(default_factory=dict)

    def disclaimer(self, language: str) -> str:
        en = self.disclaimers.get("en", "")
        return say(language, en, self.disclaimers.get("zh", "") or en)


def read(path: Path, key: str, *, disclaimer: str = "", disclaimer_zh: str = "") -> Boundaries:
    """The boundaries in a file; kept until it changes. `key` is the property that has the code, or `id`.

    Raises BoundaryError.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise BoundaryError(f"{path}: {error.strerror or error}") from None
    if facts.st_size > MOST_BYTES:
        raise BoundaryError(f"{path}: {facts.st_size} bytes are too many for a page; simplify the shapes below 20 MB")
    return _read(path, key, disclaimer, disclaimer_zh, facts.st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: Path, key: str, disclaimer: str, disclaimer_zh: str, _changed: int) -> Boundaries:
    data = path.read_bytes()
    try:
        content = json.loads(data)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BoundaryError(f"{path}: not JSON ({error})") from None
    kind = content.get("type") if isinstance(content, dict) else None
    if kind == "FeatureCollection":
        name, content = "", _keyed(content, path, key)
        codes = [_code(each, number, path, key) for number, each in enumerate(content["features"], 1)]
        for number, each in enumerate(content["features"], 1):
            _check_geojson(each, number, path)
    elif kind == "Topology":
        name, features = _topology(content, path)
        codes = [_code(each, number, path, key) for number, each in enumerate(features, 1)]
        for each, code in zip(features, codes, strict=True):
            each["properties"] = {"code": code}
    else:
        raise BoundaryError(f"{path}: neither a FeatureCollection of GeoJSON nor a Topology of TopoJSON")
    for code in {code for code in codes if codes.count(code) > 1}:
        raise BoundaryError(f"{path}: two features have the code {code!r} ({key})")
    if not codes:
        raise BoundaryError(f"{path}: there are no features in it")
    tag = hashlib.sha256(data + key.encode()).hexdigest()[:16]
    return Boundaries(path, content, name, frozenset(codes), key, tag, {"en": disclaimer, "zh": disclaimer_zh})


def _keyed(content: Json, path: Path, key: str) -> Json:
    """A collection whose features have nothing but their code and their shape: properties are not for readers."""
    features = content.get("features")
    if not isinstance(features, list) or not all(isinstance(each, dict) for each in features):
        raise BoundaryError(f"{path}: its `features` are no list of features")
    kept = [
        {
            "type": "Feature",
            "properties": {"code": _code(each, number, path, key)},
            "geometry": each.get("geometry"),
        }
        for number, each in enumerate(features, 1)
    ]
    return {"type": "FeatureCollection", "features": kept}


def _code(feature: Json, number: int, path: Path, key: str) -> str:
    """The code of a feature; M49 without zeros in front. One that was read already says `code`."""
    properties = feature.get("properties") or {}
    found = feature.get("id") if key == "id" else properties.get(key)
    found = properties.get("code") if found is None and list(properties) == ["code"] else found
    text = str(found).strip() if found is not None else ""
    if not text:
        there = ", ".join(map(str, list(properties)[:8])) or "none"
        raise BoundaryError(f"{path}: feature {number} has no {key!r}; its properties are: {there}")
    return str(int(text)) if text.isdecimal() and text.isascii() else text


def _check_geojson(feature: Json, number: int, path: Path) -> None:
    named = f"feature {number} ({feature['properties']['code']})"
    shape = feature["geometry"]
    if not isinstance(shape, dict) or shape.get("type") not in SHAPES:
        raise BoundaryError(f"{path}: {named} has no shape that can be drawn")
    for place in _places(shape):
        if not -180.001 <= place[0] <= 180.001 or not -90.001 <= place[1] <= 90.001:
            raise BoundaryError(f"{path}: {named} has the place {place}, which is no longitude and latitude (WGS 84)")


def _places(shape: Json) -> Iterator[tuple[float, float]]:
    """Every place of a shape, by walking its nested lists; whatever is no number stands out as one off the globe."""
    left = [shape.get("coordinates"), *(each.get("coordinates") for each in shape.get("geometries") or ())]
    while left:
        part = left.pop()
        if isinstance(part, list) and len(part) >= 2 and all(isinstance(number, int | float) for number in part[:2]):
            yield float(part[0]), float(part[1])
        elif isinstance(part, list) and all(isinstance(inner, list) for inner in part):
            left.extend(part)
        else:
            yield float("nan"), float("nan")


def _topology(content: Json, path: Path) -> tuple[str, list[Json]]:
    """The object with the most shapes, and its shapes."""
    objects = content.get("objects")
    arcs = content.get("arcs")
    if not isinstance(objects, dict) or not isinstance(arcs, list):
        raise BoundaryError(f"{path}: a Topology without `objects` or `arcs`")
    collections = {
        name: made["geometries"]
        for name, made in objects.items()
        if isinstance(made, dict) and isinstance(made.get("geometries"), list)
    }
    if not collections:
        raise BoundaryError(f"{path}: none of its objects is a collection of geometries: {', '.join(objects)}")
    name = max(collections, key=lambda one: len(collections[one]))
    for number, each in enumerate(collections[name], 1):
        if not isinstance(each, dict) or any(not -len(arcs) <= arc < len(arcs) for arc in _arcs(each.get("arcs"))):
            raise BoundaryError(f"{path}: feature {number} of {name} names an arc that is not there")
    return name, collections[name]


def _arcs(part: Any) -> Iterator[int]:
    if isinstance(part, list):
        for inner in part:
            yield from _arcs(inner)
    elif isinstance(part, int):
        yield part
