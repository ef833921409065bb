"""`./hub user …` and `./hub token …`: what administrators do from the machine, by the same actions as the pages."""

from __future__ import annotations

import functools
import logging
import os
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from regional_hub.cli import Failure, common, say

if TYPE_CHECKING:
    from regional_hub.core.models import Person


def with_portal(function: Callable[..., Any]) -> Callable[..., Any]:
    """Load Django first (after `--data` is known), and turn refusals into `Failure`."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "regional_hub.portal.settings")
        import django

        django.setup()
        from django.core.exceptions import ValidationError
        from django.db.utils import OperationalError, ProgrammingError

        from regional_hub.core.actions import Refused

        log = logging.getLogger()
        level = log.level
        log.setLevel(logging.ERROR)  # what a person must know is said in words
        try:
            return function(*args, **kwargs)
        except (Refused, ValidationError) as error:
            raise Failure(" ".join(error.messages) if isinstance(error, ValidationError) else str(error)) from error
        except (OperationalError, ProgrammingError) as error:
            raise Failure(f"the portal's database cannot be used ({error}); run `./hub up` once to make it") from error
        finally:
            log.setLevel(level)

    return run


def _person(name: str) -> Person:
    from regional_hub.core.models import Person

    found = Person.objects.filter(username=name).first() or Person.objects.filter(email__iexact=name).first()
    if found is None:
        raise Failure(f"there is nobody named {name}; `./hub user list` shows who there is")
    return found


def _groups(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _hub_note(name: str) -> bool:
    """Say when the Hub could not be told; whether it was."""
    from regional_hub.core import directory

    told = directory.is_told(name)
    if not told:
        say("The Hub does not answer. It is told as soon as it runs.", err=True)
    return told


@click.group()
def user() -> None:
    """People: make accounts, invite, close and open them."""


@user.command()
@click.argument("name")
@click.argument("email", default="")
@click.option("--name", "display_name", default="", help="The person's own name.")
@click.option("--groups", default="", help="Groups, separated by commas, e.g. researchers,project-water.")
@common
@with_portal
def add(name: str, email: str, display_name: str, groups: str) -> dict[str, Any]:
    """Make an account and print a password for once, to be changed at the first sign-in."""
    from regional_hub.core import actions
    from regional_hub.core.access import OPERATOR

    password = "-".join(secrets.token_hex(2) for _part in range(4))
    actions.add_person(OPERATOR, name, email, display_name=display_name, groups=_groups(groups), password=password)
    say(f"{name} can sign in with the password {password} and must change it then.")
    return {"user": name, "password": password, "hub_told": _hub_note(name)}


@user.command()
@click.argument("email")
@click.option("--groups", default="", help="Groups of the new account, separated by commas.")
@click.option("--language", type=click.Choice(["en", "zh-hans"]), default=None, help="Language of the letter.")
@common
@with_portal
def invite(email: str, groups: str, language: str | None) -> dict[str, Any]:
    """Send an invitation and print its link, which is shown only now."""
    from regional_hub.core import invitations
    from regional_hub.core.access import OPERATOR

    issued = invitations.invite(OPERATOR, email, _groups(groups), language or "")
    say(issued.link)
    return {"email": email, "link": issued.link, "expires": issued.invitation.expires_at.isoformat()}


@user.command()
@click.argument("name")
@common
@with_portal
def disable(name: str) -> dict[str, Any]:
    """Close an account: sign-ins, servers and tokens end; files stay."""
    from regional_hub.core import actions
    from regional_hub.core.access import OPERATOR

    person = _person(name)
    actions.disable(OPERATOR, person)
    say(f"{person} is disabled.")
    return {"user": person.username, "state": person.state, "hub_told": _hub_note(person.username)}


@user.command()
@click.argument("name")
@common
@with_portal
def enable(name: str) -> dict[str, Any]:
    """Open a closed account again."""
    from regional_hub.core import actions
    from regional_hub.core.access import OPERATOR

    person = _person(name)
    actions.enable(OPERATOR, person)
    say(f"{person} can sign in again.")
    return {"user": person.username, "state": person.state, "hub_told": _hub_note(person.username)}


@user.command("list")
@click.option("--group", default="", help="Only members of this group.")
@common
@with_portal
def list_people(group: str) -> dict[str, Any]:
    """Show everybody: name, state, e-mail address, groups."""
    from regional_hub.core.models import Person

    found = Person.objects.prefetch_related("groups")
    if group:
        found = found.filter(groups__name=group)
    rows = [
        {"user": each.username, "state": each.state, "email": each.email, "groups": sorted(each.group_names)}
        for each in found
    ]
    for row in rows:
        say(f"{row['user']:<30} {row['state']:<9} {row['email']:<32} {','.join(row['groups'])}")
    return {"users": rows}


@click.command()
@click.argument("name", metavar="USER")
@click.option("--scope", "scopes", multiple=True, help="A scope of JupyterHub, repeatable [default: all the user may].")
@click.option("--expires-days", type=click.IntRange(1, 3650), default=90, show_default=True)
@common
@with_portal
def token(name: str, scopes: tuple[str, ...], expires_days: int) -> dict[str, Any]:
    """Print a Hub API token of USER for scripts. It is shown only now."""
    from regional_hub.core import audit, directory
    from regional_hub.core.access import OPERATOR, check
    from regional_hub.hub.api import HubDown, HubError

    check(OPERATOR, "issue", "token")
    person = _person(name)
    if not person.is_active:
        raise Failure(f"{person} is disabled; `./hub user enable {person}` first")
    try:
        if not directory.tell(person.username):
            raise HubDown("the Hub does not answer")
        text = directory.hub().token(person.username, scopes=scopes, days=expires_days, note="made by ./hub token")
    except HubDown as error:
        raise Failure(f"{error}; is it running? `./hub status`") from error
    except HubError as error:
        raise Failure(f"the Hub refused: {error}") from error
    audit.record(OPERATOR, "issue", f"token:{person}", {"scopes": list(scopes), "days": expires_days})
    say(text)
    return {"user": person.username, "token": text, "expires_days": expires_days, "scopes": list(scopes)}
