"""Answers to queries for reference metadata: by set, by what it is attached to, and by metadataflow."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from regional_hub.sdg import metadata_json, metadata_ml
from regional_hub.sdg.metadata import URN, Library, MetadataSet
from regional_hub.sdg.registry import version_order
from regional_hub.sdg.rest import negotiate
from regional_hub.sdg.rest.answers import Asked, Reply, Service
from regional_hub.sdg.rest.errors import NoResults
from regional_hub.sdg.rest.queries import ALL, MetadataQuery
from regional_hub.sdg.rest.resources import version_fits

HOLDERS = {"code": "codelist", "concept": "conceptscheme", "category": "categoryscheme"}


def answer(service: Service, asked: Asked) -> Reply:
    """The metadata sets that are kept and meet the query. Raises NoResults for none."""
    query = asked.request.query
    assert isinstance(query, MetadataQuery)
    offered = negotiate.METADATA_V1 if asked.version == 1 else negotiate.METADATA_V2
    chosen = negotiate.choose(asked.accept, offered, asked.request.format, asked.request.format_version)
    library = service.library
    found = list(_found(library, query)) if library else []
    if not found or library is None:
        raise NoResults("no metadata meet the query", "没有符合查询的元数据")
    if query.detail == "allstubs":
        found = [replace(one, attributes=()) for one in found]
    modified = max(library.kept(one.short).since for one in found)
    parts = [asked.url, chosen.format.header, asked.languages, service.sender, [one.short for one in found]]
    said = hashlib.sha256(repr(parts).encode()).hexdigest()[:24]
    facts: dict[str, Any] = {"id": f"M-{said}", "prepared": modified, "sender": service.sender}
    version: Any = ".".join(chosen.format.version.split(".")[:2])
    if chosen.format.syntax == "json":
        body = metadata_json.write(found, **facts, version=version, languages=asked.languages)
    else:
        body = metadata_ml.write(found, **facts, version=version)
    return Reply(200, {"Content-Type": chosen.format.header}, iter([body]), said, modified)


def _found(library: Library, query: MetadataQuery) -> Iterator[MetadataSet]:
    """The sets that meet a query, in the order of their names."""
    sets = [library.get(short) for short in library.names(query.as_of)]
    if query.by == "metadataset":
        yield from _versions((one for one in sets if _named(query, one.agency, one.id)), query.versions)
        return
    newest = _versions(sets, ("~",))
    for one in newest:
        if not any(
            one.agency in (provider, provider.rpartition(".")[2]) or provider == ALL for provider in query.providers
        ):
            continue
        if query.updated_after is not None and library.kept(one.short).since <= query.updated_after:
            continue
        about = [one.flow] if query.by == "metadataflow" else [*one.targets, one.flow]
        if _speaks_of(query, one) and any(_meets(query, urn) for urn in about):
            yield one


def _speaks_of(query: MetadataQuery, one: MetadataSet) -> bool:
    """Whether a set is about one of the keys: their parts are codes, in the order in which the set names codelists."""
    codes = list(one.codes.values())
    return not query.keys or any(
        len(pattern) <= len(codes)
        and all(not wanted or codes[place] & set(wanted) for place, wanted in enumerate(pattern))
        for pattern in query.keys
    )


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
