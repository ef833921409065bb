"""Who may do what: one table of verb and object to roles. Whatever is not in it is refused.

A role is a group's name, or one of these: `anyone` (visitors too), `person` (signed in), `owner` (of the object),
`member` (of the project that the object belongs to), `operator` (whoever runs `./hub` on the machine).
Plain Python: knows neither Django nor Jupyter. `docs/reference/permissions.md` shows the same; a test sees to it.
"""

from __future__ import annotations

from collections.abc import Collection

ANYONE, PERSON, OWNER, MEMBER, OPERATOR = "anyone", "person", "owner", "member", "operator"
ADMINS = "admins"
_OFFICE = frozenset({ADMINS, OPERATOR})
_DESK = frozenset({ADMINS, "stewards"})

TABLE: dict[tuple[str, str], frozenset[str]] = {
    ("see", "home"): frozenset({ANYONE}),
    ("see", "health"): frozenset({ANYONE}),
    ("choose", "language"): frozenset({ANYONE}),
    ("accept", "invitation"): frozenset({ANYONE}),
    ("see", "catalog"): frozenset({PERSON}),
    ("read", "open data"): frozenset({ANYONE}),
    ("see", "sdg"): frozenset({ANYONE}),
    ("follow", "sdg"): frozenset({ANYONE}),
    ("change", "subscription"): frozenset({OWNER}),
    ("see", "sdg desk"): _DESK,
    ("load", "sdg draft"): _DESK,
    ("decide", "sdg draft"): _DESK,
    ("preview", "sdg draft"): _DESK,
    ("discard", "sdg draft"): _DESK,
    ("embargo", "sdg series"): _DESK,
    ("publish", "sdg release"): _DESK,
    ("force", "sdg release"): frozenset({ADMINS}),
    ("roll back", "sdg release"): _DESK,
    ("edit", "sdg metadata"): _DESK,
    ("see", "showcase"): frozenset({ANYONE}),
    ("see", "own publications"): frozenset({PERSON}),
    ("share", "publication"): frozenset({PERSON}),
    ("comment", "publication"): frozenset({PERSON}),
    ("change", "publication"): frozenset({OWNER}),
    ("transfer", "publication"): frozenset({OWNER, ADMINS}),
    ("withdraw", "publication"): frozenset({OWNER, ADMINS}),
    ("feature", "publication"): frozenset({"staff", ADMINS}),
    ("see", "review queue"): frozenset({"reviewers", ADMINS}),
    ("see", "review"): frozenset({OWNER, "reviewers", ADMINS}),
    ("review", "publication"): frozenset({"reviewers"}),
    ("assign", "review"): frozenset({ADMINS}),
    ("check", "publication"): frozenset({OWNER, ADMINS}),
    ("run", "method"): frozenset({PERSON}),  # of those whom it is shared with
    ("run", "open method"): frozenset({ANYONE}),
    ("open", "method"): frozenset({OWNER}),
    ("see", "method run"): frozenset({OWNER, "staff", ADMINS}),
    ("see", "open method run"): frozenset({ANYONE}),  # who has its link
    ("stop", "method run"): frozenset({OWNER, ADMINS}),
    ("stop", "open method run"): frozenset({ANYONE}),  # who has its link
    ("change", "profile"): frozenset({OWNER}),
    ("read", "notice"): frozenset({OWNER}),
    ("see", "servers"): frozenset({PERSON}),
    ("start", "server"): frozenset({OWNER, MEMBER}),
    ("stop", "server"): frozenset({OWNER, MEMBER, ADMINS}),
    ("open", "server"): frozenset({OWNER, MEMBER}),
    ("see", "all servers"): frozenset({ADMINS}),
    ("see", "people"): frozenset({ADMINS}),
    ("add", "person"): _OFFICE,
    ("invite", "person"): _OFFICE,
    ("approve", "person"): _OFFICE,
    ("disable", "person"): _OFFICE,
    ("enable", "person"): _OFFICE,
    ("group", "person"): _OFFICE,
    ("issue", "token"): frozenset({OPERATOR}),
    ("see", "groups"): frozenset({ADMINS}),
    ("create", "group"): _OFFICE,
    ("change", "group"): _OFFICE,
    ("delete", "group"): _OFFICE,
    ("see", "audit log"): frozenset({ADMINS}),
}


class NotAllowed(Exception):
    """Somebody tried what the table does not give them."""

    def __init__(self, actor: object, verb: str, object: str) -> None:
        super().__init__(f"{actor} may not {verb} {object}")
        self.actor, self.verb, self.object = actor, verb, object


def may(roles: Collection[str], verb: str, object: str) -> bool:
    """Whether somebody with these roles may. Raises KeyError for a verb and object that the table does not know."""
    return not TABLE[verb, object].isdisjoint(roles)
