"""What may become a release, and the faults that say why something does not. It reads and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from regional_hub.sdg.draft import VALIDATED, Draft


class PublishError(Exception):
    """A release cannot be published or rolled back as asked."""


class SamePerson(PublishError):
    """Whoever made a draft does not publish it."""


class Outdated(PublishError):
    """Another release was published since this draft was validated."""


class UnknownRelease(KeyError):
    """No such release, draft or flow."""

    def __str__(self) -> str:
        return str(self.args[0])


def check_publishable(
    draft: Draft, facts: Mapping[str, Any], events: Sequence[Mapping[str, Any]], by: str, force: bool, reason: str
) -> None:
    """A draft, with these facts, may follow these publications of its flow; see `Store.publish`.

    Raises PublishError, SamePerson or Outdated.
    """
    if facts["state"] != VALIDATED:
        raise PublishError(f"draft {draft.id} is not validated: `./hub sdg validate {draft.id}` says why")
    if not facts["parts"]:
        raise PublishError(f"draft {draft.id} holds no file")
    if by in draft.people and not force:
        raise SamePerson(f"{by} worked on draft {draft.id}; a second person publishes it")
    if by in draft.people and not reason.strip():
        raise SamePerson("forcing a publication needs a reason; it is logged")
    current = events[-1]["release"] if events else None
    if facts["base"] != current:
        raise Outdated(f"release {current} was published since draft {draft.id} was validated; validate it again")
