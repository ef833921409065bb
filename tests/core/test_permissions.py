"""The permission table: what it gives, what it refuses, and that its documentation is the same."""

import re
from pathlib import Path

import pytest

from regional_hub.core import permissions
from regional_hub.core.access import OPERATOR, check, may
from regional_hub.core.permissions import NotAllowed

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference"


@pytest.mark.parametrize("page", ["permissions.md", "permissions.zh.md"])
def test_the_page_shows_the_table(page):
    rows = re.findall(r"^\| (\S[^|]*?) \| ([^|]+?) \| ([^|]+?) \|$", (DOCS / page).read_text(encoding="utf-8"), re.M)

    shown = {(verb, thing): frozenset(roles.replace("`", "").split(", ")) for verb, thing, roles in rows}
    shown = {key: roles for key, roles in shown.items() if key in permissions.TABLE}

    assert shown == permissions.TABLE


def test_what_the_table_does_not_know_is_an_error():
    with pytest.raises(KeyError):
        permissions.may({"admins"}, "fly", "kite")


def test_visitors_may_only_what_anyone_may():
    given = {key for key in permissions.TABLE if permissions.may({"anyone"}, *key)}

    assert given == {
        ("see", "home"), ("see", "health"), ("choose", "language"), ("accept", "invitation"), ("read", "open data"),
        ("see", "sdg"), ("follow", "sdg"),
        ("see", "showcase"), ("run", "open method"), ("see", "open method run"), ("stop", "open method run"),
    }  # fmt: skip


def test_a_member_may_start_the_projects_server_and_others_may_not(admin, make_person):
    from regional_hub.core import actions

    member, other = make_person("member"), make_person("other", "researchers")
    actions.create_group(admin, "project-water", "Water", members=[member])

    assert may(member, "start", "server", "project-water")
    assert not may(other, "start", "server", "project-water")
    assert not may(other, "open", "server", "member")


def test_a_disabled_administrator_may_nothing(admin):
    admin.is_active = False

    with pytest.raises(NotAllowed):
        check(admin, "disable", "person")


def test_the_operator_is_no_administrator_of_pages():
    assert may(OPERATOR, "invite", "person")
    assert not may(OPERATOR, "see", "people")
