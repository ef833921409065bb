"""A small data structure of our own for tests, in SDMX-ML 2.1, and what is made from it."""

from __future__ import annotations

from pathlib import Path

from regional_hub.sdg import structure

V = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/"


def _codelist(id: str, codes: dict[str, str], note: str = "") -> str:
    items = "".join(
        f'<s:Code id="{code}">{note}<c:Name xml:lang="en">{name}</c:Name></s:Code>' for code, name in codes.items()
    )
    return f'<s:Codelist id="{id}" agencyID="XX" version="1.0"><c:Name>{id}</c:Name>{items}</s:Codelist>'


def _component(tag: str, id: str, inside: str = "", codelist: str = "", more: str = "") -> str:
    coded = f'<s:Enumeration><Ref agencyID="XX" id="{codelist}" version="1.0"/></s:Enumeration>' if codelist else inside
    shown = f"<s:LocalRepresentation>{coded}</s:LocalRepresentation>" if coded else ""
    given, _, below = more.partition("|")
    concept = (
        '<s:ConceptIdentity><Ref agencyID="XX" maintainableParentID="CS" maintainableParentVersion="1.0" '
        f'id="{id}"/></s:ConceptIdentity>'
    )
    return f'<s:{tag} id="{id}" {given}>{concept}{shown}{below}</s:{tag}>'


def _attribute(id: str, inside: str, codelist: str, status: str, relation: str) -> str:
    more = f'assignmentStatus="{status}"|<s:AttributeRelationship>{relation}</s:AttributeRelationship>'
    return _component("Attribute", id, inside, codelist, more)


INDICATOR = (
    "<c:Annotations><c:Annotation><c:AnnotationType>Indicator</c:AnnotationType>"
    '<c:AnnotationText xml:lang="en">8.5.2</c:AnnotationText></c:Annotation></c:Annotations>'
)
NUMBER = '<s:TextFormat textType="Double"/>'
OBSERVED = '<s:PrimaryMeasure><Ref id="OBS_VALUE"/></s:PrimaryMeasure>'
DIMENSIONS = ("FREQ", "SERIES", "REF_AREA", "SEX")
CODES = {
    "FREQ": {"A": "Annual", "Q": "Quarterly"},
    "SERIES": {"SL_TLF_UEM": "Unemployment", "SI_POV_DAY1": "Poverty"},
    "REF_AREA": {"XA": "North", "XB": "South", "417": "Kyrgyzstan"},
    "SEX": {"_T": "Total", "F": "Female", "M": "Male"},
    "UNIT_MEASURE": {"PT": "Percent", "NUMBER": "Number"},
    "OBS_STATUS": {"A": "Normal value", "E": "Estimated value"},
}


def message(more: str = "", final: bool = False, series: dict[str, str] | None = None) -> bytes:
    """A structure message with XX:SDG(1.0) and its codelists, in UTF-8."""
    codes = {**CODES, "SERIES": series or CODES["SERIES"]}
    lists = "".join(_codelist(f"CL_{id}", named, INDICATOR if id == "SERIES" else "") for id, named in codes.items())
    dimensions = "".join(
        _component("Dimension", id, codelist=f"CL_{id}", more=f'position="{at}"') for at, id in enumerate(DIMENSIONS, 1)
    )
    series_level = "".join(f'<s:Dimension><Ref id="{id}"/></s:Dimension>' for id in DIMENSIONS)
    attributes = (
        _attribute("UNIT_MEASURE", "", "CL_UNIT_MEASURE", "Mandatory", series_level)
        + _attribute("OBS_STATUS", "", "CL_OBS_STATUS", "Conditional", OBSERVED)
        + _attribute("UPPER_BOUND", NUMBER, "", "Conditional", OBSERVED)
        + _attribute("LOWER_BOUND", NUMBER, "", "Conditional", OBSERVED)
        + _attribute("COMMENT_OBS", '<s:TextFormat textType="String" maxLength="40"/>', "", "Conditional", OBSERVED)
        + _attribute("SOURCE", "", "", "Conditional", '<s:Group><Ref id="Sibling"/></s:Group>')
    )
    siblings = "".join(
        f'<s:GroupDimension><s:DimensionReference><Ref id="{id}"/></s:DimensionReference></s:GroupDimension>'
        for id in DIMENSIONS[1:]
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><m:Structure xmlns:m="{V}message" xmlns:s="{V}structure" '
        f'xmlns:c="{V}common"><m:Header/><m:Structures><s:Codelists>{lists}</s:Codelists><s:DataStructures>'
        f'<s:DataStructure id="SDG" agencyID="XX" version="1.0" isFinal="{str(final).lower()}"><c:Name>SDG</c:Name>'
        f"<s:DataStructureComponents><s:DimensionList>{dimensions}"
        f"{_component('TimeDimension', 'TIME_PERIOD')}</s:DimensionList>"
        f'<s:Group id="Sibling">{siblings}</s:Group><s:AttributeList>{attributes}</s:AttributeList>'
        f"<s:MeasureList>{_component('PrimaryMeasure', 'OBS_VALUE', NUMBER)}</s:MeasureList>"
        f"</s:DataStructureComponents></s:DataStructure></s:DataStructures>{more}</m:Structures></m:Structure>"
    ).encode()


def small() -> structure.Structure:
    """XX:SDG(1.0)."""
    return structure.read(message()).structures[0]


def write(folder: Path, text: str, name: str = "data.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path
