"""Caps, sizes and images: plain arithmetic, no gateway."""

from __future__ import annotations

import pytest

from regional_hub.hub import gateway_policy as policy
from regional_hub.hub.gateway_policy import GIB, Caps, Hold
from regional_hub.settings import Settings, load

CAP = Caps(clusters=2, workers=4, memory=8 * GIB, cores=4)


@pytest.fixture
def settings(tmp_path) -> Settings:
    rules = {"HUB_GROUPS__TRAINEES__IMAGES": '["registry.example.org/course:1"]'}
    return load({"HUB_DATA": str(tmp_path), "HUB_SPAWNER__ALLOWED_IMAGES": '["registry.example.org/r:4"]', **rules})


def hold(name: str, workers: int, memory: int = GIB, cores: float = 1) -> Hold:
    return Hold(name, workers, memory, cores)


def test_the_most_generous_group_wins_cap_by_cap(settings):
    both = policy.caps(settings, ["trainees", "researchers", "unknown"])
    trainee = policy.caps(settings, ["trainees"])
    nobody = policy.caps(settings, [])

    assert (both.workers, both.memory, both.cores) == (8, 16 * GIB, 8)
    assert (trainee.workers, trainee.cores) == (2, 3)
    assert (nobody.workers, nobody.memory) == (4, 8 * GIB)


def test_worker_sizes_are_those_of_the_groups(settings):
    assert list(policy.worker_profiles(settings, ["trainees"])) == ["small"]
    assert list(policy.worker_profiles(settings, ["researchers"])) == ["small", "medium"]


@pytest.mark.parametrize(
    ("image", "groups", "allowed"),
    [
        ("regional-hub/lab:0123456789ab", [], True),  # the notebook's own, though a newer one was built since
        ("registry.example.org/r:4", [], True),
        ("registry.example.org/r:5", [], False),
        ("registry.example.org/course:1", ["trainees"], True),
        ("registry.example.org/course:1", [], False),
        ("evil/regional-hub/lab:1", [], False),
        ("regional-hub/lab-other:1", [], False),
        ("alpine", [], False),
    ],
)
def test_images_are_those_that_settings_name(settings, image, groups, allowed):
    assert policy.image_allowed(settings, groups, image) is allowed


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("lab", "lab"),
        ("a/lab:1", "a/lab"),
        ("host:5000/a/lab", "host:5000/a/lab"),
        ("host:5000/a/lab:1@sha256:00", "host:5000/a/lab"),
    ],
)
def test_repository_of_an_image(image, name):
    assert policy.repository(image) == name


@pytest.mark.parametrize(
    ("own", "others", "workers", "word"),
    [
        (hold("a", 0), [], 4, "4 workers"),
        (hold("a", 3), [], 4, "4 workers"),  # its own present workers are among the four
        (hold("a", 0), [hold("b", 3)], 1, "hold 3"),
        (hold("a", 0, 2 * GIB), [hold("b", 1, 2 * GIB)], 2, "8 GB"),  # 8 - 2 schedulers - 2 leave room for two of 2
        (hold("a", 0, GIB, 2), [hold("b", 1)], 1, "4 cores"),
        (hold("a", 2), [hold("b", 9)], 0, "hold 9"),  # caps were lowered since: never less than none
    ],
)
def test_how_many_workers_a_cluster_may_run(own, others, workers, word):
    found = policy.limit(CAP, own, others)

    assert found.workers == workers
    assert word in found.reason


def test_a_new_cluster_is_refused_beyond_the_number_of_clusters():
    text = policy.refusal(CAP, hold("", 0), [hold("aaaaaaaabb", 0), hold("ccccccccdd", 0)])

    assert text is not None
    assert "You have 2 clusters and may have 2" in text
    assert "aaaaaaaa, cccccccc" in text
    assert "您已有 2 个集群" in text
    assert policy.refusal(CAP, hold("", 0), [hold("a", 1)]) is None


def test_a_new_cluster_is_refused_without_room_for_one_worker():
    text = policy.refusal(CAP, hold("", 0), [hold("a", 4)])

    assert text is not None
    assert "your cap is 4 workers" in text
    assert "hold 4" in text


def test_what_is_held_names_cap_and_use():
    text = policy.shortfall(CAP, hold("a", 1), [hold("b", 3)], 3)

    assert text is not None
    assert text.startswith("3 workers asked for, 1 can run now: your cap is 4 workers over all your clusters")
    assert "请求 3 个工作进程" in text
    assert policy.shortfall(CAP, hold("a", 1), [hold("b", 3)], 1) is None
