"""A draft as the public will see it: a store whose newest release is the draft's candidate, for a `Book` over it.

Nothing is written. Whoever opens one asks the permission table first; readers' stores never know of drafts.
"""

from __future__ import annotations

import re
from datetime import timedelta

from regional_hub.sdg import timeline
from regional_hub.sdg.desk.review import review
from regional_hub.sdg.draft import Draft
from regional_hub.sdg.explorer.book import Book, NotHere
from regional_hub.sdg.loading import Room
from regional_hub.sdg.release import Release
from regional_hub.sdg.store import Store, UnknownRelease
from regional_hub.sdg.timeline import Embargo, Event, Timeline, View

# `release=draft:<id>` in an address; the candidate's own id has a suffix, which changes with each validation.
NAME = re.compile(r"draft:(?P<draft>[0-9]{8}-[0-9]{6}-[0-9a-f]{6})(\.\w+)?")


class Preview(Store):
    """The store of a room with one more release, as if it were published now, with the embargoes of its draft."""

    def __init__(self, room: Room, draft: Draft, candidate: Release) -> None:
        super().__init__(room.folder)
        self.draft_shown = draft
        self.candidate = candidate
        self.at = self.clock()

    def flows(self) -> list[str]:
        return sorted({*super().flows(), self.candidate.flow})

    def timeline(self, flow: str) -> Timeline:
        if flow != self.candidate.flow:
            return super().timeline(flow)
        try:
            there = super().timeline(flow)
        except UnknownRelease:
            there = Timeline(flow, (), ())
        at = max([self.at, *(event.at + timedelta(microseconds=1) for event in there.events)])
        stamp = timeline.stamp(at)
        asked = self.draft_shown.facts["embargoes"]
        held = [
            Embargo.new(
                flow, e["where"], timeline.moment(e["until"]), since=self.candidate.id, by=e["by"], at=stamp, reason=""
            )
            for e in asked
        ]
        return Timeline(flow, (*there.events, Event(self.candidate, at)), (*there.embargoes, *held))

    def current(self, flow: str) -> Release | None:
        return self.candidate if flow == self.candidate.flow else super().current(flow)

    def release(self, identifier: str) -> Release:
        return self.candidate if identifier == self.candidate.id else super().release(identifier)


def asked(release: str) -> str:
    """The draft that a `release` of an address means; an empty text when it means a real one."""
    match = NAME.fullmatch(release)
    return match["draft"] if match else ""


def open_preview(room: Room, identifier: str, language: str) -> Book:
    """A book of a draft's candidate. Raises NotHere for a draft that is not there or cannot be seen yet."""
    try:
        draft = room.store.draft(identifier)
    except UnknownRelease:
        raise NotHere("draft", identifier) from None
    found = review(draft)
    if found is None or draft.facts["state"] == "published":
        raise NotHere("draft", identifier)
    store = Preview(room, draft, found.candidate)
    view: View = store.view(found.candidate.flow)
    made = room.registry.structure(found.candidate.structure)
    return Book(store, made, view, language, f"draft:{identifier}")
