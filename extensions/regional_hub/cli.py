"""What every `./hub` command shares: its two common options, its two ways to answer, and its exit codes.

Exit codes: 0 done, 1 it failed (the message says why and what now), 2 the command line is wrong.
It stands beside `settings`, below everything that has commands.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from regional_hub.settings import SettingsError


class Failure(click.ClickException):
    """Something went wrong that a person can act on."""

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.facts = facts
        context = click.get_current_context(silent=True)  # gone by the time that click shows the failure
        self.as_json = context is not None and bool(context.params.get("as_json"))

    def show(self, file: Any = None) -> None:
        if self.as_json:
            click.echo(json.dumps({"error": self.message, **self.facts}, ensure_ascii=False))
        else:
            click.echo(f"hub: {self.message}", err=True)


def _set_data_dir(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value:
        os.environ["HUB_DATA"] = str(Path(value).resolve())
    return value


def common(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--data` and `--json`; it returns its facts and prints text itself by `say`.

    With `--json` the returned facts are printed as one JSON object and `say` is silent.
    """

    @click.option(
        "--data",
        metavar="DIR",
        expose_value=False,
        is_eager=True,
        callback=_set_data_dir,
        help="Folder of all state [default: var/ of the checkout, or HUB_DATA].",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
    @wraps(function)
    def run(*args: Any, as_json: bool, **kwargs: Any) -> None:
        try:
            facts = function(*args, **kwargs)
        except SettingsError as error:
            raise Failure(str(error)) from error
        if as_json and facts is not None:
            click.echo(json.dumps(facts, ensure_ascii=False, default=str))

    return run


def say(text: str = "", *, err: bool = False) -> None:
    """Tell a person something; silent under `--json`."""
    context = click.get_current_context(silent=True)
    if context is None or not context.params.get("as_json"):
        click.echo(text, err=err)


def tell(english: str, chinese: str) -> str:
    """The text in the language of the terminal (LC_ALL, LC_MESSAGES, LANG)."""
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
    return chinese if locale.lower().startswith("zh") else english
