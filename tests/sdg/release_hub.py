"""A database with its SDMX service running, and the folder that a server mounts: what a notebook has around it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn

from regional_hub.sdg import durable, structure
from regional_hub.sdg.formats import sdmx_ml
from regional_hub.sdg.loading import Room
from regional_hub.sdg.release import Release
from regional_hub.sdg.rest.app import application
from regional_hub.sdg.structure import Code, Codelist, Structure, Structures
from tests.sdg import stores

FLOW = stores.FLOW
UNIT = "OBS_STATUS"  # the small structure has no unit: its status stands in, which nothing fixes


def coded(definition: Structure = stores.SMALL) -> Structure:
    """The small structure with codelists in two languages."""
    names = {
        "SERIES": {"POV": ("Poverty", "贫困"), "MOR": ("Mortality", "死亡"), "GDP": ("Product", "产值")},
        "REF_AREA": {
            "KG": ("Kyrgyzstan", "吉尔吉斯斯坦"),
            "TJ": ("Tajikistan", "塔吉克斯坦"),
            "NP": ("Nepal", "尼泊尔"),
        },
        "SEX": {"F": ("Female", "女"), "M": ("Male", "男")},
    }
    parts = []
    for part in definition.components:
        if part.id in names:
            codes = {id: Code(id, {"en": en, "zh": zh}) for id, (en, zh) in names[part.id].items()}
            listed = Codelist("TEST", f"CL_{part.id}", "1.0", {"en": part.id}, codes=codes)
            part = replace(part, codelist=listed, codelist_ref=listed.short)
        parts.append(part)
    return replace(definition, components=tuple(parts))


@dataclass
class Hub:
    """The database, the service's address, and the shared folder in which a server finds open releases."""

    room: Room
    url: str
    shared: Path

    @property
    def open(self) -> Path:
        return self.room.folder / "open"

    def environ(self, monkeypatch, local: bool = True, remote: bool = True) -> None:
        """What a server is told."""
        monkeypatch.setenv("REGIONAL_HUB_SHARED", str(self.shared) if local else "")
        monkeypatch.delenv("REGIONAL_HUB_URL", raising=False)
        monkeypatch.delenv("REGIONAL_HUB_DATA_URL", raising=False)
        if remote:
            monkeypatch.setenv("REGIONAL_HUB_DATA_URL", self.url)

    def publish(self, *lines: str, empty: bool = False, embargo: tuple[dict, str] | None = None) -> Release:
        """A release by two people, of the small structure."""
        store = self.room.store
        draft = store.start(stores.SMALL, by="ann", empty=empty)
        draft.add([stores.batch(*lines)], name="a.csv", sha256=str(time.monotonic()), by="ann")
        if embargo:
            draft.embargo(embargo[0], embargo[1], by="ann")
        draft.validate()
        return store.publish(draft, by="bob")


def room(folder: Path) -> Room:
    folder.mkdir(parents=True, exist_ok=True)
    made = Room(folder)
    definition = coded()
    lists = tuple(part.codelist for part in definition.components if part.codelist)
    made.registry.add(Structures(structures=(definition,), codelists=lists))
    return made


def kyrgyzstan(folder: Path, published: Path) -> Room:
    """All published files of the Kyrgyz Republic in one release."""
    folder.mkdir(parents=True)
    made, source = Room(folder), published / "kyrgyzstan"
    found = structure.read(source / "SDG_DSD.KG_1.8.xml")
    made.registry.add(found)
    (definition,) = found.structures
    draft = made.store.start(definition, by="ann")
    for path in sorted((source / "data").glob("*.xml")):
        draft.add(sdmx_ml.read(path, definition, name=path.name), name=path.name, sha256=durable.sha256(path), by="ann")
    for conflict in draft.conflicts():
        draft.decide(conflict, conflict.statements[0], by="ann", reason="the first of the files")
    draft.validate()
    made.store.publish(draft, by="bob", name="kg")
    return made


@contextmanager
def running(made: Room, shared: Path) -> Iterator[Hub]:
    """The service on a free port of this machine, and the open folder where servers see it."""
    app = application(made.store, made.registry)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started and time.monotonic() < end:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    shared.mkdir(exist_ok=True)
    (made.folder / "open").mkdir(exist_ok=True)
    (shared / "sdg").symlink_to(made.folder / "open")
    try:
        yield Hub(made, f"http://127.0.0.1:{port}", shared)
    finally:
        server.should_exit = True
        thread.join(10)
