"""What is said about a series: its reference metadata by headings, and which data an area has of it.

Texts of metadata come from many word processors: they are shown as text, their paragraphs kept, their markup taken off.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from regional_hub.sdg.explorer import holdings, outline, words
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.outline import IndicatorEntry
from regional_hub.sdg.explorer.words import Label
from regional_hub.sdg.loading import Room
from regional_hub.sdg.metadata import MetadataSet, Reported
from regional_hub.sdg.registry import Registry
from regional_hub.sdg.structure import MetadataStructure, StructureError

CUSTODIAN = "SDG_CUSTODIAN_AGENCIES"
MOST_AREAS = 20
BLOCKS = ("p", "br", "li", "div", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table")
HIDDEN = ("script", "style", "head", "title", "template")


@dataclass(frozen=True)
class Section:
    """A heading, how deep it stands, and what is said there: paragraphs, all in one language."""

    heading: Label
    depth: int
    paragraphs: Sequence[str]
    language: str


@dataclass(frozen=True)
class Report:
    """A metadata set as a reader sees it; `others` are further languages that some of its texts have."""

    title: Label
    sections: Sequence[Section]
    others: Sequence[str]


@dataclass(frozen=True)
class Status:
    """What an area has of a series: in how many of the years in which any area has data, and the last of them."""

    code: str
    label: Label
    observations: int
    years: int
    of_years: int
    first: str
    last: str


@dataclass(frozen=True)
class About:
    reports: Sequence[Report]
    custodians: Sequence[str]
    related: Sequence[IndicatorEntry]
    statuses: Sequence[Status]
    further_areas: int


def about(room: Room, book: Book, series: str, areas: Iterable[str] = ()) -> About:
    """Everything about a series and some areas of it; without any, of all areas that have it."""
    sets = _sets(room, book, series, list(areas))
    structures = _structures(room.registry)
    reports = [_report(made, room.registry, structures, book.language) for made in sets]
    custodians = [text for made in sets for text in _custodians(made.attributes, book.language)]
    entries = outline.of(book).series()
    related = outline.of(book).related(entries[series].indicators) if series in entries else []
    asked = list(areas) or _areas(book, series)
    statuses = _statuses(book, series, asked[:MOST_AREAS])  # only those that are shown: there may be thousands
    return About(reports, list(dict.fromkeys(custodians)), related, statuses, max(0, len(asked) - MOST_AREAS))


def _sets(room: Room, book: Book, series: str, areas: list[str]) -> list[MetadataSet]:
    """The sets about the series as a whole, then those about one of the areas too."""
    roles, found = book.roles, dict[str, MetadataSet]()
    reporting = book.codes(roles.reporting) if roles.reporting else [""]
    for area in ["", *areas[:MOST_AREAS]]:
        for kind in reporting or [""]:
            key = {roles.series or "": series, roles.area or "": area, roles.reporting or "": kind}
            for made in room.metadata.about(book.structure, key):
                found.setdefault(made.short, made)
    return list(found.values())


def _structures(registry: Registry) -> list[MetadataStructure]:
    return [registry.metadata_structure(short) for short in registry.names("metadata_structures")]


def _report(made: MetadataSet, registry: Registry, structures: Sequence[MetadataStructure], language: str) -> Report:
    ids = {reported.id for reported in _all(made.attributes)}
    known = max(structures, key=lambda one: len(ids & {a.id for a in one.attributes}), default=None)
    names = {a.id: a.name or _concept(registry, a.concept_ref) for a in known.attributes} if known else {}
    place = {a.id: number for number, a in enumerate(known.attributes)} if known else {}
    sections = list(_sections(made.attributes, names, place, language, 0))
    languages = {tag.split("-")[0] for reported in _all(made.attributes) for tag in reported.texts}
    others = sorted(languages - {section.language.split("-")[0] for section in sections} - {"und"})
    return Report(words.best(made.name, language) or Label(made.id, "und"), sections, others)


def _sections(
    attributes: Iterable[Reported],
    names: Mapping[str, Mapping[str, str]],
    place: Mapping[str, int],
    language: str,
    depth: int,
) -> Iterator[Section]:
    for reported in sorted(attributes, key=lambda one: place.get(one.id, len(place))):
        text = words.best(reported.texts, language)
        if text or reported.below:
            heading = _heading(reported.id, names.get(reported.id, {}), language)
            yield Section(heading, depth, paragraphs(text.text) if text else [], text.language if text else "und")
            yield from _sections(reported.below, names, place, language, depth + 1)


def _heading(id: str, given: Mapping[str, str], language: str) -> Label:
    """The structure's own word in the language, ours, the structure's in another one, or the id."""
    own = {tag: text for tag, text in given.items() if tag.split("-")[0] == language.split("-")[0]}
    label = words.best(own, language) or words.best({**given, **_headings().get(id, {})}, language)
    return label or Label(id.replace("_", " ").capitalize(), "und")


@cache
def _headings() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(Path(__file__).with_name("msd.toml").read_text(encoding="utf-8"))


def _concept(registry: Registry, reference: str) -> Mapping[str, str]:
    scheme, _, concept = reference.rpartition(".")
    try:
        found = registry.concept_scheme(scheme).concepts.get(concept)
    except StructureError:
        return {}
    return found.name if found else {}


def _all(attributes: Iterable[Reported]) -> Iterator[Reported]:
    for reported in attributes:
        yield reported
        yield from _all(reported.below)


def _custodians(attributes: Iterable[Reported], language: str) -> Iterator[str]:
    for reported in _all(attributes):
        if reported.id == CUSTODIAN and (text := words.best(reported.texts, language)):
            yield " ".join(paragraphs(text.text))


def _areas(book: Book, series: str) -> list[str]:
    held = holdings.of(book)
    return sorted({held.areas[number] for number in np.unique(held.area[held.of_series([series])])})


def _statuses(book: Book, series: str, areas: list[str]) -> list[Status]:
    held = holdings.of(book)
    of_series = held.of_series([series])
    year = held.years[1]
    of_years = len(np.unique(year[of_series]))
    found = []
    for code in areas:
        places = of_series & held.of_areas([code])
        extent = held.extent(places)
        years = len(np.unique(year[places]))
        label = book.name(book.roles.area, code) if book.roles.area else Label(code, "und")
        found.append(Status(code, label, extent.observations, years, of_years, extent.first, extent.last))
    return found


class _Text(HTMLParser):
    """The text of markup: blocks become lines; what scripts and styles say is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in HIDDEN
        if tag in BLOCKS:
            self.said.append("\n• " if tag == "li" else "\n")

    def handle_endtag(self, tag: str) -> None:
        self.hidden = max(0, self.hidden - (tag in HIDDEN))
        if tag in BLOCKS:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.said.append(data)


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a text or of markup, without the markup. What only looks like markup ("x < y") stays."""
    if re.search(r"</?[a-zA-Z][^<>]*>|&\w+;|&#\d+;", text):
        reader = _Text()
        reader.feed(text)
        reader.close()
        text = "".join(reader.said)
    return [line for part in text.split("\n") if (line := re.sub(r"[ \t\u00a0]+", " ", part).strip()) not in ("", "•")]
