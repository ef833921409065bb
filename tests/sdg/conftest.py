"""Files of other people's data, read where they are; and small messages written for one test."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = ROOT.parent / "shared" / "data"

NS = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1/"


@pytest.fixture(scope="session")
def published() -> Path:
    if not PUBLISHED.is_dir():
        pytest.skip("the published data of ../shared/data are not here")
    return PUBLISHED


@pytest.fixture
def message(tmp_path):
    """Writes an SDMX-ML 2.1 message around a data set and returns its path."""

    def write(dataset: str, kind: str = "StructureSpecificData", prolog: str = "") -> Path:
        path = tmp_path / "message.xml"
        path.write_text(
            f'<?xml version="1.0" encoding="UTF-8"?>{prolog}'
            f'<m:{kind} xmlns:m="{NS}message" xmlns:c="{NS}common" xmlns:g="{NS}data/generic" '
            f'xmlns:ss="{NS}data/structurespecific" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
            "<m:Header><m:ID>T1</m:ID><m:Test>true</m:Test><m:Prepared>2026-01-01T00:00:00Z</m:Prepared>"
            '<m:Sender id="XX"/><m:Structure structureID="S" dimensionAtObservation="TIME_PERIOD"><c:Structure>'
            '<Ref agencyID="XX" id="DSD" version="1.0"/></c:Structure></m:Structure></m:Header>'
            f"{dataset}</m:{kind}>",
            encoding="utf-8",
        )
        return path

    return write
