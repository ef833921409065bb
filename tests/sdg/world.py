"""A database with everything that pages need: the published Kyrgyz, Nepalese and UNSD data, released by two people.

The flow of UNSD has its three real releases of 2019 under the global structure; that of the Kyrgyz Republic has one.
`python -m tests.sdg.world FOLDER` makes it for looking at pages by hand.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from regional_hub.sdg import loading, structure
from regional_hub.sdg.draft import Draft
from regional_hub.sdg.findings import Report
from regional_hub.sdg.loading import Room
from regional_hub.sdg.release import Release
from regional_hub.sdg.store import Store

KYRGYZ, NEPAL, GLOBAL = "KG_NSC:SDG", "CBS-SDGs:SDG", "IAEG-SDGs:SDG"
UNSD_RELEASES = ("2019.Q1.G.03", "2019.Q2.G.01", "2019.Q3.G.01")
WHY = "the first file is the source of the others"


def build(folder: Path, published: Path) -> Room:
    """Publish all three flows below a folder; about ten seconds on two cores."""
    room = Room(folder)
    clock = _clock()
    _publish(room, clock, published / "nepal" / "CBS_DSD.xml", [published / "nepal" / "CBS_DATA.xml"], "np-1")
    for name in UNSD_RELEASES:
        files = sorted((published / "unsd_releases" / name).glob("*.csv"))
        _publish(room, clock, published / "dsd" / "IAEG-SDGs_SDG_1.4.xml", files, name, whole=True)
    kyrgyz = published / "kyrgyzstan"
    _publish(room, clock, kyrgyz / "SDG_DSD.KG_1.8.xml", sorted((kyrgyz / "data").glob("*.xml")), "kg-1")
    return room


def _clock():
    """Publications a month apart, all of them in the past."""
    state = {"now": datetime(2026, 1, 5, 9, 0, tzinfo=UTC)}

    def clock() -> datetime:
        state["now"] += timedelta(seconds=1)
        return state["now"]

    clock.forward = lambda: state.update(now=state["now"] + timedelta(days=30))  # type: ignore[attr-defined]
    return clock


def _publish(room: Room, clock, definition: Path, files: list[Path], name: str, *, whole: bool = False) -> Release:
    clock.forward()
    store = Store(room.folder, clock=clock)
    made = structure.read(definition)
    room.registry.add(made)
    draft = store.start(made.structures[0], by="ann", empty=whole)
    report = Report(room.policy)
    for path in files:
        loading.take(draft, path, path.name, made.structures[0], by="ann", report=report)
    decide(draft)
    draft.validate()
    return store.publish(draft, by="bob", name=name)


def decide(draft: Draft) -> None:
    for conflict in draft.conflicts():
        draft.decide(conflict, conflict.statements[0], by="ann", reason=WHY)


if __name__ == "__main__":
    shared = Path(__file__).resolve().parents[3] / "shared" / "data"
    build(Path(sys.argv[1]), shared)
