"""Homes: made whole or not at all, never through a link of the owner's."""

import errno
import os
from pathlib import Path

import pytest

from regional_hub.hub import homes


def test_new_home_is_closed_to_others_and_has_the_notebooks(tmp_path: Path) -> None:
    home = tmp_path / "homes" / "wei"

    assert homes.ensure(home, os.getuid(), os.getgid(), samples=True)
    assert home.stat().st_mode & 0o077 == 0
    assert (home / "start_here.ipynb").exists()


def test_existing_home_is_left_as_it_is(tmp_path: Path) -> None:
    home = tmp_path / "wei"
    home.mkdir()
    (home / "work.txt").write_text("mine")

    assert not homes.ensure(home, os.getuid(), os.getgid(), samples=True)
    assert [place.name for place in home.iterdir()] == ["work.txt"]


def test_full_disk_leaves_nothing_half_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(homes.shutil, "copyfile", full)

    with pytest.raises(OSError, match="No space left"):
        homes.ensure(tmp_path / "wei", os.getuid(), os.getgid(), samples=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a home over")
def test_home_made_by_root_belongs_to_the_person(tmp_path: Path) -> None:
    home = tmp_path / "wei"

    homes.ensure(home, 1000, 1000, samples=True)

    assert {(place.stat().st_uid, place.stat().st_gid) for place in (home, *home.iterdir())} == {(1000, 1000)}
