"""Every setting of the hub, typed, and where its state lies on disk.

`hub_config/settings.toml` names each setting with its default, unit and reason; `settings.toml` in the data folder
changes some of them; `HUB_SECTION__KEY` in the environment changes one. A key that nobody knows is an error.
This module is the cellar: of the project it imports what reads those layers, and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from regional_hub.settings_layers import SettingsError, explain, from_environment, merge, of_the_running_hub, read

__all__ = ["Settings", "SettingsError", "data_dir", "load"]

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = ROOT / "hub_config" / "settings.toml"


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Site(Section):
    name: str
    name_zh: str
    url: str
    time_zone: str
    languages: list[Literal["en", "zh-hans"]]
    support_email: str


class Ports(Section):
    """TCP ports on this machine. Only `public` is set; the other seven follow it."""

    public: int = Field(ge=1, le=65528)
    bind: str

    @property
    def hub(self) -> int:
        return self.public + 1

    @property
    def proxy_api(self) -> int:
        return self.public + 2

    @property
    def portal(self) -> int:
        return self.public + 3

    @property
    def data(self) -> int:
        return self.public + 4

    @property
    def gateway_api(self) -> int:
        """The gateway server's API, for its own proxy and for schedulers and workers."""
        return self.public + 5

    @property
    def gateway(self) -> int:
        """The gateway's proxy: HTTP for clients and dashboards."""
        return self.public + 6

    @property
    def gateway_tls(self) -> int:
        """The gateway's proxy: TLS by SNI, for clients to reach schedulers."""
        return self.public + 7

    def all(self) -> dict[str, int]:
        """Every port by the name of what listens there."""
        names = ("public", "hub", "proxy_api", "portal", "data", "gateway_api", "gateway", "gateway_tls")
        return {name: getattr(self, name) for name in names}


class Database(Section):
    portal_url: str
    hub_url: str


class Accounts(Section):
    sign_up: Literal["invitation", "approval"]
    invitation_days: int = Field(ge=1)
    email_verification: Literal["mandatory", "optional", "none"]
    session_days: int = Field(ge=1)


class Email(Section):
    host: str
    port: int
    user: str
    password: str
    use_tls: bool
    sender: str


class Profile(Section):
    """One size of server: memory and cpu are hard limits."""

    title: str
    title_zh: str
    memory_gb: float = Field(gt=0)
    cpus: float = Field(gt=0)
    pids: int = Field(ge=64)
    groups: list[str]


class Spawner(Section):
    kind: Literal["auto", "docker", "local", "kubernetes"]
    image: str
    allowed_images: list[str]
    default_profile: str
    start_timeout_seconds: int = Field(ge=10)
    idle_minutes: int = Field(ge=0)
    max_age_hours: int = Field(ge=0)
    servers_per_person: int = Field(ge=1)
    local_uid_base: int = Field(ge=1000)
    shared_data: str
    shared_folders: dict[str, str]

    @field_validator("shared_folders")
    @classmethod
    def _plain_names(cls, value: dict[str, str]) -> dict[str, str]:
        for name, folder in value.items():
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name) or name in ("samples", "sdg"):
                raise ValueError(f"`{name}` cannot be the name of a shared folder")
            if not Path(folder).is_absolute():
                raise ValueError(f"the folder of `{name}` must be an absolute path")
        return value


class Group(Section):
    """What a group changes for its members; the most generous of a person's groups wins, setting by setting."""

    profiles: list[str] = []
    images: list[str] = []
    cluster_workers: int | None = None
    cluster_memory_gb: float | None = None
    cluster_cores: int | None = None


class Network(Section):
    subnet_pool: str
    cluster_pool: str
    lab_internet: bool
    blocked: list[str]
    allowed: list[str]
    firewall: Literal["auto", "off"]


class Gateway(Section):
    backend: Literal["auto", "docker", "local", "kubernetes"]
    idle_minutes: int = Field(ge=1)
    worker_profiles: dict[str, Profile]
    cluster_workers: int = Field(ge=1)
    cluster_memory_gb: float = Field(gt=0)
    cluster_cores: int = Field(ge=1)
    clusters_per_person: int = Field(ge=1)


class Images(Section):
    registry: str
    base_digest: str
    ca_certificates: list[str]
    http_proxy: str
    https_proxy: str
    no_proxy: str
    apt_mirror: str
    pypi_mirror: str

    def proxies(self) -> dict[str, str]:
        """The institution's web proxies as environment variables, in both spellings that programs look for."""
        found = {key: getattr(self, key) for key in ("http_proxy", "https_proxy", "no_proxy")}
        return {name: value for key, value in found.items() if value for name in (key, key.upper())}


class Catalogs(Section):
    sample_rows: int = Field(ge=1000)
    sample_seed: int


class Pull(Section):
    """Data that are pulled again and again: from an address of an SDMX service, or `unsd`."""

    source: str
    flow: str = ""
    key: str = ""
    start: str = ""
    end: str = ""
    series: list[str] = []
    areas: list[str] = []
    structure: str = ""
    base_url: str = ""
    every_hours: float = Field(default=24, ge=0.25)
    by: str = Field(default="scheduled-pull", min_length=1)
    replace_all: bool = False
    allowed_hosts: list[str] = []


class Sdg(Section):
    """Who we are in SDMX messages, and what is pulled from others."""

    sender: str = Field(pattern=r"^[A-Za-z0-9_@$-]{1,64}$")
    upload_mb: int = Field(ge=1)
    boundaries: str
    boundaries_key: str = Field(min_length=1)
    boundaries_disclaimer: str
    boundaries_disclaimer_zh: str
    pulls: dict[str, Pull]

    @field_validator("pulls")
    @classmethod
    def _plain_names(cls, value: dict[str, Pull]) -> dict[str, Pull]:
        for name in value:
            if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", name):
                raise ValueError(f"`{name}` cannot be the name of a pull: small letters, digits, - and _ can")
        return value


class Jobs(Section):
    """Checks and methods: what runs in containers of its own and ends."""

    at_once: int = Field(ge=1, le=64)


class Showcase(Section):
    """How large a bundle may be, how it is checked and reviewed for the public, and how many use live apps at once."""

    bundle_mb: int = Field(ge=1, le=2000)
    file_mb: int = Field(ge=1, le=2000)
    notebook_mb: int = Field(ge=1, le=200)
    files: int = Field(ge=1, le=5000)
    check_seconds: int = Field(ge=10, le=86_400)
    check_memory_mb: int = Field(ge=256)
    check_cpus: float = Field(gt=0)
    check_pids: int = Field(ge=32)
    check_blocks: list[
        Literal["runs", "same", "secrets", "personal", "disclosure", "pictures", "licence", "environment", "size"]
    ]
    smallest_cell: int = Field(ge=0, le=1000)
    dominance_percent: int = Field(ge=1, le=100)
    number_tolerance: float = Field(ge=0, lt=1)
    method_seconds: int = Field(ge=5, le=86_400)
    method_memory_mb: int = Field(ge=256)
    method_cpus: float = Field(gt=0)
    method_output_mb: int = Field(ge=1, le=2000)
    method_waiting: int = Field(ge=1)
    method_waiting_each: int = Field(ge=1)
    method_hourly: int = Field(ge=1)
    method_public_hourly: int = Field(ge=0)
    method_keep_days: int = Field(ge=1)
    remind_days: int = Field(ge=1)
    apps: int = Field(ge=1, le=100)
    kernels: int = Field(ge=1, le=1000)
    kernels_per_app: int = Field(ge=1, le=200)
    kernels_per_address: int = Field(ge=1, le=1000)
    kernel_memory_mb: int = Field(ge=128)
    idle_minutes: int = Field(ge=1)
    away_seconds: int = Field(ge=5)
    preheat: int = Field(ge=0, le=50)
    app_cpus: float = Field(gt=0)
    live_origin: str = Field(pattern=r"^(https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?)?$")


class Settings(Section):
    """All settings, and the places on disk that follow from the data folder."""

    site: Site
    ports: Ports
    database: Database
    accounts: Accounts
    email: Email
    spawner: Spawner
    profiles: dict[str, Profile]
    groups: dict[str, Group]
    network: Network
    gateway: Gateway
    images: Images
    catalogs: Catalogs
    sdg: Sdg
    jobs: Jobs
    showcase: Showcase
    data_dir: Path

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.resolve()

    @cached_property
    def instance(self) -> str:
        """Six hex digits that name this hub among others on the machine: in networks, containers and labels."""
        return hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:6]

    @property
    def url(self) -> str:
        """The address people use, without a trailing slash."""
        return self.site.url.rstrip("/") or f"http://127.0.0.1:{self.ports.public}"

    @property
    def secure(self) -> bool:
        return self.url.startswith("https://")

    def path(self, *parts: str) -> Path:
        """A place below the data folder."""
        return self.data_dir.joinpath(*parts)

    @property
    def run_dir(self) -> Path:
        """Process ids, sockets and logs: what may be lost."""
        return self.path("run")

    @property
    def homes_dir(self) -> Path:
        return self.path("homes")

    @property
    def shared_dir(self) -> Path:
        """What every server sees read-only at /srv/shared."""
        return Path(self.spawner.shared_data) if self.spawner.shared_data else self.path("shared")

    def hub_user_home(self, user: str) -> Path:
        return self.homes_dir / user

    def secret(self, name: str) -> str:
        """A secret of this hub: 64 hex digits, made on first use, readable by its owner only, never logged."""
        folder = self.path("secrets")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = folder / name
        try:
            return place.read_text().strip()
        except FileNotFoundError:
            pass
        fresh = folder / f".{name}.{os.getpid()}"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        with contextlib.suppress(FileExistsError):  # two starts at once: the first one's secret stands
            os.link(fresh, place)
        fresh.unlink()
        return place.read_text().strip()


def data_dir(env: Mapping[str, str] = os.environ) -> Path:
    """The folder of all state: `HUB_DATA`, else `var/` of the checkout."""
    return Path(env.get("HUB_DATA") or ROOT / "var")


def load(env: Mapping[str, str] = os.environ) -> Settings:
    """Read defaults, the operator's file and the environment, in this order.

    Raises SettingsError, naming file or variable and key, for a key nobody knows or a value that does not fit.
    """
    place = data_dir(env)
    values: dict[str, Any] = {**read(DEFAULTS), "data_dir": place}
    settings = _validate(values, str(DEFAULTS))
    own = place / "settings.toml"
    layers: list[tuple[str, dict[str, Any]]] = []
    if own.exists():
        layers.append((str(own), read(own)))
    layers.append(("the running hub's command line", of_the_running_hub(place)))
    layers.append(("environment (HUB_SECTION__KEY)", from_environment(env)))
    for source, layer in layers:
        if layer:
            if "data_dir" in layer:
                raise SettingsError(f"{source}: unknown setting `data_dir`; use --data or HUB_DATA")
            values = merge(values, layer)
            settings = _validate(values, source)
    return settings


def _validate(values: dict[str, Any], source: str) -> Settings:
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(explain(error, source)) from error
    for group, rules in settings.groups.items():
        for profile in rules.profiles:
            if profile not in settings.profiles:
                raise SettingsError(f"{source}: setting `groups.{group}.profiles`: there is no profile `{profile}`")
    if settings.spawner.default_profile not in settings.profiles:
        raise SettingsError(
            f"{source}: setting `spawner.default_profile`: there is no profile `{settings.spawner.default_profile}`"
        )
    return settings
