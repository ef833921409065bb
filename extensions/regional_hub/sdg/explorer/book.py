"""A flow as its readers see it at one moment: the structure, the view of the releases, and everything by its name.

Pages, pictures, downloads and notebooks begin with a `Book`; it never shows what an embargo hides.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from regional_hub.sdg import query
from regional_hub.sdg.explorer import words
from regional_hub.sdg.explorer.roles import Roles, roles
from regional_hub.sdg.explorer.words import Label
from regional_hub.sdg.loading import Room
from regional_hub.sdg.registry import Registry
from regional_hub.sdg.release import Release
from regional_hub.sdg.selection import Key, Selection
from regional_hub.sdg.store import Store, UnknownRelease
from regional_hub.sdg.structure import Structure
from regional_hub.sdg.timeline import Event, View


class NotHere(LookupError):
    """A flow, release, code or page that is not there. `near` are those that may have been meant."""

    def __init__(self, what: str, asked: str, near: Sequence[str] = ()) -> None:
        self.what, self.asked, self.near = what, asked, tuple(near)
        hint = f"; is {' or '.join(self.near)} meant?" if self.near else ""
        super().__init__(f"no {what} {asked!r}{hint}")


@dataclass(frozen=True)
class Book:
    """`pinned` is the release that the reader asked for; None means the newest, whatever comes later."""

    store: Store
    structure: Structure
    view: View
    language: str
    pinned: str | None = None

    @property
    def flow(self) -> str:
        return self.view.flow

    @property
    def release(self) -> Release:
        return self.view.release

    @cached_property
    def roles(self) -> Roles:
        return roles(self.structure)

    @property
    def etag(self) -> str:
        """Two books with one tag show the same figures under the same names."""
        return f"{self.view.etag}-{self.language}"

    def name(self, component: str, code: str) -> Label:
        return words.of_code(self.structure.component(component), code, self.language)

    def component_name(self, component: str) -> Label:
        return words.of_component(self.structure.component(component), self.language)

    def codes(self, component: str) -> Sequence[str]:
        """The codes of a component's codelist, in its order."""
        codelist = self.structure.component(component).codelist
        return list(codelist.codes) if codelist else []

    def known(self, component: str, code: str) -> str:
        """The code, if the codelist has it. Raises NotHere with near ones otherwise."""
        codes = self.codes(component)
        if code not in codes:
            near = difflib.get_close_matches(code.upper(), codes, 3, 0.6)
            raise NotHere(component, code, near)
        return code

    def key(self, **chosen: Sequence[str] | str) -> Key:
        """Codes by dimension as a key of the structure; dimensions that are not named accept all."""
        wanted = {name: (codes,) if isinstance(codes, str) else tuple(codes) for name, codes in chosen.items()}
        return tuple(wanted.get(dimension.id) for dimension in self.structure.dimensions)

    def selection(self, *keys: Key) -> Selection:
        """A selection of this flow at this book's moment."""
        return Selection(self.flow, keys, as_of=self.view.at if self.pinned else None)

    def run(self, selection: Selection) -> query.Answer:
        return query.run(self.store, selection)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """All publications of the flow that the reader may know of, oldest first."""
        return self.store.timeline(self.flow).events


def open_book(room: Room, language: str, flow: str = "", release: str = "") -> Book:
    """The book of a flow (the first one when none is named) at a release (the newest when none is named).

    Raises NotHere for a flow or release that is not there, and for a database without any.
    """
    store = room.store
    flows = store.flows()
    if not flows:
        raise NotHere("release", flow or release)
    wanted = flow or (flow_of(store, release) if release else flows[0])
    if wanted not in flows:
        raise NotHere("flow", wanted, difflib.get_close_matches(wanted, flows, 3, 0.4))
    line = store.timeline(wanted)
    as_of = None
    if release:
        at = {event.release.id: event.at for event in line.events}
        if release not in at:
            raise NotHere("release", release, difflib.get_close_matches(release, list(at), 3, 0.4))
        as_of = at[release]
    view = line.view(store.clock(), as_of)
    return Book(store, _structure(room.registry, view.release.structure), view, language, release or None)


def flow_of(store: Store, release: str) -> str:
    """The flow that a release belongs to. Raises NotHere."""
    try:
        return store.release(release).flow
    except UnknownRelease:
        there = [event.release.id for flow in store.flows() for event in store.timeline(flow).events]
        raise NotHere("release", release, difflib.get_close_matches(release, there, 3, 0.4)) from None


def _structure(registry: Registry, short: str) -> Structure:
    path = registry.folder / "index.json"
    return _read(registry.folder, short, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=16)
def _read(folder: object, short: str, _changed: int) -> Structure:
    """A structure is large; it is read once until the registry changes."""
    return Registry(folder).structure(short)  # type: ignore[arg-type]
