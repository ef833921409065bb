"""A hub that publishes and a hub that pulls: two stores of their own, and the first one's service on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regional_hub.sdg import durable, structure
from regional_hub.sdg.exchange.fetch import Client, Manners
from regional_hub.sdg.exchange.orders import Order
from regional_hub.sdg.exchange.pulling import run
from regional_hub.sdg.formats import sdmx_ml
from regional_hub.sdg.loading import Room
from regional_hub.sdg.rest.app import application
from tests.sdg.exchange import web


def impatient(**more) -> Manners:
    return Manners(**{"agent": "tests/1", "interval": 0.0, "backoff": 0.01, "timeout": 10.0} | more)


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(impatient()) as made:
        yield made


@pytest.fixture
def room(tmp_path) -> Room:
    """The hub that pulls."""
    (tmp_path / "here").mkdir()
    return Room(tmp_path / "here")


@pytest.fixture
def pull(room):
    """Pulls an order into `room`, each time with a client of its own; gives the report."""

    def go(name: str, source: str, *, by: str = "robot", again: bool = False, **more) -> dict:
        with Client(impatient()) as client:
            return run(Order(name, source, **more), room, client, by=by, again=again)

    return go


def publish(room: Room, definition: Path, files: list[Path], name: str) -> None:
    """A release of files, all of their conflicts decided for the first statement."""
    found = structure.read(definition)
    room.registry.add(found)
    made = room.registry.structure(found.structures[0].short)
    draft = room.store.start(made, by="ann")
    for path in files:
        draft.add(sdmx_ml.read(path, made, name=path.name), name=path.name, sha256=durable.sha256(path), by="ann")
    for conflict in draft.conflicts():
        draft.decide(conflict, conflict.statements[0], by="ann", reason="the first of the files")
    draft.validate()
    room.store.publish(draft, by="bob", name=name)


@pytest.fixture(scope="session")
def kyrgyz(published, tmp_path_factory) -> Room:
    """A hub that has published what the Kyrgyz Republic did."""
    made = Room(tmp_path_factory.mktemp("kyrgyz"))
    folder = published / "kyrgyzstan"
    publish(made, folder / "SDG_DSD.KG_1.8.xml", sorted((folder / "data").glob("*.xml")), "kg")
    return made


@pytest.fixture(scope="session")
def nepal(published, tmp_path_factory) -> Room:
    made = Room(tmp_path_factory.mktemp("nepal"))
    publish(made, published / "nepal" / "CBS_DSD.xml", [published / "nepal" / "CBS_DATA.xml"], "np")
    return made


@contextmanager
def serving(room: Room) -> Iterator[str]:
    """The SDMX service of a hub; gives its address without version."""
    with web.asgi(application(room.store, room.registry, sender="XX")) as address:
        yield f"{address}/sdmx"


@pytest.fixture(scope="session")
def kyrgyz_service(kyrgyz) -> Iterator[str]:
    with serving(kyrgyz) as address:
        yield address


@pytest.fixture(scope="session")
def nepal_service(nepal) -> Iterator[str]:
    with serving(nepal) as address:
        yield address
