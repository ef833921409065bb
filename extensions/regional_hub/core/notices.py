"""Notices to a person: written with the change they tell of, read on the home page in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from regional_hub.core.models import Group, Notice, Person

TEXTS = {
    "welcome": _("Welcome. Start your first server, or look through the catalog."),
    "group-joined": _("You are now a member of “%(group)s”."),
    "group-left": _("You are no longer a member of “%(group)s”."),
    "approval-wanted": _("%(person)s asks for an account."),
    "publication-wanted": _("%(person)s asks you to look at a draft of %(flow)s and publish it."),
    "release-published": _("%(person)s published release %(release)s of %(flow)s, which you worked on."),
    "upload-done": _("Your upload is finished: %(name)s."),
    "publication-shared": _("%(person)s shared “%(title)s” with you."),
    "publication-revised": _("%(person)s shared a new revision of “%(title)s”."),
    "publication-commented": _("%(person)s commented on “%(title)s”."),
    "publication-given": _("%(person)s handed “%(title)s” over to you."),
    "publication-checks-failed": _("The automatic checks of “%(title)s” found something to correct."),
    "publication-in-review": _("“%(title)s” passed the automatic checks and is in review."),
    "publication-review-wanted": _("“%(title)s” waits for a reviewer."),
    "publication-review-assigned": _("You were asked to review “%(title)s”."),
    "publication-review-reminder": _("“%(title)s” still waits for your review."),
    "publication-changes-wanted": _("The reviewers of “%(title)s” want changes."),
    "publication-declined": _("“%(title)s” was declined for publication."),
    "publication-public": _("“%(title)s” is public now."),
    "publication-withdrawn": _("“%(title)s” was withdrawn: %(reason)s"),
}


def notify(person: Person, kind: str, address: str = "", /, **facts: Any) -> Notice:
    """Leave a notice in the caller's transaction. Raises KeyError for a kind without a text."""
    TEXTS[kind]
    return Notice.objects.create(person=person, kind=kind, facts=facts, address=address)


def text(notice: Notice) -> str:
    """The notice in the reader's language; a group by its title in that language, as long as it exists."""
    facts = dict(notice.facts)
    if group := Group.objects.filter(name=facts.get("group", "")).first():
        facts["group"] = group.label
    return str(TEXTS[notice.kind]) % facts
