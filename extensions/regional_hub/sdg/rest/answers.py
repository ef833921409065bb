"""Answers to queries: a status, headers and a stream of bytes. How they are sent is not known here."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from regional_hub.sdg import changes, query, seriesindex, timeline
from regional_hub.sdg.formats import write_csv, write_json, write_ml
from regional_hub.sdg.formats.write_text import Unwritable
from regional_hub.sdg.formats.writing import ALL_DIMENSIONS, Action, Options, Section
from regional_hub.sdg.metadata import Library
from regional_hub.sdg.query import Answer
from regional_hub.sdg.registry import Registry
from regional_hub.sdg.rest import negotiate, resources
from regional_hub.sdg.rest.errors import Meaningless, NoResults, NotAcceptable, NotThere, TooLarge
from regional_hub.sdg.rest.negotiate import Chosen
from regional_hub.sdg.rest.queries import DataQuery, Request
from regional_hub.sdg.rest.resources import Resource
from regional_hub.sdg.selection import Selection, SelectionError
from regional_hub.sdg.store import Store, UnknownRelease
from regional_hub.sdg.timeline import NothingYet, View

T = TypeVar("T")
SMALL = 200  # observations


@dataclass(frozen=True)
class Limits:
    """What one request may take, and how many there may be at once. Rows are observations."""

    rows: int = 5_000_000
    history_rows: int = 500_000
    seconds: float = 300.0
    first_byte_seconds: float = 60.0
    concurrent: int = 16
    per_client: int = 6
    waiting_seconds: float = 5.0


@dataclass(frozen=True)
class Asked:
    """A request as it came: the query, and the headers that decide how it is answered."""

    request: Request
    version: int
    url: str
    accept: str = ""
    languages: tuple[str, ...] = ("en",)


@dataclass
class Reply:
    """An answer about to be sent. `etag` is without encoding; `stop` ends the work from another thread."""

    status: int
    headers: dict[str, str]
    body: Iterator[bytes]
    etag: str = ""
    modified: datetime | None = None
    stop: Callable[[], None] = lambda: None
    small: Callable[[], bool] = lambda: False  # whether it is written in a moment; raises what its body would
    empty: bool = False


@dataclass
class Service:
    """Where answers come from: releases, structures, reference metadata; and who signs the messages."""

    store: Store
    registry: Registry
    limits: Limits = field(default_factory=Limits)
    sender: str = "REGIONAL_HUB"
    library: Library | None = None
    warm: dict[str, str] = field(default_factory=dict)  # by flow: the view whose indexes are in memory

    @property
    def ready(self) -> bool:
        """Whether names are resolved without reading structures: they were, since anything changed."""
        return self.warm.get("") == repr((self.store.stamp, self.registry.stamp))

    def prepared(self) -> None:
        self.warm[""] = repr((self.store.stamp, self.registry.stamp))

    def read_ahead(self) -> None:
        """Read what the first requests would wait for: structures, series of the current releases, metadata, DuckDB."""
        self.registry.all()
        self.store.warm()
        for flow in self.store.flows():
            if current := self.store.current(flow):
                seriesindex.of(current)
                for _ in query.run(self.store, Selection(flow, limit=1)).batches:
                    pass
        for _ in self.library.latest() if self.library else ():
            pass


def data(service: Service, asked: Asked) -> Reply:
    """Observations. Raises a Fault for whatever keeps them from being sent; nothing is read before the reply's body."""
    wanted = asked.request.query
    assert isinstance(wanted, DataQuery)
    resource = resources.resolve(service.store, service.registry, wanted.context)
    offered = negotiate.DATA_V1 if asked.version == 1 else negotiate.DATA_V2
    chosen = negotiate.choose(asked.accept, offered, asked.request.format, asked.request.format_version)
    selection = resources.selection(wanted, resource)
    view = _guarded(lambda: service.store.view(resource.flow, selection.as_of))
    etag = _etag(service, asked, view, resource, chosen)
    modified = modified_at(service.store, resource.flow, view)
    options = _options(service, asked, wanted, selection, resource, chosen, etag, modified)
    running: list[Answer] = []

    def found() -> Answer:
        if not running:
            running.append(_guarded(lambda: query.run(service.store, selection)))
        return running[0]

    def small() -> bool:
        return service.warm.get(resource.flow) == view.etag and found().within(SMALL)

    def body() -> Iterator[bytes]:
        answer = found()
        if answer.within(SMALL):
            _warm(service, resource.flow, view)
        _check_size(service.limits, selection, answer)
        sections = list(_sections(answer, selection, wanted, chosen))
        if not sections:
            raise NoResults("no observations meet the query", "没有符合查询的观测值")
        try:
            yield from _written(sections, resource, options, chosen)
        except Unwritable as error:
            raise NotAcceptable(
                f"{error}; ask for SDMX-CSV or SDMX-JSON",
                f"数据含有此格式不能表示的字符（{error}）；请使用 SDMX-CSV 或 SDMX-JSON",
            ) from None

    def stop() -> None:
        for answer in running:
            answer.stop()

    headers = {"Content-Type": chosen.format.header, "Content-Language": options.languages[0]}
    headers |= seen(service.store, resource.flow, view)
    if chosen.format is negotiate.SHEET:
        headers["Content-Disposition"] = f'attachment; filename="{resource.reference.id}.csv"'
    return Reply(200, headers, body(), etag, modified, stop, small)


def _warm(service: Service, flow: str, view: View) -> None:
    """Have the indexes of what is read in memory, for the next query."""
    if service.warm.get(flow) != view.etag and len(view.sources) == 1:
        index = seriesindex.of(view.release)
        if index.layout.time:
            _ = index.times
        service.warm[flow] = view.etag


def seen(store: Store, flow: str, view: View) -> dict[str, str]:
    """Headers that tell which release of what was read, what may be seen of it (equal: the same data), since when."""
    since = timeline.stamp(store.timeline(flow).settled(view))
    told = {"Flow": flow, "Release": view.release.id, "View": view.etag, "As-Of": since}
    return {f"Regional-Hub-{name}": value for name, value in told.items()}


def _guarded(ask: Callable[[], T]) -> T:
    """What the store answers, its refusals said as faults."""
    try:
        return ask()
    except SelectionError as error:
        raise Meaningless(str(error), f"查询与数据结构不符：{error}") from None
    except NothingYet as error:
        nothing = NoResults(str(error), "当时还没有任何发布版")  # a 204 has no body to say it in
        nothing.headers = {"Regional-Hub-Nothing-Before": timeline.stamp(error.first)} if error.first else {}
        raise nothing from None
    except UnknownRelease as error:
        raise NotThere(str(error), f"没有这样的发布版：{error}") from None


def _options(
    service: Service,
    asked: Asked,
    wanted: DataQuery,
    selection: Selection,
    resource: Resource,
    chosen: Chosen,
    etag: str,
    modified: datetime,
) -> Options:
    in_series = resources.in_series(wanted, selection.sort, resource.structure)
    at_observation = resources.dimension(wanted, resource.structure) if in_series else ALL_DIMENSIONS
    said = chosen.parameters
    return Options(
        reference=resource.reference,
        dimension_at_observation=at_observation,
        measures=selection.measures,
        attributes=selection.attributes,
        observations=wanted.observations or at_observation == ALL_DIMENSIONS,
        languages=asked.languages,
        message=f"M-{etag}",
        prepared=modified,
        sender=service.sender,
        labels=said.get("labels", "id"),  # type: ignore[arg-type]
        keys=said.get("keys", "none"),  # type: ignore[arg-type]
        normalized_time=said.get("timeFormat") == "normalized",
        spreadsheet=chosen.format is negotiate.SHEET,
    )


def _written(sections: Iterable[Section], resource: Resource, options: Options, chosen: Chosen) -> Iterator[bytes]:
    """The message in the chosen format."""
    structure, made = resource.structure, chosen.format
    version = ".".join(made.version.split(".")[:2])
    if made.syntax == "csv":
        return write_csv.write(sections, structure, options, version)  # type: ignore[arg-type]
    if made.syntax == "json":
        return write_json.write(sections, structure, options, version)  # type: ignore[arg-type]
    timed = "timeseries" in made.name
    return write_ml.write(sections, structure, options, version, made.kind == "generic", timed)  # type: ignore[arg-type]


# -- which observations, and what is to be done with them --------------------------------------------------------------


def _check_size(limits: Limits, selection: Selection, answer: Answer) -> None:
    """Raises TooLarge. Only what could be too large is counted."""
    past = selection.include_history or selection.updated_after is not None
    most = limits.history_rows if past else limits.rows
    if selection.limit is not None and selection.limit <= most:
        return
    if not past and sum(source.release.counts.get("observations", most + 1) for source in answer.view.sources) <= most:
        return
    count = answer.count()
    if count > most:
        raise TooLarge(
            f"{count} observations meet the query, at most {most} are sent at once; ask for them with offset and limit",
            f"符合查询的观测值有 {count} 个，一次最多发送 {most} 个；请用 offset 和 limit 分次查询",
        )


def _sections(answer: Answer, selection: Selection, wanted: DataQuery, chosen: Chosen) -> Iterator[Section]:
    """Nothing where there are no observations."""
    if selection.include_history or selection.updated_after is not None:
        yield from _history(answer)
        return
    batches = (batch for batch in answer.batches if batch.num_rows)
    first = next(batches, None)
    if first is not None:
        yield Section(itertools.chain([first], batches), _action(wanted, chosen))


def _action(wanted: DataQuery, chosen: Chosen) -> Action:
    """As the field guide of SDMX-JSON 2.1 recommends: what is whole replaces, what is part of it is merged."""
    if chosen.format.version.startswith("1.") or chosen.format.version == "2.1":
        return "Information"
    whole = "all" in wanted.measures and {"all", "dsd"} & set(wanted.attributes)
    return "Replace" if whole else "Merge"


def _history(answer: Answer) -> Iterator[Section]:
    """One section for what each release stated, one for what it deleted, in the order of their time."""
    table = pa.Table.from_batches(answer.batches, answer.schema)
    gone = pc.equal(table[query.ACTION], changes.DELETED)
    timed = query.VALID_FROM in table.column_names
    moments = pc.unique(table[query.VALID_FROM]).to_pylist() if timed else [None]
    for moment in sorted(moments, key=str):
        then = pc.equal(table[query.VALID_FROM], moment) if timed else pc.invert(pc.is_null(gone))
        for deleted in (False, True):
            rows = table.filter(pc.and_(then, gone if deleted else pc.invert(gone)))
            if rows.num_rows:
                when = timeline.moment(moment) if moment else None
                action: Action = "Delete" if deleted else "Replace"
                yield Section(rows.to_batches(), action, None if deleted else when, when if deleted else None)


# -- what tells that nothing changed -----------------------------------------------------------------------------------


def _etag(service: Service, asked: Asked, view: View, resource: Resource, chosen: Chosen) -> str:
    """The same for the same bytes: data, structure, URL, format and languages decide them."""
    parts = [
        view.etag,
        resource.content,
        resource.reference.urn,
        asked.url,
        chosen.format.media,
        chosen.format.version,
        sorted(chosen.parameters.items()),
        asked.languages,
        service.sender,
    ]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def modified_at(store: Store, flow: str, view: View) -> datetime:
    """When what a reader sees changed last: by a release, or by the end of an embargo."""
    line = store.timeline(flow)
    times = [event.at for event in line.events if event.at <= view.at]
    times += [embargo.end for embargo in line.embargoes if embargo.end <= view.now]
    return max(times, default=datetime(1970, 1, 1, tzinfo=UTC))
