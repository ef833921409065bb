"""Pictures are drawn by a process apart: what breaks there breaks nothing here."""

import threading
import time
from pathlib import Path

import pytest

from regional_hub.core.pictures import Busy, Gallery, Painter, Undrawable

SPEC = {
    "data": {"values": [{"a": 1, "b": "中文"}, {"a": 2, "b": "x"}]},
    "mark": "point",
    "encoding": {"x": {"field": "a", "type": "quantitative"}, "color": {"field": "b", "type": "nominal"}},
}
ENDLESS = {"data": {"sequence": {"start": 0, "stop": 1e13, "step": 1e-3}}, "mark": "point"}


@pytest.fixture
def painter():
    made = Painter(seconds=20)
    yield made
    made.stop()


@pytest.mark.parametrize(("format", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_a_specification_becomes_a_picture(painter, format, start):
    assert painter.draw(SPEC, format).startswith(start)


def test_a_specification_loads_nothing(painter):
    far = SPEC | {"data": {"url": "http://127.0.0.1:9/x.csv"}}

    with pytest.raises(Undrawable, match="not allowed"):
        painter.draw(far, "svg")
    assert painter.draw(SPEC, "svg")


def test_an_endless_picture_is_ended_and_the_next_is_drawn():
    painter = Painter(seconds=3)
    started = time.monotonic()
    try:
        with pytest.raises(Undrawable, match="3 s"):
            painter.draw(ENDLESS, "svg")
        assert time.monotonic() - started < 6
        assert painter.draw(SPEC, "svg")
    finally:
        painter.stop()


def test_a_worker_that_was_killed_is_replaced(painter):
    painter.draw(SPEC, "svg")
    painter._worker.kill()
    painter._worker.wait()

    assert painter.draw(SPEC, "svg").startswith(b"<svg")


def test_a_worker_leaves_after_its_share_of_pictures():
    painter = Painter(pictures=2)
    painter.draw(SPEC, "svg")
    first = painter._worker.pid
    painter.draw(SPEC, "svg")
    assert painter._worker is None

    painter.draw(SPEC, "svg")

    assert painter._worker.pid != first
    painter.stop()


def test_a_flood_is_told_to_come_again():
    painter = Painter(seconds=4, waiting=2)
    outcomes = []

    def ask() -> None:
        try:
            painter.draw(ENDLESS, "svg")
        except (Busy, Undrawable) as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    try:
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        assert outcomes.count(Busy) == 6  # at once; one is drawn and one waits
        for thread in threads:
            thread.join(20)
        assert len(outcomes) == 8
    finally:
        painter.stop()


def test_the_worker_sees_nothing_of_our_environment(painter, monkeypatch):
    monkeypatch.setenv("HUB_SECRET", "x")
    painter.draw(SPEC, "svg")

    environment = Path(f"/proc/{painter._worker.pid}/environ").read_text()

    assert "HUB_SECRET" not in environment and "DJANGO" not in environment


def test_a_picture_is_drawn_once(painter, tmp_path):
    gallery = Gallery(tmp_path, painter)
    first = gallery.picture(SPEC, "svg")
    painter.stop()
    painter._ready = lambda: pytest.fail("drawn again")  # type: ignore[method-assign]

    assert gallery.picture(SPEC, "svg") == first


def test_the_least_lately_shown_leave(painter, tmp_path):
    gallery = Gallery(tmp_path, painter, most=10**9)
    pictures = [SPEC | {"title": str(number)} for number in range(4)]
    sizes = [len(gallery.picture(each, "svg")) for each in pictures]
    time.sleep(0.02)
    gallery.picture(pictures[0], "svg")

    gallery.most = sizes[0] + sizes[3]
    gallery.evict()

    kept = {path.read_text() for path in tmp_path.glob("*/*.svg")}
    assert len(kept) == 2 and gallery.picture(pictures[0], "svg").decode() in kept


def test_a_full_disk_shows_the_picture_all_the_same(painter, tmp_path):
    (tmp_path / "file").write_text("")

    assert Gallery(tmp_path / "file" / "below", painter).picture(SPEC, "svg").startswith(b"<svg")


def test_a_picture_that_takes_all_memory_ends_its_worker_only():
    painter = Painter(seconds=30)
    greedy = {"data": {"sequence": {"start": 0, "stop": 1e9, "step": 1}}, "mark": "point"}

    with pytest.raises(Undrawable, match="ended"):
        painter.draw(greedy, "svg")
    assert painter.draw(SPEC, "svg")
    painter.stop()
