"""The page of a series and the files below it, over published data."""

import csv
import io
import json

import pytest

from regional_hub.sdg.explorer.book import open_book

pytestmark = pytest.mark.django_db
MORT = "/sdg/series/SH_STA_MORT/"
KG = "flow=KG_NSC:SDG"


def body(reply) -> bytes:
    return b"".join(reply.streaming_content) if reply.streaming else reply.content


def test_the_page_says_series_unit_and_values(client, room):
    reply = client.get(f"{MORT}?{KG}")
    html = reply.content.decode()

    assert reply.status_code == 200
    assert "Maternal mortality ratio" in html and "live births" in html and "28.4" not in html
    assert 'value="25.7"' in html
