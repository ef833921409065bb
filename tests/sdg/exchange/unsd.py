"""The API of UNSD in the shape that it answers, over made observations, with the faults that it is known for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.sdg.exchange.web import Request, Said


def observation(
    code: str = "SI_POV_DAY1", area: str = "417", year: int = 2015, value: Any = "2.5", **more: Any
) -> dict:
    """One observation as the API writes it."""
    made = {
        "goal": ["1"],
        "target": ["1.1"],
        "indicator": ["1.1.1"],
        "series": code,
        "seriesDescription": "Proportion of population below international poverty line (%)",
        "seriesCount": "2247",
        "geoAreaCode": area,
        "geoAreaName": "Kyrgyzstan",
        "timePeriodStart": float(year),
        "value": value,
        "valueType": "Float",
        "time_detail": None,
        "timeCoverage": None,
        "upperBound": None,
        "lowerBound": None,
        "basePeriod": None,
        "source": 'World Bank, «PovcalNet», "2019"',
        "geoInfoUrl": None,
        "footnotes": [""],
        "attributes": {"Nature": "G", "Units": "PERCENT"},
        "dimensions": {
            "Freq": "ANNUAL",
            "Location": "ALLAREA",
            "Age": "ALLAGE",
            "Reporting Type": "G",
            "Sex": "BOTHSEX",
        },
    }
    return made | more


@dataclass
class Unsd:
    """Series and their observations. `trouble` is asked before each answer and may answer instead."""

    series: dict[str, list[dict]]
    release: str = "2026.Q1.G.01"
    releases: dict[str, str] = field(default_factory=dict)
    trouble: Any = None
    counted: int = 0

    def __call__(self, request: Request) -> Said:
        self.counted += 1
        parts = urlsplit(request.path)
        asked = parse_qs(parts.query)
        if parts.path.endswith("/v1/sdg/Series/List"):
            return self._list()
        if not parts.path.endswith("/v1/sdg/Series/Data"):
            return Said(404, b"no such page")
        code, page, size = asked["seriesCode"][0], int(asked["page"][0]), int(asked["pageSize"][0])
        if self.trouble and (said := self.trouble(code, page, self)):
            return said
        return json_said(self.page(code, page, size, asked.get("areaCode")))

    def _list(self) -> Said:
        listed = [
            {
                "goal": ["1"],
                "target": ["1.1"],
                "indicator": ["1.1.1"],
                "release": self.releases.get(code, self.release),
                "code": code,
                "description": "A series",
                "uri": f"/v1/sdg/Series/{code}",
            }
            for code in self.series
        ]
        return json_said(listed)

    def page(self, code: str, page: int, size: int, areas: list[str] | None = None) -> dict:
        rows = [row for row in self.series[code] if not areas or row["geoAreaCode"] in areas]
        part = rows[(page - 1) * size : page * size]
        pages = -(-len(rows) // size)
        return {
            "size": size,
            "totalElements": len(rows),
            "totalPages": pages,
            "pageNumber": page,
            "attributes": [{"id": "Nature", "codes": []}],
            "dimensions": [{"id": "Sex", "codes": []}],
            "data": part,
        }


def json_said(value: Any) -> Said:
    return Said(200, json.dumps(value).encode(), {"Content-Type": "application/json; charset=utf-8"})
