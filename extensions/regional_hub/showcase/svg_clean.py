"""Strangers' SVG, so that it can be drawn on the server: shapes and text, nothing that loads, runs or repeats itself.

Trust boundary: what `cleaned` returns names no file and no address. Not for pages: there SVG stands in an <img> only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import etree

MOST_BYTES = 2_000_000
MOST_ELEMENTS = 60_000
MOST_USES = 5_000  # matplotlib draws each letter by one
MOST_SIDE = 10_000.0
SVG = "http://www.w3.org/2000/svg"
XLINK = "{http://www.w3.org/1999/xlink}href"
ELEMENTS = {
    "svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "defs", "clipPath",
    "linearGradient", "radialGradient", "stop", "title", "desc", "use", "style", "marker",
}  # fmt: skip
_ELSEWHERE = re.compile(r"url\(\s*['\"]?(?!#)|@import|@font-face|expression|\\", re.IGNORECASE)
_LENGTH = re.compile(r"\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*(px|pt|in|mm|cm)?\s*", re.IGNORECASE)
_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "in": 96.0, "mm": 96 / 25.4, "cm": 96 / 2.54}


class NotDrawn(ValueError):
    """An SVG that is not drawn here, and why."""


@dataclass(frozen=True)
class Drawing:
    """A cleaned SVG and its size in CSS pixels."""

    svg: str
    width: float
    height: float


def cleaned(text: str) -> Drawing:
    """Raises NotDrawn for what is no SVG, too large, or has entities or uses that use others."""
    if len(text) > MOST_BYTES or "<!ENTITY" in text or "[" in text.split("<svg", 1)[0]:
        raise NotDrawn("too large, or it declares entities")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotDrawn(f"not XML: {error}") from None
    if root.tag != f"{{{SVG}}}svg":
        raise NotDrawn("not an SVG")
    _strip(root)
    width, height = _size(root)
    root.set("width", f"{width:g}")
    root.set("height", f"{height:g}")
    return Drawing(etree.tostring(root, encoding="unicode"), width, height)


def _strip(root: etree._Element) -> None:
    uses, count = 0, 0
    for element in list(root.iter()):
        count += 1
        name = etree.QName(element).localname if isinstance(element.tag, str) else ""
        own = isinstance(element.tag, str) and etree.QName(element).namespace in (SVG, None)
        if not own or name not in ELEMENTS or (name == "style" and _ELSEWHERE.search(element.text or "")):
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
            continue
        uses += name == "use"
        for attribute, value in list(element.attrib.items()):
            is_link = attribute in ("href", XLINK)
            foreign = attribute.startswith("{") and attribute != XLINK
            leaves = is_link and not value.startswith("#")
            if leaves or foreign or attribute.lower().startswith("on") or _ELSEWHERE.search(value):
                del element.attrib[attribute]
    if count > MOST_ELEMENTS or uses > MOST_USES:
        raise NotDrawn("too many elements")
    _refuse_nested(root)


def _refuse_nested(root: etree._Element) -> None:
    """What is used may not use others: a few lines could ask for billions of shapes."""
    used = {(use.get("href") or use.get(XLINK) or "")[1:] for use in root.iter(f"{{{SVG}}}use")}
    for element in root.iter():
        if element.get("id") in used and any(True for _ in element.iter(f"{{{SVG}}}use")):
            raise NotDrawn("a use of a use")


def _size(root: etree._Element) -> tuple[float, float]:
    width, height = (_length(root.get(name, "")) for name in ("width", "height"))
    if not width or not height:
        box = re.split(r"[\s,]+", root.get("viewBox", "").strip())
        try:
            width, height = float(box[2]), float(box[3])
        except (IndexError, ValueError):
            raise NotDrawn("it has no size") from None
    if not (1 <= width <= MOST_SIDE and 1 <= height <= MOST_SIDE):
        raise NotDrawn("too large or too small")
    return width, height


def _length(text: str) -> float:
    match = _LENGTH.fullmatch(text)
    try:
        return float(match[1]) * _UNITS[(match[2] or "").lower()] if match else 0.0
    except ValueError:
        return 0.0
