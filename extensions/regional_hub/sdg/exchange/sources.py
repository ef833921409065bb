"""From an order to files on the disk and the structure to read them by: an SDMX service, or the API of UNSD.

Whatever is known of the last time is used to ask for less; what is fetched is not yet looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from regional_hub.sdg import durable, structure, timeline
from regional_hub.sdg.exchange import remote, unsd_api
from regional_hub.sdg.exchange.fetch import Client, Fetched, FetchError, Validators
from regional_hub.sdg.exchange.orders import UNSD, Order, PullError
from regional_hub.sdg.formats import FormatError, layout
from regional_hub.sdg.loading import Room
from regional_hub.sdg.registry import Registry
from regional_hub.sdg.structure import Structure, StructureError, Structures

DATA = "data"
MARGIN = timedelta(minutes=10)  # how far two clocks may differ
EMPTY = (204, 404)
Say = Callable[[str], None]


@dataclass
class Brought:
    """What a source gave. Without files nothing changed; `empty`: it has nothing at all. `told` is for the next time,
    `faults` are parts that could not be had, `scope` the series that were asked for, None where unknown."""

    made: Structure
    files: list[tuple[Path, str]] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    scope: dict[str, list[str]] | None = None
    empty: bool = False


def bring(
    order: Order, client: Client, room: Room, folder: Path, told: dict[str, Any], published: str, again: bool
) -> Brought:
    """Fetch what is new. `told` is what the source said the last time; what it gave then is `published`, or not ("").

    Raises FetchError, remote.AddressError, StructureError, or PullError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if order.source == UNSD:
        return _unsd(order, client, room, folder, {} if again else told, again)
    return _sdmx(order, client, room, folder, {} if again else told, published)


# -- the API of UNSD ---------------------------------------------------------------------------------------------------


def _unsd(order: Order, client: Client, room: Room, folder: Path, told: dict[str, Any], again: bool) -> Brought:
    made = _chosen(order, room.registry)
    base = order.base_url or unsd_api.BASE
    found = unsd_api.gather(client, base, folder, order.series, order.areas, again)
    hashes = {name: durable.sha256(path) for path, name in found.files}
    same = hashes == told.get("files") and not found.faults
    scope = {"SERIES": [Path(name).stem for _, name in found.files]}
    if order.areas:
        scope["REF_AREA"] = [_area(area, made) for area in order.areas]
    notes = {"series_fetched": found.fetched, "limits": found.limits, "missing_values": found.missing}
    return Brought(
        made, [] if same else found.files, {"files": hashes}, found.faults, notes, scope, empty=not found.files
    )


def _chosen(order: Order, registry: Registry) -> Structure:
    """The structure that the order names, else the only one of the global agency that is kept."""
    if order.structure:
        return registry.structure(order.structure)
    names = [name for name in registry.names("structures") if name.startswith("IAEG-SDGs:SDG(")]
    if not names:
        raise StructureError("the data of UNSD need IAEG-SDGs:SDG; import it first: ./hub sdg structure FILE")
    found = registry.latest("IAEG-SDGs", "SDG")
    assert isinstance(found, Structure)
    return found


def _area(area: str, made: Structure) -> str:
    codelist = made.by_id["REF_AREA"].codelist if "REF_AREA" in made.by_id else None
    stripped = area.lstrip("0")
    return stripped if codelist and area not in codelist.codes and stripped in codelist.codes else area


# -- SDMX services -----------------------------------------------------------------------------------------------------


def _sdmx(order: Order, client: Client, room: Room, folder: Path, told: dict[str, Any], published: str) -> Brought:
    flow = remote.remote(order.source, order.flow, order.key, order.start, order.end, order.api)
    flow, made = _described(flow, order, client, room.registry, folder)
    validators = Validators(**told.get("validators", {}))
    since = ""
    if published and not validators and told.get("asked_at") and told.get("updates", True) and not order.replace_all:
        since = told["asked_at"]
    time = made.time.id if made.time else "TIME_PERIOD"
    asked_at = datetime.now(UTC)
    answer, since, updates = _data(flow, client, folder, time, since, validators)
    moment = timeline.stamp(_clock(answer, asked_at) - MARGIN)
    fresh = {
        "validators": {"tag": answer.validators.tag, "modified": answer.validators.modified},
        "asked_at": moment,
        "updates": updates and told.get("updates", True),
        "sha256": told.get("sha256", ""),
    }
    brought = Brought(made, told=fresh, scope=None if since else flow.scope(_dimensions(made)))
    if answer.path is None:
        brought.empty = answer.status in EMPTY and not since
        if answer.status == 304:  # the answer may leave out what it said before
            fresh["validators"] = told["validators"]
        return brought
    _look(answer)
    fresh["sha256"] = durable.sha256(answer.path)
    if since or fresh["sha256"] != told.get("sha256"):
        brought.files = [(answer.path, answer.path.name)]
    return brought


def _data(
    flow: remote.Remote, client: Client, folder: Path, time: str, since: str, validators: Validators
) -> tuple[Fetched, str, bool]:
    """The observations, since which moment they are ("" where they are all), and whether the service knows updates."""
    into = folder / f"{DATA}-new"
    accept = remote.ACCEPT[flow.api]
    if since:
        try:
            return _got(client, flow.data_url(time, since), into, accept), since, True
        except FetchError as error:
            if error.status not in (400, 404, 422, 501):
                raise
            if error.status == 404:
                return Fetched(error.url, 404, "", {}), since, True
    url = flow.data_url(time)
    try:
        answer = _got(client, url, into, accept, validators)
    except FetchError as error:
        if error.status != 404:
            raise
        raise FetchError(url, f"has no observations for this: {error}", 404) from error
    return answer, "", not since


def _got(client: Client, url: str, into: Path, accept: str, known: Validators | None = None) -> Fetched:
    answer = client.fetch(url, into, accept, known)
    if answer.path is None:
        return answer
    final = into.with_name(f"{DATA}{_suffix(answer.media)}")
    for old in into.parent.glob(f"{DATA}.*"):
        old.unlink()
    answer.path.replace(final)
    return replace(answer, path=final)


def _suffix(media: str) -> str:
    return next((f".{kind}" for kind in ("csv", "json") if kind in media), ".xml")


def _look(answer: Fetched) -> None:
    """Raises FetchError when the first bytes are no data message, whatever the service calls them."""
    assert answer.path is not None
    start = answer.path.read_bytes()[:512] if answer.path.stat().st_size < 1 << 20 else _start(answer.path)
    if start.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise FetchError(answer.url, "gives a web page instead of data")
    try:
        layout(answer.path)
    except FormatError as error:
        what = str(error).removeprefix(f"{answer.path}: ")
        raise FetchError(answer.url, f"gives {answer.media or 'no media type'}, and it is {what}") from error


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def _clock(answer: Fetched, otherwise: datetime) -> datetime:
    """The service's own time, by which it tells updates."""
    try:
        return parsedate_to_datetime(answer.headers["date"])
    except (KeyError, TypeError, ValueError):
        return otherwise


def _dimensions(made: Structure) -> tuple[str, ...]:
    return tuple(part.id for part in made.dimensions)


def _described(
    flow: remote.Remote, order: Order, client: Client, registry: Registry, folder: Path
) -> tuple[remote.Remote, Structure]:
    """The flow with its version and the generation of its service, and its structure, fetched where it is not kept."""
    if order.structure and flow.api:
        return flow, registry.structure(order.structure)
    known = _kept(flow, registry)
    if known and flow.api:
        return flow, known
    faults: list[FetchError] = []
    for api in (flow.api,) if flow.api else (2, 1):
        try:
            return _asked(replace(flow, api=api), order, client, registry, folder)
        except FetchError as error:
            faults.append(error)
            if error.status not in (400, 404, 406, 501):
                break
    raise faults[0]


def _kept(flow: remote.Remote, registry: Registry) -> Structure | None:
    """The structure where the version is named and the registry has it."""
    short = f"{flow.agency}:{flow.id}({flow.version})"
    if not flow.version or (short not in registry.names("dataflows") and short not in registry.names("structures")):
        return None
    try:
        return registry.structure(short)
    except StructureError:
        return None


def _asked(
    flow: remote.Remote, order: Order, client: Client, registry: Registry, folder: Path
) -> tuple[remote.Remote, Structure]:
    if not flow.version:  # a small question, before the large one
        found = _message(flow, client, folder, "none")
        newest = max((*found.dataflows, *found.structures), key=lambda one: version(one.version), default=None)
        if newest is None:
            raise FetchError(flow.structure_urls("none")[0], f"describes no {flow.agency}:{flow.id}")
        flow = flow if flow.given else replace(flow, version=newest.version)
        named = newest.structure if isinstance(newest, structure.Dataflow) else newest.short
        if order.structure or named in registry.names("structures"):
            return flow, registry.structure(order.structure or named)
    found = _message(flow, client, folder, "descendants")
    if not found.structures:
        found = _message(flow, client, folder, "all")
    return flow, _keep(flow, found, registry)


def _message(flow: remote.Remote, client: Client, folder: Path, references: str) -> Structures:
    """What the service says of the flow, or of the data structure of that name where it keeps no such flow."""
    into = folder / "structure"
    fault: FetchError | None = None
    for url in flow.structure_urls(references):
        try:
            answer = client.fetch(url, into, remote.ACCEPT_STRUCTURE)
        except FetchError as error:
            if error.status != 404:
                raise
            fault = error
            continue
        if answer.path is None:
            continue
        try:
            return structure.read(answer.path, name=url)
        except StructureError as error:
            raise FetchError(url, str(error).removeprefix(f"{url}: ")) from error
    raise fault or FetchError(flow.structure_urls(references)[0], f"describes no {flow.agency}:{flow.id}", 404)


def _keep(flow: remote.Remote, found: Structures, registry: Registry) -> Structure:
    """Keep the data structure and what it needs, and nothing else that came along."""
    named = {one.structure for one in found.dataflows if (one.agency, one.id) == (flow.agency, flow.id)}
    own = [one for one in found.structures if one.short in named or (one.agency, one.id) == (flow.agency, flow.id)]
    if len(own) != 1:
        there = ", ".join(one.short for one in found.structures) or "none"
        raise PullError(f"{flow.root} gives these data structures for {flow.short}: {there}; name one with --structure")
    (made,) = own
    flows = tuple(one for one in found.dataflows if one.structure == made.short)
    registry.add(replace(found, structures=(made,), dataflows=flows, metadata_structures=(), constraints=()))
    return registry.structure(made.short)


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in text.replace("-", ".").split("."))
