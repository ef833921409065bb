"""What the commands of `./hub sdg` share: where the database is, who acts, and how faults are told."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from regional_hub import settings
from regional_hub.cli import Failure
from regional_hub.sdg.draft import DraftError
from regional_hub.sdg.findings import PolicyError
from regional_hub.sdg.formats import FormatError
from regional_hub.sdg.loading import Room
from regional_hub.sdg.merge import IncompleteKey
from regional_hub.sdg.metadata import MetadataError
from regional_hub.sdg.release import DamagedRelease
from regional_hub.sdg.store import PublishError, UnknownRelease
from regional_hub.sdg.structure import StructureError

FAULTS = (
    StructureError,
    FormatError,
    PolicyError,
    DraftError,
    PublishError,
    UnknownRelease,
    IncompleteKey,
    MetadataError,
    DamagedRelease,
    OSError,
)


def room() -> Room:
    """The database in the data folder."""
    folder = settings.load().path("sdg")
    folder.mkdir(parents=True, exist_ok=True)
    return Room(folder)


def told(function: Callable[..., Any]) -> Callable[..., Any]:
    """Turn what a person can act on into `Failure`."""

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except BrokenPipeError:  # whoever read our output has read enough
            raise
        except FAULTS as error:
            raise Failure(str(error)) from error

    return run


def by_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--by`: who does this; kept with the draft and the release."""
    return click.option("--by", metavar="NAME", default=getpass.getuser, help="Who does this [default: you].")(function)


def harmless(cell: Any) -> Any:
    """A text that a spreadsheet would run as a formula, made plain text."""
    return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
