"""What is to be pulled, under which name it is kept, and what became of it so far.

A pull has a folder below `pulls/`: `state.json`, the files as they came, and a report per run. One process at a time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from regional_hub.sdg import durable, timeline

UNSD = "unsd"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
REPORTS = 20  # how many reports of a pull are kept


class PullError(Exception):
    """A pull that cannot be made as asked, or that brought nothing; the message says why."""


@dataclass(frozen=True)
class Order:
    """What is to be pulled: `source` is an address, or `unsd`. Where a choice is empty, everything is."""

    name: str
    source: str
    flow: str = ""
    key: str = ""
    start: str = ""
    end: str = ""
    series: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()
    structure: str = ""
    base_url: str = ""
    api: int = 0
    replace_all: bool = False

    @property
    def question(self) -> str:
        """Tells whether what is kept in the folder answers this order."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def name_of(order: Mapping[str, Any]) -> str:
    """The name of a pull that nobody named: the same for the same order."""
    digest = hashlib.sha256(json.dumps(order, sort_keys=True, default=list).encode()).hexdigest()[:8]
    host = urlsplit(str(order["source"])).hostname or str(order["source"])
    return f"{re.sub(r'[^a-z0-9]+', '-', host.lower()).strip('-')[:40]}-{digest}"


@dataclass
class State:
    """What a pull knows of itself. `draft` is the one it made last, `loading` one that it has not finished.

    `began` and `ended` are moments of the last run; `told` is by what the service tells that nothing changed.
    """

    question: str = ""
    source: str = ""
    by: str = ""
    began: str = ""
    ended: str = ""
    outcome: str = ""
    message: str = ""
    draft: str = ""
    loading: str = ""
    known: bool = False  # what was pulled last is in `draft`, or is what was published already
    told: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


class Pull:
    """The folder of one pull."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def files(self) -> Path:
        return self.folder / "files"

    @property
    def state(self) -> State:
        path = self.folder / "state.json"
        return State(**durable.read_json(path)) if path.exists() else State()

    def save(self, state: State) -> None:
        durable.write_json(self.folder / "state.json", asdict(state))

    def report(self) -> dict[str, Any] | None:
        """The report of the last run; None before the first."""
        found = sorted((self.folder / "reports").glob("*.json"))
        return dict(durable.read_json(found[-1])) if found else None

    def keep_report(self, facts: Mapping[str, Any], at: str) -> Path:
        folder = self.folder / "reports"
        folder.mkdir(exist_ok=True)
        path = folder / f"{re.sub(r'[^0-9TZ]', '', at)}.json"
        durable.write_json(path, facts)
        for old in sorted(folder.glob("*.json"))[:-REPORTS]:
            old.unlink(missing_ok=True)
        return path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else runs this pull meanwhile. Raises PullError when somebody does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with durable.lock(self.folder / "lock", wait=0):
                yield
        except durable.Busy:
            raise PullError(f"{self.name} is being pulled by another process; it will say what came of it") from None


def pull(room: Path, name: str) -> Pull:
    """The pull of a name in a database. Raises PullError for what cannot be one."""
    if not NAME.fullmatch(name):
        raise PullError(f"{name!r} cannot name a pull: small letters, digits, - and _ can, up to 64")
    return Pull(room / "pulls" / name)


def pulls(room: Path) -> list[Pull]:
    """All pulls that ever ran, by name."""
    return [Pull(path.parent) for path in sorted((room / "pulls").glob("*/state.json"))]


def now() -> str:
    return timeline.stamp(datetime.now(UTC))
