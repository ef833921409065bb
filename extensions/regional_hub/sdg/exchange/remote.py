"""The addresses of an SDMX REST service of either generation, and which parts of them we need to know.

Standards: SDMX REST 2.2.2 (`/data/dataflow/AGENCY/ID/VERSION/KEY`) and 1.5.0 (`/data/AGENCY,ID,VERSION/KEY`). It builds
and reads URLs; it asks nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

FLOW = re.compile(r"(?P<agency>[A-Za-z][\w.@$-]*):(?P<id>[\w@$-]+)(?:\((?P<version>[\w.+*~-]+)\))?")
CONTEXTS = ("dataflow", "datastructure", "provisionagreement", "*")
DATA = "application/vnd.sdmx."
# What we read best comes first: streaming readers, every attribute, and what is to be done with each line.
ACCEPT = {
    2: (
        f"{DATA}data+csv;version=2.0.0, {DATA}data+xml;version=3.0.0;q=0.9, "
        f"{DATA}structurespecificdata+xml;version=2.1;q=0.8, {DATA}data+csv;version=1.0.0;q=0.6, "
        f"{DATA}genericdata+xml;version=2.1;q=0.5, {DATA}data+json;version=2.0.0;q=0.4, "
        f"{DATA}data+json;version=1.0.0;q=0.3, application/xml;q=0.2, text/csv;q=0.1"
    ),
    1: (
        f"{DATA}structurespecificdata+xml;version=2.1, {DATA}genericdata+xml;version=2.1;q=0.8, "
        f"{DATA}data+csv;version=1.0.0;q=0.6, {DATA}data+json;version=1.0.0;q=0.4, application/xml;q=0.2, "
        "text/csv;q=0.1"
    ),
}
ACCEPT_STRUCTURE = (
    f"{DATA}structure+xml;version=2.1, {DATA}structure+xml;version=3.0.0;q=0.9, "
    f"{DATA}structure+json;version=2.0.0;q=0.6, application/xml;q=0.2"
)


class AddressError(ValueError):
    """An address or a name that is not one of an SDMX service; the message says what it should look like."""


@dataclass(frozen=True)
class Remote:
    """Data of one flow at a service. `api` is 1 or 2, 0 while nobody knows; `key` is as in the URL, "" for all, and an
    empty part or `*` in it for all codes of a dimension, in either generation.

    `given` is a data URL that somebody wrote, taken as it is.
    """

    root: str
    agency: str = ""
    id: str = ""
    version: str = ""
    key: str = ""
    start: str = ""
    end: str = ""
    api: int = 0
    context: str = "dataflow"
    given: str = ""

    @property
    def short(self) -> str:
        return f"{self.agency}:{self.id}({self.version or 'latest'})"

    @property
    def narrowed(self) -> bool:
        """Whether more than a key says which observations: then nobody knows which series should be there."""
        return bool(self.start or self.end or urlsplit(self.given).query)

    def structure_urls(self, references: str) -> list[str]:
        """Where the flow is described; where services keep no flow, its data structure of the same name."""
        latest = {1: "latest", 2: "~"}[self.api]
        version = quote(self.version or latest, safe="~+*")
        kinds = ["dataflow", "datastructure"] if self.context != "datastructure" else ["datastructure"]
        middle = "structure/" if self.api == 2 else ""
        return [
            f"{self.root}/{middle}{kind}/{self.agency}/{self.id}/{version}?references={references}" for kind in kinds
        ]

    def data_url(self, time: str = "TIME_PERIOD", updated_after: str = "") -> str:
        """Where the observations are, those that changed since a moment where one is given."""
        url = self.given or (self._v1() if self.api == 1 else self._v2(time))
        if updated_after:
            url += ("&" if "?" in url else "?") + f"updatedAfter={quote(updated_after, safe=':')}"
        return url

    def _v1(self) -> str:
        flow = ",".join(part for part in (self.agency, self.id, self.version) if part)
        asked = [
            f"{name}={quote(text)}" for name, text in (("startPeriod", self.start), ("endPeriod", self.end)) if text
        ]
        parts = ["" if part == "*" else part for part in self.key.split(".")]
        key = quote(".".join(parts) or "all", safe="+.")
        return f"{self.root}/data/{flow}/{key}" + (f"?{'&'.join(asked)}" if asked else "")

    def _v2(self, time: str) -> str:
        version = quote(self.version or "~", safe="~+*")
        keys = [".".join(part or "*" for part in key.split(".")) for key in self.key.split(",")]
        key = quote(",".join(keys), safe="+.,*")
        bounds = [f"{name}:{quote(text)}" for name, text in (("ge", self.start), ("le", self.end)) if text]
        asked = f"?c%5B{time}%5D={'%2B'.join(bounds)}" if bounds else ""
        return f"{self.root}/data/dataflow/{self.agency}/{self.id}/{version}/{key}{asked}"

    def scope(self, dimensions: tuple[str, ...]) -> dict[str, list[str]] | None:
        """The codes that the key asks for by dimension; None where that cannot be told."""
        if self.narrowed or "," in self.key:
            return None
        if self.key in ("", "*", "all"):
            return {}
        parts = self.key.split(".")
        if len(parts) != len(dimensions):
            return None
        pairs = zip(dimensions, parts, strict=True)
        return {name: part.split("+") for name, part in pairs if part not in ("", "*")}


def remote(url: str, flow: str = "", key: str = "", start: str = "", end: str = "", api: int = 0) -> Remote:
    """What an address means: a whole data URL, or the root of a service and the flow that is wanted there.

    Raises AddressError.
    """
    parts = urlsplit(url)
    segments = [unquote(part) for part in parts.path.split("/")]
    if "data" in segments[1:-1]:
        if flow or key or start or end:
            raise AddressError(
                f"{url} is a data URL already; --flow, --key, --start and --end go with a service's root"
            )
        return _given(url, segments, api)
    if not flow:
        raise AddressError(f"{url} is the root of a service; say with --flow AGENCY:ID which data are wanted")
    match = FLOW.fullmatch(flow)
    if not match:
        raise AddressError(f"{flow!r} is no dataflow; write AGENCY:ID or AGENCY:ID(1.0)")
    root = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return Remote(
        root, match["agency"], match["id"], match["version"] or "", key, start, end, api or _generation(segments)
    )


def _generation(segments: list[str]) -> int:
    """1 or 2 where the path says it (`/sdmx/v2`), else 0."""
    for part in reversed(segments):
        if match := re.fullmatch(r"v([12])(?:\.\d+)*", part.lower()):
            return int(match[1])
    return 0


def _given(url: str, segments: list[str], api: int) -> Remote:
    parts = urlsplit(url)
    place = len(segments) - 1 - segments[::-1].index("data")
    rest = segments[place + 1 :]
    root = urlunsplit((parts.scheme, parts.netloc, "/".join(parts.path.split("/")[:place]), "", ""))
    if any(name == "updatedAfter" for name, _ in parse_qsl(parts.query)):
        raise AddressError(f"{url} has updatedAfter; which updates are needed is known here, leave it out")
    if rest[0] in CONTEXTS:
        padded = [*rest, "", "", "", ""]
        context, agency, id, version, key = padded[0], padded[1], padded[2], padded[3], padded[4]
        known = Remote(root, agency, id, "" if version in ("*", "~", "+") else version, key, api=2, context=context)
    else:
        agency, _, flow = rest[0].partition(",")
        if not flow:
            raise AddressError(f"{url}: the flow is written AGENCY,ID or AGENCY,ID,VERSION")
        id, _, version = flow.partition(",")
        key = rest[1] if len(rest) > 1 else ""
        known = Remote(root, agency, id, "" if version == "latest" else version, key, api=1)
    return replace(known, given=url, api=api or known.api)
