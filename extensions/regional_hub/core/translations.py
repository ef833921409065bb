"""Makes the catalogs of translations that Django reads out of those that people write; into the data folder."""

from __future__ import annotations

import os
from pathlib import Path

import polib

from regional_hub.settings import Settings

APPS = ("core", "sdg", "showcase", "portal")


def sources(app: str) -> list[Path]:
    return sorted((Path(__file__).parents[1] / app / "locale").glob("*/LC_MESSAGES/django.po"))


def compile_all(settings: Settings) -> int:
    """Compile what is newer than its compiled form; how many catalogs that were."""
    made = 0
    for app in APPS:
        for source in sources(app):
            language = source.parents[1].name
            target = settings.path("locale", app, language, "LC_MESSAGES", "django.mo")
            if target.exists() and target.stat().st_mtime_ns == source.stat().st_mtime_ns:
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            fresh = target.with_suffix(".fresh")
            polib.pofile(str(source)).save_as_mofile(str(fresh))
            _same_time(source, fresh)
            fresh.rename(target)
            made += 1
    return made


def _same_time(source: Path, target: Path) -> None:

    facts = source.stat()
    os.utime(target, ns=(facts.st_atime_ns, facts.st_mtime_ns))
