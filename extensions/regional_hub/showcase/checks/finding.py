"""What a check finds, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["passed", "warned", "failed"]
Weight = Literal["severe", "look", "note"]
MOST_FOUND = 50
NAMES = ("runs", "same", "secrets", "personal", "disclosure", "pictures", "licence", "environment", "size")


@dataclass(frozen=True)
class Finding:
    """One thing in both languages. `where`: a cell's id, `cell id output`, or `file:line`; empty for the whole.

    `severe` stops a revision if the policy says so, `look` asks the reviewers to look, `note` says what was not seen.
    """

    where: str
    text: str
    text_zh: str
    weight: Weight = "look"


@dataclass(frozen=True)
class Policy:
    """Which checks stop a revision, and the measures of the checks (settings, section `[showcase]`)."""

    blocks: Collection[str] = ("runs", "secrets", "personal", "disclosure", "licence", "size")
    smallest_cell: int = 3
    dominance_percent: int = 85
    tolerance: float = 1e-6
    page_bytes: int = 20 << 20


@dataclass(frozen=True)
class Subject:
    """What is checked: the notebook as sent (nbformat 4.5, texts as strings), as executed (None: it did not run),
    the other files by name, and what is declared of it."""

    notebook: Mapping[str, Any]
    executed: Mapping[str, Any] | None = None
    files: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    licence: str = ""
    image: str = ""
    lock: str = ""
    image_lock: str = ""  # the lock of the image that it ran in; empty where unknown

    @property
    def shown(self) -> Mapping[str, Any]:
        """What the public would see."""
        return self.executed or self.notebook

    @property
    def versions(self) -> list[Mapping[str, Any]]:
        """As sent, and as executed: a secret in either is one."""
        return [self.notebook] + ([self.executed] if self.executed is not None else [])


@dataclass(frozen=True)
class Result:
    """How a check ended. `found` are plain dicts for the database: where, text, text_zh."""

    name: str
    outcome: Outcome
    found: list[dict[str, str]]


def judge(name: str, found: Sequence[Finding], policy: Policy) -> Result:
    """Findings as a result: failed for a severe one where the policy lets this check stop a revision."""
    unique = list(dict.fromkeys(found))
    weights = {one.weight for one in unique}
    outcome: Outcome = "passed"
    if "severe" in weights:
        outcome = "failed" if name in policy.blocks else "warned"
    elif "look" in weights:
        outcome = "warned"
    order = {"severe": 0, "look": 1, "note": 2}
    shown = sorted(unique, key=lambda one: order[one.weight])
    listed = [{"where": one.where, "text": one.text, "text_zh": one.text_zh} for one in shown[:MOST_FOUND]]
    if (more := len(shown) - MOST_FOUND) > 0:
        listed.append({"where": "", "text": f"… and {more} more", "text_zh": f"……另有 {more} 项"})
    return Result(name, outcome, listed)
