"""The shapes of the answers of the JSON API, and how they are made from what the explorer knows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode

from ninja import Field, Schema

from regional_hub.sdg.explorer import availability_map, search, shelf
from regional_hub.sdg.explorer import outline as outlines
from regional_hub.sdg.explorer.areas import Area as Node
from regional_hub.sdg.explorer.book import Book
from regional_hub.sdg.explorer.choices import Choice
from regional_hub.sdg.explorer.points import Point as Observation

SHARE = "the title's language, which may not be the one asked for"


class Edition(Schema):
    release: str
    published: datetime
    observations: int
    series: int


class Flow(Schema):
    flow: str = Field(description="the data set as AGENCY:ID")
    title: str
    language: str = Field(description=SHARE)
    observations: int
    series: int
    areas: int
    releases: list[Edition] = Field(description="newest first")

    @classmethod
    def of(cls, flow: shelf.Flow) -> Flow:
        editions = [
            Edition(release=e.release, published=e.at, observations=e.counts["observations"], series=e.counts["series"])
            for e in flow.editions
        ]
        return cls(
            flow=flow.id,
            title=flow.title.text,
            language=flow.title.language,
            observations=flow.observations,
            series=flow.series,
            areas=flow.areas,
            releases=editions,
        )


class Series(Schema):
    code: str
    title: str
    language: str = Field(description=SHARE)
    indicators: list[str]
    observations: int
    areas: int
    first: str = Field(description="the first period")
    last: str = Field(description="the last period")

    @classmethod
    def of(cls, entry: outlines.SeriesEntry) -> Series:
        extent = entry.extent
        return cls(
            code=entry.code,
            title=entry.title.text,
            language=entry.title.language,
            indicators=list(entry.indicators),
            observations=extent.observations,
            areas=extent.areas,
            first=extent.first,
            last=extent.last,
        )


class Indicator(Schema):
    id: str
    title: str
    language: str = Field(description=SHARE)
    target: str
    series: list[Series]


class Goal(Schema):
    id: str
    title: str
    language: str = Field(description=SHARE)
    indicators: list[Indicator]


class Outline(Schema):
    flow: str
    release: str
    goals: list[Goal] = Field(description="all 17; those without data have no indicators")
    others: list[Series] = Field(description="series that no goal names")

    @classmethod
    def of(cls, book: Book, outline: outlines.Outline) -> Outline:
        def indicator(entry: outlines.IndicatorEntry) -> Indicator:
            return Indicator(
                id=entry.id,
                title=entry.title.text,
                language=entry.title.language,
                target=entry.target,
                series=[Series.of(one) for one in entry.series],
            )

        goals = [
            Goal(
                id=goal.id,
                title=goal.title.text,
                language=goal.title.language,
                indicators=[indicator(entry) for entry in goal.indicators],
            )
            for goal in outline.goals
        ]
        others = [Series.of(entry) for entry in outline.others]
        return cls(flow=book.flow, release=book.release.id, goals=goals, others=others)


class Area(Schema):
    code: str
    title: str
    language: str = Field(description=SHARE)
    series: int = Field(description="how many series it has; 0 where only areas below it have some")
    below: list[Area]

    @classmethod
    def of(cls, area: Node) -> Area:
        below = [cls.of(one) for one in area.below]
        label = area.label
        return cls(code=area.code, title=label.text, language=label.language, series=area.series, below=below)


class HeatRow(Schema):
    area: str
    title: str
    counts: list[int] = Field(description="one for each year")


class HeatMap(Schema):
    flow: str
    release: str
    counts: str = Field(description="what is counted: series, or (for one series) observations")
    years: list[str]
    rows: list[HeatRow]

    @classmethod
    def of(cls, book: Book, made: availability_map.HeatMap) -> HeatMap:
        rows = [HeatRow(area=row.area.code, title=row.area.label.text, counts=list(row.counts)) for row in made.rows]
        counts = "series" if made.counts_series else "observations"
        return cls(flow=book.flow, release=book.release.id, counts=counts, years=list(made.years), rows=rows)


class Hit(Schema):
    kind: str = Field(description="indicator, series or area")
    code: str
    title: str
    language: str = Field(description=SHARE)
    url: str = Field(description="its page")


class Found(Schema):
    question: str
    meant: str = Field(description="the question with its typos mended; empty where it has none")
    hits: list[Hit] = Field(description="the best of all kinds first")

    @classmethod
    def of(cls, book: Book, found: search.Found) -> Found:
        contents = outlines.of(book)
        titles = {"series": {code: entry.title for code, entry in contents.series().items()}}
        titles["indicator"] = {entry.id: entry.title for entry in contents.indicators()}
        query = {"flow": book.flow, **({"release": book.pinned} if book.pinned else {})}
        hits = []
        best = sorted((hit for hits in found.hits.values() for hit in hits), key=lambda hit: -hit.score)
        for hit in best:
            title = titles.get(hit.kind, {}).get(hit.code) or book.name(book.roles.area or "", hit.code)
            url = f"/sdg/{hit.kind}/{hit.code}/?{urlencode(query, safe=':')}"
            hits.append(Hit(kind=hit.kind, code=hit.code, title=title.text, language=title.language, url=url))
        return cls(question=found.question, meant=found.meant, hits=hits)


class Point(Schema):
    codes: dict[str, str] = Field(description="its dimensions")
    time: str
    value: str | None = Field(description="the very text that the data have; null where it is missing")
    unit: str
    multiplier: str = Field(description="the value is multiplied by 10 to this power")
    status: str
    nature: str
    lower: str | None
    upper: str | None
    footnotes: list[str]
    source: str


class Points(Schema):
    flow: str
    release: str
    series: str
    total: int = Field(description="how many there are; at most 20,000 are sent, all are in the downloads")
    points: list[Point]

    @classmethod
    def of(cls, book: Book, choice: Choice, found: Sequence[Observation], total: int) -> Points:
        said = [
            Point(
                codes=dict(one.codes),
                time=one.time,
                value=one.text or None,
                unit=one.unit,
                multiplier=one.multiplier,
                status=one.status,
                nature=one.nature,
                lower=None if one.lower is None else str(one.lower),
                upper=None if one.upper is None else str(one.upper),
                footnotes=list(one.footnotes),
                source=one.source,
            )
            for one in found
        ]
        return cls(flow=book.flow, release=book.release.id, series=choice.state.series, total=total, points=said)
