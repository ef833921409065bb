"""The tables of the Showcase: publications, immutable revisions, checks, reviews, comments, runs, live apps.

A revision's content lies in `core.files` by hash; its row says which files it has and never changes in that.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from regional_hub.core.middleware import site_today
from regional_hub.core.models import Group, Person


class Publication(models.Model):
    """What somebody shares, under a link that stays. Who may read it is its audience; see `access.py`."""

    class Kind(models.TextChoices):
        PAGE = "page", _("Page")
        APP = "app", _("Live app")
        METHOD = "method", _("Method")

    class Audience(models.TextChoices):
        PEOPLE = "people", _("People I name")
        PROJECT = "project", _("Members of a project")
        HUB = "hub", _("Everybody with an account")
        PUBLIC = "public", _("The public, after review")

    slug = models.SlugField(max_length=60, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PAGE)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="publications")
    title = models.CharField(max_length=200)
    title_zh = models.CharField(max_length=200, blank=True)
    summary = models.TextField(max_length=2000, blank=True)
    summary_zh = models.TextField(max_length=2000, blank=True)
    tags = models.JSONField(default=list)
    goals = models.JSONField(default=list)
    licence = models.CharField(max_length=60, blank=True)
    audience = models.CharField(max_length=10, choices=Audience.choices, default=Audience.PEOPLE)
    people = models.ManyToManyField(Person, related_name="shared_with_me", blank=True)
    project = models.ForeignKey(Group, null=True, blank=True, on_delete=models.SET_NULL, related_name="publications")
    public_revision = models.ForeignKey("Revision", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    featured = models.BooleanField(default=False)
    open_to_run = models.BooleanField(default=False)  # methods: whether the public may run it
    expires_on = models.DateField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.TextField(max_length=1000, blank=True)
    withdrawn_reason_zh = models.TextField(max_length=1000, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return self.slug

    @property
    def label(self) -> str:
        """The title in the reader's language."""
        return (self.title_zh if _chinese() else "") or self.title

    @property
    def text(self) -> str:
        """The summary in the reader's language."""
        return (self.summary_zh if _chinese() else "") or self.summary

    @property
    def newest(self) -> Revision | None:
        return self.revisions.order_by("-number").first()

    @property
    def is_public(self) -> bool:
        """Whether visitors see a page: reviewed, neither withdrawn nor expired."""
        return self.public_revision_id is not None and self.withdrawn_at is None and not self.is_expired

    @property
    def is_expired(self) -> bool:
        """Whether its last day is over, where the site is: not where its reader is."""
        return self.expires_on is not None and self.expires_on < site_today()


class Revision(models.Model):
    """One immutable state of a publication.

    `manifest`: {"entry": notebook's path, "files": {path: {"sha256", "size"}}, "image": reference, "lock": SHA-256 of
    the environment's lock, "releases": [provenance records], "parameters": [declared parameters]}; `digest` is its own
    SHA-256 in canonical JSON.
    """

    class State(models.TextChoices):
        SHARED = "shared", _("Shared")
        CHECKING = "checking", _("Being checked")
        FAILED = "failed", _("Checks failed")
        IN_REVIEW = "in-review", _("In review")
        CHANGES = "changes", _("Changes wanted")
        APPROVED = "approved", _("Approved")
        DECLINED = "declined", _("Declined")

    publication = models.ForeignKey(Publication, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    manifest = models.JSONField()
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    note = models.CharField(max_length=500, blank=True)
    about = models.JSONField(default=dict)  # what its author said with it (`about.About`), adopted when it is approved
    state = models.CharField(max_length=10, choices=State.choices, default=State.SHARED)
    submitted_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    # What the checks' run made of it: {"notebook": SHA-256 of the executed notebook, "size", "image", "at", "seconds"};
    # empty until it ran. The manifest stays what the author sent; `checks.built.notebook` reads it.
    built = models.JSONField(default=dict, blank=True)

    FIXED = ("publication_id", "number", "digest", "manifest", "by_id", "at")

    class Meta:
        ordering = ["publication", "-number"]
        constraints = [models.UniqueConstraint(fields=["publication", "number"], name="one_revision_per_number")]

    def __str__(self) -> str:
        return f"{self.publication.slug}@{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.pk is not None:
            before = Revision.objects.values(*self.FIXED).get(pk=self.pk)
            if any(before[name] != getattr(self, name) for name in self.FIXED):
                raise TypeError("the content of a revision never changes; make a new one")
        super().save(*args, **kwargs)

    @property
    def entry(self) -> str:
        """The notebook's path in the bundle."""
        return str(self.manifest["entry"])

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(facts["size"] for facts in self.manifest["files"].values())


class Check(models.Model):
    """One automatic check of a revision; `found` lists what it found: {"where", "text", "text_zh"}."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        PASSED = "passed", _("Passed")
        WARNED = "warned", _("Look at this")
        FAILED = "failed", _("Failed")

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="checks")
    name = models.CharField(max_length=40)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    found = models.JSONField(default=list)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["revision", "name"], name="one_result_per_check")]


class Review(models.Model):
    """What a reviewer in one of the two roles says of one revision: it holds for that revision and no other."""

    class Role(models.TextChoices):
        METHOD = "method", _("Method")
        DISCLOSURE = "disclosure", _("Disclosure control")

    class Decision(models.TextChoices):
        OPEN = "open", _("Open")
        APPROVED = "approved", _("Approved")
        CHANGES = "changes", _("Changes wanted")
        DECLINED = "declined", _("Declined")

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="reviews")
    role = models.CharField(max_length=12, choices=Role.choices)
    reviewer = models.ForeignKey(Person, null=True, blank=True, on_delete=models.PROTECT, related_name="reviews")
    decision = models.CharField(max_length=10, choices=Decision.choices, default=Decision.OPEN)
    no_conflict = models.BooleanField(default=False)  # the reviewer declared to have no conflict of interest
    text = models.TextField(max_length=5000, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    reminded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["role"]
        constraints = [models.UniqueConstraint(fields=["revision", "role"], name="one_review_per_role")]


class Comment(models.Model):
    """What a reader says of a cell (by its id; empty for the whole) of a revision."""

    revision = models.ForeignKey(Revision, on_delete=models.CASCADE, related_name="comments")
    cell = models.CharField(max_length=64, blank=True)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(max_length=5000)
    of_review = models.BooleanField(default=False)
    at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["at", "pk"]


class Reading(models.Model):
    """How often a public page was opened on a day: a number, and nothing about readers."""

    publication = models.ForeignKey(Publication, on_delete=models.CASCADE, related_name="readings")
    day = models.DateField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["publication", "day"], name="one_count_per_day")]


class Run(models.Model):
    """A run of a method: a job with its parameters, its result page and where everything came from."""

    class State(models.TextChoices):  # the words of OGC API - Processes, part 1, requirement class "core"
        ACCEPTED = "accepted", _("Waiting")
        RUNNING = "running", _("Running")
        SUCCESSFUL = "successful", _("Done")
        FAILED = "failed", _("Failed")
        DISMISSED = "dismissed", _("Stopped")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="runs")
    by = models.ForeignKey(Person, null=True, blank=True, on_delete=models.SET_NULL, related_name="runs")
    parameters = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACCEPTED)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    message = models.TextField(blank=True)
    result = models.JSONField(default=dict)  # path -> {"sha256", "size"} of what it left, and "provenance"

    class Meta:
        ordering = ["-created_at"]


class LiveApp(models.Model):
    """The server of a live app, as far as the Hub does not know it: what was laid out, and when it may start again."""

    publication = models.OneToOneField(Publication, on_delete=models.CASCADE, related_name="live_app")
    plan = models.CharField(max_length=64, blank=True)  # SHA-256 of the app.json that it was started with
    tries = models.PositiveIntegerField(default=0)  # starts since it last answered
    not_before = models.DateTimeField(default=timezone.now)  # of the next look at it; also keeps two starters apart
    answered_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(default=timezone.now)  # when somebody last had a place in it


class Seat(models.Model):
    """A visitor's place in a live app; `admission` decides about it, and says what the states and reasons mean.

    `visitor` and `address` are keyed hashes: the address goes when the seat is over and the visitor soon after, when
    its page has read why. What stays for a day is how long the visit lasted.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    publication = models.ForeignKey(Publication, on_delete=models.CASCADE, related_name="seats")
    visitor = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=64, blank=True)
    tab = models.CharField(max_length=32, blank=True)  # of the visitor's pages, the one that asked last
    hidden = models.BooleanField(default=False)
    state = models.CharField(max_length=10, default="waiting")
    why = models.CharField(max_length=10, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    since = models.DateTimeField(default=timezone.now)  # when the state last changed
    due_at = models.DateTimeField(null=True, blank=True)
    taken_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["asked_at", "pk"]
        indexes = [models.Index(fields=["state"], name="seats_by_state")]
        constraints = [
            models.UniqueConstraint(
                fields=["publication", "visitor"],
                condition=models.Q(state__in=("waiting", "admitted", "taken")),
                name="one_seat_per_visitor",
            )
        ]


def _chinese() -> bool:
    return (get_language() or "").startswith("zh")
