"""`./hub user` and `./hub token`."""

import json

import pytest
from click.testing import CliRunner

from regional_hub.core.commands import token, user
from regional_hub.core.models import AuditEntry, Person

pytestmark = pytest.mark.django_db


def run(command, *arguments):
    return CliRunner().invoke(command, [*arguments, "--json"])


def facts(command, *arguments):
    result = run(command, *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_person_is_added_with_a_password_for_once(groups):
    said = facts(user, "add", "li", "li@example.org", "--groups", "researchers")

    person = Person.objects.get(username="li")
    assert person.check_password(said["password"])
    assert person.must_change_password
    assert person.group_names == {"researchers"}


def test_an_invitation_prints_its_link(groups, settings):
    said = facts(user, "invite", "li@example.org", "--groups", "researchers")

    assert said["link"].startswith(f"{settings.HUB.url}/invitation/")


def test_disable_and_enable(alice, admin):
    assert facts(user, "disable", "alice")["state"] == "disabled"
    assert facts(user, "enable", "alice@example.org")["state"] == "active"


def test_the_list_filters_by_group(alice, admin):
    assert [row["user"] for row in facts(user, "list", "--group", "admins")["users"]] == ["boss"]


def test_a_token_is_printed_and_only_its_facts_are_written(alice, listening_hub):
    assert facts(token, "alice", "--scope", "self")["token"] == "token-of-alice"

    entry = AuditEntry.objects.filter(verb="issue").get()
    assert entry.detail == {"scopes": ["self"], "days": 90}


@pytest.mark.parametrize(
    ("command", "arguments", "words"),
    [
        (user, ("add", "Li"), "small letters"),
        (user, ("invite", "no-address"), "valid email"),
        (user, ("invite", "a@example.org", "--groups", "nope"), "nope"),
        (user, ("disable", "nobody"), "nobody"),
        (token, ("nobody",), "nobody"),
    ],
)
def test_what_cannot_be_done_is_said_with_exit_code_1(groups, command, arguments, words):
    result = run(command, *arguments)

    assert result.exit_code == 1
    assert words in json.loads(result.output)["error"]


def test_no_token_while_the_hub_is_down(alice, listening_hub):
    listening_hub.is_down = True

    result = run(token, "alice")

    assert result.exit_code == 1
    assert "does not answer" in json.loads(result.output)["error"]
