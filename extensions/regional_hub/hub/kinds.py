"""What a server is: its kind, and from that everything a spawner must know. No spawner and no Docker in here.

    lab      the owner's own work                              default and named servers of a person
    project  joint work of a group, collaboration on           servers of the service account `project-<slug>`
    exam     a fresh empty home, no way out                     a person's servers named `exam-<id>`
    app      standalone Voila for visitors, no useful token     servers of the service account `showcase`

`plan()` is a trust boundary: `options` come from the browser of whoever starts the server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from regional_hub.settings import ROOT, Profile, Settings

KindName = Literal["lab", "project", "exam", "app"]
HOME = "/home/jovyan"
SHARED = "/srv/shared"
SDG = "sdg"  # below the shared folder
CATALOGS = "/srv/catalogs"
NOTEBOOKS = "/srv/notebooks"
SHOWCASE = "showcase"  # the Hub's user whose servers are apps; nobody's account
APP = "/srv/app"
APP_NAME = re.compile(r"[a-z0-9-]{1,30}")
APP_BASE_MB = 350  # an app's server itself, its files in memory, and what its kernels share
APP_PIDS = (150, 80)  # processes and threads of the server, and of each kernel


class PlanError(ValueError):
    """A server that may not or cannot be started as asked; the message tells the person, in both languages."""

    def __init__(self, message: str, message_zh: str) -> None:
        super().__init__(f"{message} / {message_zh}")
        self.message = message
        self.message_zh = message_zh


@dataclass(frozen=True)
class Kind:
    """What is fixed for all servers of a kind."""

    name: KindName
    network: Literal["lab", "exam", "app"]
    scopes: tuple[str, ...]  # of the token in the server; the person must hold them too


_OWN = ("users:activity!user", "access:servers!server")
KINDS: dict[str, Kind] = {
    "lab": Kind("lab", "lab", (*_OWN, "access:services!service=dask-gateway")),
    "project": Kind("project", "lab", (*_OWN, "access:services!service=dask-gateway")),
    "exam": Kind("exam", "exam", _OWN),
    "app": Kind("app", "app", ("users:activity!user",)),
}


@dataclass(frozen=True)
class Mount:
    """A folder of the host inside a server; on the local spawner, which mounts nothing, code is told of `host`."""

    host: Path
    inside: str
    read_only: bool = True


@dataclass(frozen=True)
class Plan:
    """One server to be started: what the three spawners translate into their own words."""

    kind: Kind
    owner: str
    server: str
    image: str
    profile_name: str
    profile: Profile
    home: Path | None
    mounts: tuple[Mount, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def memory_bytes(self) -> int:
        return int(self.profile.memory_gb * 2**30)


def kind_of(owner: str, server: str) -> Kind:
    """The kind of a server by whose it is and what it is called."""
    if owner == SHOWCASE:
        return KINDS["app"]
    if owner.startswith("project-"):
        return KINDS["project"]
    if server.startswith("exam-"):
        return KINDS["exam"]
    return KINDS["lab"]


def allowed_profiles(settings: Settings, groups: Collection[str]) -> dict[str, Profile]:
    """The sizes that a member of these groups may choose, in the order of the settings."""
    extra = {name for group in groups if group in settings.groups for name in settings.groups[group].profiles}
    return {
        name: profile
        for name, profile in settings.profiles.items()
        if not profile.groups or name in extra or set(profile.groups) & set(groups)
    }


def allowed_images(settings: Settings, groups: Collection[str], standard: str) -> list[str]:
    """The images that a member of these groups may choose, the standard one first."""
    extra = [image for group in groups if group in settings.groups for image in settings.groups[group].images]
    return list(dict.fromkeys([standard, *settings.spawner.allowed_images, *extra]))


def plan(
    settings: Settings,
    owner: str,
    server: str,
    groups: Collection[str],
    options: Mapping[str, Any],
    standard_image: str,
) -> Plan:
    """Decide everything about one server. Raises PlanError for a size or image that is not theirs."""
    kind = kind_of(owner, server)
    if kind.name == "app":
        return _app(settings, kind, owner, server, options, standard_image)
    if unknown := sorted(set(options) - {"profile", "image"}):
        names = ", ".join(unknown)
        raise PlanError(f"Unknown server option: {names}.", f"未知的服务器选项：{names}。")
    profile_name, profile = _choose_profile(settings, groups, options)
    image = _choose_image(settings, groups, options, standard_image)
    home = _home(settings, kind, owner, server)
    return Plan(
        kind=kind,
        owner=owner,
        server=server,
        image=image,
        profile_name=profile_name,
        profile=profile,
        home=home,
        mounts=_mounts(settings, kind, server, home),
        environment={
            "REGIONAL_HUB_KIND": kind.name,
            "REGIONAL_HUB_IMAGE": image,
            "REGIONAL_HUB_URL": settings.url,
            "TZ": settings.site.time_zone,
        },
    )


def _app(settings: Settings, kind: Kind, owner: str, slug: str, options: Mapping[str, Any], image: str) -> Plan:
    """An app: the size follows from its kernels, and nothing is chosen by whoever starts it."""
    if options:
        names = ", ".join(sorted(options))
        raise PlanError(f"An app is started without options: {names}.", f"启动应用时不能指定选项：{names}。")
    kernels, memory_mb = _app_kernels(app_folder(settings, slug), settings)
    size = Profile(
        title="Live app",
        title_zh="在线应用",
        memory_gb=(APP_BASE_MB + kernels * memory_mb) / 1024,
        cpus=settings.showcase.app_cpus,
        pids=APP_PIDS[0] + kernels * APP_PIDS[1],
        groups=[],
    )
    environment = {
        "REGIONAL_HUB_KIND": kind.name,
        "REGIONAL_HUB_URL": settings.url,
        "REGIONAL_HUB_LIVE_ORIGIN": settings.showcase.live_origin,
        "TZ": settings.site.time_zone,
    }
    return Plan(kind, owner, slug, image, "app", size, None, _mounts(settings, kind, slug, None), environment)


def app_folder(settings: Settings, slug: str) -> Path:
    """The folder that the portal laid out for an app. Raises PlanError for a name or folder that is none."""
    if not APP_NAME.fullmatch(slug):
        raise PlanError("That is not the name of an app.", "这不是应用的名称。")
    folder = settings.path("showcase", "live", slug)
    if folder.is_symlink() or not (folder / "app.json").is_file():
        raise PlanError(f"There is no live app “{slug}”.", f"没有名为“{slug}”的在线应用。")
    return folder


def _app_kernels(folder: Path, settings: Settings) -> tuple[int, int]:
    """Kernels and megabytes for each, never more than settings allow."""
    try:
        found = json.loads((folder / "app.json").read_text(encoding="utf-8"))
        kernels, memory_mb = int(found["kernels"]), int(found["memory_mb"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PlanError(
            f"The live app “{folder.name}” is incomplete (app.json: {error!r}).",
            f"在线应用“{folder.name}”不完整（app.json：{error!r}）。",
        ) from error
    most = settings.showcase
    return max(1, min(kernels, most.kernels_per_app)), max(64, min(memory_mb, most.kernel_memory_mb))


def _choose_profile(settings: Settings, groups: Collection[str], options: Mapping[str, Any]) -> tuple[str, Profile]:
    name = options.get("profile") or settings.spawner.default_profile
    if not isinstance(name, str) or name not in settings.profiles:
        raise PlanError(f"There is no server size “{name}”.", f"没有名为“{name}”的服务器规格。")
    profile = allowed_profiles(settings, groups).get(name)
    if profile is None:
        raise PlanError(
            f"The server size “{name}” is not open to your groups.", f"您所在的用户组不能使用服务器规格“{name}”。"
        )
    return name, profile


def _choose_image(settings: Settings, groups: Collection[str], options: Mapping[str, Any], standard: str) -> str:
    image = options.get("image") or standard
    if image not in allowed_images(settings, groups, standard):
        raise PlanError(f"The image “{image}” is not on the list of allowed images.", f"镜像“{image}”不在允许列表中。")
    return str(image)


def _home(settings: Settings, kind: Kind, owner: str, server: str) -> Path | None:
    if kind.name == "app":
        return None
    if kind.name == "exam":  # fresh for each exam, kept so that a dead container loses nothing
        return settings.path("exams", owner, server)
    return settings.hub_user_home(owner)


def shared_mounts(settings: Settings) -> list[Mount]:
    """What servers and Dask workers see read-only: the shared folder, and further folders below it.

    Of the SDG database it is the folder of releases that are public whole, never the releases themselves: those hold
    embargoed series. Where it was not made (`./hub up` does), data come by the SDMX service.
    """
    further = settings.spawner.shared_folders.items()
    mounts = [
        Mount(settings.shared_dir, SHARED),
        *(Mount(Path(folder), f"{SHARED}/{name}") for name, folder in further),
    ]
    if (settings.shared_dir / SDG).is_dir() and open_releases(settings).is_dir():
        mounts.append(Mount(open_releases(settings), f"{SHARED}/{SDG}"))
    return mounts


def open_releases(settings: Settings) -> Path:
    """Releases of the SDG database that are public whole (`regional_hub.sdg.open_folder`)."""
    return settings.path("sdg", "open")


def _mounts(settings: Settings, kind: Kind, server: str, home: Path | None) -> tuple[Mount, ...]:
    mounts = [*shared_mounts(settings), Mount(ROOT / "catalogs", CATALOGS)]
    if kind.name in ("lab", "project"):
        mounts.append(Mount(ROOT / "notebooks", NOTEBOOKS))
    if kind.name == "app":
        mounts.append(Mount(settings.path("showcase", "live", server), APP))
    if home is not None:
        mounts.insert(0, Mount(home, HOME, read_only=False))
    return tuple(mounts)
