"""Publishes release after release into the store of a folder until it is killed: the child of `test_store_kill.py`."""

from __future__ import annotations

import sys
from pathlib import Path

from regional_hub.sdg.store import Store
from tests.sdg.stores import AREAS, FLOW, SMALL, uniform


def main(folder: Path) -> None:
    store = Store(folder)
    print("ready", flush=True)
    while True:
        current = store.current(FLOW)
        number = 1 + (int(next(current.batches())["OBS_VALUE"][0].as_py()) if current else 0)
        draft = store.start(SMALL, by="ann", empty=number % 2 == 0)
        for part in range(2):
            rows = uniform(number, AREAS[part::2])
            draft.add([rows], name=f"{number}.{part}.csv", sha256=f"{number}.{part}", by="ann")
        draft.validate()
        store.publish(draft, by="bob")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
