"""Django's `DATABASES` entry for the address in the settings: SQLite in the data folder, or PostgreSQL."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from regional_hub.settings import Settings, SettingsError


def database(settings: Settings) -> dict[str, Any]:
    """Raises SettingsError for an address that is neither empty nor `postgresql://`."""
    if not settings.database.portal_url:
        return _sqlite(settings)
    address = urlsplit(settings.database.portal_url)
    if address.scheme not in {"postgresql", "postgres"} or not address.path.strip("/"):
        raise SettingsError(
            "setting `database.portal_url`: it must be postgresql://user:password@host:port/name or empty"
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(address.path.strip("/")),
        "USER": unquote(address.username or ""),
        "PASSWORD": unquote(address.password or ""),
        "HOST": unquote(address.hostname or ""),
        "PORT": str(address.port or ""),
        "OPTIONS": dict(parse_qsl(address.query)),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def _sqlite(settings: Settings) -> dict[str, Any]:
    """Writers wait for one another instead of failing: each transaction takes the write lock when it begins."""
    settings.path("db").mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": settings.path("db", "portal.sqlite"),
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON",
        },
    }
