"""Page assets: which files we take from npm packages, and how all of them are hashed and served for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.staticfiles.finders import BaseFinder
from django.core.checks import CheckMessage
from django.core.checks import Error as CheckError
from django.core.files.storage import FileSystemStorage
from whitenoise.storage import CompressedManifestStaticFilesStorage

from regional_hub.settings import ROOT

NODE_MODULES = ROOT / "node_modules"

# Address below /static/vendor/ -> file below node_modules/. Only what pages load: no maps, no sources, no variants.
VENDOR = {
    "bootstrap/bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    "bootstrap/bootstrap.bundle.min.js": "bootstrap/dist/js/bootstrap.bundle.min.js",
    "bootstrap-icons/bootstrap-icons.min.css": "bootstrap-icons/font/bootstrap-icons.min.css",
    "bootstrap-icons/fonts/bootstrap-icons.woff2": "bootstrap-icons/font/fonts/bootstrap-icons.woff2",
    "bootstrap-icons/fonts/bootstrap-icons.woff": "bootstrap-icons/font/fonts/bootstrap-icons.woff",
    "htmx/htmx.min.js": "htmx.org/dist/htmx.min.js",
    "vega/vega.min.js": "vega/build/vega.min.js",
    "vega/vega-lite.min.js": "vega-lite/build/vega-lite.min.js",
    "vega/vega-embed.min.js": "vega-embed/build/vega-embed.min.js",
}


class _Vendor(FileSystemStorage):
    """node_modules seen under the addresses of VENDOR."""

    prefix = "vendor"

    def __init__(self) -> None:
        super().__init__(location=NODE_MODULES)

    def path(self, name: str) -> str:
        return str(NODE_MODULES / VENDOR[name])


class VendorFinder(BaseFinder):
    """Finds the npm packages' files for `collectstatic`."""

    storage = _Vendor()

    def check(self, **kwargs: Any) -> list[CheckMessage]:
        return [CheckError(f"npm asset missing: {file}", hint="run `npm ci`") for file in missing()]

    def find(self, path: str, find_all: bool = False, **kwargs: Any) -> Any:
        file = VENDOR.get(path.removeprefix("vendor/")) if path.startswith("vendor/") else None
        found = str(NODE_MODULES / file) if file else None
        if find_all:
            return [found] if found else []
        return found or []

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, _Vendor]]:
        for name in VENDOR:
            yield name, self.storage


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Names with a hash of the content; source maps, which we do not ship, are not looked for."""

    patterns = (
        (
            "*.css",
            (
                r"""(?P<matched>url\((?P<quote>['"]{0,1})\s*(?P<url>.*?)(?P=quote)\))""",
                (
                    r"""(?P<matched>@import\s*(?P<quote>['"])\s*(?P<url>.*?)(?P=quote))""",
                    """@import url("%(url)s")""",
                ),
            ),
        ),
    )


def missing() -> list[Path]:
    """The npm packages' files that are not there."""
    return [NODE_MODULES / file for file in VENDOR.values() if not (NODE_MODULES / file).exists()]


def folders() -> list[Path]:
    """Where our apps have their own assets."""
    found = [Path(app.path) / "static" for app in apps.get_app_configs() if app.name.startswith("regional_hub.")]
    return [folder for folder in found if folder.is_dir()]


def stamp() -> str:
    """Changes when a file of ours or of the npm packages does: by names, sizes and times, so that asking is cheap."""
    digest = hashlib.sha256()
    places = [NODE_MODULES / file for file in VENDOR.values()]
    for folder in folders():
        places += sorted(place for place in folder.rglob("*") if place.is_file())
    for place in places:
        facts = place.stat()
        digest.update(f"{place}\0{facts.st_size}\0{facts.st_mtime_ns}\n".encode())
    return digest.hexdigest()
