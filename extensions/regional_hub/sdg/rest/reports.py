"""Answers to queries for reference metadata: by set, by what it is attached to, and by metadataflow."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from regional_hub.sdg import metadata
from regional_hub.sdg.metadata import Library, MetadataSet
from regional_hub.sdg.registry import version_order
from regional_hub.sdg.rest import negotiate
from regional_hub.sdg.rest.answers import Asked, Reply, Service
from regional_hub.sdg.rest.errors import NoResults, NotOffered
from regional_hub.sdg.rest.queries import ALL, MetadataQuery
from regional_hub.sdg.rest.resources import version_fits

# The class of an artefact, its agency, id and version, in the URN of it or of an item in it.
URN = re.compile(
    r"urn:sdmx:org\.sdmx\.infomodel\.\w+\.(?P<kind>\w+)=(?P<agency>[^:]+):(?P<id>[^(]+)\((?P<version>[^)]+)\)"
)
HOLDERS = {"code": "codelist", "concept": "conceptscheme", "category": "categoryscheme"}


def answer(service: Service, asked: Asked) -> Reply:
    """The metadata sets that are kept and meet the query. Raises NoResults for none."""
    query = asked.request.query
    assert isinstance(query, MetadataQuery)
    chosen = negotiate.choose(asked.accept, negotiate.METADATA, asked.request.format, asked.request.format_version)
    if query.as_of is not None:
        raise NotOffered(
            "metadata are kept by version; ask for the version that was in force",
            "元数据按版本保存；请查询当时有效的版本",
        )
    found = list(_found(service.library, query)) if service.library else []
    if not found:
        raise NoResults("no metadata meet the query", "没有符合查询的元数据")
    if query.detail == "allstubs":
        found = [replace(one, attributes=()) for one in found]
    assert service.library is not None
    modified = _modified(service.library)
    said = hashlib.sha256(repr((asked.url, modified, [one.short for one in found])).encode()).hexdigest()[:24]
    body = metadata.write_json(found, id=f"M-{said}", prepared=modified, sender=service.sender)
    return Reply(200, {"Content-Type": chosen.format.header}, iter([body]), said, modified)


def _found(library: Library, query: MetadataQuery) -> Iterator[MetadataSet]:
    """The sets that meet a query, in the order of their names."""
    sets = [library.get(short) for short in library.names()]
    if query.by == "metadataset":
        yield from _versions((one for one in sets if _named(query, one.agency, one.id)), query.versions)
        return
    newest = _versions(sets, ("~",))
    for one in newest:
        if ALL not in query.providers and one.agency not in query.providers:
            continue
        about = [one.flow] if query.by == "metadataflow" else [*one.targets, one.flow]
        if any(_meets(query, urn) for urn in about):
            yield one


def _named(query: MetadataQuery, agency: str, id: str) -> bool:
    return (ALL in query.agencies or agency in query.agencies) and (ALL in query.ids or id in query.ids)


def _versions(sets: Iterable[MetadataSet], patterns: Iterable[str]) -> list[MetadataSet]:
    """Of each set the versions that are meant; of those that a pattern for the latest fits, the latest."""
    groups: dict[tuple[str, str], list[MetadataSet]] = {}
    for one in sets:
        groups.setdefault((one.agency, one.id), []).append(one)
    kept: dict[str, MetadataSet] = {}
    for pattern in patterns:
        for group in groups.values():
            fitting = [one for one in group if version_fits(one.version, pattern)]
            if fitting and any(mark in pattern for mark in "~+"):
                fitting = [max(fitting, key=lambda one: version_order(one.short))]
            kept |= {one.short: one for one in fitting}
    return [kept[short] for short in sorted(kept)]


def _meets(query: MetadataQuery, urn: str) -> bool:
    match = URN.match(urn)
    if match is None or not _named(query, match["agency"], match["id"]):
        return False
    kind = match["kind"].lower()
    wanted = "metadataflow" if query.by == "metadataflow" else query.kind
    if wanted not in (ALL, HOLDERS.get(kind, kind)):
        return False
    return any(version_fits(match["version"], pattern) for pattern in query.versions)


def _modified(library: Library) -> datetime:
    times = [path.stat().st_mtime for path in library.folder.glob("*.json")]
    return datetime.fromtimestamp(int(max(times, default=0)), UTC)
