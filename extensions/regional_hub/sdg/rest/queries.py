"""What a URL of SDMX REST asks for, whichever version of the standard spelled it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from regional_hub.sdg.selection import Condition, Filter, Sort

ALL = "*"
LATEST = "~"
STABLE = "+"

# Accepted values per dimension from the first on; an empty tuple accepts all.
KeyPattern = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ComponentFilter:
    """Conditions on one component: it meets all conditions of any of the groups (`A,B+C` is A, or B and C)."""

    component: str
    any_of: tuple[tuple[Condition, ...], ...]

    def filters(self) -> Iterator[Filter]:
        """The same as filters that must all be met, each by any of its conditions."""
        seen = set()
        for choice in itertools.product(*self.any_of):
            conditions = tuple(dict.fromkeys(choice))
            if conditions not in seen:
                seen.add(conditions)
                yield Filter(self.component, conditions)

    @property
    def size(self) -> int:
        """How many filters that makes."""
        size = 1
        for group in self.any_of:
            size *= len(group)
        return size


@dataclass(frozen=True)
class Context:
    """The artefacts that data are asked for by; `*`, `~` and `+` are what they are in SDMX REST 2."""

    kind: str = ALL
    agencies: tuple[str, ...] = (ALL,)
    ids: tuple[str, ...] = (ALL,)
    versions: tuple[str, ...] = (ALL,)


@dataclass(frozen=True)
class DataQuery:
    """Data. `attributes` and `measures` hold ids and the words of the standard (`dsd`, `all`, `none` ...)."""

    context: Context = Context()
    keys: tuple[KeyPattern, ...] = ()
    components: tuple[ComponentFilter, ...] = ()
    updated_after: datetime | None = None
    first_n: int | None = None
    last_n: int | None = None
    dimension_at_observation: str = ""
    attributes: tuple[str, ...] = ("dsd",)
    measures: tuple[str, ...] = ("all",)
    include_history: bool = False
    offset: int = 0
    limit: int | None = None
    sort: tuple[Sort, ...] = ()
    as_of: datetime | None = None
    reporting_year_start_day: str = ""
    start_period: str = ""
    end_period: str = ""
    provider: str = ALL

    @property
    def observations(self) -> bool:
        """False where nothing of an observation is asked for: then a message is of series only."""
        return set(self.measures) != {"none"} or not set(self.attributes) <= {"none", "dataset", "series"}


@dataclass(frozen=True)
class AvailabilityQuery:
    """Which codes have data."""

    context: Context = Context()
    keys: tuple[KeyPattern, ...] = ()
    component_ids: tuple[str, ...] = (ALL,)
    components: tuple[ComponentFilter, ...] = ()
    updated_after: datetime | None = None
    references: tuple[str, ...] = ("none",)
    mode: str = "exact"
    reporting_year_start_day: str = ""
    start_period: str = ""
    end_period: str = ""
    provider: str = ALL


@dataclass(frozen=True)
class StructureQuery:
    """Structures; `items` narrows item schemes."""

    kind: str = ALL
    agencies: tuple[str, ...] = (ALL,)
    ids: tuple[str, ...] = (ALL,)
    versions: tuple[str, ...] = (LATEST,)
    items: tuple[str, ...] = (ALL,)
    detail: str = "full"
    references: str = "none"
    as_of: datetime | None = None


@dataclass(frozen=True)
class SchemaQuery:
    """The rules that data of something follow, as a schema or as structures."""

    kind: str
    agency: str
    id: str
    version: str = LATEST
    dimension_at_observation: str = ""
    explicit_measure: bool = False
    deletion: bool = False
    as_of: datetime | None = None


@dataclass(frozen=True)
class MetadataQuery:
    """Reference metadata: by set (agencies are the providers), by what they are attached to, or by flow.

    Version 1 asks by flow, for keys of what the sets are attached to.
    """

    by: str
    kind: str = ALL
    agencies: tuple[str, ...] = (ALL,)
    ids: tuple[str, ...] = (ALL,)
    versions: tuple[str, ...] = (LATEST,)
    providers: tuple[str, ...] = (ALL,)
    detail: str = "full"
    as_of: datetime | None = None
    keys: tuple[KeyPattern, ...] = ()
    updated_after: datetime | None = None


Query = DataQuery | AvailabilityQuery | StructureQuery | SchemaQuery | MetadataQuery


@dataclass(frozen=True)
class Request:
    """A query, and the format that the URL itself asks for ("" leaves it to the Accept header)."""

    query: Query
    format: str = ""
    format_version: str = ""
