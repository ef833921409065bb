"""The tables of the SDG pages: who wants to hear of changes, and which letters were sent. The store has the figures."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils import timezone

from regional_hub.core.models import Person
from regional_hub.sdg.explorer.topics import LONGEST, Topic


def new_key() -> str:
    return secrets.token_urlsafe(24)


class Follower(models.Model):
    """An e-mail address that follows something. `key` is in the links of its letters; who has it may stop them."""

    email = models.EmailField(unique=True)
    person = models.OneToOneField(Person, null=True, blank=True, on_delete=models.CASCADE, related_name="follower")
    language = models.CharField(max_length=10, blank=True)
    key = models.CharField(max_length=64, unique=True, default=new_key)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.email

    @property
    def is_open(self) -> bool:
        """Whether letters may go there: not to somebody whose account was closed."""
        return self.person is None or self.person.is_active


class Subscription(models.Model):
    """What a follower wants to be told of: a `Topic`. Nothing is sent before the address confirmed it."""

    follower = models.ForeignKey(Follower, on_delete=models.CASCADE, related_name="subscriptions")
    flow = models.CharField(max_length=LONGEST, blank=True)
    goal = models.CharField(max_length=LONGEST, blank=True)
    series = models.CharField(max_length=LONGEST, blank=True)
    area = models.CharField(max_length=LONGEST, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["follower", "flow", "goal", "series", "area"], name="sdg_one_per_topic")
        ]

    @property
    def topic(self) -> Topic:
        return Topic(self.flow, self.goal, self.series, self.area)


class Letter(models.Model):
    """A letter about one occasion to one follower. It is claimed before it is sent, so that two workers send one.

    One that is claimed but not done after some minutes was cut off, and is sent (again) under the same Message-ID.
    """

    follower = models.ForeignKey(Follower, on_delete=models.CASCADE, related_name="letters")
    occasion = models.CharField(max_length=120)
    claimed_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["follower", "occasion"], name="sdg_one_letter")]


class Told(models.Model):
    """An occasion of which everybody who follows something of it has been told."""

    occasion = models.CharField(max_length=120, unique=True)
    told_at = models.DateTimeField(default=timezone.now)
