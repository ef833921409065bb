"""A report as a national statistical office writes it by the SDG metadata structure, in English and Chinese."""

from __future__ import annotations

from regional_hub.sdg.metadata import PLAIN, MetadataSet, Reported

FLOW = "urn:sdmx:org.sdmx.infomodel.metadatastructure.Metadataflow=IAEG-SDGs:SDG_META(1.0)"
CODE = "urn:sdmx:org.sdmx.infomodel.codelist.Code={}(1.0).{}"
CONCEPTS = {
    "en": (
        "<p><b>Definition:</b> the unemployment rate is the percentage of persons in the labour force who're "
        "unemployed &amp; available; it isn't <i>under</i>employment.</p>\n<ul><li>ages 15+</li><li>13th ICLS: "
        'see <a href="https://example.org/?a=1&amp;b=2">"Resolution I"</a></li></ul>'
    ),
    "zh": "<p><b>定义：</b>失业率指劳动力中失业人员所占的百分比。</p>\n<ul><li>15 岁及以上</li></ul>",
}
AWKWARD = {
    "en": " The Bureau's \u201cfinal\u201d figures:\u00a01\u202f234,5 < 2\t]]> & \U0001f4ca\r\n\r\n=SUM(A1)\n",
    "zh": "国家统计局的“最终”数据：１２３％，《年鉴》第\u00a03\u00a0章",
    "ky": "Мамлекеттик статистика комитети — жыл сайын",
}


def national(
    id: str = "SL_TLF_UEM_KG", version: str = "1.0.0", areas: tuple[str, ...] = ("417",), agency: str = "KG_NSC"
) -> MetadataSet:
    """A set about REPORTING_TYPE N, SERIES SL_TLF_UEM and some areas, with rich text and awkward characters."""
    said = (
        Reported("SDG_INDICATOR_INFO", {"en": "8.5.2 Unemployment rate", "zh": "8.5.2 失业率"}),
        Reported("META_LAST_UPDATE", {PLAIN: "2026-03-31"}),
        Reported("CONTACT_EMAIL", {PLAIN: "a.o'brien+sdg@example.org"}),
        Reported("STAT_CONC_DEF", CONCEPTS),
        Reported("DATA_COMP", AWKWARD),
        Reported("COVERAGE"),
    )
    parts = {"CL_REPORTING_TYPE": ("N",), "CL_SERIES": ("SL_TLF_UEM",), "CL_AREA": areas}
    targets = tuple(CODE.format(f"IAEG-SDGs:{list}", code) for list, codes in parts.items() for code in codes)
    names = {"en": "Unemployment rate: the Republic's report", "zh": "失业率：国家报告"}
    return MetadataSet(agency, id, version, names, flow=FLOW, targets=targets, attributes=said)
