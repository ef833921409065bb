"""Homes on this machine: made once, for their owner alone, with the start-here notebooks in a new one.

Trust boundary: a home belongs to its user, who may put links anywhere in it. The Hub (perhaps root) writes into a home
only before its owner ever could: in a folder that this call made itself.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from regional_hub.settings import ROOT


def ensure(home: Path, uid: int, gid: int, *, samples: bool) -> bool:
    """Make the home where it is missing; True when it is new. Raises OSError with nothing left half made."""
    if home.is_dir():
        return False
    home.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    fresh = home.with_name(f".new-{home.name}-{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(mode=0o700)
        if samples:
            for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
                shutil.copyfile(notebook, fresh / notebook.name)
        give(fresh, uid, gid)
        fresh.rename(home)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        if home.is_dir():  # two starts at once: the other one made it
            return False
        raise
    return True


def give(folder: Path, uid: int, gid: int) -> None:
    """Hand a folder of our own making to its user, where we may: nobody else can have changed it yet."""
    if os.geteuid() == 0:
        for place in (folder, *folder.rglob("*")):
            os.chown(place, uid, gid, follow_symlinks=False)
