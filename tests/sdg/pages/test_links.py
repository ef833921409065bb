"""Whatever a visitor's page of the database links to is there."""

from __future__ import annotations

import re
from collections import Counter, deque
from html import unescape

import pytest
from django.urls import resolve

pytestmark = pytest.mark.django_db
LINK = re.compile(r'(?:href|src)="(/sdg/[^"#]*|\?[^"#]*)')
OF_A_KIND = 3  # addresses of one view are made alike: a few of them stand for all


def test_every_link_leads_somewhere(client, room):
    seen: set[str] = set()
    asked: Counter[str] = Counter()
    waiting = deque(["/sdg/", "/sdg/?flow=KG_NSC:SDG", "/sdg/?flow=IAEG-SDGs:SDG&release=2019.Q1.G.03"])
    broken = []

    while waiting:
        address = waiting.popleft()
        name = resolve(address.partition("?")[0]).view_name
        if address in seen or asked[name] >= OF_A_KIND:
            continue
        seen.add(address)
        asked[name] += 1
        reply = client.get(address, headers={"host": "localhost"})
        if reply.status_code >= 400:
            broken.append((reply.status_code, address))
        if reply.get("Content-Type", "").startswith("text/html") and not reply.streaming:
            page = address.partition("?")[0]
            for link in LINK.findall(reply.content.decode()):
                link = unescape(link)
                waiting.append(page + link if link.startswith("?") else link)

    assert broken == []
    assert {"sdg", "sdg-goal", "sdg-indicator", "sdg-series", "sdg-area", "sdg-changes", "sdg-change"} <= set(asked)
