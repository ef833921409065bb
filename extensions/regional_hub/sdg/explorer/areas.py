"""The areas of a book as a tree: the world, regions, countries, and the areas below them that a national structure has.

Parents are those of the codelist. A national codelist that gives none still nests by its codes: "KG02" lies in "KG".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from regional_hub.sdg.explorer import holdings
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.holdings import Extent
from regional_hub.sdg.explorer.saying import is_chinese
from regional_hub.sdg.explorer.words import Label
from regional_hub.sdg.structure import Code


@dataclass
class Area:
    """An area and those below it; `extent` is None where only areas below it have data."""

    code: str
    label: Label
    extent: Extent | None
    below: list[Area] = field(default_factory=list)
    depth: int = 0

    @property
    def series(self) -> int:
        return self.extent.others if self.extent else 0

    def walk(self) -> Iterator[Area]:
        yield self
        for area in self.below:
            yield from area.walk()

    @property
    def all_below(self) -> int:
        """How many areas with data lie below it."""
        return sum(area.extent is not None for area in self.walk()) - (self.extent is not None)


def tree(book: Book) -> list[Area]:
    """The roots; areas without data are there only where something below them has some. Regions come first."""
    if not book.roles.area:
        return []
    held = holdings.of(book)
    codelist = book.structure.component(book.roles.area).codelist
    codes: Mapping[str, Code] = codelist.codes if codelist else {}
    made: dict[str, Area] = {}
    roots: list[Area] = []

    def node(code: str) -> Area:
        if code not in made:
            made[code] = Area(code, book.name(book.roles.area or "", code), held.by_area.get(code))
            above = parent(codes, code)
            (node(above).below if above else roots).append(made[code])
        return made[code]

    for code in held.areas:
        node(code)
    place = {code: number for number, code in enumerate(codes)}
    spelled = not is_chinese(book.language)  # characters have no order that readers look by: as in the codelist then
    for siblings in (roots, *(area.below for area in made.values())):
        siblings.sort(key=lambda one: (not one.below, one.label.text if spelled else "", place.get(one.code, 0)))
    for root in roots:
        _deepen(root, 0)
    return roots


def _deepen(area: Area, depth: int) -> None:
    area.depth = depth
    for one in area.below:
        _deepen(one, depth + 1)


def parent(codes: Mapping[str, Code], code: str) -> str | None:
    """The code of the area that another lies in."""
    own = codes.get(code)
    seen = {code}
    if own and own.parent and own.parent not in seen and own.parent in codes:
        return own.parent if not _circular(codes, code) else None
    if not code.isdigit():
        longer = (code[:size] for size in range(len(code) - 1, 1, -1))
        return next((shorter for shorter in longer if shorter in codes and not shorter.isdigit()), None)
    return None


def _circular(codes: Mapping[str, Code], code: str) -> bool:
    """Whether the parents of a code lead back to it; a damaged codelist must not hang a page."""
    seen: set[str] = set()
    at: str | None = code
    while at is not None and at in codes:
        if at in seen:
            return True
        seen.add(at)
        at = codes[at].parent
    return False


def path(book: Book, code: str) -> list[str]:
    """The codes of the areas that an area lies in, the widest first, itself last."""
    codelist = book.structure.component(book.roles.area).codelist if book.roles.area else None
    codes: Mapping[str, Code] = codelist.codes if codelist else {}
    found = [code]
    while (above := parent(codes, found[0])) and above not in found:
        found.insert(0, above)
    return found


def title(book: Book) -> Label:
    """What the data of a book are about: the country where all areas lie in one, else the widest area."""
    return _common(tree(book)) or Label(book.flow, "und")


def _common(roots: list[Area]) -> Label | None:
    """The one area that all data lie in. A country that has two codes (M49 and ISO) is one."""
    names = {root.label for root in roots}
    if len(names) != 1:
        return None
    root = max(roots, key=lambda one: one.all_below)
    if root.extent is None and len(root.below) == 1:
        return _common(root.below)
    return root.label
