"""Servers of people and projects: what somebody has and may choose, and starting and stopping them at the Hub.

The Hub knows the servers; nothing about them is stored here. Who may do what is the permission table's matter, and the
Hub judges profile and image once more (`hub.kinds.plan`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from regional_hub.core import audit, directory, names
from regional_hub.core.access import Actor, check, may
from regional_hub.core.actions import Refused
from regional_hub.core.models import Group, Person
from regional_hub.hub import kinds
from regional_hub.hub.api import HubError, Server

DEFAULT = "default"  # how addresses name the server without a name


@dataclass(frozen=True)
class Choice:
    """A size that somebody may choose."""

    name: str
    title: str
    memory_gb: float
    cpus: float


@dataclass(frozen=True)
class Place:
    """A server as a person sees it, whether or not the Hub has heard of it yet."""

    owner: str
    name: str
    title: str
    state: str
    server: Server | None
    trouble: str = ""

    @property
    def slug(self) -> str:
        return self.name or DEFAULT

    @property
    def address(self) -> str:
        """Where JupyterLab answers when it runs."""
        return f"/user/{self.owner}/{self.name}/lab" if self.name else f"/user/{self.owner}/lab"

    @property
    def profile(self) -> str:
        found = settings.HUB.profiles.get(self.server.profile) if self.server else None
        return _profile_title(found) if found else ""


def _chinese() -> bool:
    return (get_language() or "").startswith("zh")


def _profile_title(profile: Any) -> str:
    return str(profile.title_zh if _chinese() else profile.title)


def in_readers_language(event: Mapping[str, Any]) -> str:
    """The text of a Hub's message: it comes in both languages, as two fields or as "English / Chinese"."""
    message = str(event.get("message") or "")
    if _chinese() and event.get("message_zh"):
        return str(event["message_zh"])
    english, slash, chinese = message.partition(" / ")
    return (chinese if _chinese() else english) if slash else message


def choices(person: Person) -> list[Choice]:
    """The sizes this person may choose, the site's default first."""
    allowed = kinds.allowed_profiles(settings.HUB, person.group_names)
    found = [
        Choice(name, _profile_title(profile), profile.memory_gb, profile.cpus) for name, profile in allowed.items()
    ]
    return sorted(found, key=lambda choice: choice.name != settings.HUB.spawner.default_profile)


def images(person: Person) -> list[str]:
    """The images this person may choose; empty when there is only one."""
    found = kinds.allowed_images(settings.HUB, person.group_names, settings.HUB.spawner.image)
    return found if len(found) > 1 else []


def _place(owner: str, name: str, title: str, server: Server | None) -> Place:
    state = server.state if server else "stopped"
    trouble = in_readers_language(server.ended) if server and server.ended and state == "stopped" else ""
    return Place(owner, name, title, state, server, trouble)


def mine(person: Person) -> list[Place]:
    """A person's own servers: the default one always, named ones as they are. Raises HubError."""
    found = {server.name: server for server in directory.hub().servers(person.username)}
    places = [_place(person.username, "", _("Lab"), found.pop("", None))]
    return places + [_place(person.username, name, name, server) for name, server in sorted(found.items())]


def of_projects(person: Person) -> list[Place]:
    """The shared servers of a person's projects. Raises HubError."""
    places = []
    for group in person.groups.all():
        if group.is_project:
            found = {server.name: server for server in directory.hub().servers(group.name)}
            places.append(_place(group.name, "", group.label, found.pop("", None)))
            places += [_place(group.name, name, f"{group.label}: {name}", server) for name, server in found.items()]
    return places


def find(actor: Actor, owner: str, slug: str) -> Place:
    """One server that the actor may start, stop or open. Raises NotAllowed and HubError."""
    if not (may(actor, "open", "server", owner) or may(actor, "stop", "server", owner)):
        check(actor, "open", "server", owner)
    name = "" if slug == DEFAULT else slug
    title = name or _("Lab")
    if names.is_project(owner) and (group := Group.objects.filter(name=owner).first()):
        title = f"{group.label}: {name}" if name else group.label
    found = {server.name: server for server in directory.hub().servers(owner)}
    return _place(owner, name, title, found.get(name))


def everyones() -> list[Server]:
    """Every server that is not stopped, by owner. Raises HubError."""
    return sorted(directory.hub().running(), key=lambda server: (server.owner, server.name))


def _options(person: Person, profile: str, image: str) -> dict[str, str]:
    if profile and profile not in {choice.name for choice in choices(person)}:
        raise Refused(_("The size “%(name)s” is not open to your groups.") % {"name": profile})
    if image and image not in images(person):
        raise Refused(_("The image “%(name)s” is not on the list of allowed images.") % {"name": image})
    return {key: value for key, value in {"profile": profile, "image": image}.items() if value}


def start(actor: Person, owner: str, slug: str, profile: str = "", image: str = "") -> None:
    """Ask the Hub for a server; it comes up later (`progress`). Raises NotAllowed, Refused and HubError."""
    check(actor, "start", "server", owner)
    name = "" if slug == DEFAULT else slug
    if slug != DEFAULT and not names.is_server(slug):
        raise Refused(_("A server's name is 1 to 30 small letters a-z, digits and hyphens, not ending in a hyphen."))
    if name.startswith("exam-"):
        raise Refused(_("Names that begin with “exam-” are kept for examinations."))
    options = _options(actor, profile, image)
    directory.tell(owner)
    try:
        directory.hub().start(owner, name, options)
    except HubError as error:
        if error.status != 404:
            raise
        directory.touch([owner])  # a Hub with an empty database: introduce its user again
        directory.hub().start(owner, name, options)
    audit.record(actor, "start", f"server:{owner}/{slug}", options)


def stop(actor: Person, owner: str, slug: str, *, forget: bool = False) -> None:
    """Stop a server, and with `forget` take a named one off the list. Raises NotAllowed and HubError."""
    check(actor, "stop", "server", owner)
    directory.hub().stop(owner, "" if slug == DEFAULT else slug, forget=forget)
    audit.record(actor, "remove" if forget else "stop", f"server:{owner}/{slug}")
