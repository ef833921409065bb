"""The folder that servers mount: what is public whole is in it, and no embargoed figure ever is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from regional_hub.sdg import durable, open_folder, timeline
from regional_hub.sdg.store import Store
from tests.sdg import release_hub, stores
from tests.sdg.stores import FLOW, SMALL, drafted, published

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path):
    return stores.store(tmp_path)


def found(store: Store) -> set[str]:
    return {path.name for path in (store.folder / "open" / "releases").iterdir()}


def everything(store: Store) -> str:
    """All that anyone can read below the folder, as text: what an attacker would look through."""
    told = []
    for path in sorted((store.folder / "open").rglob("*")):
        told.append(path.name)
        if path.suffix == ".parquet":
            told.append(str(pq.read_table(path).to_pylist()) + str(pq.read_metadata(path)))
        elif path.is_file():
            told.append(path.read_text(encoding="utf-8"))
    return "\n".join(told)


def later(store: Store, minutes: int) -> datetime:
    return store.clock() + timedelta(minutes=minutes)


def test_a_public_release_is_a_hard_link_and_names_nobody(store):
    made = published(store, "POV KG F 2019 12.5")

    (name,) = found(store)
    linked = store.folder / "open" / "releases" / name
    assert name == made.id
    assert (linked / "observations.parquet").stat().st_ino == made.observations.stat().st_ino
    assert {path.name for path in linked.iterdir()} == {"observations.parquet", "series.parquet", "manifest.json"}
    assert not any(word in everything(store) for word in ("ann", "bob", "a.csv"))


def test_containers_may_read_the_links_and_nobody_else_the_releases(store):
    made = published(store, "POV KG F 2019 12.5")

    for path in (store.folder / "open").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path
    for private in ("releases", "drafts"):
        assert stat.S_IMODE((store.folder / private).stat().st_mode) & 0o007 == 0
    made.verify()


def test_an_embargoed_series_of_a_new_release_is_nowhere_in_the_folder(store):
    first = published(store, "POV KG F 2019 12.5")
    draft = drafted(store, "SECRET KG F 2020 987654321")
    draft.embargo({"SERIES": ["SECRET"]}, timeline.stamp(later(store, 600)), by="ann")
    draft.validate()

    store.publish(draft, by="bob")

    assert found(store) == {first.id}
    assert "SECRET" not in everything(store)
    assert "987654321" not in everything(store)


def test_an_embargo_on_published_series_removes_every_release_that_has_them(store):
    without = published(store, "POV KG F 2019 12.5")
    published(store, "SECRET KG F 2020 987654321")
    published(store, "POV KG F 2020 13")
    assert "SECRET" in everything(store)

    store.embargo(FLOW, {"SERIES": ["SECRET"]}, later(store, 600), by="bob", reason="because 4711")

    assert found(store) == {without.id}
    assert not any(word in everything(store) for word in ("SECRET", "987654321", "4711"))


def test_the_links_are_gone_before_an_embargo_is_written(store, monkeypatch):
    published(store, "SECRET KG F 2020 987654321")
    seen = []
    write = durable.write_json

    def killed(path, facts):
        if path == store.folder / "state.json":
            seen.append(found(store))
            raise KeyboardInterrupt
        write(path, facts)

    monkeypatch.setattr(durable, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        store.embargo(FLOW, {"SERIES": ["SECRET"]}, later(store, 600), by="bob", reason="")

    assert seen == [set()]


def test_an_embargo_whose_links_cannot_be_removed_is_refused(store, monkeypatch):
    published(store, "SECRET KG F 2020 987654321")

    def refused(self, target):
        raise PermissionError(13, "no", str(self))

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(PermissionError):
        store.embargo(FLOW, {"SERIES": ["SECRET"]}, later(store, 600), by="bob", reason="")
    monkeypatch.undo()

    assert store.timeline(FLOW).embargoes == ()


def test_a_lifted_embargo_brings_the_release_back(store):
    made = published(store, "POV KG F 2019 12.5")
    embargo = store.embargo(FLOW, {"SERIES": ["POV"]}, later(store, 600), by="bob", reason="")
    assert found(store) == set()

    store.lift(embargo.id, by="bob", reason="")

    assert found(store) == {made.id}


def test_a_release_comes_when_its_embargo_ends_and_the_caller_is_told_when(store):
    draft = drafted(store, "POV KG F 2019 12.5")
    end = later(store, 600)
    draft.embargo({"SERIES": ["POV"]}, timeline.stamp(end), by="ann")
    draft.validate()
    made = store.publish(draft, by="bob")

    assert store.refresh_open() == end
    assert found(store) == set()
    store.clock.now = end

    assert store.refresh_open() is None
    assert found(store) == {made.id}


def test_a_rolled_back_release_is_there_too_and_one_after_an_embargoed_one_is_not(store):
    first = published(store, "POV KG F 2019 12.5")
    second = published(store, "POV KG F 2019 13")
    back = store.rollback(FLOW, first.id, by="bob", reason="wrong")
    assert found(store) == {first.id, second.id, back.id}

    draft = drafted(store, "SECRET KG F 2020 987654321")
    draft.embargo({"SERIES": ["SECRET"]}, timeline.stamp(later(store, 600)), by="ann")
    draft.validate()
    held = store.publish(draft, by="bob")
    after = published(store, "POV KG F 2021 14")

    assert not {held.id, after.id} & found(store)
    assert "SECRET" not in everything(store)


def test_names_change_in_the_folder_and_the_folder_stays(store):
    published(store, "POV KG F 2019 12.5")
    place = store.folder / "open"
    before = place.stat().st_ino, (place / "releases").stat().st_ino

    store.embargo(FLOW, {"SERIES": ["POV"]}, later(store, 600), by="bob", reason="")
    published(store, "MOR KG F 2019 1")

    assert (place.stat().st_ino, (place / "releases").stat().st_ino) == before


def test_a_full_disk_keeps_nobody_from_publishing(store, monkeypatch):
    monkeypatch.setattr(open_folder, "_link", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))

    made = published(store, "POV KG F 2019 12.5")

    assert store.current(FLOW).id == made.id
    assert found(store) == set()
    monkeypatch.undo()
    store.refresh_open()
    assert found(store) == {made.id}


def test_the_process_that_serves_data_brings_a_release_when_its_embargo_ends(tmp_path):
    store = Store(tmp_path / "sdg")
    draft = store.start(SMALL, by="ann")
    draft.add([stores.batch("POV KG F 2019 12.5")], name="a", sha256="0", by="ann")
    draft.embargo({"SERIES": ["POV"]}, timeline.stamp(datetime.now(UTC) + timedelta(seconds=1)), by="ann")
    draft.validate()
    made = store.publish(draft, by="bob")
    assert found(store) == set()

    threading.Thread(target=open_folder.keep, args=(store.folder,), daemon=True).start()

    end = time.monotonic() + 10
    while found(store) != {made.id} and time.monotonic() < end:
        time.sleep(0.05)
    assert found(store) == {made.id}


CHILD = """
import sys, time
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from regional_hub.sdg.store import Store
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    until = datetime.now(UTC) + timedelta(days=1)
    made = store.embargo("TEST:SDG", {"SERIES": ["SECRET"]}, until, by="bob", reason="")
    print("hidden", flush=True)
    time.sleep(0.02)
    store.lift(made.id, by="bob", reason="")
"""


def test_killing_at_any_instant_leaves_no_release_that_an_acknowledged_embargo_hides(tmp_path):
    store = Store(tmp_path / "sdg")
    draft = store.start(SMALL, by="ann")
    draft.add([stores.batch("SECRET KG F 2019 1")], name="a", sha256="0", by="ann")
    draft.validate()
    store.publish(draft, by="bob")
    env = {**os.environ, "PYTHONPATH": str(ROOT / "extensions")}
    hidden = 0

    for number in range(16):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(store.folder)], stdout=subprocess.PIPE, env=env)
        assert child.stdout.readline() == b"ready\n"
        for _ in range(number % 3):
            child.stdout.readline()
        time.sleep(0.004 * number)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()

        in_force = any(
            made["lifted"] is None for made in json.loads((store.folder / "state.json").read_text())["embargoes"]
        )
        assert not (in_force and found(store)), found(store)
        hidden += in_force
        for embargo in store.timeline(FLOW).embargoes:
            store.lift(embargo.id, by="bob", reason="")
        store.refresh_open()
        assert len(found(store)) == 1, "the release is back, and what a killed process left is not"
    assert hidden, "no child was killed while its embargo was in force; the test proved nothing"


def test_structures_come_with_their_codelists(tmp_path):
    made = release_hub.room(tmp_path / "sdg")
    draft = made.store.start(SMALL, by="ann")
    draft.add([stores.batch("POV KG F 2019 1")], name="a", sha256="0", by="ann")
    draft.validate()
    made.store.publish(draft, by="bob")

    kept = open_folder.OpenFolder(made.folder / "open").structure("TEST:SDG(1.0)")

    assert kept == made.registry.structure("TEST:SDG(1.0)")
    assert kept.by_id["REF_AREA"].codelist.codes["KG"].name["zh"] == "吉尔吉斯斯坦"


PROBE = """
import os, sys
from pathlib import Path
import pyarrow.parquet as pq
mounted, private = Path(sys.argv[1]), Path(sys.argv[2])
def show():
    files = sorted(mounted.glob("releases/*/observations.parquet"))
    print(sorted({row["SERIES"] for path in files for row in pq.read_table(path).to_pylist()}), flush=True)
def refused(act):
    try:
        act()
    except OSError as error:
        return type(error).__name__
    return "allowed"
show()
sys.stdin.readline()
show()
print(refused(lambda: list(private.iterdir())), refused(lambda: (mounted / "mine").write_text("x")),
      refused(lambda: next(mounted.glob("releases/*/observations.parquet")).unlink()), flush=True)
sys.stdin.readline()
show()
"""


def test_another_user_behind_a_read_only_mount_sees_what_is_open_now_and_nothing_else(tmp_path_factory):
    """As in a container: the folder mounted read-only in a namespace of its own, and a user who is not the hub."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    store, mounted = Store(place / "sdg"), place / "mounted"
    mounted.mkdir()
    publish(store, "POV KG F 2019 1")
    inside = (
        f"mount --bind {store.folder}/open {mounted} && mount -o remount,bind,ro {mounted} && exec setpriv "
        f'--reuid 4242 --regid 4242 --clear-groups {sys.executable} -c "$PROBE" {mounted} {store.folder}/releases'
    )
    child = subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", inside],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PROBE": PROBE, "HOME": "/"},
        text=True,
    )
    try:
        first = child.stdout.readline()
        if not first and "Operation not permitted" in (said := child.stderr.read()):
            pytest.skip(f"this machine lets nobody mount: {said}")
        assert first == "['POV']\n"
        publish(store, "MOR KG F 2019 2")
        print(file=child.stdin, flush=True)
        assert child.stdout.readline() == "['MOR', 'POV']\n"
        assert child.stdout.readline() == "PermissionError OSError OSError\n"

        store.embargo(FLOW, {"SERIES": ["MOR"]}, datetime.now(UTC) + timedelta(days=1), by="bob", reason="")
        print(file=child.stdin, flush=True)
        assert child.stdout.readline() == "['POV']\n"
    finally:
        child.kill()
        child.communicate()
        shutil.rmtree(place)


def publish(store: Store, *lines: str) -> None:
    draft = store.start(SMALL, by="ann")
    draft.add([stores.batch(*lines)], name="a", sha256=lines[0], by="ann")
    draft.validate()
    store.publish(draft, by="bob")
