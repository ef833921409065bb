"""The audit log: one `record` for every change, each entry chained to the one before by SHA-256.

A removed, changed or reordered entry breaks the chain, and `verify` names the first entry where it does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from regional_hub.core.locks import one_at_a_time
from regional_hub.core.models import AuditEntry

BEGINNING = "0" * 64
_LOCK = 0x5248_4155  # any number that nothing else on the database uses


def _digest(previous: str, at: str, actor: str, verb: str, object: str, detail: Mapping[str, Any]) -> str:
    words = [previous, at, actor, verb, object, json.dumps(detail, sort_keys=True, ensure_ascii=False)]
    return hashlib.sha256(json.dumps(words, ensure_ascii=False).encode()).hexdigest()


def record(actor: object, verb: str, object: object, detail: Mapping[str, Any] | None = None) -> AuditEntry:
    """Append one entry in the caller's transaction. `actor` and `object` are written as `str` of what is given.

    `detail` holds plain JSON values, never a password, token or key.
    """
    facts = json.loads(json.dumps(dict(detail or {}), default=str))
    with transaction.atomic():
        one_at_a_time(_LOCK)
        previous = AuditEntry.objects.order_by("-pk").values_list("hash", flat=True).first() or BEGINNING
        at = timezone.now()
        entry = AuditEntry(at=at, actor=str(actor), verb=verb, object=str(object), detail=facts, previous=previous)
        entry.hash = _digest(previous, at.isoformat(), entry.actor, verb, entry.object, facts)
        entry.save()
    return entry


def verify() -> int | None:
    """The number of the first entry that does not fit the one before it; None when the whole chain holds."""
    previous = BEGINNING
    for entry in AuditEntry.objects.order_by("pk").iterator():
        digest = _digest(previous, entry.at.isoformat(), entry.actor, entry.verb, entry.object, entry.detail)
        if entry.previous != previous or entry.hash != digest:
            return int(entry.pk)
        previous = entry.hash
    return None
