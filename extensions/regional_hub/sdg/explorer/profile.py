"""An area on one page: for each goal the indicators with their newest value, trend and progress, and what is missing.

An indicator is shown by one series: the first in the order of the codelist that has a line for the whole population and
is held against a target; where none is, the first that has such a line.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from regional_hub.sdg.explorer import figure, holdings, keyseries, outline, progress, words
from regional_hub.sdg.explorer.book import Book, NotHere
from regional_hub.sdg.explorer.keyseries import KeyLine
from regional_hub.sdg.explorer.outline import Outline
from regional_hub.sdg.explorer.points import Point
from regional_hub.sdg.explorer.progress import NotAssessed, Progress, Rules
from regional_hub.sdg.explorer.words import Goal, Label, is_total

# A value is called old when the newest year of the data is more than this later.
STALE_YEARS = 5
WIDTH, HEIGHT, EDGE = 120, 28, 3
KEPT = 64


@dataclass(frozen=True)
class Spark:
    """A line of a trend in a box of `WIDTH` by `HEIGHT`: the points of an SVG polyline, and where it ends."""

    line: str
    x: float
    y: float

    def svg(self, colour: str) -> str:
        """The drawing by itself, as a print needs it."""
        dot = f'<circle cx="{self.x}" cy="{self.y}" r="2.4" fill="{colour}"/>'
        line = (
            f'<polyline points="{self.line}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-linejoin="round"/>'
        )
        box = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        return f"<svg {box}>{line}{dot}</svg>"


@dataclass(frozen=True)
class Row:
    """An indicator of an area. `breakdown` says of whom the values are; only parts have values where not `whole`."""

    indicator: str
    title: Label
    series: str
    name: Label
    breakdown: tuple[Label, ...]
    whole: bool
    latest: Point
    first: Point
    unit: str
    spark: Spark | None
    progress: Progress | NotAssessed
    stale: bool
    others: int

    @property
    def target(self) -> str:
        return ".".join(self.indicator.split(".")[:2])


@dataclass(frozen=True)
class Section:
    """A goal: what the area has of it, and the indicators (id, title) of the structure that it has nothing of."""

    goal: Goal
    rows: tuple[Row, ...]
    missing: tuple[tuple[str, Label], ...]

    @property
    def stale(self) -> list[Row]:
        return [row for row in self.rows if row.stale]


@dataclass(frozen=True)
class Profile:
    area: str
    name: Label
    sections: tuple[Section, ...]
    newest: str

    @cached_property
    def rows(self) -> list[Row]:
        return [row for section in self.sections for row in section.rows]

    @property
    def missing(self) -> int:
        return sum(len(section.missing) for section in self.sections)

    @property
    def stale(self) -> int:
        return sum(row.stale for row in self.rows)

    def count(self, category: str) -> int:
        return sum(row.progress.assessed and getattr(row.progress, "category", "") == category for row in self.rows)


def has(book: Book, area: str) -> bool:
    """Whether an area has any data."""
    return area in holdings.of(book).by_area


def of(book: Book, area: str) -> Profile:
    """The profile of an area; kept, as it changes only with the data and the targets. Raises NotHere."""
    if not book.roles.area or not book.roles.series:
        raise NotHere("area", area)
    rules = progress.working_rules(book.store.folder)
    key = (str(book.store.folder), book.etag, book.structure.short, area, progress.stamp(book.store.folder))
    if key in _PROFILES:
        _PROFILES.move_to_end(key)
        return _PROFILES[key]
    made = _make(book, area, rules)
    _PROFILES[key] = made
    while len(_PROFILES) > KEPT:
        _PROFILES.popitem(last=False)
    return made


_PROFILES: OrderedDict[tuple[object, ...], Profile] = OrderedDict()


def _make(book: Book, area: str, rules: Rules) -> Profile:
    contents = outline.of(book)
    lines = keyseries.key_lines(book, area)
    if not lines:
        assert book.roles.area
        book.known(book.roles.area, area)  # raises NotHere with near ones; a known area without data has an empty page
    chosen = _choose(book, contents, lines, rules)
    values = keyseries.read(book, [line for line, _others in chosen.values()])
    newest = _newest(book)
    titles = {entry.id: entry.title for entry in contents.indicators()}
    rows = [
        _row(book, indicator, titles[indicator], line, others, values[line.codes], rules, newest)
        for indicator, (line, others) in chosen.items()
        if any(point.value is not None for point in values[line.codes])
    ]
    missing = _missing(book, contents, {row.indicator for row in rows})
    sections = tuple(
        Section(
            entry.goal,
            tuple(row for row in rows if row.indicator.split(".")[0] == entry.id),
            tuple((id, title) for id, title in missing if id.split(".")[0] == entry.id),
        )
        for entry in contents.goals
    )
    name = book.name(book.roles.area, area) if book.roles.area else Label(area, "und")
    return Profile(area, name, sections, newest)


def _choose(
    book: Book, contents: Outline, lines: Mapping[str, KeyLine], rules: Rules
) -> dict[str, tuple[KeyLine, int]]:
    """The line of each indicator that the area has, and how many other series of it there are."""
    order = {code: place for place, code in enumerate(book.codes(book.roles.series or ""))}
    chosen = {}
    for entry in contents.indicators():
        codes = sorted((one.code for one in entry.series), key=lambda code: order.get(code, len(order)))
        there = [lines[code] for code in codes if code in lines]
        if there:
            whole = [line for line in there if line.whole]
            best = next((line for line in whole if line.series in rules.series), [*whole, *there][0])
            chosen[entry.id] = (best, len(there) - 1)
    return chosen


def _row(
    book: Book, id: str, title: Label, line: KeyLine, others: int, points: Sequence[Point], rules: Rules, newest: str
) -> Row:
    there = [point for point in points if point.value is not None]
    latest = there[-1]
    rule = rules.series.get(line.series)
    if rule is None:
        found: Progress | NotAssessed = rules.missing()
    elif not line.whole:
        found = NotAssessed("no-whole", rule)
    else:
        found = progress.assess(rules.numbers, rule, points)
    codes = zip((part.id for part in book.structure.dimensions), line.codes, strict=True)
    parts = tuple(book.name(part, code) for part, code in codes if part in book.roles.breakdowns and not is_total(code))
    return Row(
        indicator=id,
        title=title,
        series=line.series,
        name=outline.title_of_series(book, line.series),
        breakdown=parts,
        whole=line.whole,
        latest=latest,
        first=there[0],
        unit=figure.unit(book, latest),
        spark=spark(there),
        progress=found,
        stale=newest.isdigit() and latest.position < int(newest) - STALE_YEARS,
        others=others,
    )


def _newest(book: Book) -> str:
    """The newest year of the data, but none after the release: a projection makes nothing old."""
    year = max((event.at.year for event in book.events if event.release.id == book.release.id), default=9999)
    years = [time[:4] for time in book.release.times if time[:4].isdigit() and int(time[:4]) <= year]
    return max(years, default="")


def _missing(book: Book, contents: Outline, there: set[str]) -> list[tuple[str, Label]]:
    """The indicators of the structure that the area has no value of, in order."""
    codelist = book.structure.component(book.roles.series or "").codelist
    titles = {entry.id: entry.title for entry in contents.indicators()}
    for code in codelist.codes.values() if codelist else ():
        for id in outline.indicators_of(code):
            if id not in titles:
                given = outline.clean(code.annotations.get("IndicatorTitle", ""))
                titles[id] = words.of_indicator(id, {"en": given} if given else {}, book.language)
    return [(id, titles[id]) for id in sorted(titles, key=outline.order) if id not in there]


def spark(points: Sequence[Point]) -> Spark | None:
    """A trend needs two points; a line that does not change lies in the middle."""
    if len(points) < 2:
        return None
    values = [float(point.value or 0) for point in points]
    times = [point.position for point in points]
    low, high, begin, end = min(values), max(values), times[0], times[-1]
    if not end > begin:
        return None

    def place(time: float, value: float) -> tuple[float, float]:
        share = (value - low) / (high - low) if high > low else 0.5
        x = EDGE + (time - begin) / (end - begin) * (WIDTH - 2 * EDGE)
        return round(x, 1), round(HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE), 1)

    placed = [place(time, value) for time, value in zip(times, values, strict=True)]
    return Spark(" ".join(f"{x},{y}" for x, y in placed), *placed[-1])


def beside(book: Book, profile: Profile, other: str) -> Mapping[str, Point]:
    """The newest values of another area in the same series, by indicator: to compare with."""
    lines = keyseries.key_lines(book, other, {row.series for row in profile.rows})
    values = keyseries.read(book, lines.values())
    found = {}
    for row in profile.rows:
        line = lines.get(row.series)
        there = [point for point in values[line.codes] if point.value is not None] if line else []
        if there and line and line.whole == row.whole:
            found[row.indicator] = there[-1]
    return found
