"""The reference page names every parameter, format and status that the service knows, in both languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from regional_hub.sdg.rest import errors, grammar, negotiate, url_v1, url_v2
from regional_hub.sdg.rest.errors import SyntaxFault

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference"
PAGES = [DOCS / "sdmx-rest.md", DOCS / "sdmx-rest.zh.md"]
URLS = {
    url_v2: ("data", "availability", "structure", "schema/dataflow/A/B", "metadata/metadataset"),
    url_v1: ("data/A", "availableconstraint/A", "codelist", "schema/dataflow/A/B", "metadata/A"),
}


def parameters() -> set[str]:
    """What each resource says it knows when it is given what it does not know."""
    found: set[str] = set()
    for module, paths in URLS.items():
        for path in paths:
            with pytest.raises(SyntaxFault) as caught:
                module.parse(path, "zzzzzzzz=1")
            found |= set(str(caught.value).partition("there are ")[2].split(", "))
    return found - {"explicit"}  # what clients call explicitMeasure


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_parameter_format_and_status_is_documented(page):
    text = page.read_text(encoding="utf-8")

    formats = {
        made.name
        for made in (
            *negotiate.DATA_V2,
            *negotiate.STRUCTURE_V2,
            *negotiate.SCHEMA_V2,
            *negotiate.METADATA_V2,
            *negotiate.METADATA_V1,
            negotiate.SHEET,
        )
    }
    versions = {made.version for made in (*negotiate.DATA_V2, *negotiate.STRUCTURE_V2, *negotiate.METADATA_V1)}
    kinds = [errors.Fault, *errors.Fault.__subclasses__(), *errors.Busy.__subclasses__()]
    statuses = {str(status) for kind in kinds for status in (kind.status, kind.status_v1) if status != 500}
    words = parameters() | formats | versions | statuses | set(negotiate.ALIASES)
    assert {word for word in words if word not in text} == set()
    assert f"{grammar.URL_LIMIT:,}" in text
