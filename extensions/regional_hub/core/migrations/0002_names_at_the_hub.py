"""The Hub is told of everybody once more: since now it knows people's own names."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.db.models import F


def tell_again(apps: Any, _editor: Any) -> None:
    apps.get_model("core", "HubAccount").objects.update(wanted=F("wanted") + 1)


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [migrations.RunPython(tell_again, migrations.RunPython.noop)]
