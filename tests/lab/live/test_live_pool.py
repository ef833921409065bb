"""Seats, the pace of messages, and the pool of kernels, with kernels that cost nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from regional_hub.lab.live import limits, plan
from regional_hub.lab.live import pool as pools
from regional_hub.lab.live.pool import Full, Pool
from regional_hub.lab.live.seats import LEAVING, LONGEST, NOT_CONNECTED, Bucket, Seats
from tests.lab.live.conftest import write


def test_a_seat_ends_when_nothing_was_done_or_nobody_is_there() -> None:
    seat = Seats().sit("a", "k", 0)
    assert seat.over(NOT_CONNECTED, 600, 30) is None and seat.over(NOT_CONNECTED + 1, 600, 30) == "away"

    seat.connect()
    assert seat.over(500, 600, 30) is None and seat.over(601, 600, 30) == "idle"
    seat.asked = 600
    seat.disconnect(610)
    assert seat.over(640, 600, 30) is None and seat.over(641, 600, 30) == "away"
    seat.connect()
    seat.asked = LONGEST
    assert seat.over(LONGEST + 1, 600, 30) == "long"


def test_who_says_good_bye_is_gone_soon_unless_it_was_a_reload() -> None:
    seat = Seats().sit("a", "k", 0)
    seat.connect()
    seat.leaving = True
    seat.disconnect(10)

    assert seat.over(10 + LEAVING, 600, 60) is None and seat.over(11 + LEAVING, 600, 60) == "left"
    seat.connect()
    assert seat.over(11 + LEAVING, 600, 60) is None


def test_a_bucket_lets_bursts_through_and_holds_on_to_its_rate() -> None:
    bucket = Bucket(rate=10, size=20)

    assert [bucket.wait(1, 1.0) for _ in range(20)] == [0] * 20
    assert bucket.wait(10, 1.0) == pytest.approx(1.0)
    assert bucket.wait(1, 100.0) == 0


class Kernels(dict[str, Any]):
    """As much of a kernel manager as the pool asks for."""

    alive = True

    async def start_kernel(self, kernel_id: str, **_how: Any) -> str:
        await asyncio.sleep(0)
        name = kernel_id
        provisioner = type("P", (), {"pid": 2**22 + len(self)})
        self[name] = type("K", (), {"provisioner": provisioner, "is_alive": lambda _self: self.alive})()
        return name

    def get_kernel(self, name: str) -> Any:
        return self[name]

    async def shutdown_kernel(self, name: str, now: bool = False) -> None:
        await asyncio.sleep(0)
        self.pop(name)


class Renderer:
    fails = False
    notebook = type("N", (), {"metadata": type("M", (), {"kernelspec": type("S", (), {"name": "python3"})})})

    async def initialize(self) -> None:
        if self.fails:
            raise RuntimeError("no such notebook")

    async def generate_content_generator(self, kernel: str, started: Any) -> AsyncIterator[tuple[str, None]]:
        yield "<head>", None
        await started
        yield f"<p>{kernel}</p>", None


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Pool]:
    def made(renderer: Any = Renderer, **facts: Any) -> Pool:
        app = plan.read(write(tmp_path / "app", **facts))
        return Pool(app, Kernels(), renderer, lambda _seat, _reason: None)  # type: ignore[arg-type]

    return made


def test_a_pool_never_has_more_kernels_than_there_may_be(make: Callable[..., Pool]) -> None:
    async def story() -> None:
        pool = make(kernels=5, preheat=3)
        pool.fill()
        places = [pool.sit(str(number)) for number in range(5)]
        with pytest.raises(Full):
            pool.sit("6")
        await settle()
        assert len(pool.kernels) == pool.count == 5 and len({place.kernel for place in places}) == 5

        assert pool.sit("3") is places[3]
        assert await pool.end("3", "portal") and not await pool.end("3", "portal")
        assert pool.count <= 5 and pool.seats.ended == {"3": "portal"}

    asyncio.run(story())


def test_preheated_kernels_are_made_anew_when_data_have_a_release_and_visitors_go_on(
    make: Callable[..., Pool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sdg").mkdir()
    (tmp_path / "sdg" / "state.json").write_text(json.dumps({"flows": {"SDG": {"open": ["2026-1"]}}}))
    monkeypatch.setenv("REGIONAL_HUB_SHARED", str(tmp_path))

    async def story() -> None:
        pool = make(kernels=4, preheat=2)
        pool.fill()
        await settle()
        taken = pool.sit("a")
        pool.fill()
        await settle()
        before = {one.kernel for one in pool.warm}
        await pool.sweep(100.0)
        assert {one.kernel for one in pool.warm} == before

        (tmp_path / "sdg" / "state.json").write_text(json.dumps({"flows": {"SDG": {"open": ["2026-1", "2026-2"]}}}))
        await pool.sweep(120.0)
        await settle()
        await pool.sweep(122.0)
        await settle()

        assert len(pool.warm) == 2 and not {one.kernel for one in pool.warm} & before
        assert pool.used["a"] is taken and taken.kernel in pool.kernels

    monkeypatch.setattr(limits, "usage", dict)
    monkeypatch.setattr(pools, "ARRIVING", 0)
    asyncio.run(story())


def test_a_kernel_that_was_taken_is_replaced_when_its_page_has_loaded_however_many_come_meanwhile(
    make: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        pool = make(kernels=9, preheat=2)
        pool.fill()
        await settle()
        for number in range(4):
            pool.sit(str(number))
            pool.fill()
            assert len(pool.warm) == max(0, 1 - number)
            await asyncio.sleep(0.1)

        await asyncio.sleep(0.15)
        pool.sit("4")  # 0.55 s after the first
        pool.fill()
        await settle()

        assert pool.ready == 2 and pool.count == 7

    monkeypatch.setattr(pools, "ARRIVING", 0.5)
    asyncio.run(story())


def test_a_page_begins_before_its_kernel_has_started(
    make: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        pool = make(preheat=0)
        start, hold = pool.kernels.start_kernel, asyncio.Event()

        async def slow(**how: Any) -> str:
            await hold.wait()
            return await start(**how)

        monkeypatch.setattr(pool.kernels, "start_kernel", slow)
        place = pool.sit("a")
        await settle()
        assert place.page.parts == ["<head>"] and not place.page.done

        hold.set()
        await settle()
        assert place.page.parts == ["<head>", f"<p>{place.kernel}</p>"] and place.page.done

    asyncio.run(story())


def test_a_seat_that_ends_while_its_kernel_starts_leaves_no_kernel(
    make: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> None:
        pool = make(preheat=0)
        start = pool.kernels.start_kernel

        async def slow(**how: Any) -> str:
            await asyncio.sleep(0.05)
            return await start(**how)

        monkeypatch.setattr(pool.kernels, "start_kernel", slow)
        pool.sit("a")
        await settle()

        await pool.end("a", "portal")

        await asyncio.sleep(0.1)
        assert not pool.kernels and pool.count == 0

    asyncio.run(story())


def test_a_notebook_that_cannot_run_is_not_tried_again_and_again(make: Callable[..., Pool]) -> None:
    class Broken(Renderer):
        fails = True
        tries = 0

        async def initialize(self) -> None:
            Broken.tries += 1
            await super().initialize()

    async def story() -> None:
        pool = make(Broken, kernels=4, preheat=2)
        for _ in range(5):
            pool.fill()
            await settle()
        assert Broken.tries == 2 and pool.count == 0

    asyncio.run(story())


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        *(
            ("entry", "../app.json"),
            ("entry", "/etc/passwd"),
            ("entry", "none.ipynb"),
            ("kernels", 0),
            ("slug", "../x"),
        ),
        *(("frame_ancestors", "*"), ("frame_ancestors", "https://x; script-src *"), ("memory_mb", "9"), ("digest", "")),
    ],
)
def test_a_plan_that_is_none_is_refused_by_name(tmp_path: Path, fact: str, value: Any) -> None:
    with pytest.raises(plan.PlanFault, match=f"`{fact}`"):
        plan.read(write(tmp_path / "app", **{fact: value}))
