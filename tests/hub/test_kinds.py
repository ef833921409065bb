"""What a server is, decided without any spawner: kind, size, image, mounts."""

import json
from pathlib import Path

import pytest

from regional_hub import settings as hub_settings
from regional_hub.hub import kinds
from regional_hub.settings import Settings

IMAGE = "regional-hub/lab:123"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return hub_settings.load({"HUB_DATA": str(tmp_path), "HUB_SPAWNER__ALLOWED_IMAGES": '["r/geo:1"]'})


def plan(settings: Settings, owner: str = "wei", server: str = "", groups: tuple[str, ...] = (), **options: object):
    return kinds.plan(settings, owner, server, groups, options, IMAGE)


@pytest.mark.parametrize(
    ("owner", "server", "kind"),
    [
        ("wei", "", "lab"),
        ("wei", "second", "lab"),
        ("wei", "exam-2026-1", "exam"),
        ("project-water", "", "project"),
        ("showcase", "poverty-map", "app"),
    ],
)
def test_kind_follows_from_owner_and_name(owner: str, server: str, kind: str) -> None:
    assert kinds.kind_of(owner, server).name == kind


def test_size_is_the_default_one_when_nobody_chose(settings: Settings) -> None:
    found = plan(settings)

    assert found.profile_name == "small"
    assert found.memory_bytes == 2 * 2**30


def test_size_of_another_group_is_refused_in_both_languages(settings: Settings) -> None:
    with pytest.raises(kinds.PlanError) as refused:
        plan(settings, groups=("trainees",), profile="large")

    assert "not open to your groups" in refused.value.message
    assert "不能使用" in refused.value.message_zh
    assert plan(settings, groups=("researchers",), profile="large").profile_name == "large"


def test_group_can_be_given_a_size_by_its_own_setting(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[groups.project-water]\nprofiles = ["large"]\n')
    settings = hub_settings.load({"HUB_DATA": str(tmp_path)})

    assert plan(settings, "project-water", groups=("project-water",), profile="large").profile.cpus == 4


@pytest.mark.parametrize("options", [{"profile": "huge"}, {"profile": ["small"]}, {"profile": {"memory": "9"}}])
def test_size_that_does_not_exist_is_refused(settings: Settings, options: dict[str, object]) -> None:
    with pytest.raises(kinds.PlanError, match="no server size"):
        plan(settings, **options)


def test_unknown_option_is_refused_by_name(settings: Settings) -> None:
    with pytest.raises(kinds.PlanError, match="mem_limit"):
        plan(settings, mem_limit="64G")


def test_only_listed_images_are_started(settings: Settings) -> None:
    assert plan(settings, image="r/geo:1").image == "r/geo:1"
    with pytest.raises(kinds.PlanError, match="not on the list"):
        plan(settings, image="evil:latest")


def test_only_the_home_is_writable(settings: Settings) -> None:
    for found in (plan(settings), plan(settings, "project-water"), plan(settings, server="exam-1")):
        writable = [mount for mount in found.mounts if not mount.read_only]

        assert [mount.inside for mount in writable] == [kinds.HOME]


def test_exam_has_a_home_of_its_own_and_no_gateway(settings: Settings) -> None:
    found = plan(settings, server="exam-1")

    assert found.home == settings.path("exams", "wei", "exam-1")
    assert found.kind.network == "exam"
    assert not any("dask-gateway" in scope for scope in found.kind.scopes)


def lay_out(settings: Settings, slug: str, **facts: object) -> Path:
    folder = settings.path("showcase", "live", slug)
    folder.mkdir(parents=True)
    (folder / "app.json").write_text(json.dumps({"kernels": 4, "memory_mb": 300, **facts}))
    return folder


def test_app_reads_the_reviewed_revision_and_writes_nothing(settings: Settings) -> None:
    folder = lay_out(settings, "poverty-map")

    found = plan(settings, "showcase", "poverty-map")

    assert found.home is None and all(mount.read_only for mount in found.mounts)
    assert [m.host for m in found.mounts if m.inside == kinds.APP] == [folder]
    below = [m.host for m in found.mounts if m.host.is_relative_to(settings.path("showcase"))]
    assert below == [folder]


def test_size_of_an_app_follows_from_its_kernels_and_is_bound_by_the_settings(settings: Settings) -> None:
    lay_out(settings, "small")
    lay_out(settings, "greedy", kernels=10_000, memory_mb=10**9)
    most = settings.showcase

    small, greedy = plan(settings, "showcase", "small"), plan(settings, "showcase", "greedy")

    assert small.memory_bytes == (kinds.APP_BASE_MB + 4 * 300) * 2**20
    assert greedy.memory_bytes == (kinds.APP_BASE_MB + most.kernels_per_app * most.kernel_memory_mb) * 2**20
    assert greedy.profile.pids < 10_000 and greedy.profile.cpus == most.app_cpus


@pytest.mark.parametrize("name", ["", ".", "..", "../objects", "objects", "a/b", "A", "x" * 31, "none-such"])
def test_an_app_of_no_such_folder_is_refused_in_both_languages(settings: Settings, name: str) -> None:
    (settings.path("showcase", "objects")).mkdir(parents=True)

    with pytest.raises(kinds.PlanError) as refused:
        plan(settings, "showcase", name)

    assert "app" in refused.value.message and "应用" in refused.value.message_zh


def test_an_app_that_is_a_link_or_half_written_is_refused(settings: Settings) -> None:
    (lay_out(settings, "half") / "app.json").write_text("{")
    settings.path("showcase", "live", "linked").symlink_to(lay_out(settings, "real"))

    for name in ("half", "linked"):
        with pytest.raises(kinds.PlanError):
            plan(settings, "showcase", name)


def test_nothing_about_an_app_is_chosen_by_who_starts_it(settings: Settings) -> None:
    lay_out(settings, "map")

    for options in ({"image": "r/geo:1"}, {"profile": "large"}):
        with pytest.raises(kinds.PlanError, match="without options"):
            plan(settings, "showcase", "map", **options)


def test_further_shared_folders_are_seen_below_the_shared_one(tmp_path: Path) -> None:
    env = {"HUB_DATA": str(tmp_path), "HUB_SPAWNER__SHARED_FOLDERS": '{"census": "/data/census"}'}

    found = plan(hub_settings.load(env))

    assert kinds.Mount(Path("/data/census"), "/srv/shared/census") in found.mounts


@pytest.mark.parametrize(
    ("owner", "server"), [("wei", ""), ("wei", "exam-1"), ("project-water", ""), ("showcase", "map")]
)
def test_open_releases_are_seen_read_only_and_the_database_itself_by_nobody(
    settings: Settings, owner: str, server: str
) -> None:
    kinds.open_releases(settings).mkdir(parents=True)
    (settings.shared_dir / "sdg").mkdir(parents=True)
    lay_out(settings, "map")

    found = plan(settings, owner, server)

    below = [mount for mount in found.mounts if mount.host.is_relative_to(settings.path("sdg"))]
    assert below == [kinds.Mount(settings.path("sdg", "open"), "/srv/shared/sdg", read_only=True)]


def test_where_there_is_no_place_to_mount_on_open_releases_are_not_mounted(settings: Settings) -> None:
    kinds.open_releases(settings).mkdir(parents=True)

    assert not any(mount.inside == "/srv/shared/sdg" for mount in plan(settings).mounts)
