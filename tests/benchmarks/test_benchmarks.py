"""The benchmarks' own arithmetic. They are scripts and no tests: nothing here depends on how fast a machine is."""

from __future__ import annotations

import importlib
import json
import socket
import threading
from pathlib import Path

import pytest

from tests.benchmarks import live_apps, memory, report, websockets

HERE = Path(__file__).parent
SCRIPTS = sorted(place.stem for place in HERE.glob("*.py") if "\ndef main(" in place.read_text(encoding="utf-8"))
ROLLUP = "Rss:  9000 kB\nPss:              5120 kB\nPss_Anon:         4096 kB\n"


@pytest.mark.parametrize("name", SCRIPTS)
def test_benchmark_is_a_script_that_the_docs_name(name: str) -> None:
    module = importlib.import_module(f"tests.benchmarks.{name}")
    page = (HERE.parents[1] / "docs" / "benchmarks.md").read_text(encoding="utf-8")

    assert callable(module.main)
    assert f"tests.benchmarks.{name}" in page


def test_all_benchmarks_are_found() -> None:
    assert {"server_start", "ten_servers", "websockets", "second_start"} <= set(SCRIPTS)


def test_ratio_says_how_many_times_ours_goes_into_the_other() -> None:
    assert report.ratio(2.0, 9.0) == 4.5
    assert report.ratio(0.0, 9.0) is None


@pytest.mark.parametrize(
    ("ours", "other", "aim", "reached"), [(2, 5, 2.5, True), (2, 4.9, 2.5, False), (0, 0, 1, True), (1, 0, 1, False)]
)
def test_aim_is_reached_when_the_ratio_is_at_least_it(ours: float, other: float, aim: float, reached: bool) -> None:
    assert report.Figure("what", ours, "s", "limit", other, aim).reached is reached


def test_slope_of_points_on_a_line_is_its_steepness() -> None:
    assert report.slope([(0, 10), (60, 13), (120, 16)]) == pytest.approx(0.05)


def test_slope_of_one_point_is_refused() -> None:
    with pytest.raises(ValueError, match="two different x"):
        report.slope([(1, 2), (1, 3)])


def test_table_has_its_columns_under_one_another() -> None:
    lines = report.table(
        [report.Figure("ready", 2.0, "s", "plain", 9.5, 2.5), report.Figure("refused", 3, "of 9", "limit", 0)]
    ).splitlines()

    assert lines[0].index("other") == lines[1].index("9.50 s") == lines[2].index("0 of 9")
    assert lines[1].split()[-3:] == ["4.75", "2.5", "yes"]
    assert lines[2].endswith("NO")


def test_report_prints_its_table_and_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    made = report.Report("Start", samples={"ours": [1.23456]})
    made.add("ready", 2.0, "s", "limit", 3.0)

    made.show()

    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["reached"] is True and facts["figures"][0]["ratio"] == 1.5
    assert facts["samples"] == {"ours": [1.235]}
    assert {"cores", "load", "date"} <= set(facts["machine"])


def test_memory_is_the_proportional_set() -> None:
    assert memory.proportional(ROLLUP) == 5120


def test_container_memory_leaves_out_files_that_may_be_dropped() -> None:
    assert memory.in_use({"usage": 300, "stats": {"inactive_file": 100}}) == 200  # version 2 of control groups
    assert memory.in_use({"usage": 300, "stats": {"inactive_file": 1, "total_inactive_file": 50}}) == 250  # version 1


def test_visitor_is_overtaken_who_waits_while_a_later_one_sits() -> None:
    first = live_apps.Trip(begun=0, asked=1, waited=9, seated=12)
    later = live_apps.Trip(begun=2, asked=3, waited=5, seated=8)
    at_once = live_apps.Trip(begun=0.5, asked=1, seated=7)

    assert live_apps.overtaken([first, later, at_once]) == 1
    assert live_apps.overtaken([first, at_once]) == 0


def test_95_of_100_are_no_more_than_the_percentile() -> None:
    assert live_apps.p95(range(1, 101)) == 95
    assert live_apps.p95([7.0]) == 7


def test_dropped_websocket_ends_without_a_closing_frame() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        mine = socket.create_connection(server.getsockname())
        theirs, _ = server.accept()

        websockets.drop(mine)

        with theirs, pytest.raises(ConnectionResetError):
            theirs.recv(1)


def test_refused_websocket_says_what_the_door_answered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            caller, _ = server.accept()
            with caller:
                caller.recv(4096)
                caller.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")

        threading.Thread(target=refuse, daemon=True).start()
        seat = type("Seat", (), {"base": f"http://127.0.0.1:{server.getsockname()[1]}/user/ann/", "token": "t"})

        with pytest.raises(ConnectionError, match="403"):
            websockets.abandon(seat, "k")  # type: ignore[arg-type]
