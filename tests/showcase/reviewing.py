"""Helpers of the tests of review: a revision in review without a job, as the checks leave it when all is well."""

from __future__ import annotations

from typing import Any

from regional_hub.showcase.about import About
from regional_hub.showcase.actions import checking
from regional_hub.showcase.actions.sharing import To, publish
from regional_hub.showcase.models import Check, Review, Revision
from tests.showcase.bundles import bundle

WATER = About("Water of the Chu", licence="CC-BY-4.0")


def submit(author: Any, title: str = "Water", slug: str = "") -> Revision:
    """Share a notebook with the public; nothing has looked at it yet."""
    if slug:
        return publish(author, bundle(title), None, None, slug=slug).revision
    return publish(author, bundle(title), WATER, To("public")).revision


def pass_checks(revision: Revision) -> Revision:
    """What the worker does when every check is fine."""
    revision.checks.update(outcome=Check.Outcome.PASSED)
    checking.finish(revision.pk, revision.digest)
    revision.refresh_from_db()
    return revision


def in_review(author: Any, title: str = "Water", slug: str = "") -> Revision:
    return pass_checks(submit(author, title, slug))


def role(revision: Revision, name: str) -> Review:
    return Review.objects.get(revision=revision, role=name)
