"""Fixtures of tests that need the portal's database: people, a Hub that only listens, quick passwords."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import pytest

from regional_hub.hub.api import Holder, HubDown, HubError, Server

PASSWORD = "Gobi-Steppe-44"


@dataclass
class ListeningHub:
    """Stands where the Hub's API is; remembers what it was told."""

    is_down: bool = False
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    found: dict[str, list[Server]] = field(default_factory=dict)
    started: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    stopped: list[tuple[str, str]] = field(default_factory=list)
    refusal: HubError | None = None
    tokens: dict[str, Holder] = field(default_factory=dict)

    def _answer(self) -> None:
        if self.is_down:
            raise HubDown("the Hub does not answer")
        if self.refusal:
            raise self.refusal

    def put_person(self, name: str, groups: Any, *, admin: bool, open_to: Any = (), display_name: str = "") -> None:
        self._answer()
        self.names[name] = display_name
        self.people[name] = {"groups": sorted(groups), "admin": admin, "open_to": sorted(open_to)}

    def delete_person(self, name: str) -> None:
        self._answer()
        self.people.pop(name, None)
        self.deleted.append(name)

    def servers(self, owner: str) -> list[Server]:
        self._answer()
        return self.found.get(owner, [])

    def running(self) -> list[Server]:
        self._answer()
        return [server for servers in self.found.values() for server in servers]

    def start(self, owner: str, name: str, options: Any) -> None:
        self._answer()
        self.started.append((owner, name, dict(options)))

    def stop(self, owner: str, name: str, *, forget: bool = False) -> None:
        self._answer()
        self.stopped.append((owner, name))

    def failure(self, owner: str, name: str) -> Any:
        return None

    def whose(self, token: str) -> Holder | None:
        self._answer()
        return self.tokens.get(token)

    def token(self, owner: str, *, scopes: Any, days: Any, note: str) -> str:
        self._answer()
        return f"token-of-{owner}"


def server(owner: str, name: str = "", *, ready: bool = True, pending: str = "", **more: Any) -> Server:
    return Server(
        owner=owner, name=name, ready=ready, pending=pending, url=f"/user/{owner}/{name}", started=None,
        last_activity=None, options=more.get("options", {}), ended=more.get("ended", {}),
    )  # fmt: skip


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """Playwright's loop runs in the thread of the tests; Django would refuse its database there."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(scope="session", autouse=True)
def translated() -> None:
    """Chinese as people will read it."""
    from django.conf import settings

    from regional_hub.core import translations

    translations.compile_all(settings.HUB)


@pytest.fixture(autouse=True)
def quick_site(settings, tmp_path):
    """No hashed assets, no slow password hashes, no shared cache, mails in memory."""
    from django.core.cache import cache

    static = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": static}}
    settings.STATIC_ROOT = tmp_path
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # the OpenID client's secret
    ]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def listening_hub(monkeypatch) -> ListeningHub:
    from regional_hub.core import directory

    found = ListeningHub()
    monkeypatch.setattr(directory, "hub", lambda: found)
    return found


@pytest.fixture
def groups(db):
    from regional_hub.core import names
    from regional_hub.core.models import Group

    for name, title, title_zh in names.ROLES:
        Group.objects.get_or_create(name=name, defaults={"title": title, "title_zh": title_zh})


@pytest.fixture
def make_person(groups):
    from regional_hub.core import actions
    from regional_hub.core.access import OPERATOR

    def make(name: str, *member_of: str, **more: Any) -> Any:
        more = {"password": PASSWORD, "must_change_password": False, **more}
        return actions.add_person(OPERATOR, name, f"{name}@example.org", groups=member_of, **more)

    return make


@pytest.fixture
def admin(make_person):
    return make_person("boss", "admins")


@pytest.fixture
def alice(make_person):
    return make_person("alice", "researchers")


@pytest.fixture
def signed_in(client):
    """Sign a client in as somebody."""

    def sign_in(person: Any) -> Any:
        client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
        return client

    return sign_in
