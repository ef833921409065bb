"""`manage prepare`: everything the portal needs before it can serve; cheap when nothing changed.

Prints one JSON line, `{"admin": name, "password": one-time password or null}`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from regional_hub.core import actions, names, tasks, translations
from regional_hub.core.access import OPERATOR
from regional_hub.core.models import Group, HubAccount, Person
from regional_hub.core.oidc import ensure_hub_client
from regional_hub.portal import assets
from regional_hub.sdg.subscriptions import tasks as letters
from regional_hub.settings import ROOT, Settings
from regional_hub.showcase import tasks as reviews

FIRST = "admin"


@contextlib.contextmanager
def _one_at_a_time(place: Path) -> Iterator[None]:
    """Of two starts at once, the second waits for the first and then finds everything done."""
    with place.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Command(BaseCommand):
    help = "Migrate, make groups, the Hub's OpenID client and the first administrator, translations and page assets."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        hub = settings.HUB
        with _one_at_a_time(hub.path("prepare.lock")):
            name, password = self._prepare(hub)
        self.stdout.write(json.dumps({"admin": name, "password": password}))

    def _prepare(self, hub: Settings) -> tuple[str, str | None]:
        translations.compile_all(hub)
        self._migrate()
        with transaction.atomic():
            for name, title, title_zh in names.ROLES:
                Group.objects.get_or_create(name=name, defaults={"title": title, "title_zh": title_zh})
            ensure_hub_client(hub)
        self._assets()
        hub.path("mail").mkdir(parents=True, exist_ok=True)
        tasks.prune()
        if any(account.is_behind for account in HubAccount.objects.all()):
            tasks.schedule()
        letters.schedule_if_followed()
        reviews.start()
        return self._administrator()  # last: the password is shown only once, so nothing may fail after it

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)
        if settings.CACHES["default"]["LOCATION"] not in connection.introspection.table_names():
            call_command("createcachetable", verbosity=0)

    def _administrator(self) -> tuple[str, str | None]:
        """The first administrator; made, with a password for once, when there is none."""
        first = Person.objects.filter(groups__name="admins", is_active=True).order_by("pk").first()
        if first is not None:
            return first.username, None
        password = "-".join(secrets.token_hex(2) for _part in range(4))
        actions.add_person(OPERATOR, FIRST, display_name="Administrator", groups=["admins"], password=password)
        return FIRST, password

    def _assets(self) -> None:
        """Collect and hash the page assets, unless those collected are made of the same files."""
        if missing := assets.missing():
            raise CommandError(f"{missing[0]} is missing ({len(missing)} in all): run `npm ci` in {ROOT}")
        now = assets.stamp()
        place = settings.HUB.path("static.stamp")
        there = settings.STATIC_ROOT.is_dir()  # a backup may leave it out
        if there and place.exists() and place.read_text() == now:
            return
        call_command("collectstatic", interactive=False, verbosity=0)
        place.write_text(now)
