"""The audit log: written with every change, and any tampering shows."""

import pytest

from regional_hub.core import audit
from regional_hub.core.models import AuditEntry

pytestmark = pytest.mark.django_db


def test_an_untouched_chain_holds():
    for number in range(3):
        audit.record("li", "start", f"server:{number}", {"size": "大"})

    assert audit.verify() is None


@pytest.mark.parametrize("change", [{"actor": "wang"}, {"detail": {"n": 9}}, {"object": "x"}, {"verb": "stop"}])
def test_a_changed_entry_is_named(change):
    entries = [audit.record("li", "start", "server:1", {"n": number}) for number in range(3)]

    AuditEntry.objects.filter(pk=entries[1].pk).update(**change)

    assert audit.verify() == entries[1].pk


def test_a_removed_entry_is_noticed_at_the_next():
    entries = [audit.record("li", "start", "server:1", {"n": number}) for number in range(3)]

    AuditEntry.objects.filter(pk=entries[1].pk).delete()

    assert audit.verify() == entries[2].pk


def test_the_model_refuses_change_and_deletion():
    entry = audit.record("li", "start", "server:1")

    with pytest.raises(TypeError):
        entry.save()
    with pytest.raises(TypeError):
        entry.delete()
