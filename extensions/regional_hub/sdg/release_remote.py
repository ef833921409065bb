"""Reads releases from an SDMX REST service (2.2) as streamed SDMX-CSV. Which release it is our headers tell.

Nothing but the standard library speaks to the service, so that a worker or a small client needs nothing else.
"""

from __future__ import annotations

import functools
import gzip
import itertools
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from regional_hub.sdg import timeline
from regional_hub.sdg.release_choice import ChoiceError, before_first
from regional_hub.sdg.release_local import Seen
from regional_hub.sdg.selection import Filter, Selection
from regional_hub.sdg.structure import Structure

CSV = "application/vnd.sdmx.data+csv;version=2.0.0"
JSON = "application/vnd.sdmx.structure+json;version=2.0.0"
URL_LIMIT = 6_000  # characters of a request; the service reads 8,000
TIMEOUT = 120.0  # seconds without a byte
TRIES = {429: 12, 503: 3}  # many workers of one person at once; a service that is busy with others
BLOCK = 8 << 20


class ServiceError(RuntimeError):
    """The service does not answer, or not with data; the message has its address and its words."""


@dataclass(frozen=True)
class Remote:
    """A service by the address of its root (`https://hub.example/sdmx`). `direct`: no proxy of the environment."""

    root: str
    direct: bool = False

    @property
    def name(self) -> str:
        return f"{self.root}/v2"

    def flows(self) -> list[str]:
        """The flow of the service. Raises ChoiceError naming them where there are several."""
        try:
            with self._open("data/*?limit=1", CSV) as answer:
                flow = answer.headers.get("Regional-Hub-Flow")
        except ServiceError as error:
            if "501" in str(error):
                raise ChoiceError(f"say which flow: {error}") from None
            if "404" in str(error):
                return []
            raise
        return [flow] if flow else []

    def seen(self, flow: str, as_of: datetime | None) -> Seen:
        """Raises ChoiceError where there was no release yet."""
        with self._open(f"{_data(flow)}?{urlencode({'limit': 1, **_moment(as_of)})}", CSV) as answer:
            return self._seen(answer, flow, as_of)

    def _seen(self, answer: Any, flow: str, as_of: datetime | None) -> Seen:
        if before := answer.headers.get("Regional-Hub-Nothing-Before"):
            raise before_first(flow, as_of, timeline.moment(before))
        release = answer.headers.get("Regional-Hub-Release")
        if release is None:
            if answer.status == 204:
                return Seen("", "", as_of or datetime.fromtimestamp(0).astimezone())
            raise ServiceError(f"{self.root}: answers, but does not name its release; is it a Regional Hub?")
        settled = timeline.moment(answer.headers["Regional-Hub-As-Of"])
        return Seen(release, answer.headers["Regional-Hub-View"], as_of or settled)

    def structure(self, flow: str, seen: Seen) -> Structure:
        """The current structure with all its codelists; asked for once per release."""
        return _structure(self, flow, seen.release)

    def counts(self, flow: str, seen: Seen, dimension: str) -> dict[str, int]:
        """The codes of a dimension that have data now, each with an equal share of the observations counted."""
        agency, _, id = flow.partition(":")
        address = f"availability/dataflow/{quote(agency)}/{quote(id)}/*/*/{quote(dimension)}?references=none"
        status, body = self._read(address, JSON)
        if status == 204:
            return {}
        (constraint,) = json.loads(body)["data"]["dataConstraints"]
        codes = [
            value["value"] if isinstance(value, dict) else value
            for region in constraint["cubeRegions"]
            for part in [*region.get("keyValues", []), *region.get("components", [])]
            if part["id"] == dimension
            for value in part.get("values", [])
        ]
        notes = {note.get("id"): note.get("title") for note in constraint.get("annotations", [])}
        total = int(notes.get("obs_count") or len(codes))
        return dict.fromkeys(codes, max(1, total // max(1, len(codes))))

    def batches(self, selection: Selection, key: Sequence[str]) -> tuple[Seen, Iterator[Any]]:
        """The observations as Arrow batches, every column as text, in the order of the key.

        One URL has room for some hundred codes: what does not fit is asked for in several requests.
        """
        addresses = self._addresses(selection)
        first = self._open(addresses[0], CSV)
        seen = self._seen(first, selection.flow, selection.as_of)
        if len(addresses) == 1:
            return seen, _csv(first)
        return seen, iter(self._joined(first, addresses[1:], selection, seen, key))

    def _joined(self, first: Any, others: list[str], selection: Selection, seen: Seen, key: Sequence[str]) -> list[Any]:
        import pyarrow as pa

        parts = list(_csv(first))
        for address in others:
            with self._open(address, CSV) as answer:
                if self._seen(answer, selection.flow, selection.as_of).etag not in ("", seen.etag):
                    raise ServiceError(f"{self.root}: another release came while this one was read; read again")
                parts += _csv(answer)
        table = pa.Table.from_batches(parts) if parts else None
        return table.sort_by([(name, "ascending") for name in key]).to_batches() if table else []

    def catalog(self, flow: str) -> bytes:
        """The hub's catalog of the series of a flow, which stands beside the service."""
        address = f"{self.root.removesuffix('/sdmx')}/intake/sdg/{quote(flow, safe='')}/series.yaml"
        with self._open(address, "application/yaml") as answer:
            body: bytes = answer.read()
            return gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body

    def _addresses(self, selection: Selection) -> list[str]:
        found = _address(selection)
        longest = max(selection.filters, key=lambda one: len(one.any_of), default=None)
        if len(found) <= URL_LIMIT or longest is None or len(longest.any_of) < 2:
            return [found]
        half = len(longest.any_of) // 2
        return [
            address
            for part in (longest.any_of[:half], longest.any_of[half:])
            for address in self._addresses(_with(selection, longest, Filter(longest.component, part)))
        ]

    # -- HTTP ---------------------------------------------------------------------------------------------------------

    def _read(self, address: str, accept: str) -> tuple[int, bytes]:
        with self._open(address, accept) as answer:
            body = answer.read()
            return answer.status, gzip.decompress(body) if answer.headers.get("Content-Encoding") == "gzip" else body

    def _open(self, address: str, accept: str) -> Any:
        """The answer to a request. Waits and asks again while the service is busy; raises ServiceError, ChoiceError."""
        url = address if "://" in address else f"{self.root}/v2/{address}"
        headers = {"Accept": accept, "Accept-Encoding": "gzip", "Accept-Language": "en"}
        request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme was checked
        handlers = [urllib.request.ProxyHandler({})] if self.direct else []
        opener = urllib.request.build_opener(*handlers)
        for attempt in itertools.count(1):
            try:
                return opener.open(request, timeout=TIMEOUT)
            except urllib.error.HTTPError as error:
                if attempt >= TRIES.get(error.code, 1):
                    raise _fault(url, error) from None
                time.sleep(min(5.0, 0.25 * 2**attempt) * random.uniform(0.5, 1.5))  # noqa: S311 - only spreads
            except OSError as error:
                raise ServiceError(f"{url}: the service does not answer: {error}") from None
        raise AssertionError("it returns or raises")


def _fault(url: str, error: urllib.error.HTTPError) -> Exception:
    """The service's own words where it has some (SDMX-JSON error message 2.0)."""
    body = error.read(100_000)
    try:
        said = "; ".join(one.get("detail") or one.get("title", "") for one in json.loads(body)["errors"])
    except (ValueError, KeyError, TypeError, AttributeError):
        said = str(error.reason)
    return ChoiceError(said) if error.code == 422 else ServiceError(f"{url}: {error.code}: {said}")


def _data(flow: str) -> str:
    agency, _, id = flow.partition(":")
    return f"data/dataflow/{quote(agency)}/{quote(id)}/*/*"


def _moment(as_of: datetime | None) -> dict[str, str]:
    return {"asOf": timeline.stamp(as_of)} if as_of else {}


def _address(selection: Selection) -> str:
    """The URL of a selection; a component with several filters must meet all of them (`+`)."""
    told: dict[str, list[str]] = {}
    for one in selection.filters:
        choices = [c.value if c.operator == "eq" else f"{c.operator}:{c.value}" for c in one.any_of]
        told.setdefault(f"c[{one.component}]", []).append(",".join(choices))
    query = {**{name: "+".join(parts) for name, parts in told.items()}, **_moment(selection.as_of)}
    return f"{_data(selection.flow)}?{urlencode(query, safe='+,:', quote_via=quote)}".rstrip("?")


def _with(selection: Selection, old: Filter, new: Filter) -> Selection:
    return replace(selection, filters=tuple(new if one is old else one for one in selection.filters))


@functools.lru_cache(maxsize=8)
def _structure(service: Remote, flow: str, release: str) -> Structure:
    from regional_hub.sdg import structure

    agency, _, id = flow.partition(":")
    address = f"availability/dataflow/{quote(agency)}/{quote(id)}?references=datastructure"
    status, body = service._read(address, JSON)
    if status == 204:
        raise ChoiceError(f"{flow} has no data that may be seen")
    (short,) = [one.short for one in structure.read(body, name=address).structures]
    agency, _, rest = short.partition(":")
    id, _, version = rest.rstrip(")").partition("(")
    whole = f"structure/datastructure/{quote(agency)}/{quote(id)}/{version}?references=descendants"
    found = structure.read(service._read(whole, JSON)[1], name=whole)
    (made,) = found.structures
    return made.resolved({one.short: one for one in found.codelists})


def _csv(answer: Any) -> Iterator[Any]:
    """The body as Arrow batches of text; an empty cell is missing."""
    import pyarrow as pa
    import pyarrow.csv

    if answer.status == 204:
        return
    body = gzip.GzipFile(fileobj=answer) if answer.headers.get("Content-Encoding") == "gzip" else answer
    header = _first_line(body)
    names = next(iter(_cells(header)))
    text = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    try:
        yield from pa.csv.open_csv(
            pa.PythonFile(body, "r"),
            pa.csv.ReadOptions(column_names=names, block_size=BLOCK, use_threads=False),
            pa.csv.ParseOptions(newlines_in_values=True),
            text,
        )
    except (pa.ArrowInvalid, OSError, EOFError) as error:
        if "Empty CSV" in str(error):
            return
        raise ServiceError(f"the answer ended in the middle or is no SDMX-CSV: {error}") from None


def _first_line(body: Any) -> str:
    line = bytearray()
    while (byte := body.read(1)) not in (b"\n", b""):
        line += byte
    return line.decode()


def _cells(line: str) -> Iterator[list[str]]:
    import csv

    return csv.reader([line])
