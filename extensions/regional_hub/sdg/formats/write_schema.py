"""Writes the XML schema that structure-specific data of a data structure follow, for SDMX-ML 2.1, 3.0 and 3.1.

Standard: SDMX 2.1 Technical Specifications, section 3A, "Data structure definition specific schemas"; 3.0 and 3.1
alike. The types are derived from those of the standard, which stand at `standard`, an address or a folder.
"""

from __future__ import annotations

from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from regional_hub.sdg.formats.writing import Options, Plan, plan
from regional_hub.sdg.structure import Codelist, Component, Structure

Version = Literal["2.1", "3.0", "3.1"]
BASE = "http://www.sdmx.org/resources/sdmxml/schemas/"
ADDRESS = {
    "2.1": "https://registry.sdmx.org/schemas/v2_1/",
    "3.0": "https://registry.sdmx.org/schemas/v3_0/",
    "3.1": "https://registry.sdmx.org/schemas/v3_1/",
}
TYPES = {
    "Double": "xs:double",
    "Float": "xs:float",
    "Decimal": "xs:decimal",
    "Integer": "xs:int",
    "BigInteger": "xs:integer",
    "Long": "xs:long",
    "Short": "xs:short",
    "Boolean": "xs:boolean",
    "URI": "xs:anyURI",
    "DateTime": "xs:dateTime",
    "Count": "xs:integer",
    "ObservationalTimePeriod": "common:ObservationalTimePeriodType",
    "StandardTimePeriod": "common:StandardTimePeriodType",
    "BasicTimePeriod": "common:BasicTimePeriodType",
    "GregorianTimePeriod": "common:GregorianTimePeriodType",
}


def write(structure: Structure, options: Options, version: Version = "2.1", standard: str = "") -> bytes:
    """The schema for data with one dimension at the observation, which `options` names as for data."""
    planned = plan(structure, options)
    base = f"{BASE}v{version.replace('.', '_')}/"
    target = f"{planned.reference.urn}:ObsLevelDim:{planned.dimension}"
    folder = standard or ADDRESS[version]
    lists = {part.codelist.short: part.codelist for part in structure.components if part.codelist is not None}
    names = {short: f"List{place}" for place, short in enumerate(lists, start=1)}
    make = _Maker(planned, names, version)
    body = "".join(make.codelist(names[short], found) for short, found in lists.items()) + make.dataset()
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'xmlns={quoteattr(target)} xmlns:dsd="{base}data/structurespecific" xmlns:common="{base}common" '
        f'targetNamespace={quoteattr(target)} elementFormDefault="qualified" attributeFormDefault="unqualified">\n'
        f'<xs:import namespace="{base}data/structurespecific" '
        f'schemaLocation="{escape(folder)}SDMXDataStructureSpecific.xsd"/>\n'
        f'<xs:import namespace="{base}common" schemaLocation="{escape(folder)}SDMXCommon.xsd"/>\n{body}</xs:schema>\n'
    ).encode()


class _Maker:
    def __init__(self, planned: Plan, lists: dict[str, str], version: Version) -> None:
        self._plan = planned
        self._lists = lists
        self._version = version

    def codelist(self, name: str, found: Codelist) -> str:
        values = "".join(f"<xs:enumeration value={quoteattr(code)}/>" for code in found.codes)
        return (
            f'<xs:simpleType name="{name}"><xs:restriction base="xs:string">{values}</xs:restriction></xs:simpleType>\n'
        )

    def dataset(self) -> str:
        planned = self._plan
        one = '<xs:element name="Obs" type="ObsType" form="unqualified"/>'
        said = (*planned.measures, *planned.observation_attributes)
        parts = [self._type("ObsType", "", planned.observation, said)]
        if not planned.flat:
            several = '<xs:element name="Obs" type="ObsType" form="unqualified" minOccurs="0" maxOccurs="unbounded"/>'
            parts.append(self._type("SeriesType", several, planned.series, planned.series_attributes))
            one = '<xs:element name="Series" type="SeriesType" form="unqualified"/>'
        inner = f'<xs:choice minOccurs="0" maxOccurs="unbounded">{one}</xs:choice>'
        if self._version == "2.1":  # where the choice is made once, of elements that may be repeated
            several = one.replace("/>", ' maxOccurs="unbounded"/>')
            inner = f'<xs:choice minOccurs="0">{several}</xs:choice>'
        parts.append(self._type("DataSetType", inner, (), planned.dataset_attributes))
        return "".join(parts)

    def _type(self, name: str, inner: str, required: tuple[Component, ...], optional: tuple[Component, ...]) -> str:
        """A type derived by restriction, in which every component has its name and its type."""
        attributes = "".join(
            f'<xs:attribute name="{part.id}" type="{self._of(part)}" use="{use}"/>'
            for parts, use in ((required, "required"), (optional, "optional"))
            for part in parts
        )
        notes = '<xs:element ref="common:Annotations" minOccurs="0"/>'
        return (
            f'<xs:complexType name="{name}"><xs:complexContent><xs:restriction base="dsd:{name}"><xs:sequence>{notes}'
            f"{inner}</xs:sequence>{attributes}</xs:restriction></xs:complexContent></xs:complexType>\n"
        )

    def _of(self, part: Component) -> str:
        if part.codelist is not None:
            return self._lists[part.codelist.short]
        return TYPES.get(part.type, "xs:string")
