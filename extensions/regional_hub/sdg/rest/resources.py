"""Which flow of the store an URL means, and the Selection that a query of it is.

Names and versions are resolved in the registry of structures; codes and components are held against the structure, so
that a misspelt one is a fault that names it and not an empty answer.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from regional_hub.sdg import periods, seriesindex
from regional_hub.sdg.formats.writing import ALL_DIMENSIONS, Reference
from regional_hub.sdg.registry import Registry, version_order
from regional_hub.sdg.release import Release
from regional_hub.sdg.rest.errors import Meaningless, NotOffered, NotThere, SyntaxFault
from regional_hub.sdg.rest.queries import ALL, AvailabilityQuery, ComponentFilter, Context, DataQuery, KeyPattern
from regional_hub.sdg.selection import ORDER, Filter, Key, Selection, Sort
from regional_hub.sdg.store import Store
from regional_hub.sdg.structure import Component, Structure

SHORT = re.compile(r"(?P<agency>[^:]+):(?P<id>[^(]+)\((?P<version>[^)]+)\)")
EVER = datetime(1970, 1, 1, tzinfo=UTC)
WILD = re.compile(r"(\d*)([*~+]?)")


@dataclass(frozen=True)
class Resource:
    """Data that somebody asks for: the name they go by, the flow of the store, and their structure."""

    reference: Reference
    flow: str
    structure: Structure
    release: Release
    content: str = ""  # what the registry keeps under the structure's name: another text for another content


def resolve(store: Store, registry: Registry, context: Context) -> Resource:
    """The one resource that a context names. Raises NotThere for none, NotOffered for several at once."""
    if context.kind == "provisionagreement":
        raise NotOffered(
            "data are not kept by provision agreement; ask for dataflow", "数据不按供应协议保存；请查询 dataflow"
        )
    found = [one for one in _resources(store, registry) if _meets(one.reference, context)]
    kept = _newest(found, context.versions)
    flows = {one.flow for one in kept}
    if not flows:
        there = ", ".join(sorted({one.reference.short for one in _resources(store, registry)})) or "none"
        named = f"{context.kind} {','.join(context.agencies)}:{','.join(context.ids)}({','.join(context.versions)})"
        raise NotThere(f"there are no data of {named}; there are data of {there}", f"没有 {named} 的数据；有 {there}")
    if len(flows) > 1:
        named = ", ".join(sorted(one.reference.short for one in kept))
        raise NotOffered(f"ask for one of these at a time: {named}", f"请一次只查询其中一个：{named}")
    wanted = "datastructure" if context.kind == "datastructure" else "dataflow"
    return next((one for one in kept if one.reference.kind == wanted), kept[0])


def _resources(store: Store, registry: Registry) -> tuple[Resource, ...]:
    """Each flow by its structure, by each dataflow of it, and by the name of the flow itself."""
    return _known(store, registry, store.stamp, registry.stamp)


@lru_cache(maxsize=4)
def _known(store: Store, registry: Registry, *_stamps: tuple[int, ...]) -> tuple[Resource, ...]:
    """The same, made once for each state of releases and structures."""
    found: list[Resource] = []
    dataflows = [registry.dataflow(name) for name in registry.names("dataflows")]
    for flow in store.flows():
        current = store.current(flow)
        if current is None:
            continue
        structure = registry.structure(current.structure)
        own = (structure.agency, structure.id, structure.version, structure.name)
        content = json.dumps(registry.index()["structures"].get(structure.short), sort_keys=True)
        found.append(Resource(Reference("datastructure", *own), flow, structure, current, content))
        named = [one for one in dataflows if one.structure.split("(")[0] == structure.short.split("(")[0]]
        for one in named:
            reference = Reference("dataflow", one.agency, one.id, one.version, one.name)
            found.append(Resource(reference, flow, structure, current, content))
        agency, _, id = flow.partition(":")
        if id and not any((one.agency, one.id) == (agency, id) for one in named):
            reference = Reference("dataflow", agency, id, structure.version, structure.name)
            found.append(Resource(reference, flow, structure, current, content))
    return tuple(found)


def _meets(reference: Reference, context: Context) -> bool:
    return (
        context.kind in (ALL, reference.kind)
        and (ALL in context.agencies or reference.agency in context.agencies)
        and (ALL in context.ids or reference.id in context.ids)
        and any(version_fits(reference.version, pattern) for pattern in context.versions)
    )


def version_fits(version: str, pattern: str) -> bool:
    """Whether a version can be meant: `1.0`, `*`, `~` (latest), `+` (latest stable), `2.3+.1`, `1.~`."""
    if pattern in ("*", "~"):
        return True
    stable = "-" not in version
    if pattern == "+":
        return stable
    if not any(mark in pattern for mark in "*~+"):
        return version == pattern
    if "+" in pattern and not stable:
        return False
    own = [int(part) if part.isdigit() else 0 for part in version.split("-")[0].split(".")]
    places = [WILD.fullmatch(part) for part in pattern.split("-")[0].split(".")]
    if len(own) != len(places):
        return False
    for place, match in enumerate(places):
        if match is None:
            return False
        if match[2]:
            least = [int(other[1] or 0) for other in places[place:] if other]
            return own[place:] >= least
        if int(match[1]) != own[place]:
            return False
    return True


def _newest(found: Sequence[Resource], patterns: Iterable[str]) -> list[Resource]:
    """For each pattern that asks for a latest one, only that; everything for `*` and plain versions."""
    kept: dict[int, Resource] = {}
    for pattern in patterns:
        fitting = [one for one in found if version_fits(one.reference.version, pattern)]
        groups: dict[tuple[str, str, str], list[Resource]] = {}
        for one in fitting:
            groups.setdefault((one.reference.kind, one.reference.agency, one.reference.id), []).append(one)
        for group in groups.values():
            latest = any(mark in pattern for mark in "~+")
            for one in [max(group, key=lambda one: version_order(one.reference.short))] if latest else group:
                kept[id(one)] = one
    return list(kept.values())


# -- selections --------------------------------------------------------------------------------------------------------


def selection(query: DataQuery, resource: Resource) -> Selection:
    """The observations that a data query asks for. Raises Meaningless or SyntaxFault, naming what does not fit."""
    structure = resource.structure
    if query.updated_after and query.as_of and query.updated_after > query.as_of:
        raise SyntaxFault("updatedAfter is later than asOf", "updatedAfter 晚于 asOf")
    check_dimension(query.dimension_at_observation, structure)
    since = query.updated_after or (EVER if query.include_history else None)  # with it, deletions are told as well
    paged = not query.observations and (query.offset or query.limit is not None)  # a page of series, not observations
    return replace(
        _where(query, resource),
        updated_after=since,
        first_n=1 if paged else query.first_n,
        last_n=None if paged else query.last_n,
        offset=query.offset,
        limit=query.limit,
        sort=_sorts(query, structure),
        as_of=query.as_of,
        include_history=query.include_history,
        measures=_measures(query.measures, structure),
        attributes=_attributes(query.attributes, structure),
    )


def available(query: AvailabilityQuery, resource: Resource) -> tuple[Selection, tuple[str, ...] | None]:
    """The selection of an availability query, and the components that it asks for (None: all)."""
    if ALL in query.component_ids:
        return _where(query, resource), None
    for id in query.component_ids:
        if id not in resource.structure.key:
            raise _no_component(id, "dimension", resource.structure.key)
    return _where(query, resource), query.component_ids


def _where(query: DataQuery | AvailabilityQuery, resource: Resource) -> Selection:
    structure = resource.structure
    if query.provider != ALL:
        raise NotOffered("data are not told apart by provider", "数据不按提供者区分")
    _check_year(query, structure)
    chosen = Selection(
        resource.flow,
        keys=tuple(_key(pattern, resource) for pattern in query.keys),
        filters=tuple(one for part in query.components for one in _filters(part, resource)),
        updated_after=query.updated_after,
    )
    if not (query.start_period or query.end_period):
        return chosen
    if structure.time is None:
        raise Meaningless(f"{structure.short} has no time", f"{structure.short} 没有时间维度")
    return chosen.within(query.start_period, query.end_period, structure.time.id)


def _check_year(query: DataQuery | AvailabilityQuery, structure: Structure) -> None:
    time = structure.time.id if structure.time else ""
    reported = any(
        "-" in c.value for part in query.components if part.component == time for g in part.any_of for c in g
    )
    if query.reporting_year_start_day not in ("", "--01-01") and reported:
        raise NotOffered(
            "reporting years begin on --01-01 here; write the period as dates: c[TIME_PERIOD]=ge:2010-07-01",
            "本服务的报告年度从 --01-01 开始；请用日期写时期：c[TIME_PERIOD]=ge:2010-07-01",
        )


def _key(pattern: KeyPattern, resource: Resource) -> Key:
    structure = resource.structure
    if len(pattern) > len(structure.dimensions):
        names = ".".join(part.id for part in structure.dimensions)
        raise Meaningless(
            f"the key has {len(pattern)} parts, {structure.short} has {len(structure.dimensions)} dimensions: {names}",
            f"键有 {len(pattern)} 部分，而 {structure.short} 有 {len(structure.dimensions)} 个维度：{names}",
        )
    for part, codes in zip(structure.dimensions, pattern, strict=False):
        _check_codes(part, codes, resource)
    given = [codes or None for codes in pattern]
    return tuple(given + [None] * (len(structure.dimensions) - len(given)))


def _filters(part: ComponentFilter, resource: Resource) -> Iterable[Filter]:
    structure = resource.structure
    if part.component not in structure.by_id:
        raise _no_component(part.component, "component", structure.by_id)
    timed = structure.by_id[part.component].role == "time"
    for one in (one for group in part.any_of for one in group if timed and one.operator in ORDER):
        try:
            periods.span(one.value)
        except periods.PeriodError as error:
            raise Meaningless(
                f"c[{part.component}]: {error}", f"c[{part.component}]：{one.value!r} 不是有效的时期"
            ) from None
    equal = [one.value for group in part.any_of for one in group if one.operator in ("eq", "ne")]
    _check_codes(structure.by_id[part.component], equal, resource)
    return part.filters()


def _check_codes(part: Component, codes: Iterable[str], resource: Resource) -> None:
    """Codes are those of the codelist, and those that the data have beyond it where a policy let them through."""
    if part.codelist is None or part.codelist.partial:
        return
    for code in codes:
        if code not in part.codelist.codes and code not in _occurring(part, resource.release):
            near = difflib.get_close_matches(code, part.codelist.codes, 3, 0.6)
            hint = f"; did you mean {', '.join(near)}?" if near else ""
            raise Meaningless(
                f"{part.id} has no code {code!r} in {part.codelist.short}{hint}",
                f"{part.id} 的代码表 {part.codelist.short} 中没有 {code!r}"
                + (f"；是否指 {'、'.join(near)}？" if near else ""),
            )


def _occurring(part: Component, release: Release) -> Sequence[str]:
    return seriesindex.of(release).labels.get(part.id, ())


def check_dimension(id: str, structure: Structure) -> None:
    if id and id != ALL_DIMENSIONS and id not in structure.key:
        raise _no_component(id, "dimension", (*structure.key, ALL_DIMENSIONS))


def _no_component(id: str, what: str, there: Iterable[str]) -> Meaningless:
    names = ", ".join(there)
    return Meaningless(
        f"no {what} {id!r}; there are {names}",
        f"没有 {id!r} 这一{'维度' if what == 'dimension' else '组件'}；有 {names}",
    )


def _measures(words: tuple[str, ...], structure: Structure) -> tuple[str, ...] | None:
    if "all" in words:
        return None
    ids = [word for word in words if word != "none"]
    there = [part.id for part in structure.measures]
    for id in ids:
        if id not in there:
            raise _no_component(id, "measure", there)
    return tuple(ids)


def _attributes(words: tuple[str, ...], structure: Structure) -> tuple[str, ...] | None:
    """Ids of attributes; reference metadata (`msd`) are not part of data here, so they add none."""
    if {"all", "dsd"} & set(words):
        return None
    levels = {"dataset": ("dataset",), "series": ("series", "group"), "obs": ("observation",)}
    there = {part.id: part for part in structure.attributes}
    chosen = set()
    for word in words:
        if word in levels:
            chosen |= {id for id, part in there.items() if part.attachment in levels[word]}
        elif word in there:
            chosen.add(word)
        elif word not in ("none", "msd"):
            raise _no_component(word, "attribute", there)
    return tuple(id for id in there if id in chosen)


def dimension(query: DataQuery, structure: Structure) -> str:
    """The dimension at the observation, where the query leaves it to the structure."""
    return query.dimension_at_observation or (structure.time.id if structure.time else ALL_DIMENSIONS)


def _sorts(query: DataQuery, structure: Structure) -> tuple[Sort, ...]:
    """The order asked for; without one, the order in which the series of the message stand together."""
    at_observation = dimension(query, structure)
    series = [id for id in structure.key if id != at_observation]
    if not query.sort:
        time = structure.time.id if structure.time else ALL_DIMENSIONS
        if at_observation in (ALL_DIMENSIONS, time):
            return ()
        return tuple(map(Sort, (*series, at_observation)))
    found: list[Sort] = []
    for one in query.sort:
        ids = structure.key if one.component == ALL else series if one.component == "series_key" else (one.component,)
        for id in ids:
            if id not in structure.by_id:
                raise _no_component(id, "component", structure.by_id)
            found.append(Sort(id, one.descending))
    return tuple(found)


def in_series(query: DataQuery, sorts: Sequence[Sort], structure: Structure) -> bool:
    """Whether each series comes in one piece in this order."""
    at_observation = dimension(query, structure)
    series = [id for id in structure.key if id != at_observation]
    return not query.sort or {one.component for one in sorts[: len(series)]} == set(series)
