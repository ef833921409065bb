"""What a person may have on Dask clusters: caps, worker sizes, images, and the words that explain a refusal.

Plain arithmetic over settings and groups: nothing here knows of Dask, Docker or the gateway server.
Caps hold over all clusters of one person together; the most generous of a person's groups wins, cap by cap.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from regional_hub.settings import Profile, Settings

GIB = 2**30
SCHEDULER_MEMORY = (
    1 * GIB
)  # every cluster has one scheduler of this size; it counts in the memory cap, not in the cores


@dataclass(frozen=True)
class Caps:
    """The most that one person may hold at once. Memory in bytes."""

    clusters: int
    workers: int
    memory: int
    cores: float


@dataclass(frozen=True)
class Hold:
    """What one cluster takes of its owner's caps: so many workers, each so large, and a scheduler."""

    cluster: str
    workers: int
    worker_memory: int
    worker_cores: float
    scheduler_memory: int = SCHEDULER_MEMORY

    @property
    def memory(self) -> int:
        return self.scheduler_memory + self.workers * self.worker_memory

    @property
    def cores(self) -> float:
        return self.workers * self.worker_cores


@dataclass(frozen=True)
class Limit:
    """How many workers a cluster may run now, and which cap says so, in both languages."""

    workers: int
    reason: str
    reason_zh: str


def caps(settings: Settings, groups: Collection[str]) -> Caps:
    """The caps of a member of `groups`."""
    common = settings.gateway
    rules = [settings.groups[name] for name in groups if name in settings.groups]

    def best(default: float, given: Iterable[float | None]) -> float:
        said = [value for value in given if value is not None]
        return max(said) if said else default

    return Caps(
        clusters=common.clusters_per_person,
        workers=int(best(common.cluster_workers, (rule.cluster_workers for rule in rules))),
        memory=int(best(common.cluster_memory_gb, (rule.cluster_memory_gb for rule in rules)) * GIB),
        cores=best(common.cluster_cores, (rule.cluster_cores for rule in rules)),
    )


def worker_profiles(settings: Settings, groups: Collection[str]) -> dict[str, Profile]:
    """The worker sizes that a member of `groups` may choose, in the order of the settings."""
    return {
        name: profile
        for name, profile in settings.gateway.worker_profiles.items()
        if not profile.groups or set(profile.groups) & set(groups)
    }


def image_allowed(settings: Settings, groups: Collection[str], image: str) -> bool:
    """Whether workers may run `image`: the lab image in any version built here, or one that settings name."""
    listed = {*settings.spawner.allowed_images}
    for name in groups:
        if rule := settings.groups.get(name):
            listed.update(rule.images)
    return image in listed or repository(image) == repository(settings.spawner.image)


def repository(image: str) -> str:
    """`host:5000/a/b:tag@sha256:…` -> `host:5000/a/b`."""
    name = image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    return head + slash + tail.partition(":")[0]


def _gib(amount: float) -> str:
    return f"{amount / GIB:g} GB"


def limit(cap: Caps, own: Hold, others: Iterable[Hold]) -> Limit:
    """How many workers `own` may run in all beside `others`, which are the same person's."""
    others = list(others)
    workers = sum(hold.workers for hold in others)
    memory = sum(hold.memory for hold in others)
    cores = sum(hold.cores for hold in others)
    rest = cap.memory - memory - own.scheduler_memory
    found = [
        Limit(
            cap.workers - workers,
            f"your cap is {cap.workers} workers over all your clusters, your other clusters hold {workers}",
            f"您的全部集群合计上限为 {cap.workers} 个工作进程，其他集群已占用 {workers} 个",
        ),
        Limit(
            int(rest // own.worker_memory),
            f"your cap is {_gib(cap.memory)} of memory over all your clusters, schedulers included; "
            f"{_gib(memory + own.scheduler_memory)} are in use and each worker takes {_gib(own.worker_memory)}",
            f"您的全部集群合计内存上限为 {_gib(cap.memory)}（含调度器），已占用 "
            f"{_gib(memory + own.scheduler_memory)}，每个工作进程需要 {_gib(own.worker_memory)}",
        ),
        Limit(
            int((cap.cores - cores) // own.worker_cores),
            f"your cap is {cap.cores:g} cores over all your clusters, your other clusters hold {cores:g} "
            f"and each worker takes {own.worker_cores:g}",
            f"您的全部集群合计上限为 {cap.cores:g} 核，其他集群已占用 {cores:g} 核，"
            f"每个工作进程需要 {own.worker_cores:g} 核",
        ),
    ]
    tightest = min(found, key=lambda one: one.workers)
    return Limit(max(0, tightest.workers), tightest.reason, tightest.reason_zh)


def refusal(cap: Caps, new: Hold, held: Collection[Hold]) -> str | None:
    """Why a new cluster cannot be made, or None when it can: too many clusters, or no room for a single worker."""
    if len(held) >= cap.clusters:
        names = ", ".join(hold.cluster[:8] for hold in held)
        return (
            f"You have {len(held)} clusters and may have {cap.clusters} at once ({names}); shut one down first. / "
            f"您已有 {len(held)} 个集群，最多可同时拥有 {cap.clusters} 个（{names}），请先关闭一个。"
        )
    room = limit(cap, new, held)
    if room.workers < 1:
        return (
            f"There is no room for a worker in a new cluster: {room.reason}. "
            f"Scale down or shut down a cluster first. / "
            f"新集群没有可用的工作进程名额：{room.reason_zh}。请先缩减或关闭一个集群。"
        )
    return None


def shortfall(cap: Caps, own: Hold, others: Iterable[Hold], wanted: int) -> str | None:
    """Why fewer than `wanted` workers run in a cluster, or None when they all may."""
    room = limit(cap, own, others)
    if wanted <= room.workers:
        return None
    return (
        f"{wanted} workers asked for, {room.workers} can run now: {room.reason}. "
        f"The others start when there is room. / "
        f"请求 {wanted} 个工作进程，目前可运行 {room.workers} 个：{room.reason_zh}。其余的在有空余时启动。"
    )
