"""The profile of an area as a PDF page: a Typst template that knows the design, and the profile as its data.

Trust boundary: labels and footnotes come from files of others. They reach Typst as JSON, whose texts are shown and
never read as mark-up; the template can read no file outside its folder and nothing over the network.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any

import pylopdf_fonts_zh_cn
import qrcode
import qrcode.image.svg
import typst

from regional_hub.sdg.explorer.profile import Profile, Row, Section
from regional_hub.sdg.explorer.saying import figure

TEMPLATE = Path(__file__).with_name("print") / "profile.typ"
FONTS = Path(pylopdf_fonts_zh_cn.sans_path()).parent
LINE = "#00609c"
# One page at a time: a machine with many readers is kept for those who look at pages.
_ONE = Lock()


@dataclass(frozen=True)
class Sheet:
    """What stands around a profile, in the reader's language. `words` are the texts of the template by name."""

    language: str
    site: str
    flow: str
    release: str
    date: str
    at: datetime
    address: str
    words: Mapping[str, str]
    categories: Mapping[str, str]


def pdf(profile: Profile, sheet: Sheet) -> bytes:
    """The document, tagged for screen readers; the same data give the same bytes."""
    facts = json.dumps(_facts(profile, sheet), ensure_ascii=False)
    with _ONE:
        compiler: Any = typst.Compiler(  # type: ignore[misc]
            TEMPLATE.read_bytes(),
            root=str(TEMPLATE.parent),
            font_paths=[str(FONTS)],
            ignore_system_fonts=True,
            sys_inputs={"data": facts},
            package_path=str(TEMPLATE.parent / "none"),
            package_cache_path=str(TEMPLATE.parent / "none"),
        )
        return bytes(compiler.compile(format="pdf", timestamp=int(sheet.at.astimezone(UTC).timestamp())))


def _facts(profile: Profile, sheet: Sheet) -> dict[str, Any]:
    return {
        "language": sheet.language.split("-")[0],
        "title": profile.name.text,
        "site": sheet.site,
        "flow": sheet.flow,
        "release": sheet.release,
        "date": sheet.date,
        "address": sheet.address,
        "qr": _qr(sheet.address),
        "words": dict(sheet.words),
        "counts": [
            {"name": name, "category": category, "count": count}
            for category, name in sheet.categories.items()
            if (count := profile.count(category))
        ],
        "with": len(profile.rows),
        "missing": profile.missing,
        "stale": profile.stale,
        "sections": [_section(section, sheet) for section in profile.sections],
    }


def _section(section: Section, sheet: Sheet) -> dict[str, Any]:
    return {
        "id": section.goal.id,
        "title": section.goal.title.text,
        "colour": section.goal.colour,
        "ink": section.goal.ink,
        "rows": [_row(row, sheet) for row in section.rows],
        "missing": [id for id, _title in section.missing],
    }


def _row(row: Row, sheet: Sheet) -> dict[str, Any]:
    category = getattr(row.progress, "category", "") if row.progress.assessed else ""
    return {
        "indicator": row.indicator,
        "name": row.name.text,
        "part": ", ".join(label.text for label in row.breakdown),
        "value": figure(row.latest.value),
        "unit": row.unit,
        "year": row.latest.time,
        "stale": row.stale,
        "spark": row.spark.svg(LINE) if row.spark else "",
        "since": row.first.time if row.spark else "",
        "category": category,
        "progress": sheet.categories.get(category, "") if category else "",
        "source": row.latest.source,
    }


def _qr(address: str) -> str:
    out = io.BytesIO()
    qrcode.make(address, image_factory=qrcode.image.svg.SvgPathImage, border=0).save(out)
    return out.getvalue().decode()
