"""kill -9 at any instant leaves the release before or the new one, never a mixture, and the next publication works."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

import pyarrow as pa
import pytest

from regional_hub.sdg import query
from regional_hub.sdg.query import Selection
from regional_hub.sdg.store import PublishError, Store
from tests.sdg import stores
from tests.sdg.stores import AREAS, FLOW, SMALL, published, uniform

ROOT = Path(__file__).resolve().parents[2]
ROWS = len(AREAS) * 10
KILLS = 8
# What Python tells an audit hook before it touches a file.
TOUCHES = frozenset({"open", "os.rename", "os.link", "os.mkdir", "os.remove", "os.rmdir", "os.listdir", "os.scandir"})


def value(store: Store) -> int:
    """The one value of all observations that a reader sees, and that all of them are there."""
    answer = query.run(store, Selection(FLOW))
    table = pa.Table.from_batches(answer.batches, answer.schema)
    (only,) = set(table["OBS_VALUE"].to_pylist())
    assert table.num_rows == ROWS
    return int(only)


def at_touch(number: int, work) -> bool:
    """Run `work` in a forked process that kills itself before its n-th touch of a file; whether it came to the end."""
    child = os.fork()
    if child == 0:
        touches = 0

        def hook(event: str, _arguments: object) -> None:
            nonlocal touches
            if event in TOUCHES:
                touches += 1
                if touches == number:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFEXITED(status)


def uniform_draft(store: Store, number: int):
    draft = store.start(SMALL, by="ann")
    draft.add([uniform(number)], name="a.csv", sha256=str(number), by="ann")
    draft.validate()
    return draft


def test_a_publication_killed_before_each_of_its_steps(tmp_path):
    store = stores.store(tmp_path)
    store.publish(uniform_draft(store, 1), by="bob")
    draft = uniform_draft(store, 2)

    seen, killed = [], 0
    while True:
        ended = at_touch(killed + 1, lambda: store.publish(draft, by="bob"))
        seen.append(value(store))
        store.current(FLOW).verify()
        if ended or seen[-1] == 2:
            break
        killed += 1

    assert killed > 20
    assert seen == [1] * (len(seen) - 1) + [2]
    with pytest.raises(PublishError, match="published already"):
        store.publish(draft, by="bob")
    store.publish(uniform_draft(store, 3), by="bob")
    assert value(store) == 3
    known = {event.release.id for event in store.timeline(FLOW).events}
    assert {path.name for path in (store.folder / "releases").iterdir()} == known


def test_a_file_added_while_killed_is_in_the_draft_whole_or_not(tmp_path):
    store = stores.store(tmp_path)
    published(store, "POV A00 F 1999 1")
    rows = uniform(1)

    for number in range(1, 30):
        draft = store.start(SMALL, by="ann", empty=True)
        ended = at_touch(number, lambda draft=draft: draft.add([rows], name="a", sha256="a", by="ann"))
        assert [part.rows for part in draft.parts] in ([ROWS], [])
        assert not (ended and not draft.parts)
        if ended:
            break
        if not draft.parts:
            draft.add([rows], name="a", sha256="a", by="ann")
        assert sum(part.num_rows for part in draft.rows()) == ROWS
    assert ended


def test_publishers_killed_at_random_while_others_read(tmp_path):
    store = Store(tmp_path / "sdg")
    store.publish(uniform_draft(store, 1), by="bob")
    values: list[list[int]] = [[], []]
    failures, done = [], threading.Event()

    def read(mine: list[int]) -> None:
        while not done.wait(0.02):
            try:
                mine.append(value(store))
            except Exception as error:
                failures.append(error)
                return

    readers = [threading.Thread(target=read, args=[mine]) for mine in values]
    [reader.start() for reader in readers]
    chance = random.Random(20260101)
    try:
        for turn in range(KILLS):
            before = value(store)
            with _publisher(store.folder) as child:
                if turn == 0:
                    _wait_for_release(store, before)
                time.sleep(chance.uniform(0.0, 1.0))
                child.send_signal(signal.SIGKILL)
                child.wait()
            assert value(store) >= before
            store.current(FLOW).verify()
    finally:
        done.set()
        [reader.join() for reader in readers]

    assert failures == []
    assert all(mine == sorted(mine) for mine in values)
    assert value(store) > 1


def _wait_for_release(store: Store, before: int) -> None:
    end = time.monotonic() + 60
    while value(store) == before:
        assert time.monotonic() < end, "the child published nothing"
        time.sleep(0.1)


def _publisher(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "extensions"), str(ROOT)])}
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.sdg.publisher", str(folder)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert child.stdout and child.stdout.readline() == "ready\n"
    return child
