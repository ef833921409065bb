"""The catalog's pages: what data there is, an entry with its preview and the code to copy, and the open catalog.

`/catalog/` shows all entries to people of the hub. `/intake/` serves, to anyone, the entries whose metadata name a
`remote` driver, and of these exactly the files that the entry opens.
"""

from __future__ import annotations

import asyncio
import hashlib
import mimetypes
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.http import http_date
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from regional_hub.core import catalog
from regional_hub.core.access import requires
from regional_hub.portal import sdg_catalog
from regional_hub.portal.catalog_preview import Preview, preview
from regional_hub.settings import ROOT

START = "start_here.ipynb"
CHUNK = 1 << 18


def folder() -> Path:
    return ROOT / "catalogs"


@dataclass(frozen=True)
class Card:
    """An entry as a page shows it: in the reader's language, with what lies on disk."""

    name: str
    title: str
    description: str
    licence: str
    source: str
    tags: Sequence[str]
    facts: catalog.Facts
    is_remote: bool


def _card(entry: catalog.Entry) -> Card:
    language = get_language() or "en"
    return Card(
        name=entry.name,
        title=entry.text("title", language),
        description=entry.text("description", language),
        licence=entry.text("licence", language),
        source=entry.text("source", language),
        tags=entry.tags,
        facts=catalog.facts(entry, settings.HUB.shared_dir),
        is_remote=bool(entry.remote),
    )


def _matches(entry: catalog.Entry, words: Sequence[str], tag: str) -> bool:
    """All words occur somewhere in what the entry says of itself, in either language."""
    metadata = entry.metadata
    said = [entry.name, entry.description, *entry.tags]
    said += [
        str(metadata.get(key, "")) for key in ("title", "title_zh", "description_zh", "source", "source_zh", "licence")
    ]
    text = " ".join(said).casefold()
    return all(word in text for word in words) and (not tag or tag in entry.tags)


@require_safe
@requires("see", "catalog")
def catalog_page(request: HttpRequest) -> HttpResponse:
    """All entries; `q` searches, `tag` chooses. A catalog that cannot be read is named above those that can."""
    query, tag = request.GET.get("q", "").strip(), request.GET.get("tag", "")
    catalogs = catalog.read_folder(folder())
    entries = [entry for each in catalogs for entry in each.entries]
    facts = {
        "query": query,
        "tag": tag,
        "tags": sorted({tag for entry in entries for tag in entry.tags}),
        "cards": [_card(entry) for entry in entries if _matches(entry, query.casefold().split(), tag)],
        "count": len(entries),
        "errors": [each.error for each in catalogs if each.error],
    }
    return render(request, "portal/catalog.html", facts)


@require_safe
@requires("see", "catalog")
def entry_page(request: HttpRequest, name: str) -> HttpResponse:
    """One entry: its preview, its parameters, and how a notebook opens it."""
    entry = catalog.find(folder(), name)
    if entry is None:
        raise Http404
    card = _card(entry)
    shown = preview(entry, card.facts, settings.HUB.path("cache", "catalog"))
    facts = {
        "card": card,
        "parameters": [(each, each.text(get_language() or "en")) for each in entry.parameters],
        "preview": shown,
        "preview_columns": _columns(shown),
        "code": _code(entry),
        "remote_code": _remote_code(entry) if entry.remote else "",
        "lab": f"/hub/user-redirect/lab/tree/{START}",
    }
    return render(request, "portal/catalog_entry.html", facts)


_HEADINGS = {
    "variable": _("Variable"),
    "meaning": _("Meaning"),
    "extent": _("Extent"),
    "chunks": _("Chunks"),
    "type": _("Type"),
}


def _columns(shown: Preview | None) -> list[Any]:
    if shown is None:
        return []
    return [_HEADINGS.get(column, column) if shown.kind == "variables" else column for column in shown.columns]


def _code(entry: catalog.Entry) -> str:
    """Python that opens the entry on a server of the hub, with every parameter at its default."""
    arguments = ", ".join(f"{parameter.name}={parameter.default!r}" for parameter in entry.parameters)
    if entry.driver.endswith("SeriesCatalog"):
        opened = f"entries = intake.cat.{entry.name}\ncode = list(entries)[0]\n"
        return f"import intake\n\n{opened}data = entries[code].read()   # pandas\n"
    in_memory, lazily = ("xarray", "xarray + Dask") if entry.driver.endswith("ZarrSource") else ("pandas", "Dask")
    return (
        "import intake\n\n"
        f"entry = intake.cat.{entry.name}({arguments})\n"
        f"data = entry.read()      # {in_memory}\n"
        f"data = entry.to_dask()   # {lazily}\n"
    )


def _remote_code(entry: catalog.Entry) -> str:
    return (
        "import intake\n\n"
        f'catalog = intake.open_catalog("{settings.HUB.url}{reverse("intake-catalog")}")\n'
        f"data = catalog.{entry.name}.read()\n"
    )


# -- for the world ----------------------------------------------------------------------------------------------------


def _served(entry: catalog.Entry) -> dict[str, Path]:
    """File name -> file, of an entry that anyone may open. Nothing else is served, whatever is asked for."""
    if not entry.remote:
        return {}
    found = catalog.facts(entry, settings.HUB.shared_dir).paths
    return {file.name: file for file in found if file.is_file()}


@require_safe
@requires("read", "open data")
def intake_catalog(request: HttpRequest) -> HttpResponse:
    """The open entries as an intake V1 catalog that needs nothing of ours to be read."""
    sources = {}
    entries = [entry for each in catalog.read_folder(folder()) for entry in each.entries]
    for entry in entries:
        if urls := [_address(entry, name) for name in sorted(_served(entry))]:
            kept = ("title", "title_zh", "description_zh", "licence", "source", "source_zh", "tags")
            sources[entry.name] = {
                "description": entry.description,
                "driver": entry.remote,
                "args": {"urlpath": urls[0] if len(urls) == 1 else urls},
                "metadata": {key: entry.metadata[key] for key in kept if key in entry.metadata},
            }
    sources |= sdg_catalog.sources(entries)
    site = settings.HUB.site
    document = {"metadata": {"version": 1, "title": site.name, "title_zh": site.name_zh}, "sources": sources}
    text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False)
    return sdg_catalog.tagged(request, hashlib.sha256(text.encode()).hexdigest()[:24], lambda: text)


def _address(entry: catalog.Entry, file: str) -> str:
    return settings.HUB.url + reverse("intake-file", args=[entry.name, file])


@require_safe
@requires("read", "open data")
def intake_file(request: HttpRequest, name: str, file: str) -> HttpResponseBase:
    """One file of an open entry, streamed; one `Range` of it where a reader asks (RFC 9110, section 14)."""
    entry = catalog.find(folder(), name)
    found = _served(entry).get(file) if entry else None
    if found is None:
        raise Http404
    state = found.stat()
    wanted = _range(request.headers.get("Range", ""), state.st_size)
    if wanted is not None and not wanted:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{state.st_size}"})
    part = range(state.st_size) if wanted is None else wanted
    status = 200 if wanted is None else 206
    response = StreamingHttpResponse(_chunks(found, part), status=status, content_type=_kind(found))
    response["Content-Length"] = str(len(part))
    if wanted is not None:
        response["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{state.st_size}"
    response["Accept-Ranges"] = "bytes"
    response["Last-Modified"] = http_date(state.st_mtime)
    return response


async def _chunks(file: Path, part: range) -> AsyncIterator[bytes]:
    """Part of a file, piece by piece, without holding up other requests."""
    with await asyncio.to_thread(file.open, "rb") as opened:
        opened.seek(part.start)
        left = len(part)
        while left and (chunk := await asyncio.to_thread(opened.read, min(left, CHUNK))):
            left -= len(chunk)
            yield chunk


def _kind(file: Path) -> str:
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") else kind


def _range(header: str, size: int) -> range | None:
    """The bytes that a Range header asks for; empty where there are none; None: send all."""
    match = re.fullmatch(r"bytes=(\d{0,15})-(\d{0,15})", header.strip())
    if not match or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    return range(start, stop) if start < stop else range(0)


urlpatterns = [
    path("catalog/", catalog_page, name="catalog"),
    path("catalog/<slug:name>/", entry_page, name="catalog-entry"),
    path("intake/catalog.yaml", intake_catalog, name="intake-catalog"),
    path("intake/sdg/<str:flow>/series.yaml", sdg_catalog.series, name="intake-sdg-series"),
    path("intake/files/<slug:name>/<str:file>", intake_file, name="intake-file"),
]
