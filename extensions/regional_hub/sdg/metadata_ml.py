"""Reads and writes SDMX-ML generic metadata: 3.0 and 3.1 both ways, 2.1 to write only.

Rich text is kept as its markup, in any syntax the same: XHTML in a message (`StructuredText`) becomes the text of it.
2.1 has a report for each key: a set that speaks of several codes of one codelist is said once for each of them.
Standard: SDMX 2.1, 3.0 and 3.1 Technical Specifications, section 3 (SDMX-ML schemas).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from regional_hub.sdg.formats.writing import moment
from regional_hub.sdg.metadata import PLAIN, URN, MetadataError, MetadataSet, Reported
from regional_hub.sdg.xml_tree import LANGUAGE, child, children, local, split, texts

Version = Literal["2.1", "3.0", "3.1"]
BASE = "http://www.sdmx.org/resources/sdmxml/schemas/"
MESSAGE = re.compile(r"http://www\.sdmx\.org/resources/sdmxml/schemas/v3_[01]/message")


def read(root: Element) -> list[MetadataSet]:
    """The sets in a message of 3.0 or 3.1. Raises MetadataError for another message, KeyError for a broken one."""
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
            attributes=tuple(map(_reported, children(item, "Attribute"))),
        )
        for item in children(root, "MetadataSet")
    ]


def _text(element: Element | None) -> str:
    return (element.text or "").strip() if element is not None else ""


def _reported(item: Element) -> Reported:
    said = {text.get(LANGUAGE, "en"): text.text or "" for text in children(item, "Text")}
    said |= {text.get(LANGUAGE, "en"): _markup(text).strip() for text in children(item, "StructuredText")}
    values = [value.text or "" for value in children(item, "Value")]
    if values:
        said[PLAIN] = "\n".join(values)
    return Reported(item.attrib["id"], said, tuple(_reported(below) for below in item if local(below) == "Attribute"))


def _markup(element: Element) -> str:
    """What stands in an element, as markup without namespaces."""
    parts = [escape(element.text or "")]
    for inner in element:
        name, content = local(inner), _markup(inner)
        said = "".join(f" {split(key)[1]}={quoteattr(value)}" for key, value in inner.attrib.items())
        parts += [f"<{name}{said}>{content}</{name}>" if content else f"<{name}{said}/>", escape(inner.tail or "")]
    return "".join(parts)


def write(found: Iterable[MetadataSet], *, id: str, prepared: datetime, sender: str, version: Version = "3.0") -> bytes:
    """The message, with every language. Sets without content are stubs in 3.x and left out in 2.1, which has none."""
    base = f"{BASE}v{version.replace('.', '_')}/"
    sets = [made for made in found if made.attributes or version != "2.1"]
    flows = {flow: f"F{place}" for place, flow in enumerate(dict.fromkeys(made.flow for made in sets), start=1)}
    named = "".join(_structure(flow, name, version) for flow, name in flows.items())
    body = "".join(_set_21(made, flows[made.flow]) if version == "2.1" else _set(made) for made in sets)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<mes:GenericMetadata xmlns:mes="{base}message" '
        f'xmlns:com="{base}common" xmlns:gen="{base}metadata/generic">\n<mes:Header><mes:ID>{escape(id)}</mes:ID>'
        f"<mes:Test>false</mes:Test><mes:Prepared>{moment(prepared)}</mes:Prepared>"
        f"<mes:Sender id={quoteattr(sender)}/>{named}</mes:Header>\n{body}</mes:GenericMetadata>\n"
    ).encode()


def _element(name: str, content: str, attributes: Mapping[str, str] | None = None) -> str:
    spelled = "".join(f" {key}={quoteattr(value)}" for key, value in (attributes or {}).items())
    return f"<{name}{spelled}>{content}</{name}>"


def _said(text: str) -> str:
    return escape(text, {"\r": "&#13;"})


def _structure(flow: str, name: str, version: Version) -> str:
    """The header's word on what a set follows."""
    agreed = "ProvisionAgreement=" in flow
    element = "com:StructureUsage" if not agreed else "com:ProvisionAgreement"
    if version != "2.1":
        return _element("mes:Structure", _element(element, escape(flow)), {"structureID": name})
    element = "com:ProvisionAgrement" if agreed else element  # so spelled in the schema of 2.1
    match = URN.match(flow)
    said = {"agencyID": match["agency"], "id": match["id"], "version": match["version"]} if match else {"id": "UNKNOWN"}
    return _element("mes:Structure", _element(element, _element("Ref", "", said)), {"structureID": name})


def _set(made: MetadataSet) -> str:
    names = _texts("com:Name", made.name or {"en": made.id})
    kind = "MetadataProvisionAgreement" if "ProvisionAgreement=" in made.flow else "Metadataflow"
    content = ""
    if made.attributes:
        content = _element(f"gen:{kind}", escape(made.flow))
        content += "".join(_element("gen:Target", escape(target)) for target in made.targets)
        content += "".join(map(_attribute, made.attributes))
    said = {"id": made.id, "agencyID": made.agency, "version": made.version}
    return _element("mes:MetadataSet", names + content, said) + "\n"


def _texts(name: str, said: Mapping[str, str]) -> str:
    return "".join(_element(name, _said(text), {"xml:lang": language}) for language, text in said.items())


def _attribute(reported: Reported) -> str:
    by_language = {language: text for language, text in reported.texts.items() if language != PLAIN}
    if PLAIN in reported.texts and not by_language:
        content = _element("gen:Value", _said(reported.texts[PLAIN]))
    else:
        content = _texts("com:Text", reported.texts)
    content += "".join(map(_attribute, reported.below))
    return _element("gen:Attribute", content, {"id": reported.id})


# -- 2.1 ---------------------------------------------------------------------------------------------------------------


def _set_21(made: MetadataSet, flow: str) -> str:
    names = _texts("com:Name", made.name or {"en": made.id})
    attributes = _attributes_21(made.attributes)
    reports = (_report(made, targets, attributes) for targets in _keys(made.targets))
    said = {"structureRef": flow, "setID": made.id}
    return _element("mes:MetadataSet", names + "".join(reports), said) + "\n"


def _report(made: MetadataSet, targets: Mapping[str, str], attributes: str) -> str:
    values = (
        _element("gen:ReferenceValue", _element("gen:ObjectReference", _element("URN", escape(urn))), {"id": name})
        for name, urn in targets.items()
    )
    target = _element("gen:Target", "".join(values), {"id": "KEY"})
    return _element("gen:Report", target + attributes, {"id": made.id})


def _keys(targets: Iterable[str]) -> Iterator[dict[str, str]]:
    """Each combination of what a set speaks of: one target of each codelist, and of each other kind of artefact."""
    groups: dict[str, list[str]] = {}
    for target in targets:
        groups.setdefault(_role(target), []).append(target)
    for combined in itertools.product(*groups.values()):
        yield dict(zip(groups, combined, strict=True))


def _role(target: str) -> str:
    """What a target is in a key: `SERIES` for a code of CL_SERIES, else the kind of the artefact."""
    match = URN.match(target)
    if match is None:
        return "OBJECT"
    return match["id"].removeprefix("CL_") if match["kind"] == "Code" else match["kind"].upper()


def _attributes_21(attributes: Iterable[Reported]) -> str:
    said = []
    for reported in attributes:
        below = _attributes_21(reported.below) if reported.below else ""
        by_language = {language: text for language, text in reported.texts.items() if language != PLAIN}
        own = {"id": reported.id}
        if PLAIN in reported.texts and not by_language:
            own["value"] = reported.texts[PLAIN]  # a text without a language would be English
        said.append(_element("gen:ReportedAttribute", _texts("com:Text", by_language) + below, own))
    return _element("gen:AttributeSet", "".join(said))
