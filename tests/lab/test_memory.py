"""A kernel that was killed for its memory says so; others stay silent."""

from pathlib import Path

import pytest

from regional_hub.lab import memory


@pytest.mark.parametrize(
    "text", ["low 0\nhigh 0\nmax 3\noom 2\noom_kill 2\n", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"]
)
def test_kills_are_read_from_both_kinds_of_cgroup(tmp_path: Path, text: str) -> None:
    (tmp_path / "counter").write_text(text)

    assert memory.kills((tmp_path / "missing", tmp_path / "counter")) == 2


def test_first_start_of_a_kernel_is_silent(tmp_path: Path) -> None:
    assert not memory.note("kernel-1", 3, tmp_path)


def test_restart_after_a_kill_is_told_once(tmp_path: Path) -> None:
    memory.note("kernel-1", 0, tmp_path)

    assert memory.note("kernel-1", 1, tmp_path)
    assert not memory.note("kernel-1", 1, tmp_path)


def test_restart_by_hand_is_silent(tmp_path: Path) -> None:
    memory.note("kernel-1", 1, tmp_path)

    assert not memory.note("kernel-1", 1, tmp_path)


def test_message_names_the_limit_in_both_languages() -> None:
    text = memory.message(2 * 2**30)

    assert "(2 GB)" in text and "内存" in text
