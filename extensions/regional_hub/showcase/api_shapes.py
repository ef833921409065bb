"""The shapes of the Showcase's API: what comes in, and what goes out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from django.conf import settings
from ninja import Schema
from pydantic import ConfigDict, Field

from regional_hub.showcase import access
from regional_hub.showcase.about import About
from regional_hub.showcase.actions.sharing import Published, To
from regional_hub.showcase.models import Publication, Revision

Audience = Literal["people", "project", "hub", "public"]


class Strict(Schema):
    """What nobody knows is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")


class Named(Strict):
    """A file by name and size in bytes."""

    name: str
    size: int = Field(ge=0)


class Plan(Strict):
    """What somebody would send."""

    entry: str
    files: list[Named] = Field(max_length=20_000)


class Judged(Schema):
    """One file: whether it may be sent, and if not, why."""

    name: str
    size: int
    ok: bool
    en: str = ""
    zh: str = ""


class PlanJudged(Schema):
    """The files one by one, and whether they can be sent together."""

    ok: bool
    files: list[Judged]
    size: int
    en: str = ""
    zh: str = ""


class Said(Strict):
    """What is said of a publication."""

    title: str
    title_zh: str = ""
    summary: str = ""
    summary_zh: str = ""
    tags: list[str] = []
    goals: list[int] = []
    licence: str = ""
    kind: Literal["page", "app", "method"] = "page"

    def about(self) -> About:
        return About(**self.model_dump(include=set(Said.model_fields)))


class Readers(Strict):
    """Who may read: user names with `people`, a group's name with `project`."""

    audience: Audience
    people: list[str] = []
    project: str = ""

    def to(self) -> To:
        return To(self.audience, tuple(self.people), self.project)


class Facts(Strict):
    """The part `facts` of an upload. With `slug` it is a new revision; then the rest may be left as it is."""

    entry: str
    slug: str = ""
    said: Said | None = None
    readers: Readers | None = None
    note: str = ""
    image: str = ""
    lock: str = ""
    parameters: list[dict[str, Any]] = Field(default=[], max_length=100)
    picture: str = ""


class Withdrawal(Strict):
    reason: str
    reason_zh: str = ""


class Change(Strict):
    """What is to change; what is left out stays."""

    said: Said | None = None
    readers: Readers | None = None
    expires_on: date | None = None


class PersonOut(Schema):
    username: str
    name: str


class ProjectOut(Schema):
    name: str
    title: str
    title_zh: str


class GoalOut(Schema):
    """One of the 17 goals, by the United Nations' short titles."""

    number: int
    title: str
    title_zh: str


class Options(Schema):
    """What the caller can choose from, and the limits."""

    me: PersonOut
    projects: list[ProjectOut]
    audiences: list[str]
    licences: list[str]
    kinds: list[str]
    goals: list[GoalOut]
    bundle_bytes: int
    file_bytes: int
    notebook_bytes: int
    files: int


class RevisionOut(Schema):
    number: int
    state: str
    at: datetime
    by: str
    note: str
    digest: str
    size: int
    entry: str
    files: dict[str, int]
    image: str
    lock: str
    releases: list[dict[str, Any]]
    link: str

    @classmethod
    def of(cls, revision: Revision) -> RevisionOut:
        manifest = revision.manifest["files"]
        return cls(
            number=revision.number,
            state=revision.state,
            at=revision.at,
            by=revision.by.username,
            note=revision.note,
            digest=revision.digest,
            size=revision.size,
            entry=revision.entry,
            files={name: facts["size"] for name, facts in manifest.items()},
            image=revision.manifest["image"],
            lock=revision.manifest["lock"],
            releases=revision.manifest["releases"],
            link=f"{settings.HUB.url}/showcase/{revision.publication.slug}/r/{revision.number}/",
        )


class PublicationOut(Schema):
    """A publication as one may see it: `people` is told to its author alone, `revisions` are those one may read."""

    slug: str
    link: str
    kind: str
    author: str
    author_name: str
    title: str
    title_zh: str
    summary: str
    summary_zh: str
    tags: list[str]
    goals: list[int]
    licence: str
    audience: str
    people: list[str]
    project: str
    public: bool
    expires_on: date | None
    withdrawn_at: datetime | None
    mine: bool
    revisions: list[RevisionOut]

    @classmethod
    def of(cls, publication: Publication, reader: Any) -> PublicationOut:
        mine = publication.author_id == reader.pk
        plain = ("slug", "kind", "title", "title_zh", "summary", "summary_zh", "tags", "goals", "licence", "audience")
        revisions = publication.revisions.select_related("publication", "by").order_by("-number")
        return cls(
            **{name: getattr(publication, name) for name in plain},
            link=f"{settings.HUB.url}/showcase/{publication.slug}/",
            author=publication.author.username,
            author_name=publication.author.get_full_name(),
            people=sorted(person.username for person in publication.people.all()) if mine else [],
            project=publication.project.name if publication.project else "",
            public=publication.is_public,
            expires_on=publication.expires_on,
            withdrawn_at=publication.withdrawn_at,
            mine=mine,
            revisions=[RevisionOut.of(each) for each in revisions if access.may_read_revision(reader, each)],
        )


class PublishedOut(Schema):
    """The answer to an upload: `new` is false where the newest revision has this very content already."""

    new: bool
    link: str
    number: int
    publication: PublicationOut

    @classmethod
    def of(cls, published: Published, reader: Any) -> PublishedOut:
        made = PublicationOut.of(published.publication, reader)
        return cls(new=published.is_new, link=made.link, number=published.revision.number, publication=made)
