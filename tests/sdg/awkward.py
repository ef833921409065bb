"""A small structure and observations with every character that a message can get wrong."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from regional_hub.sdg.structure import Code, Codelist, Component, Structure

AWKWARD = (
    "plain",
    "it's an apostrophe, a comma",
    'a "quoted" word',
    "<tag attr='1'> & &amp; entity",
    "line one\nline two\r\nline three\ttab",
    "中文注释：包含，标点",
    "no\u00a0break\u2028separator",
    "😀 outside the basic plane",
    "back\\slash and /slash and ]]>",
    " spaces at both ends ",
    "=SUM(A1:A9)",
    "-1+2",
    "",
)


def codelist(id: str, **codes: str) -> Codelist:
    entries = {code: Code(code, {"en": name, "zh": f"{name}（中文）"}) for code, name in codes.items()}
    return Codelist("XX", id, "1.0", {"en": id}, codes=entries)


def structure() -> Structure:
    """FREQ and AREA, the time, a value; UNIT of the series, STATUS and NOTE of the observation."""
    frequency = codelist("CL_FREQ", A="Annual", Q="Quarterly")
    area = codelist("CL_AREA", KG="Kyrgyzstan", TJ="Tajikistan, north", _T="Total")
    status = codelist("CL_STATUS", A="Normal", E="Estimate")
    unit = codelist("CL_UNIT", PT='Per "cent"', NUMBER="Number")
    of_series = ("FREQ", "AREA")
    parts = (
        Component("FREQ", "dimension", frequency, name={"en": "Frequency", "zh": "频率"}),
        Component("AREA", "dimension", area, name={"en": "Area"}),
        Component("TIME_PERIOD", "time", type="ObservationalTimePeriod", name={"en": "Time"}),
        Component("OBS_VALUE", "measure", type="Double", name={"en": "Value"}),
        Component("UNIT", "attribute", unit, attachment="series", attached_to=of_series, mandatory=True),
        Component("TITLE", "attribute", attachment="series", attached_to=of_series),
        Component("STATUS", "attribute", status, attachment="observation", mandatory=True),
        Component("NOTE", "attribute", attachment="observation"),
    )
    parts = tuple(replace(part, codelist_ref=part.codelist.short if part.codelist else "") for part in parts)
    return Structure("XX", "SMALL", "1.0", {"en": "A small structure", "zh": "小型结构"}, components=parts)


Row = dict[str, str | None]


def rows() -> list[Row]:
    found: list[Row] = []
    for area, unit in (("KG", "PT"), ("TJ", "NUMBER")):
        for place, note in enumerate(AWKWARD):
            value = ("1.50", "-0.0010", "12345678901234567890.123456789", "1e-7", None)[place % 5]
            found.append(
                {
                    "FREQ": "A",
                    "AREA": area,
                    "TIME_PERIOD": str(2000 + place),
                    "OBS_VALUE": value,
                    "UNIT": unit,
                    "TITLE": f"{area}'s <title>" if area == "KG" else None,
                    "STATUS": "AE"[place % 2],
                    "NOTE": note if area == "KG" else None,
                }
            )
    return found


def batches(given: list[Row] | None = None, size: int = 7, encoded: bool = False) -> list[pa.RecordBatch]:
    """The rows in batches of `size`; `encoded` keeps the dimensions as dictionaries."""
    ids = [part.id for part in structure().components]
    columns = {id: pa.array([row.get(id) for row in (rows() if given is None else given)], pa.string()) for id in ids}
    if encoded:
        columns |= {id: columns[id].dictionary_encode() for id in ("FREQ", "AREA", "UNIT")}
    return pa.table(columns).to_batches(max_chunksize=size)
