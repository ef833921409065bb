"""What the pages of the stewards' desk share: the draft that an address names, refusals, and pages of long lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import EmptyPage, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language

from regional_hub.core.access import may
from regional_hub.core.actions import Refused
from regional_hub.sdg import actions, reports
from regional_hub.sdg.desk.inbox import Inbox, Upload
from regional_hub.sdg.desk.review import Review, review
from regional_hub.sdg.draft import PUBLISHED, VALIDATED, Draft
from regional_hub.sdg.explorer import words
from regional_hub.sdg.loading import Room
from regional_hub.sdg.store import UnknownRelease
from regional_hub.sdg.structure import Structure

PAGE = 100
View = Callable[..., HttpResponse]


class Shown:
    """A draft as a page shows it; each fact is read once."""

    def __init__(self, draft: Draft, room: Room, person: Any) -> None:
        self.draft, self.room, self.person = draft, room, person
        self.facts = draft.facts
        self.id, self.flow, self.tag = draft.id, draft.flow, draft.tag

    @property
    def state(self) -> str:
        return str(self.facts["state"])

    @property
    def published(self) -> bool:
        return self.state == PUBLISHED

    @property
    def validated(self) -> bool:
        return self.state == VALIDATED

    @cached_property
    def structure(self) -> Structure:
        return self.room.registry.structure(self.facts["structure"])

    @cached_property
    def report(self) -> reports.Kept | None:
        return reports.kept(self.draft.folder)

    @cached_property
    def review(self) -> Review | None:
        return review(self.draft)

    @cached_property
    def conflicts(self) -> list[Any]:
        return self.draft.conflicts() if self.draft.parts else []

    @cached_property
    def working(self) -> Upload | None:
        return Inbox.of(self.room).at_work(self.id)

    @property
    def people(self) -> list[str]:
        return sorted(self.draft.people)

    @property
    def is_mine(self) -> bool:
        """Whether this person worked on it, so that another one publishes."""
        return self.person.username in self.draft.people

    @property
    def may_force(self) -> bool:
        return may(self.person, "force", "sdg release")

    @property
    def outdated(self) -> bool:
        """Another release came since the validation."""
        before = self.draft.before
        return "base" in self.facts and self.facts["base"] != (before.id if before else None)

    @property
    def preview(self) -> str:
        return f"/sdg/?flow={self.flow}&release=draft:{self.id}"


def find(request: HttpRequest, draft: str) -> Shown:
    """The draft of an address. Raises Http404 for one that is not there, whatever the address tries."""
    try:
        return Shown(actions.find_draft(draft), actions.room(), request.user)
    except UnknownRelease as error:
        raise Http404(str(error)) from error


def answering(back: str) -> Callable[[View], View]:
    """Show a refusal on the page `back` of the draft (or of the desk, without one) instead of an error."""

    def decorate(view: View) -> View:
        @wraps(view)
        def run(request: HttpRequest, **kwargs: Any) -> HttpResponse:
            try:
                return view(request, **kwargs)
            except Refused as refused:
                messages.error(request, str(refused))
                return redirect(back, **({"draft": kwargs["draft"]} if "draft" in kwargs else {}))

        return run

    return decorate


class _Counted(Sequence[None]):
    """A list of which only the length is known."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, place: Any) -> Any:
        return range(self.length)[place]


def paged(request: HttpRequest, count: int, size: int = PAGE) -> Any:
    """The page of a list of `count` that an address asks for; the last one where it asks for too much."""
    paginator = Paginator(_Counted(count), size)
    try:
        return paginator.get_page(request.GET.get("page"))
    except EmptyPage:
        return paginator.page(1)


def query(**parameters: str) -> str:
    return urlencode({name: text for name, text in parameters.items() if text})


@dataclass(frozen=True)
class Cell:
    """A code with its name, as tables show it."""

    component: str
    code: str
    name: str


def named(structure: Structure, component: str, code: str | None) -> Cell:
    """A component's value with the name that its codelist gives it in the reader's language."""
    part = structure.by_id.get(component)
    text = code or ""
    if part is None or part.codelist is None or text not in part.codelist.codes:
        return Cell(component, text, "")
    label = words.of_code(part, text, get_language() or "en")
    return Cell(component, text, "" if label.text == text else label.text)


def title(structure: Structure, component: str) -> str:
    part = structure.by_id.get(component)
    return words.of_component(part, get_language() or "en").text if part else component


def choices(
    structure: Structure, dimensions: Sequence[str], used: Mapping[str, Sequence[str]]
) -> dict[str, list[tuple[str, str]]]:
    """Codes of dimensions to choose from, each with its name; only those that are used, where that is known."""
    found = {}
    for dimension in dimensions:
        part = structure.by_id[dimension]
        codes = list(part.codelist.codes) if part.codelist else []
        there = used.get(dimension)
        if there is not None:
            codes = [code for code in codes if code in set(there)] + [code for code in there if code not in codes]
        labels = [(code, words.of_code(part, code, get_language() or "en").text) for code in codes]
        found[dimension] = [(code, f"{code} · {text}" if text != code else code) for code, text in labels]
    return found
