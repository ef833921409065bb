"""One series of the UNSD SDG API, page by page: what a page must be, and what was brought before a kill.

The API's shape (`/v1/sdg/Series/Data`): `{size, totalElements, totalPages, pageNumber, data: [...]}`. It is known to
send a page twice, to count again while it is being read, and to cut answers off; none of that gets past here unseen.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from regional_hub.sdg import durable
from regional_hub.sdg.exchange import transfer
from regional_hub.sdg.exchange.fetch import Client, FetchError

PAGE = 1000
MOST_PAGES = 100_000
STARTS = 3  # how often a series is begun again that changes while it is read
TRIES = 3  # how often a page is asked for that came before, or came broken
Record = dict[str, Any]


class SeriesFault(Exception):
    """A series that cannot be had whole; the message names it and what was wrong."""


class _Changed(Exception):
    """The service counts differently than before."""


@dataclass(frozen=True)
class Page:
    """A page as it came: which it says it is, how much there is in all, and its observations."""

    number: int
    total: int
    pages: int
    records: list[Record]

    @property
    def content(self) -> str:
        return hashlib.sha256(json.dumps(self.records, sort_keys=True).encode()).hexdigest()


def read_page(text: bytes, name: str) -> Page:
    """A page of JSON; numbers stay the text that the service wrote. Raises SeriesFault for anything else."""
    try:
        found = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError as error:
        raise SeriesFault(f"{name}: not JSON, or cut off: {error}") from error
    try:
        records = found["data"] or []
        page = Page(int(found["pageNumber"]), int(found["totalElements"]), int(found["totalPages"]), records)
    except (KeyError, TypeError, ValueError) as error:
        raise SeriesFault(
            f"{name}: not a page of data: {error!r} in {text[:200].decode('utf-8', 'replace')}"
        ) from error
    if not all(isinstance(record, dict) for record in records):
        raise SeriesFault(f"{name}: `data` holds something that is no observation")
    return page


class Series:
    """The pages of one series below a folder: each a file that appears whole, and is not asked for again."""

    def __init__(self, client: Client, base: str, folder: Path, code: str, areas: tuple[str, ...], stamp: str) -> None:
        self.client = client
        self.base = base
        self.folder = folder
        self.code = code
        self.areas = areas
        self._asked = {"code": code, "areas": list(areas), "stamp": stamp, "base": base, "size": PAGE}

    def bring(self) -> None:
        """Have all pages on the disk. Raises SeriesFault, or FetchError when the service does not answer."""
        for _ in range(STARTS):
            self._open()
            try:
                self._all()
                return
            except _Changed as change:
                said = str(change)
                transfer.remove(self.folder)
        raise SeriesFault(f"{self.code}: {said}, {STARTS} times; the service is being changed, pull it later")

    def records(self) -> Iterator[Record]:
        """The observations of all pages in order."""
        for path in sorted(self.folder.glob("[0-9]*.json")):
            yield from read_page(path.read_bytes(), path.name).records

    def _open(self) -> None:
        """Go on with the pages that are there if they answer this very question, else begin."""
        state = self.folder / "asked.json"
        if not state.exists() or durable.read_json(state) != self._asked:
            transfer.remove(self.folder)
            self.folder.mkdir(parents=True)
            durable.write_json(state, self._asked)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:05}.json"

    def _all(self) -> None:
        seen: dict[str, int] = {}
        count, number, first = 0, 1, None
        while first is None or number <= first.pages:
            page = self._page(number, seen)
            first = first or page
            if (page.total, page.pages) != (first.total, first.pages):
                raise _Changed(
                    f"{self.code} had {first.total} observations on page 1 and {page.total} on page {number}"
                )
            if page.pages > MOST_PAGES:
                raise SeriesFault(f"{self.code}: {page.pages} pages, at most {MOST_PAGES} are read")
            if not page.records and page.total:
                raise SeriesFault(f"{self.code}: page {number} of {page.pages} is empty")
            seen[page.content] = number
            count += len(page.records)
            number += 1
        if count != first.total:
            raise _Changed(f"{self.code} says it has {first.total} observations and gave {count}")

    def _page(self, number: int, seen: Mapping[str, int]) -> Page:
        """A page that is kept, or a new one. A fault is asked for again before it is believed."""
        path = self._path(number)
        fault = SeriesFault(f"{self.code}: page {number} was not given")
        for _ in range(TRIES):
            fresh = not path.exists()
            try:
                if fresh:
                    self.client.fetch(self.url(number), path, "application/json")
                page = read_page(path.read_bytes(), f"{self.code}, page {number}") if path.exists() else None
                if page is None:
                    fault = SeriesFault(f"{self.code}: page {number} is empty")
                    continue
                if page.records and page.content in seen:
                    before = seen[page.content]
                    raise SeriesFault(f"{self.code}: page {number} repeats page {before}, so a page is missing")
                if page.number != number and page.records:
                    raise SeriesFault(f"{self.code}: page {number} was asked for and page {page.number} came")
                return page
            except SeriesFault as error:
                path.unlink(missing_ok=True)
                fault = error
        raise fault

    def url(self, number: int) -> str:
        asked = [("seriesCode", self.code), *(("areaCode", area) for area in self.areas)]
        asked += [("pageSize", str(PAGE)), ("page", str(number))]
        return f"{self.base}/v1/sdg/Series/Data?{urlencode(asked)}"


def series_list(client: Client, base: str, into: Path) -> dict[str, str]:
    """The codes of all series, and the release that each is from. Raises FetchError."""
    url = f"{base}/v1/sdg/Series/List?allreleases=false"
    client.fetch(url, into, "application/json")
    try:
        found = json.loads(into.read_bytes()) if into.exists() else []
        listed = {str(one["code"]): str(one.get("release") or "") for one in found}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FetchError(url, f"not a list of series: {error!r}") from error
    if not listed:
        raise FetchError(url, "the list of series is empty")
    return listed
